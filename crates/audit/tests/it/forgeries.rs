//! Lies with a name: whoever holds the ledger's key signs a story that is not true, and each is found by its code.

use crate::canned::{self, Team};
use crate::teller::{
    Form, Log, Teller, Told, assert_found, assert_lawful, ledger_key, sealed_anew, sign, trust, verdict,
};
use countersign_audit::{ProblemCode as Code, Verdict, audit};
use countersign_core::act::{Act, MemberKey, SeenDigest};
use countersign_core::digest::ApprovalDigest;
use countersign_core::gate::{CheckId, CheckOutcome, GateId, GateOutcome};
use countersign_core::id::{BranchName, Version};
use countersign_core::patch_set::commit_id;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_core::workflow::effect::SealPurpose;
use countersign_core::workflow::event::AttemptOutcome;
use countersign_ledger::Trust;
use ed25519_dalek::SigningKey;

/// The honest story of three people, told with a lie in it; every seal is made anew.
fn lie(bend: impl FnOnce(&mut Vec<Told>)) -> Verdict {
    let mut told = Teller::done(Team::Three).told;
    bend(&mut told);
    verdict(&sealed_anew(&told))
}

fn first(told: &[Told], is: impl Fn(&Event) -> bool) -> usize {
    told.iter().position(|(_, event)| is(event)).unwrap()
}

fn is_approval(event: &Event) -> bool {
    matches!(event, Event::ApprovalGiven { .. })
}

/// Changes every event.
fn each(told: &mut [Told], change: impl Fn(&mut Event)) {
    told.iter_mut().for_each(|(_, event)| change(event));
}

#[test]
fn an_approval_that_nobody_gave_is_missed() {
    let found = lie(|told| {
        let at = first(told, is_approval);
        told.remove(at);
    });
    assert_found(&found, Code::ApprovalMissing);
    assert_found(&found, Code::TransitionIllegal);
}

#[test]
fn the_requesters_own_approval_does_not_count_in_a_team() {
    // Alice started it, and signs with her own, genuine key.
    let found = lie(|told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                approval.act.record.member = canned::member_id("alice");
                approval.act = sign(approval.act.clone());
            }
        });
    });
    assert_found(&found, Code::ApprovalNotEligible);
    assert_found(&found, Code::ApprovalMissing);
    assert_found(&found, Code::TransitionIllegal);
}

#[test]
fn an_approval_without_its_members_signature_is_found() {
    let forged = |signature: &str| {
        lie(|told| {
            each(told, |event| {
                if let Event::ApprovalGiven { approval } = event {
                    approval.act.signature = signature.to_owned();
                }
            });
        })
    };
    for signature in ["00".repeat(64), String::new(), "not hex".to_owned()] {
        let found = forged(&signature);
        assert_found(&found, Code::ActNotAuthentic);
        assert_found(&found, Code::ApprovalMissing);
    }
    let by_carol = lie(|told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                let act = approval.act.record.clone();
                approval.act = countersign_core::act::SignedAct::sign(act, &canned::key_of("carol"));
            }
        });
    });
    assert_found(&by_carol, Code::ActNotAuthentic);
}

#[test]
fn an_approval_that_had_run_out_is_found() {
    // Eight days pass between the last approval and what follows; an approval lives seven.
    let found = lie(|told| {
        let last = told.iter().rposition(|(_, e)| is_approval(e)).unwrap();
        for (at, _) in told.iter_mut().skip(last + 3) {
            *at = Timestamp(at.0 + canned::EIGHT_DAYS_MS);
        }
    });
    assert_found(&found, Code::ApprovalExpired);
    // Nor was it written earlier: no try began in time.
    let found_there = lie(|told| {
        let last = told.iter().rposition(|(_, e)| is_approval(e)).unwrap();
        for (at, event) in told.iter_mut().skip(last + 3) {
            *at = Timestamp(at.0 + canned::EIGHT_DAYS_MS);
            if let Event::AttemptEnded {
                outcome: AttemptOutcome::Written { found, .. },
                ..
            } = event
            {
                *found = true;
            }
        }
    });
    assert_found(&found_there, Code::ApprovalExpired);
    let kept_alive = lie(|told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                approval.expires_at = approval.expires_at.plus_ms(canned::EIGHT_DAYS_MS);
            }
        });
    });
    assert_found(&kept_alive, Code::ApprovalTooLong);
    assert_found(&kept_alive, Code::TransitionIllegal);
}

