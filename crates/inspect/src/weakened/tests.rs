//! Tests that get weaker, and changes of tests that don't.

use crate::scenario::Scenario;
use proptest::prelude::*;

fn edit(path: &str, old: &str, new: &str) -> Vec<String> {
    Scenario::default().edit(path, old, new).sentences()
}

const RUST: &str = r#"fn add(a: u8, b: u8) -> u8 {
    a + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
        assert_eq!(add(0, 0), 0);
    }

    #[test]
    #[should_panic(expected = "overflow")]
    fn overflows() {
        add(255, 1);
    }
}
"#;

const PYTHON: &str = "import pytest\n\ndef test_adds():\n    assert add(1, 2) == 3\n    assert add(0, 0) == 0\n\n\nclass TestMore:\n    def test_text(self):\n        text = \"\"\"\nnot indented\n\"\"\"\n        assert text\n";

const JS: &str = "describe('add', () => {\n  it('adds', () => {\n    expect(add(1, 2)).toBe(3);\n  });\n\n  it('is short', () => expect(add(1, 1)).toBe(2));\n});\n";

const GO: &str = "package a\n\nfunc TestAdd(t *testing.T) {\n\tif add(1, 2) != 3 {\n\t\tt.Errorf(\"no\")\n\t}\n\tif add(0, 0) != 0 {\n\t\tt.Fatal(\"no\")\n\t}\n}\n\nfunc TestOther(t *testing.T) {\n\trequire.Equal(t, 1, one())\n}\n";

const JAVA: &str = "class AddTest {\n    @Test\n    void adds() {\n        assertEquals(3, add(1, 2));\n    }\n\n    @Test\n    public void other() {\n        assertTrue(x());\n    }\n}\n";

#[test]
fn a_test_that_is_gone_is_said() {
    let without = |text: &str, from: &str, to: &str| {
        let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap());
        format!("{}{}", &text[..start], &text[end..])
    };
    assert_eq!(
        edit(
            "src/lib.rs",
            RUST,
            &without(RUST, "    #[test]\n    fn adds", "    #[test]\n    #[should")
        ),
        ["weakened-test@src/lib.rs: No longer there: 1 test: adds."]
    );
    let deleted = Scenario::default().delete("tests/test_a.py", PYTHON);
    assert_eq!(
        deleted.sentences(),
        ["weakened-test@tests/test_a.py: A file with tests is deleted, with 2 tests: test_adds, test_text."]
    );
    assert_eq!(
        edit("a_test.go", GO, &without(GO, "func TestAdd", "func TestOther")).len(),
        1
    );
    assert_eq!(
        edit(
            "src/AddTest.java",
            JAVA,
            &without(JAVA, "    @Test\n    void", "    @Test\n    public")
        )
        .len(),
        1
    );
}

#[test]
fn a_test_that_moves_shows_as_much_as_before() {
    let moved = |new: &str| {
        Scenario::default()
            .delete("tests/test_a.py", PYTHON)
            .add("tests/test_b.py", new)
            .sentences()
    };
    let emptied = "def test_adds():\n    pass\n\n\ndef test_text():\n    pass\n";
    assert_eq!(
        moved(emptied),
        ["weakened-test@tests/test_b.py:1,5 Tests do nothing any more: test_adds, test_text."]
    );
    let fewer = PYTHON.replace("    assert add(0, 0) == 0\n", "");
    assert_eq!(
        moved(&fewer),
        ["weakened-test@tests/test_b.py:3 Tests assert less than before: test_adds (2 → 1)."]
    );
    let skipped = PYTHON.replace("def test_adds", "@pytest.mark.skip\ndef test_adds");
    assert_eq!(
        moved(&skipped),
        [
            "weakened-test@tests/test_b.py:3 Tests that moved here are kept from running or expected to fail: test_adds."
        ]
    );
    let ignored = RUST.replace("    fn adds()", "    #[ignore]\n    fn adds()");
    let elsewhere = Scenario::default()
        .delete("src/a.rs", RUST)
        .add("src/b.rs", ignored);
    assert_eq!(elsewhere.sentences().len(), 1);
}

#[test]
fn a_name_that_nothing_runs_takes_the_tests_away() {
    for name in ["tests/test_a.py.disabled", "tests/test_a.py.bak", "old/a.txt"] {
        let renamed = Scenario::default().rename("tests/test_a.py", name, PYTHON, PYTHON);
        assert_eq!(
            renamed.sentences(),
            [format!(
                "weakened-test@{name}: A file with tests has a name that nothing runs any more, with 2 tests: test_adds, test_text."
            )]
        );
    }
    let kept = Scenario::default().rename("tests/test_a.py", "tests/test_c.py", PYTHON, PYTHON);
    assert_eq!(kept.sentences(), [""; 0]);
}

