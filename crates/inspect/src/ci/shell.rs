//! Single commands of shell lines: what they run, whether they test, whether they can fail.
//!
//! Read by signs: this is no shell, and nothing is ever run.

use crate::expression::compile;
use regex::Regex;
use std::sync::LazyLock;

/// The start of a command that shows that the code works.
static TEST: LazyLock<Regex> = LazyLock::new(|| compile(&format!("^(?:{TESTS})(?:$|\\W)")));
/// The same anywhere, for commands that run another one.
static TEST_INSIDE: LazyLock<Regex> = LazyLock::new(|| compile(&format!("\\s(?:{TESTS})(?:$|\\W)")));

const TESTS: &str = r"(?x:
        (?:cargo|EXPRESSION)\s+(?:\+\S+\s+)?(?:test|nextest|miri|clippy|check|audit|deny|llvm-cov|fmt|hack|semver-checks|tarpaulin)
        | cross\s+(?:test|check)
        | (?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run\s+|run-script\s+)?(?:test|t|lint|check|type-?check|ci:test|e2e|coverage)[\w:-]*
        | (?:npx\s+|pnpx\s+|bunx\s+|yarn\s+|pnpm\s+(?:exec\s+)?)?(?:jest|vitest|mocha|ava|playwright\s+test|cypress\s+run|eslint|tsc|karma|nyc|c8)
        | pytest | py\.test | tox | nox | mypy | pyright | ruff | flake8 | pylint | bandit
        | python[\d.]*\s+(?:-\S+\s+)*-m\s+(?:pytest|unittest|tox|nox|mypy|doctest)
        | (?:hatch|poetry|uv|pdm|rye)\s+(?:run\s+)?(?:test|pytest|check|tox)
        | go\s+(?:test|vet) | golangci-lint | staticcheck | gotestsum
        | \S*mvnw?\b.*\b(?:test|verify|install|package|deploy)
        | \S*gradlew?\b.*\b(?:test|check|build)\w*
        | make\s+(?:\S+\s+)*(?:[\w-]*(?:test|check|lint|verify)[\w-]*|ci)
        | just\s+(?:test|check|lint|ci)[\w-]*
        | (?:bundle\s+exec\s+)?(?:rspec|rubocop|rake\s+(?:test|spec)|minitest|rails\s+test)
        | dotnet\s+test | ctest | meson\s+test | phpunit | phpstan | sbt\s.*test | swift\s+test | mix\s+test
        | shellcheck | trivy | gitleaks | codeql | semgrep | pre-commit\s+run
        )";

/// Commands that run the command that they are given.
const CARRIERS: [&str; 18] = [
    "uv",
    "poetry",
    "pipenv",
    "pdm",
    "rye",
    "hatch",
    "docker",
    "podman",
    "ssh",
    "nix",
    "conda",
    "mamba",
    "bundle",
    "timeout",
    "wine",
    "retry",
    "xvfb-run",
    "dbus-run-session",
];
/// What package managers are asked without building or testing anything.
const QUESTIONS: [&str; 12] = [
    "ls", "list", "config", "cache", "view", "info", "show", "freeze", "version", "help", "outdated", "why",
];

/// Expressions of the CI system (`${{ … }}`), one word each.
static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| compile(r"\$\{\{[^}]*\}\}"));
/// `${NAME}`, which is one word as well.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| compile(r"\$\{\w+\}"));

/// Commands that clean up or look around: whether they fail says nothing about the code.
const HOUSEKEEPING: [&str; 44] = [
    "[",
    "[[",
    "apt",
    "apt-get",
    "awk",
    "brew",
    "cat",
    "cd",
    "choco",
    "command",
    "cp",
    "curl",
    "cut",
    "date",
    "df",
    "docker",
    "du",
    "echo",
    "export",
    "find",
    "free",
    "gh",
    "git",
    "grep",
    "head",
    "id",
    "kill",
    "killall",
    "kubectl",
    "ls",
    "mkdir",
    "mv",
    "pkill",
    "printf",
    "rg",
    "rm",
    "sed",
    "sleep",
    "systemctl",
    "tail",
    "type",
    "umount",
    "which",
    "xargs",
];