#[test]
fn an_approval_of_something_else_is_found() {
    let found = lie(|told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                if let Act::Approve { seen, .. } = &mut approval.act.record.act {
                    *seen = SeenDigest::PatchSet(ApprovalDigest::of_bytes(b"another proposal"));
                }
                approval.act = sign(approval.act.clone());
            }
        });
    });
    assert_found(&found, Code::ApprovalOtherDigest);
    assert_found(&found, Code::ApprovalMissing);
}

#[test]
fn who_asked_can_not_be_another_one() {
    // Whoever asked may not approve, so a story may want somebody else to have asked.
    let found = lie(|told| {
        each(told, |event| {
            if let Event::WorkflowStarted {
                started_by,
                signature,
                ..
            } = event
            {
                *started_by = canned::member_id("carol");
                *signature = None;
            }
        });
    });
    assert_found(&found, Code::StartNotAuthentic);
}

#[test]
fn metadata_that_whoever_asked_did_not_give_is_found() {
    let found = lie(|told| {
        each(told, |event| {
            if let Event::WorkflowStarted { metadata, .. } = event {
                metadata.insert("ticket".to_owned(), "PAY-17".to_owned());
            }
        });
    });
    assert_found(&found, Code::StartNotAuthentic);
}

#[test]
fn an_approval_of_another_workflow_is_found() {
    let found = lie(|told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                approval.act.record.workflow = countersign_core::id::WorkflowId::from_parts(9, 9);
                approval.act = sign(approval.act.clone());
            }
        });
    });
    assert_found(&found, Code::ActMisplaced);
}

#[test]
fn a_withdrawn_approval_does_not_count() {
    let mut told = Teller::new(Team::Three);
    told.ask_for_approval().approve("bob").approve("bob");
    let mut story = told.told.clone();
    let withdrawn = {
        let mut other = told.clone();
        let reason = "second thoughts".to_owned();
        other.act("bob", Act::Withdraw { reason });
        other.told.get(story.len()).unwrap().clone()
    };
    told.result("seal-ledger: sealed");
    let rest = told.told.split_off(story.len());
    story.push(withdrawn);
    story.extend(rest);
    let mut on = told.clone();
    on.told.clear();
    on.result("check-bases: unmoved")
        .result("write-branch: attempt starts");
    story.extend(on.told);
    let found = verdict(&sealed_anew(&story));
    assert_found(&found, Code::ApprovalMissing);
}

#[test]
fn a_gate_that_is_not_there_is_missed() {
    for gate in [
        GateId::Intake,
        GateId::Plan,
        GateId::Proposal,
        GateId::Approval,
        GateId::Write,
    ] {
        let found = lie(|told| {
            told.retain(
                |(_, event)| !matches!(event, Event::GateEvaluated { result } if result.gate == gate),
            );
        });
        assert_found(&found, Code::GateMissing);
        assert_found(&found, Code::TransitionIllegal);
    }
}

#[test]
fn a_gate_that_said_no_and_is_called_passed_is_found() {
    for gate in [GateId::Plan, GateId::Approval, GateId::Write] {
        let bent = |bend: &dyn Fn(&mut countersign_core::gate::GateResult)| {
            lie(|told| {
                each(told, |event| {
                    if let Event::GateEvaluated { result } = event
                        && result.gate == gate
                    {
                        bend(result);
                    }
                });
            })
        };
        let failed = bent(&|result| result.checks[0].outcome = CheckOutcome::Failed);
        assert_found(&failed, Code::GateEvidence);
        let absent = bent(&|result| {
            result.checks.remove(0);
        });
        assert_found(&absent, Code::GateEvidence);
        // The forger computes the digest anew, so that only the rules are left to find it.
        let dropped = bent(&|result| {
            result.checks.retain(|c| {
                c.id != CheckId::PlanApproved && c.id != CheckId::NoRejection && c.id != CheckId::BaseStands
            });
            result.evidence = countersign_core::digest::EvidenceDigest::of(&(
                result.gate,
                result.revision,
                result.outcome,
                &result.checks,
            ));
        });
        assert_found(&dropped, Code::GateEvidence);
        assert_found(&dropped, Code::TransitionIllegal);
        let waved = bent(&|result| result.outcome = GateOutcome::NotRequired);
        assert_found(&waved, Code::GateEvidence);
    }
}

