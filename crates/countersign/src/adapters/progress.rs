//! Prints what happens while it happens, in the words of the story.

use crate::render::story::{self, Names};
use crate::terminal::{Page, Style, Terminal};
use countersign_core::artifact::AgentRole;
use countersign_core::id::WorkflowId;
use countersign_core::workflow::{Effect, Event};
use countersign_engine::Observer;
use std::sync::{Arc, Mutex, PoisonError};

/// One line per fact.
pub(crate) struct Progress {
    terminal: Arc<Terminal>,
    names: Mutex<Names>,
}

impl Progress {
    /// Speaks of repositories and members by these names, and learns those of workflows that begin.
    pub(crate) fn new(terminal: Arc<Terminal>, names: Names) -> Self {
        Self {
            terminal,
            names: Mutex::new(names),
        }
    }
}

impl Observer for Progress {
    fn recorded(&self, _workflow: &WorkflowId, events: &[Event]) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::new();
        for event in events {
            names.learn(event);
            // Who answered is part of the story; live, what came of it is enough.
            if matches!(event, Event::AgentCalled { .. }) {
                continue;
            }
            if let Some(sentence) = story::sentence(event, &names) {
                story::put(&sentence, page.line(0));
            }
        }
        self.terminal.print(&page);
    }

    fn performing(&self, _workflow: &WorkflowId, effect: &Effect, attempt: u32) {
        if let Some(doing) = doing(effect) {
            let again = if attempt > 1 {
                format!(", try {attempt}")
            } else {
                String::new()
            };
            let mut page = Page::new();
            page.line(0).add(Style::Dim, format!("· {doing}{again} …"));
            self.terminal.print(&page);
        }
    }

    fn retrying(&self, _workflow: &WorkflowId, _effect: &Effect, message: &str) {
        let mut page = Page::new();
        page.line(0).add(Style::Warn, "! ").add(
            Style::Plain,
            format!(
                "{}; it is tried again",
                story::one_line(message).trim_end_matches('.')
            ),
        );
        self.terminal.print(&page);
    }
}

/// What is announced before it is done: only what may take long.
fn doing(effect: &Effect) -> Option<String> {
    let asking = |role: AgentRole| Some(format!("asking the {}", role.as_str()));
    match effect {
        Effect::LoadContext => Some("copying the base commits".to_owned()),
        Effect::Triage => Some("asking for triage".to_owned()),
        Effect::Plan => asking(AgentRole::Planner),
        Effect::Draft => asking(AgentRole::Coder),
        Effect::Narrow => Some("taking out what was left out".to_owned()),
        Effect::Critique => asking(AgentRole::Critic),
        Effect::CheckBases => Some("looking at the base branches again".to_owned()),
        Effect::LookUpRefs
        | Effect::SealLedger { .. }
        | Effect::WriteBranch { .. }
        | Effect::RetractBranch { .. }
        | Effect::OpenPullRequest { .. }
        | Effect::ReadChecks
        | Effect::ReadMerges
        | Effect::ClosePullRequest { .. } => None,
    }
}

/// Says nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn recorded(&self, _workflow: &WorkflowId, _events: &[Event]) {}

    fn performing(&self, _workflow: &WorkflowId, _effect: &Effect, _attempt: u32) {}

    fn retrying(&self, _workflow: &WorkflowId, _effect: &Effect, _message: &str) {}
}
