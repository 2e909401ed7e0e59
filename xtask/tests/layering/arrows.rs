//! Which of our rooms may use which: the table in ARCHITECTURE.md against the Cargo.toml files.

use crate::packages::{dependencies, room};
use crate::{assert_none, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The first cell of the table's head.
const HEAD: &str = "| crate | may use of ours |";

type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_arrow_is_in_the_table() {
    let allowed = table();
    let real = dependencies();
    let ours: BTreeSet<&String> = real.keys().collect();
    let mut findings = Vec::new();
    for (name, packages) in &real {
        let Some(may) = allowed.get(name) else {
            findings.push(format!(
                "`{name}` is in no row of the table in ARCHITECTURE.md; add it to one"
            ));
            continue;
        };
        let used = packages.iter().map(|p| room(p)).filter(|p| ours.contains(p));
        for used in used.filter(|used| !may.contains(used)) {
            findings.push(format!(
                "`{name}` depends on `{used}`, which ARCHITECTURE.md does not allow: take it out of \
                 {name}'s Cargo.toml (a trait in `ports` is the usual way), or change the table in a commit of its own"
            ));
        }
    }
    assert_none(findings);
}

#[test]
fn every_row_of_the_table_is_a_room() {
    let real = dependencies();
    let missing = table().into_keys().filter(|name| !real.contains_key(name));
    assert_none(
        missing
            .map(|n| format!("ARCHITECTURE.md has a row for `{n}`, which is not built; take it out"))
            .collect(),
    );
}

/// The rows of ARCHITECTURE.md, one entry per room.
fn table() -> Arrows {
    let path = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(path).expect("ARCHITECTURE.md is in the workspace's folder");
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with(HEAD))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(
        !rows.is_empty(),
        "ARCHITECTURE.md has no table that begins with `{HEAD}`; the test reads it from there"
    );
    read(&rows)
}

fn read(rows: &[&str]) -> Arrows {
    let mut arrows = Arrows::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [names, uses, ..] = cells[..] else {
            panic!("this row of ARCHITECTURE.md has no two cells: {row}");
        };
        let above: BTreeSet<String> = arrows.keys().cloned().collect();
        for name in words(&without_parentheses(names)) {
            let mut may = match without_parentheses(uses).as_str() {
                "nothing" | "none" => BTreeSet::new(),
                "all of the above" => above.clone(),
                list => words(list).into_iter().collect(),
            };
            may.extend(exception(uses, &name));
            arrows.insert(name, may);
        }
    }
    arrows
}

/// `core, ports (store: also ledger)` allows `ledger` to `store`.
fn exception(uses: &str, name: &str) -> Vec<String> {
    let inside = uses.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let rules = inside.map(|(rules, _)| rules).unwrap_or_default().split(';');
    rules
        .filter_map(|rule| rule.trim().split_once(": also "))
        .filter(|(who, _)| *who == name)
        .flat_map(|(_, what)| words(what))
        .collect()
}

fn without_parentheses(cell: &str) -> String {
    let before = cell.split('(').next().unwrap_or_default();
    before.replace('`', "").trim().to_owned()
}

fn words(list: &str) -> Vec<String> {
    list.split(',')
        .map(|word| word.trim().trim_matches('`').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn the_table_is_read_as_people_read_it() {
    let rows = [
        "| core, ledger | nothing (not each other) | files |",
        "| `ports` | core, ledger | any implementation |",
        "| store, git | core, ports (store: also ledger) | each other |",
        "| countersign (binary) | all of the above | rules |",
        "| xtask | none (std only) | being used |",
    ];
    let arrows = read(&rows);
    let set = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(arrows["core"], set(&[]));
    assert_eq!(arrows["ports"], set(&["core", "ledger"]));
    assert_eq!(arrows["store"], set(&["core", "ledger", "ports"]));
    assert_eq!(arrows["git"], set(&["core", "ports"]));
    assert_eq!(
        arrows["countersign"],
        set(&["core", "ledger", "ports", "store", "git"])
    );
    assert_eq!(arrows["xtask"], set(&[]));
}
