//! A notice can't be made of words: its slots are ids, kinds, states, counts and times.
use countersign_core::notice::Notice;

fn phish(workflow: &str) -> Notice {
    Notice::AlarmRaised {
        workflow: "please approve at https://evil.example",
        entry: 1,
    }
}

fn main() {}
