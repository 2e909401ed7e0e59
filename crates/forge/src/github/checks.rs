//! What CI says about one commit (<https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference>).

use super::error::CallError;
use super::{Found, GitHub};
use countersign_core::forge::{CHECK_RUNS_MAX, CHECK_WORDS_MAX_BYTES, CheckRun, CheckState, RequiredCheck};
use countersign_core::id::CommitSha;
use countersign_core::outbound::redacted;
use countersign_ports::trees::TreesError;
use serde::Deserialize;

/// What stands where GitHub names no app; no app can be called that.
const NO_APP: &str = "(no app)";

#[derive(Deserialize)]
struct Page {
    check_runs: Vec<Wire>,
}

#[derive(Deserialize)]
struct Wire {
    id: u64,
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
    /// The latest run of each check on exactly that commit; those that are required and failed with what their logs say.
    pub(super) fn checks(
        &self,
        at: &Found,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        let doing = format!("Reading the checks of {} in {}", head.short(), at.full_name);
        let path = format!("/repos/{}/commits/{head}/check-runs?filter=latest", at.full_name);
        let read = || {
            let all = self
                .api
                .list(&at.id, &path, CHECK_RUNS_MAX, |page: Page| page.check_runs)?;
            let numbered = |wire: Wire| Ok((wire.id, wire.read()?));
            all.into_iter()
                .map(numbered)
                .collect::<Result<Vec<_>, CallError>>()
        };
        let mut runs = read().map_err(|e| e.reading(&doing))?;
        self.add_logs(at, required, &mut runs);
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
