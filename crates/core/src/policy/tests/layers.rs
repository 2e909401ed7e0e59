//! Layers: no file loosens anything, in any place and any order.

use super::super::{
    Approvers, BaseMovement, CiRequirement, EffectivePolicy, PlanApproval, PolicyFile, PolicySource,
    RiskTier, RuleId, Severity, Unattended, effective, floor,
};
use super::{file, policy};
use crate::forge::AcceptedEnd;
use crate::id::BranchName;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Whether `policy` is as tight as `other` in every field.
fn as_tight(policy: &EffectivePolicy, other: &EffectivePolicy) -> bool {
    let rules = RuleId::all()
        .iter()
        .all(|rule| policy.severity(*rule) >= other.severity(*rule));
    let frozen = other
        .frozen
        .iter()
        .all(|glob| policy.frozen.iter().any(|own| own.value == glob.value));
    let bases = ["main", "dev", "release/1"].map(|name| BranchName::parse(name).unwrap());
    let bases = bases
        .iter()
        .all(|branch| !policy.allows_base(branch) || other.allows_base(branch));
    let limits = policy.max_files.value <= other.max_files.value
        && policy.max_lines.value <= other.max_lines.value
        && policy.max_file_bytes.value <= other.max_file_bytes.value
        && policy.approval_days.value <= other.approval_days.value
        && policy.review_rounds.value <= other.review_rounds.value
        && policy.budget_calls.value <= other.budget_calls.value
        && policy.budget_minutes.value <= other.budget_minutes.value;
    let counts = |p: &EffectivePolicy| {
        let Approvers { low, medium, high } = p.approvers;
        [low.value, medium.value, high.value]
    };
    let people = counts(policy)
        .iter()
        .zip(counts(other))
        .all(|(own, its)| *own >= its);
    let words = policy.plan_approval.value >= other.plan_approval.value
        && policy.unattended.value >= other.unattended.value
        && policy.base_movement.value >= other.base_movement.value
        && policy.ci.value >= other.ci.value;
    rules && frozen && bases && limits && people && words
}

prop_compose! {
    fn words()(
        rules in btree_map(select(RuleId::all()), select(vec![Severity::Warn, Severity::Block]), 0..6),
        frozen in vec(select(vec!["a", "b/**", "*.c"]).prop_map(str::to_owned), 0..3),
        allowed_bases in of(vec(select(vec!["main", "dev", "release/*"]).prop_map(str::to_owned), 1..3)),
        plan_approval in of(select(vec![PlanApproval::HighRisk, PlanApproval::Always])),
        unattended in of(select(vec![Unattended::Allow, Unattended::Forbid])),
        base_movement in of(select(vec![BaseMovement::MergesCleanly, BaseMovement::Unmoved])),
        ci in of(select(vec![CiRequirement::NotRequired, CiRequirement::Required])),
    ) -> PolicyFile {
        let words = PolicyFile { rules, frozen, allowed_bases, plan_approval, ..PolicyFile::default() };
        PolicyFile { unattended, base_movement, ci, ..words }
    }
}

prop_compose! {
    fn any_file()(
        words in words(),
        max_files in of(1..1_000u32),
        max_lines in of(1..50_000u32),
        max_file_bytes in of(1..4_000_000u64),
        approvers_low in of(1..5u32),
        approvers_medium in of(1..5u32),
        approvers_high in of(1..5u32),
        approval_days in of(1..30u32),
        review_rounds in of(1..6u32),
        budget_calls in of(1..2_000u32),
        budget_minutes in of(1..20_000u32),
    ) -> PolicyFile {
        let limits = PolicyFile { max_files, max_lines, max_file_bytes, ..words };
        let people = PolicyFile { approvers_low, approvers_medium, approvers_high, ..limits };
        let budget = PolicyFile { budget_calls, budget_minutes, ..people };
        PolicyFile { approval_days, review_rounds, ..budget }
    }
}

/// The values alone: who set them and in which order lists stand may differ.
fn values(mut policy: EffectivePolicy) -> String {
    policy.frozen.sort_by(|a, b| a.value.cmp(&b.value));
    policy.allowed_bases.sort_by(|a, b| a.value.cmp(&b.value));
    let mut json = serde_json::to_value(&policy).unwrap();
    drop_sources(&mut json);
    json.to_string()
}

fn drop_sources(json: &mut serde_json::Value) {
    if let Some(object) = json.as_object_mut() {
        object.remove("source");
        object.values_mut().for_each(drop_sources);
    } else if let Some(array) = json.as_array_mut() {
        array.iter_mut().for_each(drop_sources);
    }
}

proptest! {
    #[test]
    fn no_layer_loosens(a in any_file(), b in any_file(), c in any_file()) {
        let all = effective(Some(&a), Some(&b), Some(&c));
        prop_assert!(as_tight(&all, &floor()));
        for part in [
            effective(Some(&a), None, None),
            effective(None, Some(&b), None),
            effective(None, None, Some(&c)),
            effective(Some(&a), Some(&b), None),
            effective(None, Some(&b), Some(&c)),
        ] {
            prop_assert!(as_tight(&all, &part));
            prop_assert!(as_tight(&part, &floor()));
        }
    }

    #[test]
    fn the_order_of_layers_changes_no_value(a in any_file(), b in any_file(), c in any_file()) {
        let one = values(effective(Some(&a), Some(&b), Some(&c)));
        prop_assert_eq!(&one, &values(effective(Some(&c), Some(&a), Some(&b))));
        prop_assert_eq!(&one, &values(effective(Some(&b), Some(&c), Some(&a))));
        let (once, thrice) = (effective(Some(&a), None, None), effective(Some(&a), Some(&a), Some(&a)));
        prop_assert_eq!(once, thrice);
    }

    #[test]
    fn a_policy_survives_storage(a in any_file(), b in any_file()) {
        let policy = effective(Some(&a), Some(&b), None);
        let json = serde_json::to_string(&policy).unwrap();
        let read: EffectivePolicy = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read.digest(), policy.digest());
        prop_assert_eq!(read, policy);
    }
}

