//! What CI says about one commit (<https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference>), and what we
//! say about it ourselves: one check run, which only an App may post.
//!
//! What our own App posts is never read as CI: nobody vouches for themselves. It is looked for before anything is written, by
//! our App's number and by its marker, so a repetition does nothing and nobody else's is ever changed.

use super::comments::{not_read, not_written, wrong};
use super::error::CallError;
use super::{Found, GitHub, InHand};
use countersign_core::forge::{CHECK_RUNS_MAX, CHECK_WORDS_MAX_BYTES, CheckRun, CheckState, RequiredCheck};
use countersign_core::id::CommitSha;
use countersign_core::notice::Verdict;
use countersign_core::notice::rendering::{CHECK_NAME, OwnCheck};
use countersign_core::outbound::redacted;
use countersign_ports::notice::Delivery;
use countersign_ports::trees::TreesError;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// The status of a run that has a conclusion.
const COMPLETED: &str = "completed";
/// What stands where GitHub names no app; no app can be called that.
const NO_APP: &str = "(no app)";

#[derive(Deserialize)]
struct Page {
    check_runs: Vec<Wire>,
}

#[derive(Deserialize)]
struct Wire {
    id: u64,
    #[serde(default)]
    external_id: Option<String>,
    name: String,
    head_sha: String,
    status: String,
    conclusion: Option<String>,
    app: Option<App>,
    #[serde(default)]
    output: Output,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
}

impl Output {
    /// All of it, short and without what looks like a secret.
    fn words(&self) -> Option<String> {
        let parts = [&self.title, &self.summary, &self.text];
        let all: Vec<&str> = parts.into_iter().flatten().map(|p| p.trim()).collect();
        let all = all.join("\n");
        let clean = redacted(all.trim());
        let mut end = clean.len().min(CHECK_WORDS_MAX_BYTES);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        (end > 0).then(|| clean[..end].to_owned())
    }
}

#[derive(Deserialize)]
struct App {
    id: Option<u64>,
    slug: Option<String>,
}

impl Wire {
    fn is_of(&self, app: u64) -> bool {
        self.app.as_ref().is_some_and(|of| of.id == Some(app))
    }

    fn says(&self, status: &str, conclusion: Option<&str>, title: &str, summary: &str) -> bool {
        let same =
            |ours: &str, there: &Option<String>| there.as_deref().map(str::trim_end) == Some(ours.trim_end());
        self.status == status
            && self.conclusion.as_deref() == conclusion
            && same(title, &self.output.title)
            && same(summary, &self.output.summary)
    }

    fn read(self) -> Result<CheckRun, CallError> {
        let head = CommitSha::parse(&self.head_sha).map_err(|_| CallError::Odd {
            why: "it names a check of something that is no commit".to_owned(),
        })?;
        let state = state(&self.status, self.conclusion.as_deref());
        Ok(CheckRun {
            app_number: self.app.as_ref().and_then(|app| app.id),
            app: self
                .app
                .and_then(|app| app.slug)
                .unwrap_or_else(|| NO_APP.to_owned()),
            name: self.name,
            head,
            said: match state == CheckState::Success || state == CheckState::Pending {
                true => None,
                false => self.output.words(),
            },
            state,
        })
    }
}

/// A conclusion counts only of a run that is completed.
fn state(status: &str, conclusion: Option<&str>) -> CheckState {
    match (status, conclusion) {
        ("completed", Some("success")) => CheckState::Success,
        ("completed", Some("failure")) => CheckState::Failure,
        ("completed", Some("neutral")) => CheckState::Neutral,
        ("completed", Some("cancelled")) => CheckState::Cancelled,
        ("completed", Some("skipped")) => CheckState::Skipped,
        ("completed", Some("timed_out")) => CheckState::TimedOut,
        ("completed", Some("action_required")) => CheckState::ActionRequired,
        ("completed", Some("stale")) => CheckState::Stale,
        ("completed", Some("startup_failure")) => CheckState::StartupFailure,
        ("queued" | "in_progress" | "waiting" | "requested" | "pending", _) => CheckState::Pending,
        (_, _) => CheckState::Unknown,
    }
}

