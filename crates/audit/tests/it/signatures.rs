//! Stories of signed commits: lawful where every signature is by the recorded key over the rest of the bytes, and nowhere else.

use crate::canned::Team;
use crate::forgeries::digest_of;
use crate::teller::{Teller, assert_found, assert_lawful, sealed_anew, signature, verdict};
use countersign_audit::{ProblemCode as Code, Verdict};
use countersign_core::commit_signature::{insert, take};
use countersign_core::patch_set::{PatchSet, WriteManifest, commit_id};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use ssh_key::HashAlg;
use ssh_key::private::{Ed25519Keypair, PrivateKey};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// The honest story, in which the first repository's manifest is bent; ids and digests fit again.
fn bent(bend: impl Fn(&mut WriteManifest)) -> Verdict {
    let mut told = Teller::signing(Team::Three, key(1)).till_the_end().told;
    for (_, event) in &mut told {
        if let Event::PatchSetsFixed { patch_sets } = event {
            let own = &mut patch_sets[0];
            bend(&mut own.manifest);
            own.manifest.commit = commit_id(own.manifest.commit_bytes.as_bytes());
            own.digest = digest_of(own);
        }
    }
    verdict(&sealed_anew(&told))
}

/// Signs anew what was signed.
fn by(key: &PrivateKey, bytes: &str) -> String {
    let (unsigned, _) = take(bytes).unwrap();
    insert(&unsigned, &signature(key, &unsigned))
}

fn record(manifest: &mut WriteManifest, key: &PrivateKey) {
    manifest.signature.as_mut().unwrap().key = key.fingerprint(HashAlg::Sha256).to_string();
}

fn is_wrong(found: &Verdict) -> bool {
    found.problems.iter().any(|p| p.code == Code::ManifestSignature)
}

#[test]
fn a_story_of_signed_commits_is_lawful() {
    let story = Teller::signing(Team::Three, key(1)).till_the_end();
    let signed = |p: &PatchSet| p.manifest.signature.is_some();
    assert!(story.workflow.patch_sets.iter().all(signed));
    assert_lawful(&verdict(&story.told));
    assert_lawful(&bent(|_| {}));
}

#[test]
fn a_signature_that_is_not_the_recorded_keys_over_these_bytes_is_found() {
    type Bend = fn(&mut WriteManifest);
    let bends: [(&str, Bend); 7] = [
        ("by another key", |m| {
            m.commit_bytes = by(&key(2), &m.commit_bytes)
        }),
        ("over other bytes", |m| m.commit_bytes.push_str("One more line\n")),
        ("another key is recorded", |m| record(m, &key(2))),
        ("one letter of it is another", |m| {
            let at = m.commit_bytes.find("gpgsig").unwrap() + 250;
            let other = if &m.commit_bytes[at..=at] == "A" { "B" } else { "A" };
            m.commit_bytes.replace_range(at..=at, other);
        }),
        ("taken off", |m| m.commit_bytes = take(&m.commit_bytes).unwrap().0),
        ("there, and not recorded", |m| m.signature = None),
        ("elsewhere in the header", |m| {
            let (unsigned, armour) = take(&m.commit_bytes).unwrap();
            let lines: Vec<&str> = armour.lines().collect();
            m.commit_bytes = format!("gpgsig {}\n{unsigned}", lines.join("\n "));
        }),
    ];
    for (name, bend) in bends {
        let found = bent(bend);
        assert!(is_wrong(&found), "{name}: {:?}", found.problems);
    }
}

#[test]
fn a_commit_that_another_key_signed_again_was_approved_by_nobody() {
    let found = bent(|m| {
        m.commit_bytes = by(&key(2), &m.commit_bytes);
        record(m, &key(2));
    });
    assert!(!is_wrong(&found), "the signature itself is genuine");
    assert_found(&found, Code::WriteOther);
    assert_found(&found, Code::ApprovalMissing);
}

#[test]
fn another_name_or_date_than_the_recorded_one_is_found() {
    let name = bent(|m| m.signature.as_mut().unwrap().committer = "Eve <eve@example.org>".to_owned());
    assert_found(&name, Code::ManifestContent);
    let date = bent(|m| m.signature.as_mut().unwrap().at = Timestamp(1_000));
    assert_found(&date, Code::ManifestContent);
}
