//! What is no secret, and what can't be said to be none.

use crate::holes::fill;
use crate::{rules, scan};

#[test]
fn placeholders_and_references_are_no_secrets() {
    for line in [
        "API_KEY=<your api key>",
        "api_key = \"${API_KEY_V2_9f3}\"",
        "token: {{ vault_token_9x8y7z }}",
        "token: $CI_JOB_TOKEN",
        "password = \"changeme\"",
        "secret = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        "secret = \"0000000000000000000000000000000000000000\"",
        "token = \"abcdefghijklmnopqrstuvwxyz0123456789\"",
        "sk_live_...",
        "ghp_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE12",
        "https://user:password@registry.corp.net/",
        "https://user:<token>@registry.corp.net/",
        "https://x-access-token:${{ secrets.TOKEN }}@github.com/o/r",
        "postgres://app:k3J9xQpLm2@localhost:5432/app",
        "api_key = os.environ[\"API_KEY\"]",
        "const token = request.headers.get('x-token-9f8e7d6c');",
    ] {
        assert_eq!(rules(&scan(line)), Vec::<&str>::new(), "{line}");
    }
}

#[test]
fn keys_that_vendors_print_in_their_documentation_are_no_secrets() {
    // Put together here, so that this file holds none of them whole.
    let parts: [&[&str]; 7] = [
        &["aws_access_key_id = AKIAIOSFODNN7", "EXAMPLE"],
        &[
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/",
            "bPxRfiCYEXAMPLEKEY",
        ],
        &["sk_test_4eC39Hq", "LyjWDarjtT1zdp7dc"],
        &[
            "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/",
            "K1SZFPTOtr/KBHBeksoGMGw==",
        ],
        &["bot 110201543:AAHdqTcvCH1vGWJ", "xfSeofSAs0K5PALDsaw"],
        &["Authorization: Basic QWxhZGRpbjpv", "cGVuIHNlc2FtZQ=="],
        &["Authorization: Basic czZCaGRSa3F0Mzpn", "WDFmQmF0M2JW"],
    ];
    for key in parts {
        assert_eq!(rules(&scan(&key.concat())), Vec::<&str>::new(), "{key:?}");
    }
}

#[test]
fn digests_of_lock_files_and_sums_are_no_secrets() {
    for template in [
        "checksum = \"«hex:64»\"",
        "      \"integrity\": \"sha512-«b64:86»==\",",
        "  integrity sha1-«b64:27»=",
        "    resolution: {integrity: sha512-«b64:86»==}",
        "github.com/o/r v1.2.3 h1:«b64:43»=",
        "github.com/o/r v1.2.3/go.mod h1:«b64:43»=",
        "    {file = \"pkg-1.0-py3-none-any.whl\", hash = \"sha256:«hex:64»\"},",
        "    --hash=sha256:«hex:64» \\",
        "content-hash = \"«hex:64»\"",
        "«hex:64»  countersign-1.0.tar.gz",
        "resolved \"https://registry.yarnpkg.com/a/-/a-1.0.tgz#«hex:40»\"",
        "source = \"git+https://github.com/o/r?rev=«hex:40»#«hex:40»\"",
        "commit «hex:40»",
        "uses: actions/checkout@«hex:40» # v4",
        "FROM rust:1.95@sha256:«hex:64»",
        "id: «uuid»",
        "  \"revision\" : \"«hex:40»\"",
        "index «hex:7»..«hex:7» 100644",
    ] {
        for filling in 0..20 {
            let line = fill(template, &format!("{template}{filling}"));
            assert_eq!(rules(&scan(&line)), Vec::<&str>::new(), "{line}");
        }
    }
}

#[test]
fn no_comment_allows_a_secret_in_place() {
    for comment in [
        "gitleaks:allow",
        "nosec",
        "pragma: allowlist secret",
        "countersign:allow",
        "noqa",
    ] {
        let line = fill("key = \"ghp_«crc62:30»\" # ", comment) + comment;
        assert_eq!(rules(&scan(&line)), ["github-classic-token"], "{line}");
    }
}

#[test]
fn a_token_with_a_wrong_checksum_is_not_one_of_github() {
    let right = fill("see ghp_«crc62:30»", "a");
    assert_eq!(rules(&scan(&right)), ["github-classic-token"]);
    let last = right.chars().last().unwrap();
    let wrong = right[..right.len() - 1].to_owned() + if last == 'a' { "b" } else { "a" };
    assert_eq!(rules(&scan(&wrong)), Vec::<&str>::new());
}
