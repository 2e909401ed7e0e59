//! Lies without a name: every entry dropped, doubled, moved and changed, and the log signed anew by the genuine key.

use crate::canned::Team;
use crate::teller::{Log, Teller, Told, sealed_anew, trust, verdict};
use countersign_audit::audit;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use proptest::prelude::*;

fn honest() -> Vec<Told> {
    Teller::done(Team::Three).told
}

#[test]
fn no_event_can_be_left_out() {
    for told in [honest(), Teller::budgeted().told] {
        none_can_be_left_out(&told);
    }
}

fn none_can_be_left_out(told: &[Told]) {
    for at in 0..told.len() {
        let mut without = told.to_vec();
        without.remove(at);
        let found = verdict(&sealed_anew(&without));
        // Without its last event the story is an open one, and says so.
        let open = at + 1 == told.len();
        assert!(
            !found.is_lawful() || (open && !found.report.complete),
            "without {at}: {}",
            told[at].1.kind()
        );
    }
}

#[test]
fn no_event_can_be_told_twice() {
    for told in [honest(), Teller::budgeted().told] {
        none_can_be_told_twice(&told);
    }
}

fn none_can_be_told_twice(told: &[Told]) {
    for at in 0..told.len() {
        let mut twice = told.to_vec();
        twice.insert(at, told[at].clone());
        assert!(
            !verdict(&sealed_anew(&twice)).is_lawful(),
            "{at} twice: {}",
            told[at].1.kind()
        );
    }
}

#[test]
fn no_two_events_can_change_places() {
    for told in [honest(), Teller::budgeted().told] {
        none_can_change_places(&told);
    }
}

fn none_can_change_places(told: &[Told]) {
    for at in 1..told.len() {
        if told[at - 1].1 == told[at].1 {
            continue;
        }
        let mut swapped = told.to_vec();
        let (one, two) = (swapped[at - 1].1.clone(), swapped[at].1.clone());
        swapped[at - 1].1 = two;
        swapped[at].1 = one;
        let found = verdict(&sealed_anew(&swapped));
        assert!(
            !found.is_lawful(),
            "{at}: {} and {}",
            told[at - 1].1.kind(),
            told[at].1.kind()
        );
    }
}

#[test]
fn no_tail_can_be_cut_off_and_called_the_end() {
    let told = honest();
    for keep in 1..told.len() {
        let head = &told[..keep];
        let found = verdict(head);
        assert!(!found.report.complete || !found.is_lawful(), "{keep}");
    }
}

/// Values that the outside gives and that nothing in the story contradicts: only the log's own hashes hold them.
const FREE: [&str; 3] = [
    "attempt-started/attempt/fence",
    "attempt-started/attempt/deadline",
    "attempt-ended/outcome/found",
];

/// Every scalar in a value, by its path.
fn scalars(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, inner) in fields {
                scalars(inner, &format!("{path}/{name}"), found);
            }
        }
        serde_json::Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                scalars(inner, &format!("{path}/{at}"), found);
            }
        }
        _scalar => found.push(path.to_owned()),
    }
}

fn change(value: &mut serde_json::Value) {
    use serde_json::Value;
    *value = match value {
        Value::Null => Value::Null,
        Value::Bool(yes) => Value::Bool(!*yes),
        Value::Number(n) => Value::from(n.as_u64().unwrap_or(0) + 1),
        Value::String(text) => Value::String(bent(text)),
        Value::Array(_) | Value::Object(_) => return,
    };
}

/// Another text of the same kind: one digit or letter differs.
fn bent(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    match chars.last_mut() {
        Some(last) => *last = if *last == '1' { '2' } else { '1' },
        None => chars.push('1'),
    }
    chars.into_iter().collect()
}

/// Once people were asked and something was written, every value of every event is held by a rule, a signature, a
/// digest or a seal; those that are not are listed.
#[test]
fn no_value_of_a_written_story_can_be_another_one() {
    let told = honest();
    let (mut changed, mut unseen) = (0, Vec::new());
    for at in 0..told.len() {
        let value = serde_json::to_value(&told[at].1).unwrap();
        let mut paths = Vec::new();
        scalars(&value, "", &mut paths);
        for path in paths {
            let name = format!("{}{path}", told[at].1.kind());
            if FREE.contains(&name.as_str()) {
                continue;
            }
            let mut other = value.clone();
            change(other.pointer_mut(&path).unwrap());
            let Ok(event) = serde_json::from_value::<Event>(other) else {
                continue;
            };
            if event == told[at].1 {
                continue;
            }
            changed += 1;
            let mut lie = told.clone();
            lie[at].1 = event;
            // Not sealed anew: the seals of the honest story are genuine.
            let found = audit(&Log::of(&lie).file(&lie), &trust());
            if found.is_ok_and(|v| v.is_lawful()) {
                unseen.push(name);
            }
        }
    }
    assert!(changed > 300, "{changed} values were changed");
    assert!(unseen.is_empty(), "{unseen:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn no_time_can_be_another_one(at in 0..60_usize, ms in 1..100_000_u64) {
        let mut told = honest();
        let at = at % told.len();
        let moved = Timestamp(told[at].0.0 + ms);
        told[at].0 = moved;
        // Time may not run backwards in a file; the rest of the story is moved along.
        let mut newest = moved;
        for (time, _) in told.iter_mut().skip(at + 1) {
            newest = newest.max(*time);
            *time = newest;
        }
        let alone = told.get(at + 1).is_none_or(|(next, _)| *next != told[at].0);
        let found = verdict(&sealed_anew(&told));
        // An event that is a step by itself can have happened at another time.
        prop_assert!(!found.is_lawful() || alone || steps_alone(&told, at), "{at}");
    }
}

fn steps_alone(told: &[Told], at: usize) -> bool {
    let before = at.checked_sub(1).map(|b| told[b].0);
    before != Some(told[at].0)
}

#[test]
fn a_body_in_another_spelling_is_not_read() {
    let told = honest();
    let log_of = |spell: &dyn Fn(&str) -> String| {
        let bodies = (1..).zip(&told).map(|(seq, (at, event))| {
            let record = EventRecord {
                v: 1,
                tenant: countersign_core::id::TenantId::local(),
                workflow: crate::teller::workflow_id(),
                seq,
                at: *at,
                event: event.clone(),
            };
            let text = String::from_utf8(record.to_bytes()).unwrap();
            (*at, spell(&text).into_bytes())
        });
        Log::of_bodies(bodies.collect())
    };
    for spell in [
        &|t: &str| t.replacen("{", "{ ", 1) as _,
        &|t: &str| t.replacen("\"v\":1", "\"v\":1,\"w\":1", 1),
        &|t: &str| t.replacen("\"kind\":\"state-entered\"", "\"kind\":\"state-left\"", 1),
    ] as [&dyn Fn(&str) -> String; 3]
    {
        let log = log_of(spell);
        let found = audit(&log.file(&told), &trust()).unwrap();
        crate::teller::assert_found(&found, countersign_audit::ProblemCode::RecordUnreadable);
    }
}