/// Ways to let a command pass whatever it found.
static SWALLOW: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"\|\|\s*(?:true|:|exit\s+0|echo\b|printf\b|\(\s*(?:true|exit\s+0))|;\s*(?:true|:|exit\s+0)\s*$"#,
    )
});
static ERREXIT_OFF: LazyLock<Regex> = LazyLock::new(|| compile(r"\bset\s+\+(?:\w*e\w*|o\s+errexit)\b"));
static ERREXIT_ON: LazyLock<Regex> = LazyLock::new(|| compile(r"\bset\s+-(?:\w*e\w*|o\s+errexit)\b"));
static LENIENT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)(?:^|\s)(?:--exit-zero(?:-even-if-changed)?|--no-fail|--no-fail-on-\w+|--pass-?[Ww]ith-?[Nn]o-?[Tt]ests|--skip-tests
        |--no-tests(?:=\w+)?|--no-run|--continue-on-collection-errors|--warn-only|--soft-fail|--passWithNoTests
        |-DskipTests(?:=true)?|-DskipITs|-Dmaven\.test\.skip(?:=true)?|-Dmaven\.test\.failure\.ignore(?:=true)?|-x\s+test)(?:\s|=|$)",
    )
});
static FILTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"(?x)(?:^|\s)(?:-k[\s=]+["']?\s*not\b|-m[\s=]+["']?\s*not\b|--deselect[\s=]|--ignore(?:-glob)?[\s=]|--skip[\s=]|--exclude[\s=]
        |-skip[\s=]|-run[\s=]+["']?\^?\$|--testPathIgnorePatterns|--grep[\s=].*--invert|--invert\b)"#,
    )
});
static JENKINS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\bcatchError\b|\breturnStatus\s*:\s*true|\bpropagate\s*:\s*false|\bwarnError\b")
});

/// Whatever a script does, it ends well.
static TRAP: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"\btrap\s+(?:--\s+)?["']?[^"']*\bexit\s+0\b[^"']*["']?\s+(?:\S+\s+)*(?:EXIT|ERR|0)\b"#)
});
/// `make` that says what it would do, or goes on whatever fails.
static LOOSE_MAKE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^g?make\s+(?:\S+\s+)*(?:-[a-zA-Z]*[int][a-zA-Z]*|--(?:ignore-errors|dry-run|just-print|recon|touch))(?:\s|$)",
    )
});
/// At the end of a line: nobody waits for it.
static BACKGROUND: LazyLock<Regex> = LazyLock::new(|| compile(r"[^&>|]&\s*$"));
/// A condition: what comes of it only chooses what is done next.
static CONDITION: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:if|elif|while|until)\s+(?:!\s+)?(.*)$"));
/// What ends a script badly.
static FAILS: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"\b(?:exit|return)\s+(?:[1-9]|["']?\$)|(?:^|[;&|\s])false\s*(?:;|$)"#));
/// What is written to goes on whatever wrote it.
static PIPED: LazyLock<Regex> = LazyLock::new(|| compile(r"^(.*?[^|&>])\|(?:&\s*)?[^|&].*$"));

/// Whether a shell, or a command, is told to pass whatever comes.
pub(super) fn swallows(text: &str) -> bool {
    SWALLOW.is_match(text) || ERREXIT_OFF.is_match(text)
}

/// Whether something in the line makes a script fail by itself.
pub(super) fn fails(command: &str) -> bool {
    FAILS.is_match(command)
}

/// Whether the line tests only to choose what is done next.
pub(super) fn is_condition(command: &str) -> bool {
    CONDITION
        .captures(command)
        .is_some_and(|found| is_test(&found[1]))
}

/// Whether what the line tests is piped on: without `pipefail` only the last command counts.
pub(super) fn is_piped(command: &str) -> bool {
    PIPED.captures(command).is_some_and(|found| is_test(&found[1]))
}

/// Whether the command tests, lints or checks.
pub(super) fn is_test(command: &str) -> bool {
    simple_commands(command).iter().any(|words| {
        let carries = words
            .first()
            .is_some_and(|first| CARRIERS.contains(&first.as_str()));
        let text = words.join(" ");
        TEST.is_match(&text) || (carries && TEST_INSIDE.is_match(&text))
    })
}