#[test]
fn a_commit_that_is_not_what_was_approved_is_found() {
    let other = |bytes: &str| bytes.replace("Rename quote", "Rename quota");
    // Only the bytes.
    let bytes = lie(|told| {
        each(told, |event| {
            if let Event::PatchSetsFixed { patch_sets } = event {
                let manifest = &mut patch_sets[0].manifest;
                manifest.commit_bytes = other(&manifest.commit_bytes);
            }
        });
    });
    assert_found(&bytes, Code::ManifestCommit);
    assert_found(&bytes, Code::PatchSetDigest);
    // The id fits the bytes, in every place that names it.
    let id = lie(|told| {
        let mut ids = None;
        each_mut(told, |event| {
            if let Event::PatchSetsFixed { patch_sets } = event {
                let manifest = &mut patch_sets[0].manifest;
                manifest.commit_bytes = other(&manifest.commit_bytes);
                let new = commit_id(manifest.commit_bytes.as_bytes());
                ids = Some((std::mem::replace(&mut manifest.commit, new.clone()), new));
            }
            let Some((old, new)) = &ids else { return };
            swap_commits(event, old, new);
        });
    });
    assert_found(&id, Code::PatchSetDigest);
    // Everything that is no signature fits.
    let all = lie(|told| {
        let mut ids = None;
        each_mut(told, |event| {
            if let Event::PatchSetsFixed { patch_sets } = event {
                let own = &mut patch_sets[0];
                own.manifest.commit_bytes = other(&own.manifest.commit_bytes);
                let new = commit_id(own.manifest.commit_bytes.as_bytes());
                ids = Some((std::mem::replace(&mut own.manifest.commit, new.clone()), new));
                own.digest = digest_of(own);
            }
            let Some((old, new)) = &ids else { return };
            swap_commits(event, old, new);
        });
    });
    assert_found(&all, Code::WriteOther);
    assert_found(&all, Code::ApprovalMissing);
}

fn each_mut(told: &mut [Told], mut change: impl FnMut(&mut Event)) {
    told.iter_mut().for_each(|(_, event)| change(event));
}

fn swap_commits(
    event: &mut Event,
    old: &countersign_core::id::CommitSha,
    new: &countersign_core::id::CommitSha,
) {
    let swap = |commit: &mut countersign_core::id::CommitSha| {
        if commit == old {
            *commit = new.clone();
        }
    };
    match event {
        Event::IntentsRecorded { intents } => intents.iter_mut().for_each(|i| swap(&mut i.commit)),
        Event::AttemptStarted { attempt } => swap(&mut attempt.commit),
        Event::AttemptEnded {
            outcome: AttemptOutcome::Written { commit, .. },
            ..
        } => swap(commit),
        _other => {}
    }
}

/// The digest that a patch set has to have as it is.
pub(crate) fn digest_of(
    own: &countersign_core::patch_set::PatchSet,
) -> countersign_core::digest::PatchSetDigest {
    countersign_core::digest::PatchSetDigest::of(&(
        (
            countersign_core::id::TenantId::local(),
            canned::workflow_id(),
            &own.repository,
            own.revision,
        ),
        (&own.base_branch, &own.base, &own.draft),
        &own.manifest,
    ))
}

