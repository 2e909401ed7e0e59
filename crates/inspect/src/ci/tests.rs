//! Changes of CI and of what it runs, as people would want to be told.

use super::{is_ci, wanted};
use crate::scenario::Scenario;
use countersign_core::path::RepoPath;
use proptest::prelude::*;

const WORKFLOW: &str = r#"name: ci
on:
  pull_request:
  push:
    branches: [main]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./.github/setup
      - name: Test
        run: |
          cargo test --all
          cargo clippy -- -D warnings
      - name: Scripts
        working-directory: tools
        run: |
          ./gen.sh
          python3 check.py
      - run: npm run build
      - run: make release
"#;

const GITLAB: &str = "stages: [test]\nunit:\n  stage: test\n  script:\n    - pytest\n    - bash ci/lint.sh\n";

fn edit(path: &str, old: &str, from: &str, to: &str) -> Vec<String> {
    assert!(old.contains(from), "the test's own text");
    Scenario::default()
        .edit(path, old, old.replacen(from, to, 1))
        .sentences()
}

const PATH: &str = ".github/workflows/ci.yml";

#[test]
fn steps_that_can_no_longer_fail_are_said() {
    let table = [
        (
            "        run: |\n          cargo test",
            "        continue-on-error: true\n        run: |\n          cargo test",
        ),
        (
            "    runs-on: ubuntu-latest",
            "    runs-on: ubuntu-latest\n    continue-on-error: ${{ matrix.soft }}",
        ),
        ("      - name: Test\n", "      - name: Test\n        if: false\n"),
        ("cargo test --all", "cargo test --all || true"),
        ("cargo test --all", "cargo test --all --no-run"),
        ("cargo test --all", "cargo test --all -- --skip net"),
        (
            "          cargo test --all",
            "          set +e\n          cargo test --all",
        ),
        ("-D warnings\n", "-D warnings\n          exit 0\n"),
        ("          cargo test --all\n", ""),
        ("  pull_request:\n", ""),
        ("branches: [main]", "branches: [nope]"),
        (
            "  pull_request:\n",
            "  pull_request:\n    paths-ignore: [\"**\"]\n",
        ),
        (
            "      - name: Test\n",
            "      - name: Test\n        shell: bash {0} || true\n",
        ),
        (
            "jobs:\n",
            "defaults:\n  run:\n    shell: bash -c 'set +e; . {0}'\njobs:\n",
        ),
        (
            "          cargo test --all",
            "          trap 'exit 0' EXIT\n          cargo test --all",
        ),
        ("cargo test --all", "cargo test --all &"),
        ("cargo test --all", "cargo test --all | tee log"),
        (
            "cargo test --all",
            "if cargo test --all; then echo fine; else echo bad; fi",
        ),
    ];
    for (from, to) in table {
        let said = edit(PATH, WORKFLOW, from, to);
        assert!(
            said.iter()
                .any(|s| s.starts_with("ci-never-fails@.github/workflows/ci.yml:")),
            "{to}: {said:?}"
        );
    }
    assert_eq!(
        edit(
            PATH,
            WORKFLOW,
            "      - name: Test\n",
            "      - name: Test\n        continue-on-error: true\n"
        ),
        [
            "ci-never-fails@.github/workflows/ci.yml: CI runs fewer checks that can fail than before; gone or \
             weakened: cargo test --all, cargo clippy -- -D warnings.",
            "ci-never-fails@.github/workflows/ci.yml:13 `continue-on-error: true` keeps these steps from failing: \
             Test.",
        ]
    );
}

