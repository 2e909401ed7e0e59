//! What may be sent comes out of a permit only: a letter has no public constructor.
use countersign_core::id::NoticeId;
use countersign_core::notice::Notice;
use countersign_core::notice::rendering::Letter;
use countersign_core::time::Timestamp;

fn forge(id: NoticeId, notice: Notice, at: Timestamp) -> Letter {
    Letter::new(id, notice, at)
}

fn main() {}
