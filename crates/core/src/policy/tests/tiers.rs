//! Risk tiers at their borders.

use super::super::{RiskTier, TierReport, planned_risk_tier, risk_tier};
use super::{added, deleted, diff, edited, modified, renamed};
use crate::diff::FileChange;
use crate::diff::FileMode::{Executable, Regular, Submodule, Symlink};
use crate::id::RepositoryId;

fn of(files: Vec<FileChange>) -> TierReport {
    risk_tier(&[(RepositoryId::local(1), &diff(files))])
}

fn many(n: usize) -> Vec<FileChange> {
    (0..n).map(|i| edited(&format!("src/f{i}.rs"))).collect()
}

#[test]
fn size_sets_the_tier() {
    let lines = |n: u32| {
        vec![FileChange {
            added: n - 1,
            removed: 1,
            ..edited("a")
        }]
    };
    let table = [
        (many(1), RiskTier::Low),
        (many(5), RiskTier::Low),
        (many(6), RiskTier::Medium),
        (many(30), RiskTier::Medium),
        (many(31), RiskTier::High),
        (lines(200), RiskTier::Low),
        (lines(201), RiskTier::Medium),
        (lines(1_000), RiskTier::Medium),
        (lines(1_001), RiskTier::High),
    ];
    for (files, tier) in table {
        let report = of(files);
        assert_eq!(report.tier, tier, "{:?}", report.reasons);
        assert!(!report.reasons.is_empty());
    }
    let small = of(many(1));
    assert_eq!(
        small.reasons,
        ["1 file, 1 line and 1 repository, none of them sensitive."]
    );
}

#[test]
fn several_repositories_raise_it_and_their_sizes_add_up() {
    let (one, three) = (diff(many(1)), diff(many(3)));
    let id = RepositoryId::local;
    assert_eq!(risk_tier(&[(id(1), &one), (id(2), &one)]).tier, RiskTier::Medium);
    assert_eq!(
        risk_tier(&[(id(1), &one), (id(2), &one), (id(3), &one)]).tier,
        RiskTier::High
    );
    let sum = risk_tier(&[(id(1), &three), (id(2), &three)]);
    assert!(
        sum.reasons
            .contains(&"6 files change; low risk ends at 5.".to_owned()),
        "{:?}",
        sum.reasons
    );
}

#[test]
fn files_that_steer_others_are_high_risk() {
    let hits = [
        ".github/workflows/ci.yml",
        ".ci/run",
        "CODEOWNERS",
        ".countersign.toml",
        "AGENTS.md",
        "Cargo.toml",
        "web/package-lock.json",
        "requirements-dev.txt",
        "go.sum",
        "lib/My.CSPROJ",
        "vendor/x/y.go",
        ".cargo/config.toml",
        "src/auth/mod.rs",
        "src/user_login.py",
        "app/OAuth2.java",
        "security/policy.rs",
        "src/session.ts",
    ];
    for path in hits {
        let report = of(vec![edited(path)]);
        assert_eq!(report.tier, RiskTier::High, "{path}");
        assert!(report.reasons[0].contains(path), "{:?}", report.reasons);
    }
    let misses = [
        "src/author.rs",
        "AUTHORS",
        "src/main.rs",
        "docs/cargo.md",
        "src/tokenizer.rs",
        "vendors/x.go",
    ];
    for path in misses {
        assert_eq!(of(vec![edited(path)]).tier, RiskTier::Low, "{path}");
    }
    for file in [
        renamed("Cargo.toml", "a"),
        renamed("a", "Cargo.toml"),
        deleted("Cargo.toml", Regular),
    ] {
        assert_eq!(of(vec![file]).tier, RiskTier::High);
    }
}

#[test]
fn what_lines_do_not_tell_is_never_low() {
    let table = [
        (added("a", Symlink), RiskTier::High),
        (deleted("a", Symlink), RiskTier::High),
        (modified("a", Submodule, Submodule), RiskTier::High),
        (added("a", Executable), RiskTier::Medium),
        (modified("a", Regular, Executable), RiskTier::Medium),
        (modified("a", Executable, Regular), RiskTier::Low),
        (
            FileChange {
                binary: true,
                ..edited("a")
            },
            RiskTier::Medium,
        ),
    ];
    for (file, tier) in table {
        assert_eq!(of(vec![file]).tier, tier);
    }
}

#[test]
fn many_paths_are_counted() {
    let report = of((0..5).map(|n| edited(&format!(".ci/{n}"))).collect());
    assert_eq!(
        report.reasons,
        ["CI files change: .ci/0, .ci/1, .ci/2 and 2 more."]
    );
}

#[test]
fn a_plan_shows_what_its_paths_show() {
    let plan = |number, paths: &[&str]| {
        (
            RepositoryId::local(number),
            paths.iter().map(|path| (*path).into()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(planned_risk_tier(&[plan(1, &["src/a.rs"])]).tier, RiskTier::Low);
    assert_eq!(
        planned_risk_tier(&[plan(1, &["a"]), plan(2, &["b"])]).tier,
        RiskTier::Medium
    );
    assert_eq!(
        planned_risk_tier(&[plan(1, &["a", "b", "c", "d", "e", "f"])]).tier,
        RiskTier::Medium
    );
    let report = planned_risk_tier(&[plan(1, &["src/a.rs", "Cargo.lock"])]);
    assert_eq!(report.tier, RiskTier::High);
    assert_eq!(report.reasons, ["Dependency files change: Cargo.lock."]);
}
