//! The stored forms of what is not in the ledger: inputs, effects and a row's repositories, as versioned
//! canonical JSON `{"body":…,"kind":…,"v":1}`. Read back strictly: another version, kind, field or spelling
//! is an error.

use countersign_core::act::SignedAct;
use countersign_core::digest::canonical_json;
use countersign_core::feedback::RepoSelection;
use countersign_core::workflow::{Effect, Submission};
use countersign_ports::store::NewInput;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that this code writes and reads.
const FORM_VERSION: u64 = 1;

const SUBMIT: &str = "submit";
const ACT: &str = "act";
const EFFECT: &str = "effect";
const REPOSITORIES: &str = "repositories";

/// Why bytes are not one of these forms. Names places, never quotes: the text may be somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// Another version.
    #[error("it is of version {found}; this program reads version {FORM_VERSION}")]
    Version {
        /// What was found.
        found: u64,
    },
    /// Another kind.
    #[error("it is of a kind that this program does not know")]
    Kind,
    /// Not of the form.
    #[error("it is not of the expected form (line {line}, column {column})")]
    Shape {
        /// Line of the first offence, from 1.
        line: usize,
        /// Column of the first offence.
        column: usize,
    },
    /// It reads, but is not what this program would write for it.
    #[error("it is not in canonical form")]
    NotCanonical,
}

/// The stored form of an input.
pub(crate) fn write_input(input: &NewInput) -> Vec<u8> {
    match input {
        NewInput::Submit(submission) => write(SUBMIT, submission),
        NewInput::Act(act) => write(ACT, act),
    }
}

/// Reads an input back.
pub(crate) fn read_input(bytes: &[u8]) -> Result<NewInput, FormError> {
    match kind_of(bytes)?.as_str() {
        SUBMIT => read::<Submission>(SUBMIT, bytes).map(NewInput::Submit),
        ACT => read::<SignedAct>(ACT, bytes).map(NewInput::Act),
        _ => Err(FormError::Kind),
    }
}

/// The stored form of an effect.
pub(crate) fn write_effect(effect: &Effect) -> Vec<u8> {
    write(EFFECT, effect)
}

/// Reads an effect back.
pub(crate) fn read_effect(bytes: &[u8]) -> Result<Effect, FormError> {
    read(EFFECT, bytes)
}

/// The stored form of a workflow's repositories.
pub(crate) fn write_repositories(repositories: &[RepoSelection]) -> Vec<u8> {
    write(REPOSITORIES, &repositories)
}

/// Reads a workflow's repositories back.
pub(crate) fn read_repositories(bytes: &[u8]) -> Result<Vec<RepoSelection>, FormError> {
    read(REPOSITORIES, bytes)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<T> {
    v: u64,
    kind: String,
    body: T,
}

#[derive(Deserialize)]
struct Probe {
    v: u64,
    kind: String,
}

fn write<T: Serialize>(kind: &str, body: &T) -> Vec<u8> {
    canonical_json(&Form {
        v: FORM_VERSION,
        kind: kind.to_owned(),
        body,
    })
}

fn kind_of(bytes: &[u8]) -> Result<String, FormError> {
    let probe: Probe = serde_json::from_slice(bytes).map_err(shape)?;
    if probe.v == FORM_VERSION {
        Ok(probe.kind)
    } else {
        Err(FormError::Version { found: probe.v })
    }
}

fn read<T: Serialize + DeserializeOwned>(kind: &str, bytes: &[u8]) -> Result<T, FormError> {
    if kind_of(bytes)? != kind {
        return Err(FormError::Kind);
    }
    let form: Form<T> = serde_json::from_slice(bytes).map_err(shape)?;
    if canonical_json(&form) == bytes {
        Ok(form.body)
    } else {
        Err(FormError::NotCanonical)
    }
}

fn shape(error: serde_json::Error) -> FormError {
    FormError::Shape {
        line: error.line(),
        column: error.column(),
    }
}
