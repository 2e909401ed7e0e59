//! What tests look like in each language: where they are, how they are skipped, how they assert.
//!
//! These are signs in the text, not parsers: a finding is a reason to look, never a proof.

use crate::expression::compile;
use countersign_core::path::RepoPath;
use regex::Regex;
use std::sync::LazyLock;

/// A language whose tests are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    Rust,
    Python,
    JavaScript,
    Go,
    Jvm,
    CSharp,
    Ruby,
    Php,
}

/// The expressions of one language.
pub(super) struct Signs {
    /// A line that starts a test; the first group that matched is its name.
    pub(super) start: Regex,
    /// An attribute that makes the next named function a test.
    pub(super) mark: Option<Regex>,
    /// A named function, for the mark.
    pub(super) function: Option<Regex>,
    /// A line that keeps a test from running.
    pub(super) skip: Regex,
    /// A line that asserts.
    pub(super) assertion: Regex,
    /// A line that asserts what is always so.
    pub(super) empty_assertion: Regex,
}

/// The language of a path whose tests are known.
pub(super) fn language_of(path: &RepoPath) -> Option<Language> {
    let name = path.as_str()?.rsplit('/').next()?;
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "rs" => Language::Rust,
        "py" => Language::Python,
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" => Language::JavaScript,
        "go" => Language::Go,
        "java" | "kt" | "kts" | "scala" | "groovy" => Language::Jvm,
        "cs" => Language::CSharp,
        "rb" => Language::Ruby,
        "php" => Language::Php,
        _ => return None,
    })
}

/// Whether a path is a test by its name or folder.
pub(super) fn is_test_path(path: &RepoPath) -> bool {
    path.as_str().is_some_and(|path| TEST_PATH.is_match(path))
}

static TEST_PATH: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)
        (^|/)(tests?|__tests__|specs?|testing|e2e|integration[_-]tests?)/
        | (^|/)test_[^/]*\.py$ | _tests?\.(py|go|rb|rs|exs)$ | (^|/)conftest\.py$
        | [._-](test|spec|e2e)\.[cm]?[jt]sx?$
        | (Test|Tests|Spec|IT)\.(java|kt|scala|groovy|cs|php)$
        | _spec\.rb$ | (^|/)tests?\.(py|rs)$",
    )
});

/// Whether a path holds recorded expected output.
pub(super) fn is_snapshot(path: &RepoPath) -> bool {
    static SNAPSHOT: LazyLock<Regex> = LazyLock::new(|| {
        compile(
            r"(?x) \.snap$ | \.snap\.new$ | (^|/)__snapshots__/ | (^|/)snapshots/ | \.golden$ | \.approved\.[a-z]+$ | \.ambr$ | \.storyshot$",
        )
    });
    path.as_str().is_some_and(|path| SNAPSHOT.is_match(path))
}

impl Language {
    /// Whether its tests are told by attributes, wherever the file lies.
    pub(super) fn marks_tests(self) -> bool {
        match self {
            Language::Rust | Language::Jvm | Language::CSharp => true,
            Language::Python | Language::JavaScript | Language::Go | Language::Ruby | Language::Php => false,
        }
    }

    pub(super) fn signs(self) -> &'static Signs {
        static ALL: [LazyLock<Signs>; 8] = [
            LazyLock::new(rust),
            LazyLock::new(python),
            LazyLock::new(javascript),
            LazyLock::new(go),
            LazyLock::new(jvm),
            LazyLock::new(csharp),
            LazyLock::new(ruby),
            LazyLock::new(php),
        ];
        &ALL[self as usize]
    }

    /// Whether a body ends by indentation alone.
    pub(super) fn ends_by_indentation(self) -> bool {
        self == Language::Python
    }
}

const NEVER: &str = r"[^\s\S]";

fn rust() -> Signs {
    Signs {
        start: compile(r"^\s*\w*test\w*!\s*[({]\s*(\w+)\s*,"),
        mark: Some(compile(
            r"^\s*#\[(?:\w+::)*(?:test|rstest|test_case|wasm_bindgen_test|quickcheck|apply)\b[^\]]*\]?",
        )),
        function: Some(compile(
            r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+|unsafe\s+|const\s+)*fn\s+(\w+)",
        )),
        skip: compile(
            r"^\s*#\[ignore\b|^\s*#\[cfg_attr\(.*\bignore\b|^\s*#\[should_panic\b|^\s*#\[cfg\(any\(\)\)\]",
        ),
        assertion: compile(
            r"\b(?:debug_)?assert\w*!|\b\w*(?:assert|expect|eqnice|snapshot)\w*!|\.(?:assert|expect)_?\w*\(|\bpanic!|\?;\s*$",
        ),
        empty_assertion: compile(r"\bassert!\(\s*true\b|\bassert_eq!\(\s*(?:true,\s*true|1,\s*1|0,\s*0)\b"),
    }
}

