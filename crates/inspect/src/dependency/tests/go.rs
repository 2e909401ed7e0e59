//! Go modules.

use super::{edit, moves};

const MODULE: &str = "module example.org/shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/spf13/cobra v1.8.0\n\tgolang.org/x/sys v0.15.0 // indirect\n)\n\nrequire github.com/pkg/errors v0.9.1\n";
const SUM: &str = "github.com/pkg/errors v0.9.1 h1:aaaa=\ngithub.com/pkg/errors v0.9.1/go.mod h1:bbbb=\n";

#[test]
fn required_versions_move() {
    assert_eq!(
        edit("go.mod", MODULE, &MODULE.replace("v1.8.0", "v1.9.0")),
        ["dependency-change@go.mod:6 Changed: github.com/spf13/cobra v1.8.0 → v1.9.0 (up)."]
    );
    assert_eq!(
        moves(
            "go.mod",
            MODULE,
            &MODULE.replace("v0.9.1", "v0.0.0-20200101000000-abcdefabcdef")
        ),
        ["github.com/pkg/errors v0.9.1 → v0.0.0-20200101000000-abcdefabcdef (down)"]
    );
    assert_eq!(
        edit("go.mod", MODULE, &MODULE.replace("go 1.22", "go 1.23")),
        ["dependency-change@go.mod: Nothing that it pulls in changes; it says otherwise: go."]
    );
}

#[test]
fn replacements_are_another_source() {
    for (replace, source) in [
        (
            "replace github.com/pkg/errors => github.com/evil/errors v1.0.0",
            true,
        ),
        ("replace (\n\tgithub.com/pkg/errors v0.9.1 => ../errors\n)", true),
        ("replace github.com/pkg/errors => ./internal/errors", false),
    ] {
        let said = edit("go.mod", MODULE, &format!("{MODULE}\n{replace}\n"));
        assert_eq!(
            said[0].starts_with("dependency-source@go.mod"),
            source,
            "{said:?}"
        );
    }
}

#[test]
fn sums_may_grow_and_not_change() {
    let grown = format!("{SUM}github.com/spf13/cobra v1.8.0/go.mod h1:cccc=\n");
    assert_eq!(
        edit("go.sum", SUM, &grown),
        ["dependency-change@go.sum: Hashes are listed or dropped; 2 modules are named now."]
    );
    let said = edit("go.sum", SUM, &SUM.replace("aaaa", "dddd"));
    assert!(said[0].starts_with("dependency-integrity@go.sum:"), "{said:?}");
}

#[test]
fn workspaces_are_read_and_nonsense_is_refused() {
    let work = "go 1.22\n\nuse (\n\t./a\n\t./b\n)\n";
    let said = edit(
        "go.work",
        work,
        &format!("{work}replace x.example/y => z.example/y v1.0.0\n"),
    );
    assert!(said[0].starts_with("dependency-source@go.work"), "{said:?}");
    let broken = edit("go.mod", MODULE, "module x\nrequire (\n");
    assert!(broken[0].starts_with("not-inspected@go.mod"), "{broken:?}");
    let strange = edit("go.mod", MODULE, "module x\nfetch everything\n");
    assert!(strange[0].starts_with("not-inspected@go.mod"), "{strange:?}");
}
