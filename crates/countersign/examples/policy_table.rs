//! Prints the table of `docs/policy.md` out of the rules themselves.

use countersign_core::member::Role;
use countersign_core::policy::{RuleId, may_waive};

fn main() {
    println!("| rule | weighs | what breaks it | to satisfy it | who may waive it |");
    println!("|---|---|---|---|---|");
    for rule in RuleId::all() {
        let severity = rule.floor_severity();
        let who = match (rule.waivable(), may_waive(severity)) {
            (false, _) => "nobody",
            (true, Role::Owner) => "an owner",
            (true, Role::Maintainer) => "a maintainer",
            (true, Role::Reviewer | Role::Viewer) => "a reviewer",
        };
        println!(
            "| `{rule}` | {severity} | {} | {} | {who} |",
            cell(rule.catches()),
            cell(rule.way_out())
        );
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
