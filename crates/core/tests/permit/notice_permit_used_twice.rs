//! A notice is sent once per permit: it is consumed by value.
use countersign_core::notice::PlaceId;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::time::Timestamp;

fn twice(permit: NoticePermit, place: &PlaceId, now: Timestamp) {
    let _first = permit.redeem(place, now);
    let _second = permit.redeem(place, now);
}

fn main() {}
