//! What a failed job wrote is told where its check says nothing; that it can't be had is said in its place.

use super::{HELLO, House, NEEDED};
use countersign_core::forge::{CHECK_WORDS_MAX_BYTES, RequiredCheck};
use countersign_core::id::CommitSha;
use countersign_testkit::github::{Asked, Fault, granted};

const LOG: &str = "2026-11-22T06:00:00.0000001Z \u{1b}[36mcargo test\u{1b}[0m\n\
                   2026-11-22T06:00:01.0000001Z ##[error]two is not one\n";

/// Of which runs the words are wanted.
fn wanted() -> [RequiredCheck; 1] {
    [RequiredCheck {
        app: "github-actions".to_owned(),
        name: "test".to_owned(),
    }]
}

impl House {
    fn may_read_logs(self) -> Self {
        self.hub().change(|w| {
            let all = NEEDED.iter().copied().chain([("actions", "read")]);
            let all = granted(&all.collect::<Vec<_>>());
            for installation in w.apps.installations.values_mut() {
                installation.permissions.clone_from(&all);
            }
        });
        self
    }

    fn ends(&self, app: &str, name: &str, conclusion: &str) -> CommitSha {
        let head = self.holds("main").unwrap();
        self.hub()
            .change(|w| w.check(HELLO, app, name, head.as_str(), Some(conclusion)));
        head
    }

    fn wrote(&self, log: Option<&str>) {
        self.hub().change(|w| w.log(HELLO, "test", log));
    }

    /// What is told of the one check there is.
    fn told(&self, head: &CommitSha) -> Option<String> {
        let read = self.forge.read_checks(&self.source, head, &wanted()).unwrap();
        assert_eq!(read.len(), 1);
        read[0].said.clone()
    }

    fn asked_about_logs(&self) -> Vec<Asked> {
        let mut asked = self.hub().asked();
        asked.retain(|a| a.is_of_log() || a.path.ends_with("/logs"));
        asked
    }
}

#[test]
fn what_a_failed_job_wrote_is_read_and_the_token_stays_with_github() {
    for house in [House::github(), House::app().may_read_logs()] {
        let head = house.ends("github-actions", "test", "failure");
        house.wrote(Some(LOG));
        let told = house.told(&head);
        assert_eq!(told.as_deref(), Some("cargo test\n##[error]two is not one"));
        let asked = house.asked_about_logs();
        let statuses: Vec<u16> = asked.iter().map(|a| a.status).collect();
        assert_eq!(statuses, [302, 200], "the other host takes no token: {asked:?}");
        assert_eq!(
            (&asked[1].login, asked[1].headers.get("x-github-api-version")),
            (&None, None)
        );
        if let Some(token) = &asked[0].token {
            let may = granted(&[("actions", "read"), ("metadata", "read")]);
            assert_eq!(token.permissions, may);
        }
    }
}

#[test]
fn a_log_that_can_not_be_had_is_no_failure_of_the_look() {
    type Deed = fn(&House);
    let deeds: [(Deed, &str); 5] = [
        (|_| {}, "not there, or not any more"),
        (|house| house.wrote(None), "not there, or not any more"),
        (
            |house| house.hub().next("GET", "/logs", Fault::BadGateway),
            "could not be read (github-failed)",
        ),
        (
            |house| {
                house.wrote(Some(LOG));
                house.hub().next("GET", "/storage/", Fault::BadGateway);
            },
            "could not be read (github-failed)",
        ),
        (
            |house| {
                house.wrote(Some(LOG));
                house.hub().next("GET", "/storage/", Fault::NotFound);
            },
            "not there, or not any more",
        ),
    ];
    for (deed, expected) in deeds {
        let house = House::github();
        let head = house.ends("github-actions", "test", "failure");
        deed(&house);
        let told = house.told(&head).unwrap();
        assert!(
            told.starts_with("[The job's log ") && told.contains(expected),
            "{told}"
        );
    }
}

#[test]
fn an_app_that_may_read_no_logs_reads_everything_else() {
    let house = House::app();
    let head = house.ends("github-actions", "test", "failure");
    house.wrote(Some(LOG));
    let told = house.told(&head).unwrap();
    assert!(told.contains("takes the permission Actions: read"), "{told}");
    assert!(house.asked_about_logs().is_empty());
}

#[test]
fn logs_are_read_of_required_jobs_alone_that_failed_and_say_nothing() {
    let house = House::github();
    let head = house.ends("github-actions", "test", "success");
    house.wrote(Some(LOG));
    assert_eq!(house.told(&head), None);
    for (app, name) in [("somebody", "test"), ("github-actions", "lint")] {
        house.hub().change(|w| w.repository_mut(HELLO).checks.clear());
        house.ends(app, name, "failure");
        assert_eq!(house.told(&head), None, "{app} {name}");
    }
    house.hub().change(|w| w.repository_mut(HELLO).checks.clear());
    house.ends("github-actions", "test", "failure");
    house.wrote(Some(LOG));
    house
        .hub()
        .change(|w| w.repository_mut(HELLO).checks[0].said = Some("two is not one".to_owned()));
    assert_eq!(house.told(&head).as_deref(), Some("two is not one"));
    assert!(house.asked_about_logs().is_empty());
}

#[test]
fn a_log_of_many_megabytes_is_told_in_few_bytes() {
    let house = House::github();
    let head = house.ends("github-actions", "test", "failure");
    let line = format!("{}\n", "y".repeat(1_023));
    house.wrote(Some(&format!("{LOG}{}", line.repeat(40 << 10))));
    let told = house.told(&head).unwrap();
    assert!(told.len() <= CHECK_WORDS_MAX_BYTES, "{}", told.len());
    assert!(
        told.starts_with("cargo test\n##[error]two is not one\nyyy"),
        "{told}"
    );
    assert!(told.contains("was not read any further"), "{told}");
}
