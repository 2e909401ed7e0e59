//! Only operations that the core knows can be permitted; another crate can't add one.
use countersign_core::id::WriteIntentId;
use countersign_core::permit::ContentOp;
use countersign_core::workflow::event::WriteIntent;
use countersign_core::workflow::{State, Workflow};

struct ForcePush;

impl ContentOp for ForcePush {
    const STATE: State = State::Applying;

    fn operation(intent: &WriteIntent) -> WriteIntentId {
        intent.id.clone()
    }

    fn differs_from(&self, _: &WriteIntent, _: &Workflow) -> Option<&'static str> {
        None
    }
}

fn main() {}
