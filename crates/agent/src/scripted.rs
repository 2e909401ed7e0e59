//! `scripted`: answers from a file, for tests, spec pages and demonstrations. It thinks nothing of its own.
//!
//! ```json
//! {
//!   "triage":  [{"verdict": "go", "summary": "Prices go in grams.", "reasons": ["asked for"]}],
//!   "planner": [{"steps": [{"title": "Rename", "repo": "tollgate", "paths": ["src/lib.rs"]}]}],
//!   "coder":   [{"fail": "malformed", "message": "half an answer"},
//!               {"delay_ms": 20, "diffs": {"tollgate": "diff --git a/src/lib.rs b/src/lib.rs\n…"}}],
//!   "critic":  [{"findings": [{"code": "task-unfulfilled", "level": "reject", "text": "one is left"}]},
//!               {"findings": []}]
//! }
//! ```
//!
//! Each role has a list; its n-th call in a workflow takes entry n, and the last one repeats. An entry is an
//! answer in the form of `wire/mod.rs`, or `{"fail": "unavailable" | "malformed", "message": "…"}`. `"delay_ms"`
//! waits first. Only `coder` is needed: a missing `triage` says GO, missing `architect` and `planner` are
//! read off the coder's first answer, and a missing `critic` is the built-in one. The file is read when the
//! agent is made, so a mistake is refused with line and column before anything starts.

use crate::answer::{malformed, no_such_role, past_deadline, report, unavailable, versioned};
use crate::critic;
use crate::derive::{self, Touched};
use crate::offload::offload;
use crate::wire::{ArchitectureForm, CoderForm, CritiqueForm, PlanForm, TriageForm};
use async_trait::async_trait;
use countersign_core::artifact::AgentRole;
use countersign_core::confinement::Confinement;
use countersign_ports::agent::{Agent, AgentAnswer, AgentCall, AgentError, AgentReport};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Largest script that is read.
const SCRIPT_MAX_BYTES: usize = 16 << 20;
/// How the change is called in derived plans.
const ORIGIN: &str = "the scripted change";

/// The adapter, with its script.
#[derive(Debug)]
pub(crate) struct Scripted(Script);

impl Scripted {
    /// Reads a script.
    ///
    /// # Errors
    /// `Malformed` with line and column.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AgentError> {
        if bytes.len() > SCRIPT_MAX_BYTES {
            let message = format!(
                "the script has {} bytes; at most {SCRIPT_MAX_BYTES} are read",
                bytes.len()
            );
            return Err(malformed("script-too-large", message));
        }
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|e| malformed("script-unreadable", format!("the script can't be read: {e}")))
    }
}

#[async_trait]
impl Agent for Scripted {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        if call.role == AgentRole::Critic && self.0.critic.is_empty() {
            let deadline = call.deadline;
            return offload(deadline, move |stop| critic::report(&call, None, stop)).await;
        }
        let deadline = call.deadline;
        let answer = tokio::time::timeout(deadline, self.answer(&call)).await;
        report(
            answer.map_err(|_| past_deadline(deadline.as_secs()))??,
            versioned("scripted"),
        )
    }

    async fn confinement(&self, _role: AgentRole) -> Result<Confinement, AgentError> {
        Ok(Confinement::InProcess)
    }
}

impl Scripted {
    async fn answer(&self, call: &AgentCall) -> Result<AgentAnswer, AgentError> {
        let Script {
            triage,
            architect,
            planner,
            coder,
            critic,
        } = &self.0;
        let repos = &call.repositories;
        Ok(match call.role {
            AgentRole::Triage => AgentAnswer::Triage(match take(triage, call).await? {
                Some(form) => form.into(),
                None => derive::triage(
                    &call.feedback,
                    "The script goes ahead.",
                    "The script did not triage.",
                ),
            }),
            AgentRole::Architect => AgentAnswer::Architecture(match take(architect, call).await? {
                Some(form) => form.into(),
                None => derive::architecture(&self.first_change(call)?),
            }),
            AgentRole::Planner => AgentAnswer::Plan(match take(planner, call).await? {
                Some(form) => form.into_core(repos).map_err(|e| in_script(call, &e))?,
                None => derive::plan(repos, &self.first_change(call)?, ORIGIN),
            }),
            AgentRole::Coder => {
                let form = take(coder, call).await?.ok_or_else(no_coder)?;
                let proposals = form.into_core(repos, call.plan.as_ref());
                AgentAnswer::Proposal(proposals.map_err(|e| in_script(call, &e))?)
            }
            AgentRole::Critic => {
                // An empty list was answered by the built-in critic before.
                let form = take(critic, call)
                    .await?
                    .ok_or_else(|| no_such_role("scripted", call.role))?;
                AgentAnswer::Critique(form.into_core(repos).map_err(|e| in_script(call, &e))?)
            }
            AgentRole::Fixer | AgentRole::Extractor => return Err(no_such_role("scripted", call.role)),
        })
    }

