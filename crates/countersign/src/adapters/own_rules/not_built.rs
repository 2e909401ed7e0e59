//! A build that can't run rules in Rego.

use countersign_core::facts::Facts;
use countersign_core::policy::{Finding, NoAnswer, RuleText};
use countersign_engine::OwnRules;

/// Refuses every rule.
pub(crate) struct NotBuilt;

impl OwnRules for NotBuilt {
    fn judge(&self, rules: &[RuleText], _: &Facts) -> Result<Vec<Finding>, NoAnswer> {
        let why = "this build of Countersign can't run rules in Rego; take one that was built with the feature `rego`";
        let code = "own-rules-not-built";
        Err(match rules.first() {
            Some(first) => NoAnswer::at(code, &first.path, None, why),
            None => NoAnswer::of_all(code, why),
        })
    }

    fn runs(&self) -> bool {
        false
    }
}

/// Nothing is ever started for that here.
#[cfg(not(feature = "rego"))]
pub(crate) fn answer_apart() -> i32 {
    eprintln!("countersign: this build can't run rules in Rego");
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::facts::FACTS_VERSION;
    use countersign_core::policy::Severity;

    #[test]
    fn a_build_that_can_not_run_rules_lets_nothing_pass() {
        let rules = [RuleText {
            path: ".countersign/rules/a.rego".into(),
            text: String::new(),
        }];
        let facts = Facts {
            version: FACTS_VERSION,
            origin: None,
            added: 0,
            removed: 0,
            files: Vec::new(),
            findings: Vec::new(),
            dependencies: Vec::new(),
            owners: Vec::new(),
        };
        let finding = NotBuilt.judge(&rules, &facts).expect_err("it can't").finding();
        assert_eq!(finding.severity, Some(Severity::Block));
        for words in ["`.countersign/rules/a.rego`", "built with the feature `rego`"] {
            assert!(finding.message.contains(words), "{}", finding.message);
        }
    }
}
