//! Checkpoints and keys: what is signed, what is refused.

use crate::support::key;
use countersign_ledger::{
    CheckpointError, KeyError, LedgerKey, RootHash, VerifierKey, content_hash, inspect, leaf_hash,
    parse_and_verify, sign_checkpoint,
};

const ORIGIN: &str = "countersign/acme";

fn root() -> RootHash {
    RootHash(leaf_hash(b"x").0)
}

fn note() -> String {
    sign_checkpoint(ORIGIN, 1, &root(), &key(1)).unwrap()
}

#[test]
fn a_checkpoint_is_a_signed_note_of_three_lines() {
    let note = note();
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[..2], [ORIGIN, "1"]);
    assert_eq!((lines[3], lines.len()), ("", 5));
    assert!(lines[4].starts_with("— countersign/acme "));
    assert_eq!(
        note,
        sign_checkpoint(ORIGIN, 1, &root(), &key(1)).unwrap(),
        "signing is deterministic"
    );
}

#[test]
fn a_good_signature_by_a_given_key_is_needed() {
    let checkpoint = parse_and_verify(&note(), &[key(2).verifier(), key(1).verifier()]).unwrap();
    assert_eq!(
        (checkpoint.origin(), checkpoint.size(), checkpoint.root()),
        (ORIGIN, 1, root())
    );
    assert_eq!(checkpoint.note(), note());
    assert_eq!(checkpoint.digest(), content_hash(note().as_bytes()));
    assert_eq!(inspect(&note()), Ok(checkpoint));
    assert_eq!(
        parse_and_verify(&note(), &[]),
        Err(CheckpointError::NoKnownSignature)
    );
    assert_eq!(
        parse_and_verify(&note(), &[key(2).verifier()]),
        Err(CheckpointError::NoKnownSignature)
    );
    let twice = [key(1).verifier(), key(1).verifier()];
    assert!(
        parse_and_verify(&note(), &twice).is_ok(),
        "a key given twice is one key"
    );
}

#[test]
fn a_wrong_signature_in_a_known_name_is_refused() {
    let other = sign_checkpoint(ORIGIN, 2, &root(), &key(1)).unwrap();
    let (text, _) = note()
        .split_once("\n\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (_, signature) = other.split_once("\n\n").unwrap();
    let forged = format!("{text}\n\n{signature}");
    let wrong = CheckpointError::SignatureInvalid {
        key: ORIGIN.to_owned(),
    };
    assert_eq!(parse_and_verify(&forged, &[key(1).verifier()]), Err(wrong));
    assert!(inspect(&forged).is_ok());
}

#[test]
fn further_signatures_of_strangers_are_carried() {
    let (_, stranger) = split(&sign_checkpoint(ORIGIN, 1, &root(), &key(9)).unwrap());
    let both = format!("{}{stranger}", note());
    assert!(parse_and_verify(&both, &[key(1).verifier()]).is_ok());
    assert!(parse_and_verify(&both, &[key(9).verifier()]).is_ok());
    assert!(parse_and_verify(&both, &[key(1).verifier(), key(9).verifier()]).is_ok());
}

fn split(note: &str) -> (String, String) {
    let (text, signatures) = note.split_once("\n\n").unwrap();
    (text.to_owned(), signatures.to_owned())
}

#[test]
fn other_forms_are_refused() {
    let good = note();
    let (_, signature) = split(&good);
    let root64 = good.lines().nth(2).unwrap();
    let bad = [
        String::new(),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        good.replace('\n', "\r\n"),
        format!("{ORIGIN}\n01\n{root64}\n\n{signature}"),
        format!("{ORIGIN}\n+1\n{root64}\n\n{signature}"),
        format!("{ORIGIN}\n9007199254740992\n{root64}\n\n{signature}"),
        format!("{ORIGIN}\n0\n{root64}\n\n{signature}"),
        format!("{ORIGIN}\n1\n{root64}\nextension\n\n{signature}"),
        format!("{ORIGIN}\n1\n{root64}\n\n\n{signature}"),
        format!("{ORIGIN}\n1\n{}\n\n{signature}", &root64[4..]),
        format!("{ORIGIN}\n1\n\n{signature}"),
        format!("countersign acme\n1\n{root64}\n\n{signature}"),
        format!("countersign/\u{202e}acme\n1\n{root64}\n\n{signature}"),
        format!("\n1\n{root64}\n\n{signature}"),
        format!("{ORIGIN}\n1\n{root64}\n\n{}", signature.replace('—', "-")),
        " ".repeat(70_000),
    ];
    for note in bad {
        assert!(inspect(&note).is_err(), "{note:?}");
        assert!(parse_and_verify(&note, &[key(1).verifier()]).is_err(), "{note:?}");
    }
}

#[test]
fn what_can_not_be_is_not_signed() {
    let sign = |origin: &str, size, root| sign_checkpoint(origin, size, &root, &key(1)).map_err(|e| e.code());
    assert_eq!(sign("", 1, root()), Err("checkpoint-origin-malformed"));
    assert_eq!(sign("a\nb", 1, root()), Err("checkpoint-origin-malformed"));
    assert_eq!(sign(ORIGIN, 0, root()), Err("checkpoint-size-impossible"));
    assert_eq!(sign(ORIGIN, 1 << 53, root()), Err("checkpoint-size-impossible"));
    assert!(sign(ORIGIN, 0, RootHash::EMPTY).is_ok());
}

#[test]
fn a_key_has_one_text() {
    // The verifier key of the C2SP and Go documentation.
    let known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let parsed = VerifierKey::parse(known).unwrap();
    assert_eq!(
        (parsed.to_string().as_str(), parsed.name(), parsed.id()),
        (known, "PeterNeumann", 0xc74f_20a3)
    );
    let bad = [
        ("", KeyError::Malformed),
        ("PeterNeumann+c74f20a3", KeyError::Malformed),
        (
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::HashMismatch,
        ),
        (
            "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::HashMismatch,
        ),
        (
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::Name,
        ),
        (
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::UnknownAlgorithm,
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            KeyError::Malformed,
        ),
        (
            "Weak+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            KeyError::Weak,
        ),
    ];
    for (text, error) in bad {
        assert_eq!(VerifierKey::parse(text), Err(error), "{text}");
    }
    assert_eq!(
        LedgerKey::from_seed("a+b", &[0; 32]).map(|_| ()),
        Err(KeyError::Name)
    );
    assert!(
        !format!("{:?}", key(1)).contains("0101"),
        "a signing key never prints its seed"
    );
}

#[test]
fn the_go_implementation_signs_the_same() {
    // `golang.org/x/mod/sumdb/note`'s example key and message: our verifier accepts its signature.
    let vkey =
        VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    let message = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let signature = signed_note::Signature::from_bytes(line.as_bytes()).unwrap();
    assert!(signed_note::Verifier::verify(
        &vkey,
        message,
        signature.signature()
    ));
}
