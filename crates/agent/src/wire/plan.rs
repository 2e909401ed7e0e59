//! The form of a plan, read from a script or a program and written for a program. See the list of `mod.rs`.

use super::{no_words, path_from, repo_meant};
use crate::answer::name_of;
use crate::derive;
use countersign_core::artifact::{AcceptanceCriterion, PathExpectation, Plan, PlannedPath, Scope, Step};
use countersign_ports::agent::AgentRepo;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// The planner's answer, and what a program is told of a plan.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanForm {
    #[serde(default)]
    scope: ScopeForm,
    steps: Vec<StepForm>,
    #[serde(default)]
    acceptance: Vec<TextOr<CriterionForm>>,
    #[serde(default)]
    derived_from_proposal: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScopeForm {
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    non_goals: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StepForm {
    id: Option<String>,
    title: String,
    repo: Option<String>,
    paths: Vec<TextOr<PathForm>>,
    #[serde(default = "no_words")]
    rationale: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PathForm {
    path: String,
    expectation: PathExpectation,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CriterionForm {
    id: String,
    text: String,
}

impl PlanForm {
    /// # Errors
    /// A sentence with the place, when a repository is unknown or a path is broken.
    pub(crate) fn into_core(self, repositories: &[AgentRepo]) -> Result<Plan, String> {
        let mut steps = Vec::new();
        for (number, form) in (1..).zip(self.steps) {
            let step = step(form, number, repositories).map_err(|e| format!("step {number}: {e}"))?;
            steps.push(step);
        }
        let criterion = |(number, form): (usize, TextOr<CriterionForm>)| match form {
            TextOr::Text(text) => AcceptanceCriterion {
                id: format!("a{number}"),
                text,
            },
            TextOr::Full(full) => AcceptanceCriterion {
                id: full.id,
                text: full.text,
            },
        };
        let mut acceptance = self.acceptance;
        if acceptance.is_empty() {
            acceptance.push(TextOr::Text(
                "Every listed file is changed, and no other.".to_owned(),
            ));
        }
        let mut includes = self.scope.includes;
        if includes.is_empty() {
            includes = steps.iter().map(|step| step.title.clone()).collect();
        }
        Ok(Plan {
            scope: Scope {
                includes,
                non_goals: self.scope.non_goals,
            },
            steps,
            acceptance: (1..).zip(acceptance).map(criterion).collect(),
            derived_from_proposal: self.derived_from_proposal,
        })
    }

    /// The form of a plan, for a program.
    pub(crate) fn from_core(plan: &Plan, repositories: &[AgentRepo]) -> Self {
        let path = |planned: &PlannedPath| {
            TextOr::Full(PathForm {
                path: planned.path.to_text(),
                expectation: planned.expectation,
            })
        };
        let step = |step: &Step| StepForm {
            id: Some(step.id.clone()),
            title: step.title.clone(),
            repo: Some(name_of(repositories, &step.repository)),
            paths: step.paths.iter().map(path).collect(),
            rationale: step.rationale.clone(),
        };
        let criterion = |c: &AcceptanceCriterion| {
            TextOr::Full(CriterionForm {
                id: c.id.clone(),
                text: c.text.clone(),
            })
        };
        PlanForm {
            scope: ScopeForm {
                includes: plan.scope.includes.clone(),
                non_goals: plan.scope.non_goals.clone(),
            },
            steps: plan.steps.iter().map(step).collect(),
            acceptance: plan.acceptance.iter().map(criterion).collect(),
            derived_from_proposal: plan.derived_from_proposal,
        }
    }
}

fn step(form: StepForm, number: usize, repositories: &[AgentRepo]) -> Result<Step, String> {
    let repo = repo_meant(form.repo.as_deref(), repositories)?;
    let mut paths = Vec::new();
    for planned in form.paths {
        paths.push(match planned {
            TextOr::Text(text) => {
                let path = path_from(&text)?;
                PlannedPath {
                    expectation: derive::expectation(repo, &path),
                    path,
                }
            }
            TextOr::Full(full) => PlannedPath {
                path: path_from(&full.path)?,
                expectation: full.expectation,
            },
        });
    }
    let id = form.id.unwrap_or_else(|| format!("s{number}"));
    Ok(Step {
        id,
        title: form.title,
        repository: repo.id.clone(),
        paths,
        rationale: form.rationale,
    })
}

/// A plain text, or an object that says more.
#[derive(Debug, Clone)]
enum TextOr<T> {
    Text(String),
    Full(T),
}

impl<T: Serialize> Serialize for TextOr<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TextOr::Text(text) => text.serialize(serializer),
            TextOr::Full(full) => full.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an object")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Full)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}
