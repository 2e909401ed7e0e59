//! pip, poetry, uv.

use super::{edit, moves};

const REQUIREMENTS: &str = "# what we need\nFlask==2.0.0\nrequests[socks]>=2.28 ; python_version > '3.8'\n";

const PYPROJECT: &str = r#"[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shop"
license = "MIT"
dependencies = ["flask>=2.0", "requests"]

[project.optional-dependencies]
docs = ["sphinx==5.0"]

[dependency-groups]
dev = ["pytest>=7", { include-group = "docs" }]
"#;

const POETRY: &str = r#"[tool.poetry]
name = "shop"

[tool.poetry.dependencies]
python = "^3.10"
flask = "^2.0"

[tool.poetry.group.dev.dependencies]
pytest = { version = "^7.0", extras = ["x"] }
"#;

const POETRY_LOCK: &str = r#"[[package]]
name = "flask"
version = "2.0.0"
description = ""
files = [
    {file = "flask-2.0.0-py3-none-any.whl", hash = "sha256:aaaa"},
    {file = "flask-2.0.0.tar.gz", hash = "sha256:bbbb"},
]

[metadata]
lock-version = "2.0"
content-hash = "0123"
"#;

const UV_LOCK: &str = r#"version = 1
requires-python = ">=3.10"

[[package]]
name = "flask"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files.pythonhosted.org/packages/aa/flask-2.0.0.tar.gz", hash = "sha256:bbbb", size = 1 }
wheels = [
    { url = "https://files.pythonhosted.org/packages/bb/flask-2.0.0-py3-none-any.whl", hash = "sha256:aaaa" },
]

[[package]]
name = "shop"
version = "0.1.0"
source = { editable = "." }
"#;

#[test]
fn requirement_lines_move() {
    assert_eq!(
        edit(
            "requirements.txt",
            REQUIREMENTS,
            &REQUIREMENTS.replace("2.0.0", "3.0.0")
        ),
        ["dependency-change@requirements.txt: Changed: flask ==2.0.0 → ==3.0.0 (up)."]
    );
    assert_eq!(
        moves(
            "requirements/dev.txt",
            REQUIREMENTS,
            &format!("{REQUIREMENTS}py_test~=7.0  # new\n")
        ),
        ["py-test ~=7.0 (added)"]
    );
    assert_eq!(
        moves(
            "constraints.txt",
            REQUIREMENTS,
            &REQUIREMENTS.replace("3.8", "3.9")
        ),
        ["requests >=2.28 (altered)"]
    );
    assert_eq!(edit("notes.txt", REQUIREMENTS, "nothing\n"), [""; 0]);
}

#[test]
fn requirement_lines_that_come_from_elsewhere() {
    for line in [
        "--index-url https://evil.example/simple",
        "--extra-index-url=http://pypi.org/simple",
        "-i https://evil.example/simple",
        "--find-links https://evil.example/",
        "--trusted-host pypi.org",
        "git+https://github.com/x/flask@main#egg=flask2",
        "flask2 @ https://evil.example/flask2.whl",
        "https://evil.example/flask2-1.0.tar.gz",
    ] {
        let said = edit(
            "requirements.txt",
            REQUIREMENTS,
            &format!("{REQUIREMENTS}{line}\n"),
        );
        let source = said
            .iter()
            .any(|s| s.starts_with("dependency-source@requirements.txt:4 "));
        assert!(source, "{line}: {said:?}");
    }
    let said = edit(
        "requirements.txt",
        REQUIREMENTS,
        &REQUIREMENTS.replace("Flask==2.0.0", "Flask @ git+https://x.example/f@v1"),
    );
    assert!(
        said[0].contains("flask ==2.0.0 → v1 (source: the default registry → git git+https://x.example/f)"),
        "{said:?}"
    );
    for line in [
        "--index-url https://pypi.org/simple",
        "-r other.txt",
        "-e .",
        "# -i https://evil.example",
    ] {
        let said = edit(
            "requirements.txt",
            REQUIREMENTS,
            &format!("{REQUIREMENTS}{line}\n"),
        );
        assert!(
            said.iter().all(|s| !s.starts_with("dependency-source")),
            "{line}: {said:?}"
        );
    }
}

#[test]
fn hashes_in_requirement_lines() {
    let old = "flask==2.0.0 \\\n    --hash=sha256:aaaa \\\n    --hash=sha256:bbbb\n";
    let said = edit(
        "requirements.txt",
        old,
        &old.replace("aaaa", "cccc").replace("bbbb", "dddd"),
    );
    assert!(
        said[0].starts_with("dependency-integrity@requirements.txt"),
        "{said:?}"
    );
    let more = edit(
        "requirements.txt",
        old,
        &old.replace("bbbb", "bbbb --hash=sha256:cccc"),
    );
    assert_eq!(
        more,
        ["dependency-change@requirements.txt: Changed: flask ==2.0.0 (altered)."]
    );
}