    /// What the coder's first real answer touches.
    fn first_change(&self, call: &AgentCall) -> Result<Vec<Touched>, AgentError> {
        let first = self.0.coder.iter().find_map(|entry| match &entry.says {
            Says::Answer(form) => Some(form.clone()),
            Says::Fail { .. } => None,
        });
        let proposals = first
            .ok_or_else(no_coder)?
            .into_core(&call.repositories, None)
            .map_err(|e| {
                malformed(
                    "script-unusable",
                    format!("the first `coder` entry of the script: {e}"),
                )
            })?;
        proposals
            .iter()
            .map(|p| derive::touched(&call.repositories, &p.repository, p.diff.as_bytes()))
            .collect::<Result<Vec<Touched>, String>>()
            .map_err(derive::unreadable)
    }
}

fn no_coder() -> AgentError {
    malformed(
        "script-without-coder",
        "the script has no `coder` answer; add a `coder` list with `diffs`",
    )
}

fn in_script(call: &AgentCall, message: &str) -> AgentError {
    let role = call.role.as_str();
    malformed(
        "script-unusable",
        format!("entry {} of `{role}` in the script: {message}", call.round),
    )
}

/// The entry of this call, after its delay; `None` when the list is empty.
async fn take<T: Clone>(entries: &[Entry<T>], call: &AgentCall) -> Result<Option<T>, AgentError> {
    let index = usize::try_from(call.round)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let Some(entry) = entries.get(index).or(entries.last()) else {
        return Ok(None);
    };
    tokio::time::sleep(Duration::from_millis(entry.delay_ms)).await;
    match &entry.says {
        Says::Answer(answer) => Ok(Some(answer.clone())),
        Says::Fail {
            fail: Failure::Unavailable,
            message,
        } => Err(unavailable("scripted-unavailable", message)),
        Says::Fail {
            fail: Failure::Malformed,
            message,
        } => Err(malformed("scripted-malformed", message)),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    triage: Vec<Entry<TriageForm>>,
    #[serde(default)]
    architect: Vec<Entry<ArchitectureForm>>,
    #[serde(default)]
    planner: Vec<Entry<PlanForm>>,
    #[serde(default)]
    coder: Vec<Entry<CoderForm>>,
    #[serde(default)]
    critic: Vec<Entry<CritiqueForm>>,
}

/// One entry of a list: an answer or a failure, perhaps late.
#[derive(Debug)]
struct Entry<T> {
    delay_ms: u64,
    says: Says<T>,
}

#[derive(Debug)]
enum Says<T> {
    Answer(T),
    Fail { fail: Failure, message: String },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failure {
    Unavailable,
    Malformed,
}

/// The fields of an entry that are not the answer's.
#[derive(Default)]
struct Aside {
    delay_ms: u64,
    fail: Option<Failure>,
    message: Option<String>,
    complete: bool,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Entry<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an answer or `fail`")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry<T>, A::Error> {
                let mut aside = Aside::default();
                let answer = T::deserialize(MapAccessDeserializer::new(Sift {
                    map,
                    aside: &mut aside,
                }));
                let says = match (aside.fail, answer) {
                    // A failure has no answer, so the answer's fields are missing when the object ends.
                    (Some(fail), Err(_)) if aside.complete => {
                        let message = aside.message.unwrap_or_else(|| "as scripted".to_owned());
                        Says::Fail { fail, message }
                    }
                    (Some(_), Ok(_)) => {
                        return Err(serde::de::Error::custom("an entry either fails or answers"));
                    }
                    (_, answer) => Says::Answer(answer?),
                };
                Ok(Entry {
                    delay_ms: aside.delay_ms,
                    says,
                })
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

/// Hands an object on without the fields that are not the answer's, so that positions in errors stay exact.
struct Sift<'a, A> {
    map: A,
    aside: &'a mut Aside,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Sift<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            match key.as_str() {
                "delay_ms" => self.aside.delay_ms = self.map.next_value()?,
                "fail" => self.aside.fail = Some(self.map.next_value()?),
                "message" => self.aside.message = Some(self.map.next_value()?),
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        self.aside.complete = true;
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
