//! Judges the ledger as a stranger would, who has nothing but files and the public key.

use super::Findings;
use crate::evidence::{Kept, Ledger};
use countersign_audit::audit;
use countersign_core::workflow::Workflow;
use countersign_ledger::tree::root_of_leaves;
use countersign_ledger::{Leaf, Origin, Trust, parse_and_verify};

/// The log makes the root that was signed, each leaf is the tenant's own, and each story is proven, whole and lawful.
pub(super) fn judge(kept: &Kept, ledger: &Ledger, workflows: &[Workflow], findings: &mut Findings) {
    let name = kept.tenant.as_str();
    match parse_and_verify(&ledger.head, &ledger.keys) {
        Ok(head) => {
            let same =
                head.size() == ledger.leaves.len() as u64 && head.root() == root_of_leaves(&ledger.leaves);
            findings.require(same, || format!("the log of {name} is not what was signed"));
        }
        Err(error) => findings
            .0
            .push(format!("the head of {name} does not verify: {error}")),
    }
    for leaf in &ledger.leaves {
        let own = Leaf::parse(leaf).is_ok_and(|leaf| leaf.tenant == name);
        findings.require(own, || {
            format!("the log of {name} holds a leaf that is not its own")
        });
    }
    let trust = Trust {
        keys: ledger.keys.clone(),
        checkpoints: vec![ledger.head.clone()],
        ..Trust::default()
    };
    for w in workflows.iter().filter(|w| w.submission.is_some()) {
        let told = match ledger.stories.get(&w.id) {
            None => Err("it is missing".to_owned()),
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(bytes)) => story(w, bytes, &trust, findings),
        };
        if let Err(why) = told {
            findings.0.push(format!("the story of {}: {why}", w.id));
        }
    }
}

fn story(w: &Workflow, bytes: &[u8], trust: &Trust, findings: &mut Findings) -> Result<(), String> {
    let verdict = audit(bytes, trust).map_err(|e| e.to_string())?;
    let (id, report) = (&w.id, &verdict.report);
    let proven = matches!(report.origin, Origin::Proven { .. });
    findings.require(proven, || format!("the origin of {id} is not proven"));
    findings.require(report.complete == w.state.is_final(), || {
        format!("{id} is complete although it goes on, or the reverse")
    });
    findings.require(report.entries.len() as u64 == w.version.0, || {
        format!("the story of {id} lacks events")
    });
    findings.require(verdict.is_lawful(), || {
        format!(
            "the story of {id} is not lawful: {:?} {:?}",
            verdict.problems, verdict.unjudged
        )
    });
    Ok(())
}