#[test]
fn a_commit_that_does_not_say_what_it_has_to_is_found() {
    type Bend = (&'static str, fn(&str) -> String);
    let bends: [Bend; 4] = [
        ("another tree", |b| b.replacen("tree ", "tree 0", 1)),
        ("no parent", |b| {
            let lines: Vec<&str> = b.lines().filter(|l| !l.starts_with("parent")).collect();
            lines.join("\n")
        }),
        ("another revision", |b| b.replace("Revision: 1", "Revision: 7")),
        ("a trailer twice", |b| {
            format!("{b}Countersign-Checkpoint: 1 00\n")
        }),
    ];
    for (name, bend) in bends {
        let found = lie(|told| {
            each(told, |event| {
                if let Event::PatchSetsFixed { patch_sets } = event {
                    let own = &mut patch_sets[0];
                    own.manifest.commit_bytes = bend(&own.manifest.commit_bytes);
                    own.manifest.commit = commit_id(own.manifest.commit_bytes.as_bytes());
                    own.digest = digest_of(own);
                }
            });
        });
        assert!(
            found.problems.iter().any(|p| p.code == Code::ManifestContent),
            "{name}"
        );
    }
    let branch = lie(|told| {
        each(told, |event| {
            if let Event::PatchSetsFixed { patch_sets } = event {
                let own = &mut patch_sets[0];
                own.manifest.branch = BranchName::parse("main").unwrap();
                own.digest = digest_of(own);
            }
        });
    });
    assert_found(&branch, Code::ManifestBranch);
}

#[test]
fn something_else_that_was_written_is_found() {
    let other = canned::repositories()[0].clone();
    let found = lie(|told| {
        each(told, |event| {
            if let Event::AttemptEnded {
                outcome: AttemptOutcome::Written { commit, .. },
                ..
            } = event
            {
                *commit = commit_id(other.to_string().as_bytes());
            }
        });
    });
    assert_found(&found, Code::WriteOther);
}

#[test]
fn approvals_that_no_seal_from_before_the_write_covers_are_found() {
    let is_seal = |event: &Event| {
        matches!(
            event,
            Event::LedgerSealed {
                purpose: SealPurpose::Approved,
                ..
            }
        )
    };
    let dropped = lie(|told| told.retain(|(_, e)| !is_seal(e)));
    assert_found(&dropped, Code::SealMissing);
    let older = lie(|told| {
        each(told, |event| {
            if let Event::LedgerSealed {
                purpose: SealPurpose::Approved,
                checkpoint,
            } = event
            {
                checkpoint.covers = Version(3);
            }
        });
    });
    assert_found(&older, Code::SealMissing);
}

#[test]
fn a_seal_of_another_log_is_found() {
    let mut told = Teller::done(Team::Three).told;
    each(&mut told, |event| {
        if let Event::LedgerSealed {
            purpose: SealPurpose::Approved,
            checkpoint,
        } = event
        {
            checkpoint.root = "ab".repeat(32);
        }
    });
    assert_found(&verdict(&told), Code::SealInvalid);
    // A genuine note, of a log that this one does not go on from.
    let mut told = Teller::done(Team::Three).told;
    let at = first(&told, |e| {
        matches!(
            e,
            Event::LedgerSealed {
                purpose: SealPurpose::Approved,
                ..
            }
        )
    });
    let other = Log::of(&told[..at - 1]);
    let seal = other.seal(Version(at as u64 - 1));
    let note = other.note(other.size());
    if let Event::LedgerSealed { checkpoint, .. } = &mut told[at].1 {
        *checkpoint = countersign_core::workflow::event::CheckpointRef {
            size: checkpoint.size,
            ..seal
        };
    }
    let log = Log::of(&told);
    let mut builder = log.bundle(&told);
    builder.attach(note.into_bytes());
    let file = builder
        .finish(log.note(log.size()), &[ledger_key().verifier()])
        .to_bytes()
        .unwrap();
    assert_found(&audit(&file, &trust()).unwrap(), Code::SealInvalid);
}

#[test]
fn a_policy_looser_than_the_floor_is_found() {
    let found = lie(|told| {
        each(told, |event| {
            if let Event::ContextLoaded { repositories, .. } = event {
                repositories[0].policy.approval_days.value = 400;
            }
        });
    });
    assert_found(&found, Code::PolicyTooLoose);
    assert_found(&found, Code::TransitionIllegal);
}

#[test]
fn a_write_after_a_rejection_is_found() {
    let mut teller = Teller::new(Team::Three);
    teller.ask_for_approval();
    let open = teller.workflow.open_requests().next().unwrap().clone();
    let reject = Act::Reject {
        request: open.id,
        seen: canned::seen(&open.subject),
        reason: "no".to_owned(),
    };
    let mut rejected = teller.clone();
    rejected.act("carol", reject);
    let rejection = rejected.told[teller.told.len()].clone();
    let found = lie(|told| {
        let at = first(told, is_approval);
        told.insert(at, (told[at].0, rejection.1));
    });
    assert_found(&found, Code::WriteStopped);
}

#[test]
fn a_roster_that_was_changed_later_shows_in_a_checkpoint_seen_before() {
    // Whoever holds the ledger's key and invents the members' keys can tell anything, to people who have seen nothing.
    let honest = Teller::done(Team::Three).told;
    let invented = SigningKey::from_bytes(&[66; 32]);
    let mut forged = honest.clone();
    each(&mut forged, |event| match event {
        Event::RosterRecorded { roster } => {
            let key = MemberKey::from_bytes(invented.verifying_key().to_bytes());
            roster.keys.insert(canned::member_id("bob"), key);
        }
        Event::ApprovalGiven { approval } => {
            let record = approval.act.record.clone();
            approval.act = countersign_core::act::SignedAct::sign(record, &invented);
        }
        _other => {}
    });
    let size = honest
        .iter()
        .find_map(|(_, event)| match event {
            Event::LedgerSealed { checkpoint, .. } => Some(checkpoint.size),
            _other => None,
        })
        .unwrap();
    let seen = Log::of(&honest).note(size);
    let trust = Trust {
        checkpoints: vec![seen],
        ..trust()
    };
    let honest = Log::of(&honest).file(&honest);
    assert!(audit(&honest, &trust).unwrap().is_lawful());
    let forged = sealed_anew(&forged);
    let refused = audit(&Log::of(&forged).file(&forged), &trust).unwrap_err();
    assert_eq!(refused.code(), "verify-split-view");
}

#[test]
fn what_this_program_does_not_know_is_refused() {
    let told = Teller::done(Team::Solo).told;
    let formed = |form: Form| audit(&Log::formed(&told, &form).file(&told), &trust()).unwrap();
    let mut form = Form::default();
    form.kinds.insert(4, "workflow.hint".to_owned());
    assert_found(&formed(form), Code::KindUnknown);
    let mut form = Form::default();
    form.record_version.insert(4, 2);
    assert_found(&formed(form), Code::RecordUnreadable);
    let form = Form {
        ended: Some(false),
        ..Form::default()
    };
    assert_found(&formed(form), Code::EndMismatch);
    let open = &told[..told.len() - 1];
    let form = Form {
        ended: Some(true),
        ..Form::default()
    };
    let log = Log::formed(open, &form);
    let found = audit(&log.file(open), &trust()).unwrap();
    assert!(!found.is_lawful());
}

#[test]
fn evidence_that_is_not_there_is_missed() {
    let told = Teller::done(Team::Solo).told;
    let log = Log::of(&told);
    let whole = log
        .bundle(&told)
        .finish(log.note(log.size()), &[ledger_key().verifier()]);
    // Two seals, one output that all agents share, two diffs.
    assert_eq!(whole.attachments.len(), 5);
    for at in 0..whole.attachments.len() {
        let mut bundle = whole.clone();
        bundle.attachments.remove(at);
        let found = audit(&bundle.to_bytes().unwrap(), &trust()).unwrap();
        assert_found(&found, Code::EvidenceMissing);
    }
    let mut more = log.bundle(&told);
    more.attach(b"a receipt that nobody named".to_vec());
    let bundle = more.finish(log.note(log.size()), &[ledger_key().verifier()]);
    let found = audit(&bundle.to_bytes().unwrap(), &trust()).unwrap();
    assert_found(&found, Code::EvidenceUnnamed);
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A written story of one person in which two broken rules were let pass for a day.
fn waived() -> Vec<Told> {
    let mut teller = Teller::new(Team::Solo);
    for name in &canned::TO_APPROVAL[..4] {
        teller.result(name);
    }
    teller.result("draft: a secret").result("critique: no finding");
    for _ in 0..2 {
        let w = &teller.workflow;
        let open = w.open_requests().next().unwrap();
        let broken = w.violations.iter().find(|v| v.waived_until.is_none()).unwrap();
        let waive = Act::Waive {
            request: open.id.clone(),
            seen: canned::seen(&open.subject),
            repository: broken.repository.clone(),
            violation: broken.id(),
            reason: "a made-up key of the documentation".to_owned(),
            until: teller.at.plus_ms(DAY_MS),
        };
        teller.act("alice", waive);
    }
    teller
        .result("seal-ledger: sealed")
        .approve("alice")
        .approve("alice");
    teller.written().told
}

fn lie_about(mut told: Vec<Told>, bend: impl FnOnce(&mut Vec<Told>)) -> Verdict {
    bend(&mut told);
    verdict(&sealed_anew(&told))
}

#[test]
fn a_waiver_is_what_was_signed_or_it_is_found() {
    assert_lawful(&verdict(&waived()));
    let bent = |bend: &dyn Fn(&mut countersign_core::policy::Waiver)| {
        lie_about(waived(), |told| {
            each(told, |event| {
                if let Event::WaiverGiven { waiver, .. } = event {
                    bend(waiver);
                }
            });
        })
    };
    assert_found(&bent(&|w| w.until = w.until.plus_ms(DAY_MS)), Code::WaiverOther);
    assert_found(
        &bent(&|w| w.until = w.until.plus_ms(400 * DAY_MS)),
        Code::WaiverOther,
    );
    assert_found(&bent(&|w| w.reason.push('!')), Code::WaiverOther);
    assert_found(&bent(&|w| w.by = canned::member_id("bob")), Code::WaiverOther);
    assert_found(&bent(&|w| w.path = "src/other.rs".into()), Code::WaiverOther);
    let unsigned = lie_about(waived(), |told| {
        each(told, |event| {
            if let Event::WaiverGiven { act, .. } = event {
                act.signature = "00".repeat(64);
            }
        });
    });
    assert_found(&unsigned, Code::ActNotAuthentic);
}

#[test]
fn a_write_that_rests_on_a_dead_waiver_is_found() {
    let nobody = lie_about(waived(), |told| {
        told.retain(|(_, event)| !matches!(event, Event::WaiverGiven { .. }));
    });
    assert_found(&nobody, Code::WaiverDead);
    let too_late = lie_about(waived(), |told| {
        let last = told.iter().rposition(|(_, e)| is_approval(e)).unwrap();
        for (at, _) in told.iter_mut().skip(last + 3) {
            *at = Timestamp(at.0 + 2 * DAY_MS);
        }
    });
    assert_found(&too_late, Code::WaiverDead);
    assert_found(&too_late, Code::ApprovalExpired);
}

#[test]
fn an_owner_who_was_not_asked_is_missed() {
    let mut teller = Teller::new(Team::Three);
    for name in &canned::TO_APPROVAL[..4] {
        teller.result(name);
    }
    teller
        .result("draft: owned")
        .result("critique: no finding")
        .result("seal-ledger: sealed")
        .approve("bob")
        .approve("bob");
    let told = teller.written().told;
    assert_lawful(&verdict(&told));
    // Carol may approve, but Bob owns the path.
    let found = lie_about(told, |told| {
        each(told, |event| {
            if let Event::ApprovalGiven { approval } = event {
                approval.act.record.member = canned::member_id("carol");
                approval.act = sign(approval.act.clone());
            }
        });
    });
    assert_found(&found, Code::OwnerMissing);
}

#[test]
fn people_who_may_not_act_and_rules_about_looking_are_seen() {
    let inactive = lie(|told| {
        each(told, |event| {
            if let Event::RosterRecorded { roster } = event {
                roster.members.iter_mut().for_each(|m| m.active = m.name != "bob");
            }
        });
    });
    assert_found(&inactive, Code::ActNotEntitled);
    let unattended = lie(|told| {
        each(told, |event| match event {
            Event::ContextLoaded { repositories, .. } => {
                repositories[0].policy.unattended.value = countersign_core::policy::Unattended::Forbid;
            }
            Event::ApprovalGiven { approval } => {
                approval.act.record.attendance = countersign_core::act::Attendance::Unattended;
                approval.act = sign(approval.act.clone());
            }
            _other => {}
        });
    });
    assert_found(&unattended, Code::ApprovalUnattended);
    let warned = lie(|told| {
        each(told, |event| {
            if let Event::PolicyEvaluated { violations } = event {
                violations.push(warning());
            }
        });
    });
    assert_found(&warned, Code::ApprovalUnacknowledged);
}

fn warning() -> countersign_core::policy::Violation {
    countersign_core::policy::Violation {
        rule: countersign_core::policy::RuleId::CiFile,
        custom: None,
        severity: countersign_core::policy::Severity::Warn,
        repository: canned::repositories()[0].clone(),
        path: Some("ci.yml".into()),
        content: None,
        lines: vec![],
        message: "CI reads it.".to_owned(),
        remedy: "Look at it.".to_owned(),
        waived_until: None,
    }
}

#[test]
fn evidence_that_is_not_what_is_said_of_it_is_found() {
    let diff = lie(|told| {
        each(told, |event| {
            if let Event::DraftsRecorded { drafts } = event {
                drafts[0].diff.diff_hash = countersign_core::digest::DiffHash::of_bytes(b"another diff");
            }
        });
    });
    assert_found(&diff, Code::EvidenceOther);
    let words = lie(|told| {
        each(told, |event| {
            if let Event::WorkflowStarted { feedback, .. } = event {
                feedback.text.push_str(" And more.");
            }
        });
    });
    assert_found(&words, Code::EvidenceOther);
}

/// The body of an entry, as the store makes it.
fn body(seq: u64, at: Timestamp, event: &Event) -> Vec<u8> {
    let record = countersign_core::record::EventRecord {
        v: 1,
        tenant: countersign_core::id::TenantId::local(),
        workflow: canned::workflow_id(),
        seq,
        at,
        event: event.clone(),
    };
    record.to_bytes()
}

/// An entry's time is that of its decision, or up to five seconds later where others were recorded in between.
#[test]
fn an_entry_that_claims_another_time_than_its_decision_is_found() {
    let told = Teller::done(Team::Solo).told;
    let entered = |shift_ms: i64| {
        let bodies = (1..).zip(&told).map(|(seq, (at, event))| {
            let entered = Timestamp(at.0.checked_add_signed(shift_ms).unwrap());
            (entered, body(seq, *at, event))
        });
        audit(&Log::of_bodies(bodies.collect()).file(&told), &trust()).unwrap()
    };
    let misplaced = |shift_ms: i64| {
        let found = entered(shift_ms);
        found.problems.iter().any(|p| p.code == Code::RecordMisplaced)
    };
    assert!(misplaced(-1), "nothing is recorded before it is decided");
    assert!(!misplaced(0));
    assert!(!misplaced(5_000));
    assert!(misplaced(5_001));
}

#[test]
fn a_body_that_was_made_for_another_place_is_found() {
    let told = Teller::done(Team::Solo).told;
    let bodies = (2..)
        .zip(&told)
        .map(|(seq, (at, event))| (*at, body(seq, *at, event)));
    let log = Log::of_bodies(bodies.collect());
    let found = audit(&log.file(&told), &trust()).unwrap();
    assert_found(&found, Code::RecordMisplaced);
}

#[test]
fn a_story_goes_on_only_under_an_epoch_that_the_ledger_records() {
    let mut told = Teller::new(Team::Solo);
    told.ask_for_approval();
    let (name, input) = canned::reconciling(&told.workflow, told.team).remove(0);
    let at = told.at.plus_ms(1_000);
    assert!(told.take(input, at), "{name}");
    assert_lawful(&verdict(&told.told));
    let form = Form {
        without_epochs: true,
        ..Form::default()
    };
    let log = Log::formed(&told.told, &form);
    assert_found(
        &audit(&log.file(&told.told), &trust()).unwrap(),
        Code::EpochMissing,
    );
}

/// A code that no lie here leads to could as well not exist; one that the page doesn't explain helps nobody.
#[test]
fn every_code_is_found_by_some_lie_and_explained() {
    let lies = [
        include_str!("forgeries.rs"),
        include_str!("lies.rs"),
        include_str!("erased.rs"),
        include_str!("budget.rs"),
        include_str!("pull_requests.rs"),
        include_str!("signatures.rs"),
    ]
    .concat();
    let page = include_str!("../../../../docs/ledger.md");
    for code in Code::ALL {
        let name = format!("Code::{code:?}");
        assert!(lies.contains(&name), "no lie leads to {name}");
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/ledger.md does not explain {code}"
        );
    }
}
