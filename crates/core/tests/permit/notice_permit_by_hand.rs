//! A notice's permit can't be made by hand: its fields are private and it has no constructor.
use countersign_core::id::NoticeId;
use countersign_core::notice::PlaceId;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::time::Timestamp;

fn forge(letter: countersign_core::notice::rendering::Letter, place: PlaceId, _id: NoticeId) -> NoticePermit {
    NoticePermit {
        letter,
        place,
        expires_at: Timestamp(u64::MAX),
    }
}

fn main() {}