fn python() -> Signs {
    Signs {
        start: compile(r"^\s*(?:async\s+)?def\s+(test\w*)\s*\("),
        mark: None,
        function: None,
        skip: compile(
            r"@(?:pytest\.mark\.|mark\.)(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|importorskip)\(|@(?:unittest\.)?(?:skip|skipIf|skipUnless|expectedFailure)\b|\bself\.skipTest\(|\braise\s+(?:unittest\.)?SkipTest\b|\bpytestmark\s*=.*\b(?:skip|xfail)|\bcollect_ignore\b|\b__test__\s*=\s*False",
        ),
        assertion: compile(
            r"^\s*assert\b|\bself\.(?:assert\w+|fail)\(|\bpytest\.(?:raises|warns|fail|approx)\(|\bassert_\w+\(|\.assert_\w+\(|\bassert\w*\(",
        ),
        empty_assertion: compile(
            r"^\s*assert\s+(?:True|1|not False|1\s*==\s*1|True\s*==\s*True|True is True)\s*(?:,.*|#.*)?$|\bassertTrue\(\s*True\s*[,)]",
        ),
    }
}

fn javascript() -> Signs {
    Signs {
        start: compile(
            r#"^\s*(?:await\s+)?(?:x?it|x?test|specify|fit)(?:\.(?:only|skip|todo|each|concurrent|sequential|serial|failing|fails|fixme|skipIf|runIf|for))*(?:\([^'"`(]*\))?\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)"#,
        ),
        mark: None,
        function: None,
        skip: compile(
            r"\b(?:it|test|describe|context|suite)\.(?:skip|todo|fixme|failing|skipIf)\b|\bx(?:it|test|describe|context|specify)\s*\(|^\s*(?:this|t)\.skip\(|\bpending\(\s*\)|^\s*skip\s*:\s*true|\b(?:it|test|describe|context|suite)\.only\(|\bf(?:it|describe|context)\s*\(",
        ),
        assertion: compile(
            r"\bexpect\w*(?:\.\w+)?\(|\bassert\w*(?:\.\w+)*\(|\.should\b|\bshould\.|\.expect\(|\b(?:t|tap|test|assert)\.(?:is|not|true|false|truthy|falsy|same|equal|deepEqual|throws|rejects|ok|fail|match|strictEqual|like)\w*\(",
        ),
        empty_assertion: compile(
            r"\bexpect\(\s*(?:true|1|!0)\s*\)\.(?:to(?:Be|Equal|StrictEqual|BeTruthy)|to\.(?:be|equal|eq)\b)|\bassert(?:\.ok|\.isTrue|\.equal)?\(\s*(?:true|1)\s*(?:,\s*(?:true|1)\s*)?\)",
        ),
    }
}

fn go() -> Signs {
    Signs {
        start: compile(r"^func\s+((?:Test|Benchmark|Fuzz|Example)\w*)\s*\("),
        mark: None,
        function: None,
        skip: compile(
            r"\b[tbf]\.Skip(?:f|Now)?\(|^//go:build\s+(?:ignore|never)\b|\bginkgo\.(?:Skip|P\w+)\(|\bPIt\(|\bPDescribe\(",
        ),
        assertion: compile(
            r"\b[tbf]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|\b(?:assert|require|is|qt|c|check)\.\w+\(|\bExpect\(|\b[Aa]ssert\w*\(|\b[Ee]xpect\w*\(|\b[Cc]heck\w*\(",
        ),
        empty_assertion: compile(r"\b(?:assert|require)\.True\(\s*t\s*,\s*true\s*[,)]|\bif\s+false\s*\{"),
    }
}

