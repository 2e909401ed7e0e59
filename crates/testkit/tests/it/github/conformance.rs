//! The port's promises, one per case: each forge has to keep each.

use super::{House, branch, code, git, refused};
use countersign_core::id::RepositoryId;
use countersign_ports::trees::BaseStanding;
use countersign_ports::trees::Trees as _;

fn both(case: impl Fn(&House)) {
    for house in [House::local(), House::github(), House::app()] {
        case(&house);
    }
}

#[test]
fn an_approved_commit_becomes_a_branch_and_is_read_back() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        assert_eq!(house.holds("countersign/one"), None);
        house.push(&approved, &prepared).unwrap();
        let read = house
            .forge
            .read_branch(&house.source, &approved.branch)
            .unwrap()
            .unwrap();
        assert_eq!((read.commit, read.tree), (approved.commit, approved.tree));
        let parent = git(&house.bare, &["rev-parse", "countersign/one^"]);
        assert_eq!(parent, git(&house.bare, &["rev-parse", "main"]));
    });
}

#[test]
fn nothing_is_brought_where_a_branch_names_it_before_the_second_permit() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        house
            .forge
            .stage(&approved.push(), &house.source, &prepared)
            .unwrap();
        assert_eq!(house.holds("countersign/one"), None);
    });
}

#[test]
fn a_strangers_branch_of_our_name_is_left_alone() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        let theirs = house.stranger("countersign/one", "main");
        assert_eq!(refused(house.push(&approved, &prepared)), "mismatch");
        let at_once = house.forge.push_branch(approved.push(), &house.source, &prepared);
        assert_eq!(refused(at_once), "mismatch");
        assert_eq!(house.holds("countersign/one").unwrap().as_str(), theirs);
    });
}

#[test]
fn our_branch_is_not_written_twice() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        house.push(&approved, &prepared).unwrap();
        let again = house.forge.push_branch(approved.push(), &house.source, &prepared);
        assert_eq!(refused(again), "mismatch");
        assert_eq!(house.holds("countersign/one"), Some(approved.commit));
    });
}

#[test]
fn a_branch_in_the_way_stops_the_write() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        house.stranger("countersign/one/more", "main");
        let error = house.push(&approved, &prepared).unwrap_err();
        assert!(
            ["mismatch", "remote-push-refused"].contains(&code(&error)),
            "{error}"
        );
        assert_eq!(house.holds("countersign/one"), None);
    });
}

#[test]
fn a_permit_is_for_its_repository_and_its_content_and_runs_out() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        let mut other = approved.clone();
        other.repository = RepositoryId::github(99);
        let elsewhere = house.forge.push_branch(other.push(), &house.source, &prepared);
        assert_eq!(refused(elsewhere), "other-repository");
        let mut swapped = prepared.clone();
        swapped.objects.pop();
        let spoilt = house.forge.push_branch(approved.push(), &house.source, &swapped);
        assert_eq!(refused(spoilt), "permit-mismatch");
        let late = house
            .forge
            .push_branch(approved.stale_push(), &house.source, &prepared);
        assert_eq!(refused(late), "permit-expired");
        assert_eq!(house.holds("countersign/one"), None);
    });
}

#[test]
fn our_branch_is_deleted_only_while_it_holds_our_commit() {
    both(|house| {
        let (approved, prepared) = house.approved("countersign/one");
        assert_eq!(
            refused(house.forge.delete_branch(approved.delete(), &house.source)),
            "mismatch"
        );
        house.push(&approved, &prepared).unwrap();
        let theirs = house.stranger("countersign/one", "countersign/one");
        assert_eq!(
            refused(house.forge.delete_branch(approved.delete(), &house.source)),
            "mismatch"
        );
        assert_eq!(house.holds("countersign/one").unwrap().as_str(), theirs);
        git(
            &house.bare,
            &[
                "update-ref",
                "refs/heads/countersign/one",
                approved.commit.as_str(),
            ],
        );
        house
            .forge
            .delete_branch(approved.delete(), &house.source)
            .unwrap();
        assert_eq!(house.holds("countersign/one"), None);
        assert_eq!(
            git(&house.bare, &["branch", "--list", "--format=%(refname)"]),
            "refs/heads/main"
        );
    });
}

#[test]
fn branches_are_read_by_their_whole_names() {
    both(|house| {
        house.stranger("refs/heads/main", "main");
        let heads = house.trees.heads(&house.source).unwrap();
        assert_eq!(heads.default_branch, branch("main"));
        let main = git(&house.bare, &["rev-parse", "refs/heads/main"]);
        assert_eq!(heads.heads[&branch("main")].as_str(), main);
        assert_eq!(heads.heads.len(), 2);
        assert_eq!(house.holds("main").unwrap().as_str(), main);
    });
}

#[test]
fn a_base_that_moved_is_told_from_one_that_was_rewritten() {
    both(|house| {
        let base = house.trees.pin(&house.source, &branch("main")).unwrap().commit;
        let standing = || {
            let main = branch("main");
            let diff = super::DIFF.as_bytes();
            let applied = house.trees.apply(&house.source, &base, diff).unwrap().unwrap();
            let canonical = applied.canonical;
            house
                .trees
                .base_standing(&house.source, &main, &base, &canonical)
                .unwrap()
        };
        assert_eq!(standing(), BaseStanding::Unmoved);
        for _ in 0..3 {
            house.stranger("main", "main");
        }
        assert!(
            matches!(standing(), BaseStanding::MovedClean { .. }),
            "{:?}",
            standing()
        );
        let other = git(&house.bare, &["commit-tree", "main^{tree}", "-m", "another root"]);
        git(&house.bare, &["update-ref", "refs/heads/main", &other]);
        assert!(
            matches!(standing(), BaseStanding::Rewritten { .. }),
            "{:?}",
            standing()
        );
        git(&house.bare, &["update-ref", "-d", "refs/heads/main"]);
        assert_eq!(standing(), BaseStanding::Gone);
    });
}