#[test]
fn ordinary_changes_of_ci_are_left_alone() {
    let table = [
        ("ubuntu-latest", "ubuntu-24.04"),
        ("actions/checkout@v4", "actions/checkout@v5"),
        ("cargo test --all", "cargo test --all --no-fail-fast"),
        ("cargo test --all", "cargo nextest run"),
        (
            "      - name: Test\n",
            "      - run: docker rm -f db || true\n      - name: Test\n",
        ),
        (
            "      - name: Test\n",
            "      - name: Upload\n        continue-on-error: true\n        run: upload.sh\n      - name: Test\n",
        ),
        ("      - name: Test\n", "      - name: All tests\n"),
        ("branches: [main]", "branches: [main, next]"),
        ("    branches: [main]\n", ""),
        (
            "          cargo test --all",
            "          set -o pipefail\n          cargo test --all | tee log",
        ),
        ("cargo test --all", "if ! cargo test --all; then exit 1; fi"),
        (
            "      - run: npm run build\n",
            "      - run: npm run build\n      - run: mvn -DskipTests package\n",
        ),
    ];
    for (from, to) in table {
        assert_eq!(edit(PATH, WORKFLOW, from, to), [""; 0], "{to}");
    }
    let weak = WORKFLOW.replace("cargo test --all", "cargo test --all || true");
    assert_eq!(
        edit(PATH, &weak, "--all || true", "--workspace || true"),
        [""; 0],
        "it could not fail before"
    );
    let split = Scenario::default()
        .edit(
            PATH,
            WORKFLOW,
            WORKFLOW.replace("          cargo clippy -- -D warnings\n", ""),
        )
        .add(
            ".github/workflows/lint.yml",
            "on: pull_request\njobs:\n  lint:\n    steps:\n      - run: cargo clippy\n",
        );
    assert_eq!(split.rules(), [""; 0], "a check that moved to another workflow");
}

#[test]
fn other_systems_are_understood_too() {
    let table = [
        (
            ".gitlab-ci.yml",
            GITLAB,
            "  stage: test\n  script",
            "  stage: test\n  allow_failure: true\n  script",
        ),
        (".gitlab-ci.yml", GITLAB, "    - pytest\n", ""),
        (
            ".gitlab-ci.yml",
            GITLAB,
            "    - pytest\n",
            "    - pytest || true\n",
        ),
        (
            ".travis.yml",
            "script:\n  - npm test\n",
            "npm test",
            "npm test || :",
        ),
        (
            "Jenkinsfile",
            "stage('t') {\n  sh 'make test'\n}\n",
            "sh 'make test'",
            "sh 'make test || true'",
        ),
        (
            "azure-pipelines.yml",
            "steps:\n- script: go test ./...\n",
            "- script: go test ./...\n",
            "- script: go test ./...\n  continueOnError: true\n",
        ),
        (
            ".circleci/config.yml",
            "jobs:\n  t:\n    steps:\n    - run:\n        command: pytest\n",
            "command: pytest",
            "command: pytest --exit-zero",
        ),
    ];
    for (path, old, from, to) in table {
        let said = edit(path, old, from, to);
        assert!(
            said.iter().any(|s| s.starts_with("ci-never-fails@")),
            "{path} {to}: {said:?}"
        );
    }
    let deleted = Scenario::default().delete(".gitlab-ci.yml", GITLAB);
    assert_eq!(deleted.rules(), ["ci-never-fails@.gitlab-ci.yml"]);
    let broken = Scenario::default().edit(PATH, WORKFLOW, "a: [\n");
    assert_eq!(broken.rules(), [format!("not-inspected@{PATH}")]);
}

fn touch(path: &str) -> Scenario {
    Scenario::default()
        .base(PATH, WORKFLOW)
        .base(".gitlab-ci.yml", GITLAB)
        .base("Makefile", "release:\n\t@./ci/release.sh\n")
        .base("package.json", "{\"scripts\": {\"build\": \"node scripts/build.js && npm run more\", \"more\": \"sh more.sh\", \"x\": \"node x.js\"}}")
        .edit(path, "old\n", "new\n")
}

