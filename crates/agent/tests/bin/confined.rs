//! The helper inside the fence as a program of its own: what `countersign` is when it is started as one. For tests.

fn main() {
    std::process::exit(countersign_agent::confined(std::env::args_os().skip(2)));
}
