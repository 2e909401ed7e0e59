//! Runs the pages of `spec/`: prose with commands and what they print, so that the documentation can't lie.
//!
//! One page: `cargo test -p countersign --test spec -- PAGE`; `SPEC_UPDATE=1` before it writes the page anew with
//! what was printed (look at the difference before you believe it). `page` says how a page is written.

mod compare;
mod github;
mod page;
mod shell;

use page::Step;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// One test per page, named like its file; and one that no page is forgotten.
macro_rules! pages {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run(stringify!($name)); })*

        #[test]
        fn every_page_runs() {
            let listed = [$(stringify!($name)),*];
            let there = fs::read_dir(folder()).expect("spec/ is there");
            let names = there.map(|e| e.expect("a readable entry").file_name().to_string_lossy().into_owned());
            let pages = names.filter_map(|n| n.strip_suffix(".md").map(|n| n.replace('-', "_")));
            let forgotten: Vec<String> = pages.filter(|n| n != "README" && !listed.contains(&n.as_str())).collect();
            assert!(forgotten.is_empty(), "add to the list in crates/countersign/tests/spec/main.rs: {forgotten:?}");
        }
    };
}

pages! {
    a_backup_is_restored
    a_block_is_waived
    a_hunk_is_left_out
    a_person_rejects
    a_policy_has_expectations
    a_question_is_answered
    a_stale_approval_opens_nothing
    a_submitted_diff
    a_waiver_dies_with_its_content
    an_approved_patch_becomes_a_branch
    an_external_command_proposes
    an_issue_on_github_becomes_a_pull_request
    cancelled_takes_out_of_play
    changes_requested_raise_the_revision
    issues_are_found_by_a_search
    killed_and_resumed
    nothing_is_written_before_approval
    own_rules_in_rego
    patch_tools
    policy_blocks_a_frozen_path
    red_ci_is_fixed_and_approved_anew
    the_base_moved
    the_base_moved_on_github
    the_second_write_fails
    the_second_write_on_github_fails
    two_repositories_land_together
    unattended_says_so
    verify_offline
    warnings_must_be_acknowledged
    what_is_merged_on_github_is_looked_at
    what_nobody_approved_is_found_and_taken_back
    what_strangers_push_stays
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec"))
}

fn run(name: &str) {
    let file = format!("{}.md", name.replace('_', "-"));
    let path = folder().join(&file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("spec/{file} can't be read: {e}"));
    let page = page::read(&text).unwrap_or_else(|e| panic!("spec/{file}, {e}"));
    let steps = page.steps;
    let sandbox = shell::Sandbox::new(name);
    let github = (!page.github.is_empty()).then(|| github::Beside::start(sandbox.root(), &page.github));
    let environment = github
        .as_ref()
        .map(github::Beside::environment)
        .unwrap_or_default();
    let answers = sandbox.run(&steps, &environment);
    let mut findings = String::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that an update does not move what is still to be compared.
    for (step, answer) in steps.iter().zip(&answers).rev() {
        let (line, code, output, place) = match step {
            Step::Command(c) => (c.line, c.code, c.output.as_slice(), Some(&c.answer)),
            Step::Setup { line, .. } => (*line, 0, [].as_slice(), None),
            Step::File { .. } => continue,
        };
        if answer.code == Some(code) && compare::matches(output, &answer.output) {
            continue;
        }
        let mut finding = format!("spec/{file}:{line}\n");
        match answer.code {
            None => finding.push_str("  the page ended before this command ended\n"),
            Some(found) if found != code => {
                writeln!(finding, "  exit code {found}, expected {code}").expect("memory")
            }
            Some(_) => {}
        }
        finding.push_str(&compare::difference(output, &answer.output));
        findings.insert_str(0, &format!("{finding}\n"));
        if let (Some(place), Some(found)) = (place, answer.code) {
            let code = (found != 0).then(|| format!("? {found}"));
            let mut varies = vec![sandbox.root().display().to_string()];
            varies.extend(github.as_ref().map(github::Beside::url));
            let renewed = compare::renewed(output, &answer.output, &varies);
            lines.splice(place.clone(), code.into_iter().chain(renewed));
        }
    }
    if findings.is_empty() {
        return sandbox.remove();
    }
    if std::env::var_os("SPEC_UPDATE").is_some() {
        fs::write(&path, lines.join("\n") + "\n").expect("the page can be written");
    }
    let root = sandbox.root().display();
    panic!(
        "\n\n{findings}  - is what the page says, + is what was printed. The folder is left in {root}\n  \
         this page alone:  cargo test -p countersign --test spec -- {name}\n  \
         write it anew:    SPEC_UPDATE=1 cargo test -p countersign --test spec -- {name}\n"
    );
}