#[test]
fn pyproject_in_its_standard_and_poetrys_form() {
    assert_eq!(
        moves(
            "pyproject.toml",
            PYPROJECT,
            &PYPROJECT
                .replace("flask>=2.0", "flask>=3.0")
                .replace("pytest>=7", "pytest>=8")
        ),
        ["flask >=2.0 → >=3.0 (up)", "pytest >=7 → >=8 (up)"]
    );
    assert_eq!(
        moves(
            "pyproject.toml",
            POETRY,
            &POETRY.replace("flask = \"^2.0\"", "flask = \"^3.0\"\nrich = \"*\"")
        ),
        ["flask ^2.0 → ^3.0 (up)", "rich * (added)"]
    );
    let backend = edit(
        "pyproject.toml",
        PYPROJECT,
        &PYPROJECT.replace("\"hatchling.build\"", "\"backend\"\nbackend-path = [\".\"]"),
    );
    assert_eq!(
        backend
            .iter()
            .filter(|s| s.starts_with("install-script@"))
            .count(),
        2,
        "{backend:?}"
    );
    for more in [
        "[tool.uv.sources]\nflask = { git = \"https://example.org/flask\" }\n",
        "[[tool.uv.index]]\nname = \"x\"\nurl = \"https://evil.example\"\n",
        "[[tool.poetry.source]]\nname = \"x\"\nurl = \"https://evil.example\"\n",
    ] {
        let said = edit("pyproject.toml", PYPROJECT, &format!("{PYPROJECT}{more}"));
        assert!(
            said[0].starts_with("dependency-source@pyproject.toml"),
            "{more}: {said:?}"
        );
    }
    let tool = format!("{PYPROJECT}[tool.black]\nline-length = 100\n");
    assert_eq!(
        edit("pyproject.toml", PYPROJECT, &tool),
        [
            "dependency-change@pyproject.toml: Nothing that it pulls in changes; it says otherwise: tool.black."
        ]
    );
}

#[test]
fn poetrys_and_uvs_lockfiles() {
    for (path, lock, other_source) in [
        (
            "poetry.lock",
            POETRY_LOCK,
            "description = \"\"\nsource = {type = \"git\", url = \"https://x.example/f\", reference = \"main\", resolved_reference = \"abc\"}",
        ),
        (
            "uv.lock",
            UV_LOCK,
            "source = { git = \"https://x.example/f?rev=main#abc\" }",
        ),
    ] {
        assert_eq!(
            moves(path, lock, &lock.replace("2.0.0", "2.1.0")),
            ["flask 2.0.0 → 2.1.0 (up)"]
        );
        let broken = edit(path, lock, &lock.replace("sha256:aaaa", "sha256:cccc"));
        assert!(broken[0].starts_with("dependency-integrity@"), "{broken:?}");
        let more_files = if path == "uv.lock" {
            lock.replace(
                "wheels = [\n",
                "wheels = [\n    { url = \"https://x/flask-2.0.0-cp314.whl\", hash = \"sha256:eeee\" },\n",
            )
        } else {
            lock.replace(
                "files = [\n",
                "files = [\n    {file = \"flask-2.0.0-cp314.whl\", hash = \"sha256:eeee\"},\n",
            )
        };
        assert_eq!(moves(path, lock, &more_files), ["flask 2.0.0 (altered)"]);
        let moved = lock.replace("description = \"\"", other_source).replace(
            "source = { registry = \"https://pypi.org/simple\" }",
            other_source,
        );
        let moved = edit(path, lock, &moved);
        assert!(moved[0].starts_with("dependency-source@"), "{moved:?}");
    }
    let index = edit(
        "uv.lock",
        UV_LOCK,
        &UV_LOCK.replace("https://pypi.org/simple", "https://evil.example/simple"),
    );
    assert!(index[0].starts_with("dependency-source@uv.lock"), "{index:?}");
}

#[test]
fn a_setup_script_that_starts_to_run_things() {
    let old = "from setuptools import setup\nsetup(name='shop')\n";
    let new = "from setuptools import setup\nsetup(name='shop', cmdclass={'install': Evil})\n";
    assert!(edit("setup.py", old, new)[0].starts_with("install-script@setup.py:2"));
    assert_eq!(
        edit("setup.py", old, &old.replace("shop", "store")),
        ["dependency-change@setup.py: The file changes; nothing that it pulls in does."]
    );
}