/// Why a command can't fail the step that it stands in.
pub(super) fn weakness(command: &str) -> Option<&'static str> {
    if ERREXIT_OFF.is_match(command) {
        return Some("lets the script go on after errors");
    }
    if let Some(swallow) = SWALLOW.find(command) {
        let before = &command[..swallow.start()];
        if !is_housekeeping(before) {
            return Some("passes whatever the command finds");
        }
    }
    if TRAP.is_match(command) {
        return Some("passes whatever the script finds");
    }
    if BACKGROUND.is_match(command) && is_test(command) {
        return Some("runs in the background, and nobody waits for what it finds");
    }
    if simple_commands(command).iter().any(|words| {
        let text = words.join(" ");
        LOOSE_MAKE.is_match(&text) && is_test(&text)
    }) {
        return Some("passes whatever the command finds");
    }
    if LENIENT.is_match(command) {
        return Some("passes, or runs less, although tests fail");
    }
    JENKINS
        .is_match(command)
        .then_some("goes on although a stage failed")
}

/// Whether only a flag makes the command pass: a new step may well build without testing.
pub(super) fn only_lenient(command: &str) -> bool {
    LENIENT.is_match(command) && !ERREXIT_OFF.is_match(command) && !SWALLOW.is_match(command)
}

/// Whether a test command leaves tests out.
pub(super) fn filters(command: &str) -> bool {
    is_test(command) && FILTER.is_match(command)
}

/// Whether the line makes the script end at errors.
pub(super) fn ends_at_errors(line: &str) -> bool {
    ERREXIT_ON.is_match(line)
}

fn is_housekeeping(command: &str) -> bool {
    let last = simple_commands(command).pop().unwrap_or_default();
    let mut words = last
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'));
    let first = words
        .next()
        .map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let asks = matches!(first, "npm" | "pnpm" | "yarn" | "pip" | "cargo" | "go")
        && words.next().is_some_and(|word| QUESTIONS.contains(&word));
    last.is_empty() || asks || HOUSEKEEPING.contains(&first)
}

/// The simple commands of a line, each as words, without assignments and wrappers in front.
pub(super) fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let line = EXPRESSION.replace_all(line, "EXPRESSION");
    let line = VARIABLE.replace_all(&line, "EXPRESSION");
    for part in line.split(['|', ';', '&', '(', ')', '`', '{', '}']) {
        let words = part
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '\'']).to_owned());
        let words: Vec<String> = words.skip_while(|word| is_prefix(word)).collect();
        if !words.is_empty() {
            commands.push(words);
        }
    }
    commands
}

fn is_prefix(word: &str) -> bool {
    const WRAPPERS: [&str; 16] = [
        "sudo", "env", "exec", "time", "nice", "command", "xvfb-run", "then", "else", "do", "if", "!",
        "while", "-", "@", "call",
    ];
    let assignment = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    word.is_empty() || word.starts_with('-') || WRAPPERS.contains(&word) || assignment
}

