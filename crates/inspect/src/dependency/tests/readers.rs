//! Every reader takes any bytes.

use crate::dependency::kind::Kind;
use proptest::prelude::*;

const KINDS: [Kind; 24] = [
    Kind::CargoManifest,
    Kind::CargoLock,
    Kind::CargoConfig,
    Kind::NpmManifest,
    Kind::NpmLock,
    Kind::NpmRc,
    Kind::YarnLock,
    Kind::YarnRc,
    Kind::YarnRcYml,
    Kind::PnpmLock,
    Kind::PnpmWorkspace,
    Kind::Requirements,
    Kind::PyProject,
    Kind::PythonLock,
    Kind::SetupPy,
    Kind::GoModule,
    Kind::GoSum,
    Kind::Pom,
    Kind::GradleScript,
    Kind::GradleLock,
    Kind::VersionCatalogue,
    Kind::Wrapper,
    Kind::Other,
    Kind::Opaque,
];

/// Words that the formats are made of, so that random texts get deep into the readers.
const WORDS: [&str; 44] = [
    "[package]\n",
    "[[package]]\n",
    "name",
    "version",
    "source",
    " = ",
    "\"a\"",
    "\"1.0\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "  ",
    "@",
    "/",
    "-",
    "é",
    "packages",
    "dependencies",
    "resolution",
    "integrity",
    "\"\"",
    "node_modules/",
    "lockfileVersion: 9\n",
    "__metadata:\n",
    "require (",
    ")",
    "=>",
    "replace ",
    "--hash",
    "git+",
    "#egg=",
    ";",
    "<project>",
    "</project>",
    "<dependency>",
    "distributionUrl=",
    "files",
    "workspace:",
    "npm:",
    "!",
];

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for kind in KINDS {
            drop(kind.read(&bytes));
        }
    }

    #[test]
    fn any_words_are_read_or_refused(words in proptest::collection::vec(0..WORDS.len(), 0..40)) {
        let text: String = words.into_iter().map(|at| WORDS[at]).collect();
        for kind in KINDS {
            drop(kind.read(text.as_bytes()));
        }
    }
}

#[test]
fn deep_nesting_ends_in_a_refusal() {
    for (kind, open) in [
        (Kind::NpmManifest, "{\"a\":"),
        (Kind::NpmLock, "{\"dependencies\":{\"a\":"),
        (Kind::CargoManifest, "a=["),
        (Kind::PnpmLock, "["),
        (Kind::YarnRcYml, "{a: "),
    ] {
        assert!(kind.read(open.repeat(100_000).as_bytes()).is_err(), "{kind:?}");
    }
    let deep = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    drop(Kind::Pom.read(deep.as_bytes()));
}
