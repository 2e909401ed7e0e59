//! Signed commits: what is signed is what the unsigned story would write, and a signature that does not fit is not taken.

use crate::canned::{self, START, Team};
use countersign_core::commit_signature::{SignatureError, SignedCommits, insert, take, verify};
use countersign_core::id::RepositoryId;
use countersign_core::patch_set::commit_id;
use countersign_core::question::QuestionKind;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{EffectResult, Event, Input, State, Workflow, decide};
use proptest::prelude::*;
use ssh_key::private::{Ed25519Keypair, PrivateKey};
use ssh_key::{HashAlg, LineEnding};

const BOT: &str = "Countersign <bot@example.org>";

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn signed_for(namespace: &str, key: &PrivateKey, bytes: &str) -> String {
    let signature = key.sign(namespace, HashAlg::Sha512, bytes.as_bytes()).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

/// The workflow before its manifests are fixed, and the result that signs them.
fn to_sign(committer: &str, sign: impl Fn(&RepositoryId, &str) -> Option<String>) -> (Workflow, Input) {
    let names = &canned::TO_APPROVAL[..canned::TO_APPROVAL.len() - 1];
    let w = canned::walk(Team::Solo, names);
    let mut all = canned::results(&w, Team::Solo, START).into_iter();
    let (_, mut input) = all.find(|(name, _)| name == "seal-ledger: sealed").unwrap();
    if let Input::Effect { result, .. } = &mut input
        && let EffectResult::Sealed {
            checkpoint, signed, ..
        } = result
    {
        let commits = w.commits_to_sign(checkpoint, committer, START);
        let signatures = commits
            .iter()
            .filter_map(|(id, bytes)| Some((id.clone(), sign(id, bytes)?)));
        *signed = Some(SignedCommits {
            committer: committer.to_owned(),
            at: START,
            signatures: signatures.collect(),
        });
    }
    (w, input)
}

#[test]
fn what_people_are_asked_about_is_the_signed_commit() {
    let (w, input) = to_sign(BOT, |_, bytes| Some(signed_for("git", &key(1), bytes)));
    // Decided later than it was signed: the dates are those of the signature.
    let decision = decide(&w, input, START.plus_ms(90_000)).unwrap();
    assert_eq!(decision.workflow.state, State::AwaitingApproval);
    let plain = canned::awaiting_approval(Team::Solo);
    let patch_sets = &decision.workflow.patch_sets;
    assert_eq!(patch_sets.len(), 2);
    for (signed, plain) in patch_sets.iter().zip(&plain.patch_sets) {
        let manifest = &signed.manifest;
        let (unsigned, armour) = take(&manifest.commit_bytes).unwrap();
        let committed = format!("{BOT} {} +0000", START.unix_seconds());
        assert!(
            unsigned.contains(&format!("\nauthor {committed}\ncommitter {committed}\n\n")),
            "{unsigned}"
        );
        let recorded = manifest.signature.as_ref().unwrap();
        let fingerprint = key(1).fingerprint(HashAlg::Sha256).to_string();
        assert!(recorded.key == fingerprint && fingerprint.starts_with("SHA256:"));
        assert_eq!(verify(unsigned.as_bytes(), &armour).as_ref(), Ok(&recorded.key));
        assert_eq!(commit_id(manifest.commit_bytes.as_bytes()), manifest.commit);
        assert_ne!(signed.digest, plain.digest);
        // Everything but name, dates and signature is what it is without a key.
        let message = |bytes: &str| bytes.split_once("\n\n").unwrap().1.to_owned();
        assert_eq!(
            message(&manifest.commit_bytes),
            message(&plain.manifest.commit_bytes)
        );
    }
}

#[test]
fn without_a_key_nothing_of_it_is_recorded() {
    let plain = canned::awaiting_approval(Team::Solo);
    for patch_set in &plain.patch_sets {
        assert_eq!(patch_set.manifest.signature, None);
        let written = serde_json::to_value(&patch_set.manifest).unwrap();
        let names: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(names, ["branch", "commit", "commit_bytes", "pull_request"]);
    }
}

/// The date of a signed commit is the moment before people are asked: neither an old nor a coming one.
#[test]
fn a_commit_that_was_signed_at_another_time_is_asked_about() {
    let hour = 60 * 60 * 1000;
    let sign = |_: &RepositoryId, bytes: &str| Some(signed_for("git", &key(1), bytes));
    for (now, fixes) in [
        (START, true),
        (START.plus_ms(hour), true),
        (START.plus_ms(hour + 1), false),
        (Timestamp(START.0 - 1), false),
    ] {
        let (w, input) = to_sign(BOT, sign);
        let decision = decide(&w, input, now).unwrap();
        let is_fixed = decision
            .events
            .iter()
            .any(|e| matches!(e, Event::PatchSetsFixed { .. }));
        assert_eq!(is_fixed, fixes, "{now:?}");
    }
}

#[test]
fn a_signature_that_does_not_fit_is_asked_about_and_nothing_is_fixed() {
    type Sign = fn(&RepositoryId, &str) -> Option<String>;
    let cases: [(&str, &str, Sign); 6] = [
        ("commit-signature-mismatch", BOT, |_, bytes| {
            Some(signed_for("git", &key(1), &format!("{bytes} ")))
        }),
        ("commit-signature-purpose", BOT, |_, bytes| {
            Some(signed_for("file", &key(1), bytes))
        }),
        ("commit-signature-malformed", BOT, |_, _| {
            Some("-----BEGIN PGP SIGNATURE-----\n".to_owned())
        }),
        ("commit-signature-malformed", BOT, |_, bytes| {
            let armour = signed_for("git", &key(1), bytes);
            Some(armour.replace('\n', "\r\n"))
        }),
        ("commit-signature-missing", BOT, |id, bytes| {
            let own = *id == canned::repositories()[0];
            own.then(|| signed_for("git", &key(1), bytes))
        }),
        (
            "commit-signature-committer",
            "Bot <b@example.org>\nparent 00",
            |_, bytes| Some(signed_for("git", &key(1), bytes)),
        ),
    ];
    for (code, committer, sign) in cases {
        let (w, input) = to_sign(committer, sign);
        let decision = decide(&w, input, START).unwrap();
        let fixed = |e: &Event| matches!(e, Event::PatchSetsFixed { .. } | Event::LedgerSealed { .. });
        assert!(!decision.events.iter().any(fixed), "{code}");
        assert_eq!(decision.workflow.state, State::NeedsHuman, "{code}");
        let open = decision.workflow.open_requests().next().unwrap();
        let Subject::Question { question, .. } = &open.subject else {
            panic!("{code}: no question");
        };
        assert_eq!(question.kind, QuestionKind::StepFailed);
        assert!(question.details[0].contains(code), "{:?}", question.details);
    }
}

#[test]
fn a_signature_is_read_in_one_spelling_only() {
    let bytes = "tree x\n\nmessage\n";
    let armour = signed_for("git", &key(3), bytes);
    assert!(verify(bytes.as_bytes(), &armour).is_ok());
    let spellings = [
        armour.trim_end().to_owned(),
        format!("{armour}\n"),
        armour.replacen("SIGNATURE-----\n", "SIGNATURE-----\n\n", 1),
        format!("words before\n{armour}"),
        "A".repeat(10_000),
    ];
    for spelling in spellings {
        let found = verify(bytes.as_bytes(), &spelling);
        assert_eq!(found, Err(SignatureError::Malformed), "{spelling}");
    }
}

#[test]
fn one_signature_stands_in_a_header_or_none() {
    let unsigned = "tree x\nparent y\n\ngpgsig is only a word here\n";
    assert_eq!(take(unsigned), None);
    let signed = insert(unsigned, "one\ntwo\n");
    assert_eq!(
        signed,
        "tree x\nparent y\ngpgsig one\n two\n\ngpgsig is only a word here\n"
    );
    assert_eq!(take(&insert(&signed, "three\n")), None);
}

proptest! {
    #[test]
    fn a_signature_comes_out_as_it_went_in(
        header in "[a-z]{1,8} [^\\pC]{0,20}(\n[a-z]{1,5} [^\\pC]{1,20}){0,4}",
        message in "[^\\pC]{0,30}(\n{1,2}[^\\pC]{0,30}){0,3}",
        lines in prop::collection::vec("[A-Za-z0-9+/=-]{1,70}", 1..6),
    ) {
        let unsigned = format!("{header}\n\n{message}");
        let armour = format!("{}\n", lines.join("\n"));
        let signed = insert(&unsigned, &armour);
        prop_assert_eq!(take(&signed), Some((unsigned, armour)));
    }
}
