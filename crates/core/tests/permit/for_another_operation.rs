//! Only operations that the core knows can be permitted; another crate can't add one.
use countersign_core::permit::ContentOp;
use countersign_core::workflow::event::WriteIntent;

struct ForcePush;

impl ContentOp for ForcePush {
    fn differs_from(&self, _: &WriteIntent) -> Option<&'static str> {
        None
    }
}

fn main() {}