fn jvm() -> Signs {
    Signs {
        start: compile(r#"^\s*(?:it|test|should)\s*\(\s*"((?:[^"\\]|\\.)*)""#),
        mark: Some(compile(
            r"^\s*@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Property)\b",
        )),
        function: Some(compile(
            r"(?:\bfun\s+`([^`]+)`|\bfun\s+(\w+)|\bdef\s+(\w+)|\bvoid\s+(\w+)|^\s*(?:public|protected|private|static|final|suspend)[\w<>\[\], ]*\s(\w+))\s*\(",
        )),
        skip: compile(
            r"@(?:\w+\.)*(?:Disabled\w*|Ignore)\b|\bassume(?:True\(\s*false|False\(\s*true)|\benabled\s*=\s*false",
        ),
        assertion: compile(
            r"\bassert\w*\b|\bverify\w*\(|\bexpect\w*\(|\bfail\(|\bshould\w*\b|\bAssertions\.|\bwithClue\b",
        ),
        empty_assertion: compile(r"\bassert(?:True\(\s*true|False\(\s*false|Equals\(\s*1\s*,\s*1)\s*[,)]"),
    }
}

fn csharp() -> Signs {
    Signs {
        start: compile(NEVER),
        mark: Some(compile(
            r"^\s*\[(?:\w+\.)*(?:Fact|Theory|Test|TestMethod|TestCase|DataTestMethod)\b",
        )),
        function: Some(compile(
            r"^\s*(?:public|private|internal|protected|static|async)[\w<>\[\], ?]*\s(\w+)\s*\(",
        )),
        skip: compile(
            r"\[(?:\w+\.)*Ignore\b|\bSkip\s*=\s*@?\x22|\bAssert\.(?:Ignore|Inconclusive|Skip)\(|\[Explicit\b",
        ),
        assertion: compile(r"\bAssert\.\w+|\.Should\w*\(|\bVerify\w*\(|\bThrows\w*\("),
        empty_assertion: compile(r"\bAssert\.(?:True|IsTrue)\(\s*true\s*[,)]"),
    }
}

fn ruby() -> Signs {
    Signs {
        start: compile(
            r#"^\s*(?:def\s+(test_\w+)|(?:x?it|x?specify|test|scenario|example)\s*\(?\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"))"#,
        ),
        mark: None,
        function: None,
        skip: compile(
            r"^\s*(?:skip|pending)\b|^\s*x(?:it|describe|context|specify)\b|,\s*:?(?:skip|pending)\b",
        ),
        assertion: compile(
            r"\bassert\w*\b|\brefute\w*\b|\bexpect\b|\.should\b|\bmust_\w+|\bwont_\w+|\bflunk\b",
        ),
        empty_assertion: compile(r"\bassert\s*\(?\s*true\b|\bexpect\(\s*true\s*\)\.to\b"),
    }
}

fn php() -> Signs {
    Signs {
        start: compile(
            r#"^\s*(?:(?:public|final)\s+)*function\s+(test\w*)\s*\(|^\s*(?:it|test)\(\s*'((?:[^'\\]|\\.)*)'"#,
        ),
        mark: None,
        function: None,
        skip: compile(
            r"\bmarkTest(?:Skipped|Incomplete)\(|->skip\(|->todo\(|#\[Ignore|@group\s+(?:skip|disabled)",
        ),
        assertion: compile(r"(?:\$this->|self::|static::|Assert::)(?:assert|expect|fail)\w*\(|\bexpect\("),
        empty_assertion: compile(r"assertTrue\(\s*true\s*[,)]|\bexpect\(true\)->toBeTrue"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_expressions_compile() {
        for language in [
            Language::Rust,
            Language::Python,
            Language::JavaScript,
            Language::Go,
            Language::Jvm,
            Language::CSharp,
            Language::Ruby,
            Language::Php,
        ] {
            assert!(!language.signs().start.as_str().is_empty());
        }
    }

    #[test]
    fn test_files_are_known_by_their_paths() {
        for path in [
            "tests/a.rs",
            "src/test/java/AppTest.java",
            "pkg/a_test.go",
            "src/a.test.ts",
            "web/__tests__/a.js",
            "test_a.py",
            "spec/a_spec.rb",
            "src/tests.rs",
        ] {
            assert!(is_test_path(&path.into()), "{path}");
        }
        for path in [
            "src/contest/a.rs",
            "src/latest.ts",
            "attest.go",
            "src/testimony.py",
            "inspect/a.rb",
        ] {
            assert!(!is_test_path(&path.into()), "{path}");
        }
        assert!(is_snapshot(&"src/__snapshots__/a.test.js.snap".into()));
        assert!(!is_snapshot(&"src/snapshot.rs".into()));
    }
}