/// The file that a simple command runs, as it is written: itself, or what its interpreter is given.
pub(super) fn script_of(words: &[String]) -> Option<&str> {
    const INTERPRETERS: [&str; 24] = [
        "bash",
        "sh",
        "zsh",
        "dash",
        "ksh",
        "fish",
        "source",
        ".",
        "python",
        "python2",
        "python3",
        "node",
        "ruby",
        "perl",
        "pwsh",
        "powershell",
        "php",
        "lua",
        "Rscript",
        "tsx",
        "ts-node",
        "bun",
        "deno",
        "groovy",
    ];
    const RUNNERS: [&str; 10] = [
        "uv", "poetry", "pipenv", "pdm", "rye", "hatch", "npx", "bunx", "pnpx", "timeout",
    ];
    let (first, rest) = words.split_first()?;
    let base = first.rsplit('/').next().unwrap_or(first);
    let versioned = base.starts_with("python3.");
    if INTERPRETERS.contains(&base) || versioned {
        let given = rest.iter().filter(|word| word.as_str() != "run");
        let mut given =
            given.skip_while(|word| word.starts_with('-') && !matches!(word.as_str(), "-c" | "-m" | "-e"));
        return given
            .next()
            .map(String::as_str)
            .filter(|word| !word.starts_with('-'));
    }
    if RUNNERS.contains(&base) {
        let skipped = rest.iter().position(|word| {
            word != "run" && !word.starts_with('-') && !word.starts_with(|c: char| c.is_ascii_digit())
        })?;
        return script_of(&rest[skipped..]);
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_that_test_are_known() {
        for command in [
            "cargo test --all",
            "cargo +nightly clippy -- -D warnings",
            "npm run test:unit",
            "yarn lint",
            "python3 -m pytest -q",
            "go test ./...",
            "./gradlew clean check",
            "make -j2 test",
            "uv run pytest",
            "RICHGO=1 PATH=$HOME/bin:$PATH make richtest",
            "${{ env.CARGO }} test --verbose",
            "uv run --locked tox run -e ${{ matrix.tox || format('py{0}', matrix.python) }}",
            "docker run --rm image cargo test",
            "xvfb-run -a npm test",
        ] {
            assert!(is_test(command), "{command}");
        }
        for command in [
            "cargo build",
            "npm ci",
            "echo done",
            "make docs",
            "git checkout main",
            "pip install tox pytest",
            "npm ls | grep -E '^eslint(-|$)'",
        ] {
            assert!(!is_test(command), "{command}");
        }
    }

    #[test]
    fn commands_that_cannot_fail_are_known() {
        for command in [
            "cargo test || true",
            "./ci/check.sh || :",
            "npm test || echo failed",
            "make lint; true",
            "set +e",
            "set +ex",
            "flake8 --exit-zero src",
            "mvn -DskipTests package",
            "cargo test --no-run",
            "jest --passWithNoTests",
            "trap 'exit 0' EXIT",
            "trap \"rm -f x; exit 0\" INT EXIT",
            "make test &",
            "make -i test",
            "make -j2 -n check",
            "make --dry-run test",
        ] {
            assert!(weakness(command).is_some(), "{command}");
        }
        for command in [
            "cargo test --no-fail-fast",
            "docker rm -f db || true",
            "grep -q x file || true",
            "npm -s ls --depth=0 ||:",
            "sudo apt-get remove x || true",
            "set -e",
            "cargo test",
            "test -f x || exit 1",
            "mkdir -p a; true",
            "trap 'rm -rf tmp' EXIT",
            "server &",
            "cargo test && echo fine",
            "cargo test 2>&1",
            "make -C lib -j2 test",
            "make -n docs",
        ] {
            assert_eq!(weakness(command), None, "{command}");
        }
        assert!(is_condition("if make test; then") && is_condition("if ! cargo test"));
        assert!(!is_condition("if [ -f x ]; then") && !is_condition("make test"));
        assert!(fails("exit 1") && fails("else exit $?") && fails("false") && !fails("exit 0"));
        assert!(is_piped("make test | tee log") && is_piped("cargo test 2>&1 | grep x"));
        assert!(!is_piped("make test || exit 1") && !is_piped("cat x | head") && !is_piped("cargo test"));
        assert!(filters("pytest -k 'not slow'"));
        assert!(filters("cargo test -- --skip net"));
        assert!(!filters("pytest -k fast"));
        assert!(!filters("rsync --exclude x"));
    }

    #[test]
    fn the_file_that_a_command_runs_is_found() {
        let table = [
            ("bash ci/test.sh arg", Some("ci/test.sh")),
            ("FOO=1 sudo ./scripts/x.sh", Some("./scripts/x.sh")),
            ("python3 -u tools/gen.py", Some("tools/gen.py")),
            ("python3 -m pytest", None),
            ("uv run tools/gen.py", Some("tools/gen.py")),
            ("uv run python tools/gen.py", Some("tools/gen.py")),
            ("bash -c 'echo x'", None),
            ("source ci/env", Some("ci/env")),
        ];
        for (line, script) in table {
            let commands = simple_commands(line);
            assert_eq!(script_of(&commands[0]), script, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_can_be_looked_at(line in "\\PC{0,80}") {
            weakness(&line);
            filters(&line);
            for words in simple_commands(&line) {
                script_of(&words);
            }
        }
    }
}
