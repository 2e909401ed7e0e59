//! What GitHub itself asks for before something is merged into a branch: branch protection
//! (<https://docs.github.com/rest/branches/branches#get-a-branch>) and rulesets
//! (<https://docs.github.com/rest/repos/rules#get-rules-for-a-branch>).

use super::error::CallError;
use super::{Found, GitHub};
use countersign_core::forge::{ANY_APP, RequiredCheck};
use countersign_core::id::BranchName;
use countersign_core::notice::rendering::CHECK_NAME;
use countersign_ports::trees::TreesError;
use serde::Deserialize;

/// Most rules of a branch that are read.
const RULES_MAX: usize = 500;
/// The kind of rule that asks for checks.
const REQUIRED_CHECKS: &str = "required_status_checks";

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    protection: Protection,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Protection {
    required_status_checks: Option<Classic>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Classic {
    // Every name once more, also of those that `checks` has with their app.
    contexts: Vec<String>,
    checks: Vec<ClassicCheck>,
}

#[derive(Deserialize)]
struct ClassicCheck {
    context: String,
    // GitHub has `null`, and -1 of old, where any app will do.
    app_id: Option<i64>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    required_status_checks: Vec<RuleCheck>,
}

#[derive(Deserialize)]
struct RuleCheck {
    context: String,
    integration_id: Option<i64>,
}

fn check(name: String, app: Option<i64>) -> RequiredCheck {
    RequiredCheck::of_protection(name, app.and_then(|number| u64::try_from(number).ok()))
}

impl Classic {
    fn checks(self) -> Vec<RequiredCheck> {
        let named = |name: &String| self.checks.iter().any(|c| c.context == *name);
        let bare: Vec<String> = self.contexts.iter().filter(|n| !named(n)).cloned().collect();
        let with_app = self.checks.into_iter().map(|c| check(c.context, c.app_id));
        with_app
            .chain(bare.into_iter().map(|name| check(name, None)))
            .collect()
    }
}

/// What GitHub says (403) of private repositories under plans that have no rules for branches.
const NOT_IN_PLAN: &str = "Upgrade to GitHub";

/// Nothing there: no such branch, a server that is older than rulesets, or a plan without. That a repository can't be seen at
/// all is told by every other look at it.
fn if_there<T: Default>(found: Result<T, CallError>) -> Result<T, CallError> {
    match found {
        Err(CallError::Refused { status: 404, .. }) => Ok(T::default()),
        Err(CallError::Refused { status: 403, said }) if said.contains(NOT_IN_PLAN) => Ok(T::default()),
        other => other,
    }
}

/// Whether our own check run is asked for, by our App's number or by its name alone.
fn is_ours(check: &RequiredCheck, app: u64) -> bool {
    check.app == format!("#{app}") || (check.app == ANY_APP && check.name == CHECK_NAME)
}

impl GitHub {
    /// Every check that either of the two asks for, each once. Ours is left out: it tells what came of the gates, and none of
    /// them waits for it.
    pub(super) fn protecting(
        &self,
        at: &Found,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, TreesError> {
        let doing = format!("Reading what protects branch `{branch}` of {}", at.full_name);
        // Slashes are part of the name, and none of the path.
        let name: String = form_urlencoded::byte_serialize(branch.as_str().as_bytes()).collect();
        let name = name.replace('+', "%20");
        let read = || {
            let path = format!("/repos/{}/branches/{name}", at.full_name);
            let classic = self
                .api
                .get(&at.id, &path)
                .map(|branch: Branch| branch.protection);
            let mut all = match if_there(classic)?.required_status_checks {
                Some(classic) => classic.checks(),
                None => Vec::new(),
            };
            let path = format!("/repos/{}/rules/branches/{name}", at.full_name);
            let rules = self.api.list(&at.id, &path, RULES_MAX, |page: Vec<Rule>| page);
            for rule in if_there(rules)?.into_iter().filter(|r| r.kind == REQUIRED_CHECKS) {
                let asked = rule.parameters.required_status_checks.into_iter();
                all.extend(asked.map(|c| check(c.context, c.integration_id)));
            }
            all.sort();
            all.dedup();
            if let Some(us) = self.known()? {
                all.retain(|check| !is_ours(check, us.id));
            }
            Ok(all)
        };
        read().map_err(|e: CallError| e.reading(&doing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_without_rules_has_none_and_any_other_no_is_one() {
        let refused = |status: u16, said: &str| {
            let said = said.to_owned();
            if_there::<Vec<Rule>>(Err(CallError::Refused { status, said })).is_ok()
        };
        let plan = "Upgrade to GitHub Pro or make this repository public to enable this feature.";
        assert!(refused(403, plan) && refused(404, "Not Found"));
        assert!(!refused(403, "Resource not accessible by integration") && !refused(422, plan));
    }

    #[test]
    fn a_name_without_its_app_counts_only_where_no_app_is_named_for_it() {
        let text = r#"{"contexts": ["test", "lint"], "checks": [{"context": "test", "app_id": 15368}]}"#;
        let classic: Classic = serde_json::from_str(text).expect("as GitHub has it");
        let shown: Vec<String> = classic.checks().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["test by app 15368", "lint by any app"]);
        assert_eq!(check("test".to_owned(), Some(-1)).to_string(), "test by any app");
    }
}
