//! A bundle has one byte form, and limits.

use crate::support::{honest, key};
use countersign_ledger::{Body, Bundle, BundleBuilder, BundleError, bundle, content_hash};

fn text() -> String {
    String::from_utf8(honest().to_bytes().unwrap()).unwrap()
}

#[test]
fn a_bundle_reads_back() {
    let mut bundle = honest();
    assert_eq!(Bundle::parse(&bundle.to_bytes().unwrap()), Ok(bundle.clone()));
    bundle.entries[0].body = Body::Erased;
    let bytes = bundle.to_bytes().unwrap();
    assert!(
        String::from_utf8(bytes.clone())
            .unwrap()
            .contains(r#""salt":null"#)
    );
    assert_eq!(Bundle::parse(&bytes), Ok(bundle));
}

#[test]
fn the_builder_orders_and_joins() {
    let mut builder = BundleBuilder::new("acme", "wf_01");
    assert_eq!(builder.attach(b"one".to_vec()), content_hash(b"one"));
    builder.attach(b"two".to_vec());
    builder.attach(b"one".to_vec());
    let keys = [key(3).verifier(), key(2).verifier(), key(3).verifier()];
    let bundle = builder.finish("note", &keys);
    assert_eq!((bundle.attachments.len(), bundle.keys.len()), (2, 2));
    assert_eq!(bundle.to_bytes(), Err(BundleError::NoEntries));
}

#[test]
fn other_forms_are_refused() {
    let good = text();
    let body = "\"body\":\"cGxhbg==\"";
    assert!(good.contains(body));
    let cases = [
        (String::new(), "bundle-not-json"),
        (format!("{good}\n"), "bundle-not-canonical"),
        (good.replacen('{', "{ ", 1), "bundle-not-canonical"),
        (good.replacen("acme", "\\u0061cme", 1), "bundle-not-canonical"),
        (good.replacen("\"v\":1", "\"v\":1,\"v\":1", 1), "bundle-not-json"),
        (good.replacen("\"v\":1", "\"v\":1,\"w\":1", 1), "bundle-not-json"),
        (good.replacen("\"v\":1", "\"v\":2", 1), "bundle-unknown-version"),
        (
            good.replacen("\"v\":1", "\"v\":2,\"w\":1", 1),
            "bundle-unknown-version",
        ),
        (
            good.replacen("countersign-bundle", "other-bundle", 1),
            "bundle-unknown-format",
        ),
        (
            good.replacen(body, "\"body\":\"cGxhbg\"", 1),
            "bundle-attachment-malformed",
        ),
        (
            good.replacen(body, "\"body\":\"cGxhbh==\"", 1),
            "bundle-attachment-malformed",
        ),
        (
            good.replacen("\"salt\":\"01", "\"salt\":\"0A", 1),
            "bundle-entry-malformed",
        ),
        (
            good.replacen(&format!("\"salt\":\"{}\"", "01".repeat(32)), "\"salt\":null", 1),
            "bundle-half-erased",
        ),
        (
            good.replacen("\"stream\":\"wf_01\"", "\"stream\":\"\"", 1),
            "bundle-field-malformed",
        ),
        (
            good.replacen("\"index\":1", "\"index\":9007199254740993", 1),
            "bundle-not-canonical",
        ),
    ];
    for (bad, code) in cases {
        assert_ne!(bad, good);
        assert_eq!(
            Bundle::parse(bad.as_bytes()).map_err(|error| error.code()),
            Err(code)
        );
    }
}

#[test]
fn lists_are_ordered_and_limited() {
    let mut swapped = honest();
    swapped.attachments.swap(0, 1);
    assert_eq!(
        swapped.to_bytes(),
        Err(BundleError::Unordered { what: "attachments" })
    );
    let mut doubled = honest();
    doubled.keys.push(doubled.keys[0].clone());
    assert_eq!(doubled.to_bytes(), Err(BundleError::Unordered { what: "keys" }));
    let mut many = honest();
    many.keys = vec![key(1).verifier(); bundle::MAX_KEYS + 1];
    assert_eq!(many.to_bytes().unwrap_err().code(), "bundle-too-many");
    let mut many = honest();
    let small = countersign_ledger::BundleEntry {
        leaf: Vec::new(),
        proof: Vec::new(),
        index: 0,
        body: Body::Erased,
    };
    many.entries = vec![small; bundle::MAX_ENTRIES + 1];
    assert_eq!(many.to_bytes().unwrap_err().code(), "bundle-too-many");
    let mut long = honest();
    long.entries[0].proof = vec![[0; 32]; 65];
    assert_eq!(
        long.to_bytes(),
        Err(BundleError::EntryField {
            entry: 0,
            field: "proof"
        })
    );
}