#[test]
fn moved_renamed_and_new_tests_are_ordinary() {
    let renamed = RUST.replace("fn adds()", "fn adds_small_numbers()");
    assert_eq!(edit("src/lib.rs", RUST, &renamed), [""; 0]);
    let moved = Scenario::default()
        .delete("tests/test_a.py", PYTHON)
        .add("tests/test_b.py", PYTHON);
    assert_eq!(moved.rules(), [""; 0]);
    let renamed_file = Scenario::default().rename("tests/test_a.py", "tests/test_b.py", PYTHON, PYTHON);
    assert_eq!(renamed_file.rules(), [""; 0]);
    let corrected = RUST
        .replace("fn adds()", "fn addz()")
        .replace("add(1, 2), 3", "add(1, 2), 4");
    assert_eq!(
        edit("src/lib.rs", RUST, &corrected).len(),
        1,
        "a short name that shares little is another test"
    );
    let spelling = JAVA.replace("void adds()", "void deserialisesOldFormats()");
    let respelt = spelling
        .replace("deserialisesOld", "deserializesOld")
        .replace("(3, add(1, 2))", "(4, add(2, 2))");
    assert_eq!(edit("src/AddTest.java", &spelling, &respelt), [""; 0]);
    let group = JS.replace(
        "describe('add'",
        "describe.skipIf(ci)('more', () => {\n  it('news', () => {\n    x();\n  });\n});\n\ndescribe('add'",
    );
    assert_eq!(edit("src/a.test.js", JS, &group), [""; 0], "a group of new tests");
    let more = GO.replace(
        "func TestOther",
        "func TestNew(t *testing.T) {\n\tt.Skip(\"later\")\n}\n\nfunc TestOther",
    );
    assert_eq!(edit("a_test.go", GO, &more), [""; 0]);
    assert_eq!(
        edit("src/a.py", "def test_connection():\n    assert ping()\n", ""),
        [""; 0]
    );
    let expected = RUST.replace("add(1, 2), 3", "add(2, 2), 4");
    assert_eq!(
        edit("src/lib.rs", RUST, &expected),
        [""; 0],
        "another expected value is a test's ordinary change"
    );
}

#[test]
fn tests_that_no_longer_run_are_said() {
    let table = [
        ("src/lib.rs", RUST, "    fn adds", "    #[ignore]\n    fn adds"),
        (
            "src/lib.rs",
            RUST,
            "    fn adds",
            "    #[should_panic]\n    fn adds",
        ),
        (
            "tests/test_a.py",
            PYTHON,
            "def test_adds",
            "@pytest.mark.skip(reason=\"flaky\")\ndef test_adds",
        ),
        (
            "tests/test_a.py",
            PYTHON,
            "def test_adds",
            "@pytest.mark.xfail\ndef test_adds",
        ),
        (
            "tests/test_a.py",
            PYTHON,
            "import pytest\n",
            "import pytest\n\npytestmark = pytest.mark.skip\n",
        ),
        ("src/a.test.js", JS, "  it('adds'", "  it.skip('adds'"),
        ("src/a.test.js", JS, "  it('adds'", "  xit('adds'"),
        ("src/a.test.js", JS, "  it('adds'", "  it.only('adds'"),
        ("src/a.test.js", JS, "describe('add'", "describe.skip('add'"),
        (
            "a_test.go",
            GO,
            "func TestAdd(t *testing.T) {\n",
            "func TestAdd(t *testing.T) {\n\tt.Skip(\"flaky\")\n",
        ),
        (
            "src/AddTest.java",
            JAVA,
            "    void adds",
            "    @Disabled\n    void adds",
        ),
        (
            "src/AddTest.java",
            JAVA,
            "class AddTest",
            "@Ignore\nclass AddTest",
        ),
        (
            "spec/a_spec.rb",
            "it 'adds' do\n  expect(1).to eq 1\nend\n",
            "  expect(1)",
            "  skip 'later'\n  expect(1)",
        ),
    ];
    for (path, old, from, to) in table {
        let said = edit(path, old, &old.replacen(from, to, 1));
        assert_eq!(said.len(), 1, "{path} {to}: {said:?}");
        assert!(said[0].contains("kept from running"), "{said:?}");
    }
}

