//! Random edits: git's diff and ours lead to the same tree, and small distortions never lead to another one.

use crate::support::{Files, Sandbox, branch, entry};
use countersign_git::GitTrees;
use countersign_ports::trees::Trees;
use proptest::prelude::*;

/// Few different lines, so that hunks are ambiguous often.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just("a"), 4 => Just("b"), 2 => Just(""), 1 => Just("-- x"), 1 => Just("++ y"), 1 => Just("@@ -1 +1 @@"),
        1 => Just("c\r"), 1 => Just("```"), 1 => Just("-- "), 2 => "[a-f]{1,3}".prop_map(|s| &*s.leak()),
    ];
    (prop::collection::vec(line, 0..40), any::<bool>()).prop_map(|(lines, newline)| {
        let mut text = lines.join("\n").into_bytes();
        if newline && !lines.is_empty() {
            text.push(b'\n');
        }
        text
    })
}

fn files() -> impl Strategy<Value = Files> {
    let path = prop_oneof![Just("a"), Just("d/b"), Just("d/c"), Just("e f"), Just("ü")];
    let mode = prop_oneof![3 => Just("100644"), 1 => Just("100755")];
    prop::collection::vec((path, mode, content()), 0..4).prop_map(|all| {
        all.into_iter()
            .map(|(p, m, c)| entry(p.as_bytes(), m, &c))
            .collect()
    })
}

/// Each case starts a dozen processes.
const CASES: u32 = 15;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_survives_the_round_trip(before in files(), after in files(), cut in 0..20_usize) {
        let mut before = before;
        let mut after = after;
        before.insert(b"keep".to_vec(), ("100644", b"k\n".to_vec()));
        after.insert(b"keep".to_vec(), ("100644", b"k\n".to_vec()));
        prop_assume!(before != after);
        let sandbox = Sandbox::empty();
        let base = sandbox.commit("main", &before);
        let wanted = sandbox.commit("wanted", &after);
        let tree = sandbox.git(["rev-parse", "wanted^{tree}"]);
        let trees = GitTrees::new(sandbox.mirrors());
        trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
        let apply = |diff: &[u8]| trees.apply(&sandbox.source(), &base, diff).expect("git answers");
        let diff = sandbox.diff(base.as_str(), wanted.as_str());
        let applied = apply(&diff).expect("git's diff applies");
        prop_assert_eq!(applied.diff.result_tree.as_str(), &tree);
        let by_git = sandbox.git_apply(base.as_str(), &applied.canonical);
        prop_assert_eq!(by_git, Ok(tree.clone()));
        // Line numbers and counts are hints: without them it is this tree or a refusal.
        let text = String::from_utf8_lossy(&applied.canonical).into_owned();
        let blind: String = text.split_inclusive('\n').map(|l| if l.starts_with("@@ -") { "@@ ... @@\n" } else { l }).collect();
        if let Ok(found) = apply(blind.as_bytes()) {
            prop_assert_eq!(found.diff.result_tree.as_str(), &tree);
        }
        let shifted = text.replace("@@ -", &format!("@@ -{cut}"));
        if let Ok(found) = apply(shifted.as_bytes()) {
            prop_assert_eq!(found.diff.result_tree.as_str(), &tree);
        }
    }
}
