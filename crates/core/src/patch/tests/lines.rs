//! Single lines: paths, and remarks that stand for left-out code.

use super::super::elision::{Elision, elision};
use super::super::path_line::{PathLine, path_line};
use crate::path::RepoPath;

#[test]
fn path_lines_are_told_from_words() {
    let path = |text: &str| PathLine::Path(RepoPath::from(text));
    for (line, want) in [
        ("src/x.rs", path("src/x.rs")),
        ("  src/x.rs  ", path("src/x.rs")),
        (".gitignore", path(".gitignore")),
        ("app/(group)/[id].tsx", path("app/(group)/[id].tsx")),
        ("man/x.1", path("man/x.1")),
        ("`Makefile`", path("Makefile")),
        ("`a, b.txt`", path("a, b.txt")),
        ("`scripts/build`", path("scripts/build")),
        ("../x.rs", path("../x.rs")),
        ("/etc/x.conf", path("/etc/x.conf")),
        ("ä/ö.txt", path("ä/ö.txt")),
        ("scripts/build", PathLine::Unclear),
        ("and/or", PathLine::Unclear),
        ("app.js:", PathLine::Unclear),
        ("`app.js`:", path("app.js")),
        ("# app.js", PathLine::Unclear),
        ("", PathLine::Prose),
        ("```", PathLine::Prose),
        ("words", PathLine::Prose),
        ("src/x.rs:12", PathLine::Prose),
        ("C:\\x.rs", PathLine::Prose),
        ("$HOME/x.rs", PathLine::Prose),
        ("--flag=a/b.c", PathLine::Prose),
        ("x = a/b.c", PathLine::Prose),
        ("src/*.rs", PathLine::Prose),
        ("f(a/b.c)", PathLine::Prose),
        ("src/x.rs.", PathLine::Prose),
        (">>>>>>> REPLACE", PathLine::Prose),
        ("@@ -1 +1 @@", PathLine::Prose),
    ] {
        assert_eq!(path_line(line.as_bytes()), want, "{line}");
    }
}

#[test]
fn remarks_for_left_out_code_are_told_from_code() {
    for line in [
        "// ... rest unchanged ...",
        "    # ... existing code ...",
        "/* ... */",
        "<!-- ... rest of the page ... -->",
        "// …",
        "... (rest of the file unchanged)",
        "[... remaining code omitted ...]",
        "// rest of the code remains the same",
        "// other methods...",
        "# (existing imports unchanged)",
        "-- ... more ...",
        "{/* ... existing JSX ... */}",
    ] {
        assert_eq!(elision(line.as_bytes()), Some(Elision::Said), "{line}");
    }
    for line in ["...", "   ....\r\n", "…"] {
        assert_eq!(elision(line.as_bytes()), Some(Elision::Dots), "{line}");
    }
    for line in [
        "",
        "    ...rest,",
        "f(...rest)",
        "let x = 0..3;",
        "// Loading...",
        "// see the other module",
        "...other.values",
        "print(\"...\")",
        "def f(): ...",
        "// the same as above",
        "match x { .. }",
    ] {
        assert_eq!(elision(line.as_bytes()), None, "{line}");
    }
}