#[test]
fn words_about_skipping_outside_tests_are_ordinary() {
    for (path, old, new) in [
        (
            "src/lib.rs",
            RUST,
            RUST.replace("    a + b", "    // #[ignore] is not used\n    a + b"),
        ),
        ("src/skip.js", "run()\n", "run()\nitems.skip(3)\n".to_owned()),
        (
            "src/main.go",
            "package a\n",
            "package a\n\nfunc f() { s.Skip(1) }\n".to_owned(),
        ),
        (
            "tests/test_a.py",
            PYTHON,
            PYTHON.replace("add(1, 2)", "add(2, 1)"),
        ),
    ] {
        assert_eq!(edit(path, old, &new), [""; 0], "{path}");
    }
}

#[test]
fn tests_that_assert_less_or_nothing_are_said() {
    assert_eq!(
        edit(
            "src/lib.rs",
            RUST,
            &RUST.replace("        assert_eq!(add(0, 0), 0);\n", "")
        ),
        ["weakened-test@src/lib.rs:9 Tests assert less than before: adds (2 → 1)."]
    );
    assert_eq!(
        edit(
            "tests/test_a.py",
            PYTHON,
            &PYTHON.replace("    assert add(0, 0) == 0\n", "")
        )
        .len(),
        1
    );
    let emptied = PYTHON.replace(
        "    assert add(1, 2) == 3\n    assert add(0, 0) == 0\n",
        "    pass\n",
    );
    assert_eq!(
        edit("tests/test_a.py", PYTHON, &emptied),
        ["weakened-test@tests/test_a.py:3 Tests do nothing any more: test_adds."]
    );
    let go = GO.replace("\tif add(0, 0) != 0 {\n\t\tt.Fatal(\"no\")\n\t}\n", "");
    assert_eq!(edit("a_test.go", GO, &go).len(), 1);
    let split = RUST.replace(
        "        assert_eq!(add(0, 0), 0);\n    }",
        "    }\n\n    #[test]\n    fn adds_zero() {\n        assert_eq!(add(0, 0), 0);\n    }",
    );
    assert_eq!(
        edit("src/lib.rs", RUST, &split),
        [""; 0],
        "an assertion that moved into a test of its own"
    );
}

#[test]
fn assertions_of_what_is_always_so_are_said() {
    let table = [
        ("src/lib.rs", RUST, "assert_eq!(add(1, 2), 3)", "assert!(true)"),
        ("tests/test_a.py", PYTHON, "assert add(1, 2) == 3", "assert True"),
        (
            "src/a.test.js",
            JS,
            "expect(add(1, 2)).toBe(3)",
            "expect(true).toBe(true)",
        ),
        (
            "src/AddTest.java",
            JAVA,
            "assertEquals(3, add(1, 2))",
            "assertTrue(true)",
        ),
    ];
    for (path, old, from, to) in table {
        let said = edit(path, old, &old.replace(from, to));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("always so"), "{said:?}");
    }
}

#[test]
fn recorded_output_that_changes_alone_is_said() {
    let change = Scenario::default().edit("src/__snapshots__/a.snap", "one\n", "two\n");
    assert_eq!(
        change.sentences(),
        [
            "weakened-test@src/__snapshots__/a.snap:1 Expected values change in recorded output only (1 line in, 1 line \
          out): no test changes with them."
        ]
    );
    let with_test = change.edit("src/a.test.js", JS, JS.replace("toBe(3)", "toBe(4)"));
    assert_eq!(with_test.rules(), [""; 0]);
    assert_eq!(
        Scenario::default()
            .add("src/__snapshots__/a.snap", "one\n")
            .rules(),
        [""; 0]
    );
}

#[test]
fn thresholds_that_fall_are_said() {
    let table = [
        ("setup.cfg", "fail_under = 90\n", "fail_under = 80\n", true),
        ("tox.ini", "pytest --cov-fail-under=95\n", "pytest\n", true),
        ("codecov.yml", "target: 80%\n", "target: 70%\n", true),
        ("jest.config.js", "branches: 90,\n", "branches: 50,\n", true),
        ("setup.cfg", "fail_under = 80\n", "fail_under = 90\n", false),
        ("ci.yml", "target: 80\n", "target: 70\n", false),
    ];
    for (path, old, new, hit) in table {
        let said = edit(path, old, new);
        assert_eq!(
            said.iter().any(|s| s.contains("threshold")),
            hit,
            "{path} {new}: {said:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_can_be_looked_at(
        old in "(#\\[test\\]|fn a\\(|def test_|it\\('|\\}|\\)|assert|\"\"\"|[ \\n]|\\PC){0,40}",
        new in "(#\\[test\\]|fn a\\(|def test_|it\\('|\\}|\\)|assert|\"\"\"|[ \\n]|\\PC){0,40}",
    ) {
        for path in ["tests/a.rs", "tests/a.py", "tests/a.js", "tests/a.rb", "a_test.go", "ATest.java", "ATest.cs", "ATest.php"] {
            edit(path, &old, &new);
        }
    }
}
