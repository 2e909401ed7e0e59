//! Rules that a repository brings itself: which files hold them, who may touch them, and what the digest binds.

use super::super::{
    NoAnswer, OwnRuleFile, PolicySource, RiskTier, RuleId, Severity, evaluate, floor, is_own_rule_file,
    risk_tier,
};
use super::{deleted, diff, edited, ids, policy, renamed, repository};
use crate::diff::FileMode::Regular;
use crate::digest::BodyHash;

const PLACE: &str = ".countersign/rules/todo.rego";

fn file(text: &str) -> OwnRuleFile {
    OwnRuleFile {
        path: PLACE.into(),
        digest: Some(BodyHash::of_bytes(text.as_bytes())),
    }
}

#[test]
fn rules_are_the_rego_files_of_one_folder() {
    for yes in [PLACE, ".countersign/rules/team/a.rego"] {
        assert!(is_own_rule_file(&yes.into()), "{yes}");
    }
    for no in [
        ".countersign/rules.rego",
        ".countersign/rules/README.md",
        ".countersign/tests/a.rego",
        "x/.countersign/rules/a.rego",
        "rules/a.rego",
    ] {
        assert!(!is_own_rule_file(&no.into()), "{no}");
    }
}

#[test]
fn whoever_touches_them_touches_policy() {
    for change in [
        edited(PLACE),
        deleted(PLACE, Regular),
        renamed(PLACE, "todo.rego"),
        renamed("a", PLACE),
    ] {
        let change = diff(vec![change]);
        let found = evaluate(&floor(), &repository(), &change, &[]);
        let blocks = found
            .iter()
            .filter(|v| v.rule == RuleId::PolicyFile && v.blocks());
        assert_eq!(
            ids(&blocks.cloned().collect::<Vec<_>>()),
            [format!("policy-file@{PLACE}")]
        );
        assert_eq!(risk_tier(&[(repository(), &change)]).tier, RiskTier::High);
    }
}

#[test]
fn the_policy_s_digest_binds_their_content_and_where_it_comes_from() {
    let of = |text: &str, source| floor().with_own_rules(&[file(text)], source).digest();
    let known = of("a", PolicySource::Base);
    assert_eq!(known, of("a", PolicySource::Base));
    assert_ne!(known, of("b", PolicySource::Base));
    assert_ne!(known, of("a", PolicySource::DefaultBranch));
    assert_ne!(known, floor().digest());
    assert_eq!(
        floor().with_own_rules(&[], PolicySource::Base).digest(),
        floor().digest()
    );
}

#[test]
fn a_policy_of_a_time_without_them_is_still_read() {
    let with = floor().with_own_rules(&[file("a")], PolicySource::Base);
    for policy in [floor(), with] {
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(text.contains("own_rules"), !policy.own_rules.is_empty());
        assert_eq!(
            serde_json::from_str::<super::EffectivePolicy>(&text).unwrap(),
            policy
        );
    }
}

#[test]
fn no_answer_blocks_whatever_the_policy_says_and_names_the_place() {
    let no = NoAnswer::at("own-rules-not-rego", &PLACE.into(), Some(3), "it ends too early");
    let found = evaluate(
        &policy("[rules]\ncustom = \"warn\"\n"),
        &repository(),
        &diff(vec![]),
        &[no.finding()],
    );
    assert_eq!(
        (found[0].severity, found[0].content.is_some()),
        (Severity::Block, false)
    );
    assert_eq!(found[0].id(), format!("custom@{PLACE}"));
    assert_eq!(found[0].other_way_out(), "Nobody can waive it.");
    let words = "`.countersign/rules/todo.rego`, line 3: it ends too early (own-rules-not-rego).";
    assert!(found[0].message.contains(words), "{}", found[0].message);
}