#[test]
fn a_looser_word_has_no_effect() {
    let loose = file(
        "rules.binary = 'warn'\nlimits.max-files = 1000\napproval = {days = 30, high = 1}\nreview.rounds = 5",
    );
    assert_eq!(effective(Some(&loose), Some(&loose), Some(&loose)), floor());
}

#[test]
fn the_source_is_who_set_the_standing_value() {
    let organisation =
        file("limits.max-files = 50\napproval.days = 3\nci.required = true\npaths.frozen = ['a']");
    let default_branch = file("limits.max-files = 60\napproval.days = 3\npaths.frozen = ['a', 'b']");
    let base = file("limits.max-files = 40\nci.required = false\nreview.rounds = 2");
    let policy = effective(Some(&organisation), Some(&default_branch), Some(&base));
    assert_eq!(
        (policy.max_files.value, policy.max_files.source),
        (40, PolicySource::Base)
    );
    assert_eq!(
        (policy.approval_days.value, policy.approval_days.source),
        (3, PolicySource::Organisation)
    );
    assert_eq!(
        (policy.ci.value, policy.ci.source),
        (CiRequirement::Required, PolicySource::Organisation)
    );
    let sources: Vec<_> = policy
        .frozen
        .iter()
        .map(|f| (f.value.as_str(), f.source))
        .collect();
    assert_eq!(
        sources,
        [
            ("a", PolicySource::Organisation),
            ("b", PolicySource::DefaultBranch)
        ]
    );
    assert_eq!(
        (policy.review_rounds.value, policy.review_rounds.source),
        (2, PolicySource::Base)
    );
    assert_eq!(policy.max_lines.source, PolicySource::Floor);
}

#[test]
fn only_an_explicit_word_demands_people() {
    assert_eq!(floor().demands_people(), None);
    assert_eq!(policy("approval.high = 1").demands_people(), None);
    assert_eq!(policy("approval.high = 2").demands_people(), Some(2));
    assert_eq!(policy("approval.low = 1").demands_people(), Some(1));
    assert_eq!(
        policy("approval.low = 3\napproval.high = 2").demands_people(),
        Some(3)
    );
}

#[test]
fn a_higher_tier_never_asks_fewer_people() {
    let policy = policy("approval.low = 3");
    let counts = [RiskTier::Low, RiskTier::Medium, RiskTier::High].map(|tier| policy.approvers_for(tier));
    assert_eq!(counts, [3, 3, 3]);
    let counts = [RiskTier::Low, RiskTier::Medium, RiskTier::High].map(|tier| floor().approvers_for(tier));
    assert_eq!(counts, [1, 1, 2]);
}

#[test]
fn the_digest_is_stable() {
    let hex = floor().digest().to_hex();
    assert_eq!(
        hex, "c2efa4af268a811ccae165e1c97e3962b986a690af852144a3c291e176146b8c",
        "the floor changed: raise FLOOR_VERSION if its meaning did"
    );
    assert_ne!(policy("approval.days = 6").digest(), floor().digest());
}

#[test]
fn a_check_may_end_otherwise_only_as_every_layer_that_names_it_accepts() {
    let check = |accept: &str| {
        file(&format!(
            "ci.checks = [{{ app = 'a', name = 'docs', accept = [{accept}] }}]"
        ))
    };
    let ends = |organisation: Option<&PolicyFile>, default_branch: Option<&PolicyFile>| {
        let policy = effective(organisation, default_branch, None);
        let all = policy.accepted_checks.into_iter();
        all.flat_map(|a| a.value.ends).collect::<Vec<_>>()
    };
    let (none, skipped, both) = (check(""), check("'skipped'"), check("'neutral', 'skipped'"));
    assert_eq!(
        ends(Some(&both), None),
        [AcceptedEnd::Skipped, AcceptedEnd::Neutral]
    );
    assert_eq!(ends(Some(&both), Some(&skipped)), [AcceptedEnd::Skipped]);
    assert_eq!(ends(Some(&skipped), Some(&both)), [AcceptedEnd::Skipped]);
    assert_eq!(ends(Some(&none), Some(&both)), []);
    assert_eq!(ends(Some(&both), Some(&none)), []);
}

#[test]
fn any_layer_has_pull_requests_opened_as_drafts() {
    let (yes, no) = (
        file("pull_request.draft = true"),
        file("pull_request.draft = false"),
    );
    assert!(effective(Some(&yes), Some(&no), None).opens_drafts());
    assert!(effective(Some(&no), None, Some(&yes)).opens_drafts());
    assert!(!effective(Some(&no), None, None).opens_drafts());
    assert_eq!(effective(Some(&no), None, None).digest(), floor().digest());
}
