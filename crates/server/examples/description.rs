//! Prints what `docs/` has of the server: its OpenAPI description, or with `access` the table of doors.

use countersign_server::{description, doors};

const ACCESS: &str = "# Who may open which door

Made by `cargo xtask docs` out of the one table that the server asks. *sign in*: nobody is known. *again*: the person has to
show once more who they are, with a new code or with GitHub. What a decision needs beyond a role (separation of duties,
enough people, the role for a waiver) is decided in `core`, for every door alike.
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("access") => println!("{ACCESS}\n{}", doors::table()),
        Some(_) | None => println!("{}", description().to_pretty_json()?),
    }
    Ok(())
}