impl GitHub {
    /// The latest run of each check on exactly that commit, without those of our own App; those that are required and failed with what their logs say.
    pub(super) fn checks(
        &self,
        at: &Found,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        let doing = format!("Reading the checks of {} in {}", head.short(), at.full_name);
        let path = format!("/repos/{}/commits/{head}/check-runs?filter=latest", at.full_name);
        let read = || {
            let mut all = self
                .api
                .list(&at.id, &path, CHECK_RUNS_MAX, |page: Page| page.check_runs)?;
            if let Some(us) = self.known()? {
                all.retain(|run| !run.is_of(us.id));
            }
            let numbered = |wire: Wire| Ok((wire.id, wire.read()?));
            all.into_iter()
                .map(numbered)
                .collect::<Result<Vec<_>, CallError>>()
        };
        let mut runs = read().map_err(|e| e.reading(&doing))?;
        self.add_logs(at, required, &mut runs);
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// Our check run on that commit says that afterwards.
    pub(super) fn put_check(&self, check: &OwnCheck) -> Delivery {
        self.post_check(check)
            .map_or_else(|failed| failed, |()| Delivery::Delivered)
    }

    fn post_check(&self, check: &OwnCheck) -> Result<(), Delivery> {
        let on = check.on();
        let at = self.by_id(&on.repository).map_err(not_read)?;
        let Some(us) = self.app().map_err(not_read)? else {
            let text = "only a GitHub App may post check runs".to_owned();
            return Err(Delivery::Refused(wrong("notice-not-wanted", text)));
        };
        let doing = format!("Posting a check run on {} in {}", on.head.short(), at.full_name);
        let path = format!(
            "/repos/{}/commits/{}/check-runs?check_name={CHECK_NAME}&filter=latest",
            at.full_name, on.head
        );
        let all = self
            .api
            .list(&at.id, &path, CHECK_RUNS_MAX, |page: Page| page.check_runs);
        let all = all.map_err(|e| not_read(e.reading(&doing)))?;
        let is_it = |run: &&Wire| run.is_of(us.id) && run.external_id.as_ref() == Some(&check.marker);
        let there = all.iter().find(is_it);
        let text = format!("{}{}", check.text, self.together_with(&at, &check.siblings));
        let (status, conclusion) = standing(check.verdict, there);
        if there.is_some_and(|run| run.says(status, conclusion, &check.title, &text)) {
            return Ok(());
        }
        let mut body = json!({
            "name": CHECK_NAME,
            "external_id": check.marker,
            "status": status,
            "output": {"title": check.title, "summary": text},
        });
        if let Some(conclusion) = conclusion {
            body["conclusion"] = json!(conclusion);
        }
        if let Some(page) = &check.page {
            body["details_url"] = json!(page);
        }
        let (method, path) = match there {
            Some(run) => (
                Method::PATCH,
                format!("/repos/{}/check-runs/{}", at.full_name, run.id),
            ),
            None => {
                body["head_sha"] = json!(on.head.as_str());
                (Method::POST, format!("/repos/{}/check-runs", at.full_name))
            }
        };
        let writer = self.writer(InHand::Check(check)).map_err(not_read)?;
        let sent: Result<Value, CallError> = self.api.send(&writer, method, &path, &body);
        sent.map(drop).map_err(|e| not_written(e, &doing))
    }
}

/// GitHub's words for it. It takes no completed run back to one that goes on: such a one stays red until it is green again.
fn standing(verdict: Verdict, there: Option<&Wire>) -> (&'static str, Option<&'static str>) {
    match verdict {
        Verdict::Pending if there.is_some_and(|run| run.status == COMPLETED) => (COMPLETED, Some("failure")),
        Verdict::Pending => ("in_progress", None),
        Verdict::Success => (COMPLETED, Some("success")),
        Verdict::Failure => (COMPLETED, Some("failure")),
        Verdict::Cancelled => (COMPLETED, Some("cancelled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_completed_is_red_until_it_is_green_again() {
        let text = r#"{"id": 1, "name": "countersign", "head_sha": "x", "status": "completed", "conclusion": "success"}"#;
        let there: Wire = serde_json::from_str(text).expect("as GitHub has it");
        assert_eq!(standing(Verdict::Pending, None), ("in_progress", None));
        assert_eq!(
            standing(Verdict::Pending, Some(&there)),
            (COMPLETED, Some("failure"))
        );
        assert_eq!(
            standing(Verdict::Success, Some(&there)),
            (COMPLETED, Some("success"))
        );
        assert_eq!(standing(Verdict::Cancelled, None), (COMPLETED, Some("cancelled")));
    }

    #[test]
    fn only_a_completed_success_is_one() {
        assert_eq!(state("completed", Some("success")), CheckState::Success);
        assert_eq!(state("in_progress", Some("success")), CheckState::Pending);
        assert_eq!(state("queued", None), CheckState::Pending);
        for (status, conclusion) in [
            ("completed", None),
            ("completed", Some("great")),
            ("done", Some("success")),
        ] {
            assert_eq!(
                state(status, conclusion),
                CheckState::Unknown,
                "{status} {conclusion:?}"
            );
        }
    }
}