#[test]
fn files_that_ci_runs_are_said() {
    for path in [
        "tools/gen.sh",
        "tools/check.py",
        ".github/setup/action.yml",
        ".github/setup/lib/run.js",
        "ci/lint.sh",
        "ci/release.sh",
        "scripts/build.js",
        "more.sh",
    ] {
        assert_eq!(
            touch(path).rules(),
            [format!("ci-called-script@{path}")],
            "{path}"
        );
    }
    assert_eq!(
        touch("tools/gen.sh").sentences(),
        ["ci-called-script@tools/gen.sh: CI runs this file: `./gen.sh` in .github/workflows/ci.yml:16."]
    );
    for path in [
        "gen.sh",
        "tools/other.sh",
        "x.js",
        "src/main.rs",
        "docs/ci/lint.sh",
    ] {
        assert_eq!(touch(path).rules(), [""; 0], "{path}");
    }
    let new = Scenario::default()
        .base(PATH, WORKFLOW)
        .add("tools/gen.sh", "new\n");
    assert_eq!(
        new.rules(),
        ["ci-called-script@tools/gen.sh"],
        "the call was there before the file"
    );
    let renamed =
        Scenario::default()
            .base(PATH, WORKFLOW)
            .rename("tools/gen.sh", "tools/old.sh", "a\n", "a\n");
    assert_eq!(renamed.rules(), ["ci-called-script@tools/old.sh"]);
}

#[test]
fn a_change_cannot_hide_a_script_by_no_longer_calling_it() {
    let change = Scenario::default()
        .edit(PATH, WORKFLOW, WORKFLOW.replace("          ./gen.sh\n", ""))
        .edit("tools/gen.sh", "old\n", "new\n");
    assert_eq!(change.rules(), ["ci-called-script@tools/gen.sh"]);
}

#[test]
fn scripts_of_a_manifest_count_by_name() {
    let manifest = "{\"scripts\": {\"build\": \"node a.js\", \"dev\": \"node b.js\"}}";
    let change = |from: &str, to: &str| {
        let change = Scenario::default().base(PATH, WORKFLOW).edit(
            "package.json",
            manifest,
            manifest.replace(from, to),
        );
        change
            .rules()
            .into_iter()
            .filter(|rule| rule.starts_with("ci-"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        change("node a.js", "node c.js"),
        ["ci-called-script@package.json"]
    );
    assert_eq!(
        change("node a.js", "node a.js || true"),
        ["ci-never-fails@package.json", "ci-called-script@package.json"]
    );
    assert_eq!(change("node b.js", "node c.js"), [""; 0]);
}

#[test]
fn a_script_that_ci_runs_and_that_goes_on_after_errors_is_said() {
    let change = |old: &str, new: &str| {
        Scenario::default()
            .base(PATH, WORKFLOW)
            .edit("tools/gen.sh", old, new)
            .rules()
    };
    let old = "#!/bin/sh\nset -eu\ncargo test\n";
    for new in [
        "#!/bin/sh\nset -eu\ncargo test || true\n",
        "#!/bin/sh\ncargo test\n",
        "#!/bin/sh\nset +e\ncargo test\n",
    ] {
        assert_eq!(
            change(old, new),
            ["ci-never-fails@tools/gen.sh", "ci-called-script@tools/gen.sh"],
            "{new}"
        );
    }
    assert_eq!(
        change(old, "#!/bin/sh\nset -eux\ncargo test --all\n"),
        ["ci-called-script@tools/gen.sh"]
    );
}

#[test]
fn the_base_files_that_ci_needs_are_asked_for() {
    let paths: Vec<RepoPath> = [
        PATH,
        ".gitlab-ci.yml",
        "ci/Jenkinsfile",
        "package.json",
        "Makefile",
        "web/package.json",
        "src/ci.yml",
    ]
    .map(RepoPath::from)
    .to_vec();
    let asked: Vec<String> = wanted(&paths).into_iter().map(RepoPath::to_text).collect();
    assert_eq!(
        asked,
        [
            PATH,
            ".gitlab-ci.yml",
            "ci/Jenkinsfile",
            "package.json",
            "Makefile"
        ]
    );
    assert!(!is_ci(&"src/workflows/a.yml".into()));
}

proptest! {
    #[test]
    fn any_ci_file_can_be_compared(
        old in "(run: |steps:\n|  - |script: \\|\n|name: |if: |\"|\\[|[ \n]|\\PC){0,30}",
        new in "(run: |steps:\n|  - |script: \\|\n|name: |if: |\"|\\[|[ \n]|\\PC){0,30}",
    ) {
        for path in [PATH, "Jenkinsfile"] {
            Scenario::default().edit(path, &old, &new).edit("a.sh", &old, &new).findings();
        }
    }
}
