//! `patch apply`: does this diff apply, strictly, and to which tree? `patch show`: what differs between two commits?

mod batch;
mod lines;
mod show;

pub(super) use show::show;

use super::files;
use super::throwaway::{Throwaway, blocking};
use crate::cli::ApplyArgs;
use crate::error::{CliError, Exit};
use crate::render::{diff, story::counted};
use crate::session::App;
use crate::terminal::{Page, Style};
use crate::wire::{AppliedWire, RefusedWire};
use countersign_core::id::TreeSha;
use countersign_ports::trees::{Applied, ApplyRefusal, SecondOpinion, SecondOutcome, Trees as _, TreesError};

/// `patch apply`.
pub(super) async fn apply(app: &App, args: ApplyArgs) -> Result<Exit, CliError> {
    let (Some(base), Some(diff)) = (&args.base, &args.diff) else {
        return batch::batch(app, &args.repo).await;
    };
    // What is too large or empty is refused by the reader of diffs, in the form of every other refusal.
    let bytes = files::read("the diff", diff, files::DIFF_MAX_BYTES)?;
    let copy = Throwaway::of(&args.repo).await?;
    let base = copy.pin(base).await?.commit;
    let (git, source) = (copy.git.clone(), copy.source.clone());
    let outcome = blocking(move || match git.apply(&source, &base, &bytes)? {
        Ok(applied) if args.cross_check => {
            let opinion = git.second_opinion(&source, &base, &applied.canonical)?;
            Ok(match disagreement(&applied.diff.result_tree, &opinion) {
                None => Ok((applied, Some(opinion.applier))),
                Some(refusal) => Err(refusal),
            })
        }
        Ok(applied) => Ok(Ok((applied, None))),
        Err(refusal) => Ok::<_, TreesError>(Err(refusal)),
    });
    match outcome.await?? {
        Ok((applied, second)) => {
            say_applied(app, applied, second);
            Ok(Exit::Ok)
        }
        Err(refusal) => {
            say_refused(app, refusal);
            Ok(Exit::Refused)
        }
    }
}

/// Why the two appliers don't come to the same tree, if they don't.
fn disagreement(ours: &TreeSha, opinion: &SecondOpinion) -> Option<ApplyRefusal> {
    if opinion.agrees_on(ours) {
        return None;
    }
    let other = match &opinion.outcome {
        SecondOutcome::Gives { tree } => format!("it comes to the tree {tree}, we to {ours}"),
        SecondOutcome::Refused { said } => format!("it says \u{201c}{said}\u{201d}"),
    };
    Some(ApplyRefusal {
        code: "appliers-disagree",
        message: format!(
            "{} does not read the canonical diff as we do: {other}. Split the change, and report this diff.",
            opinion.applier
        ),
        place: "the whole diff".to_owned(),
    })
}

fn say_applied(app: &App, applied: Applied, second: Option<String>) {
    if app.terminal.is_json() {
        app.terminal.print_json(&AppliedWire::of(applied, second));
        return;
    }
    let tree = applied.diff.result_tree.to_string();
    let mut page = Page::new();
    let files = counted(applied.diff.files.len(), "file");
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "it applies: {files}, +{} −{}",
            applied.diff.added(),
            applied.diff.removed()
        ),
    );
    page.line(2)
        .column(Style::Dim, "tree", 6)
        .add(Style::Plain, &tree);
    if let Some(applier) = second {
        page.line(2)
            .column(Style::Dim, "check", 6)
            .add(Style::Plain, format!("{applier} comes to the same tree"));
    }
    for warning in &applied.warnings {
        page.line(2)
            .add(Style::Warn, "! ")
            .add(Style::Plain, format!("{} ({})", warning.message, warning.place))
            .add(Style::Dim, format!("  [{}]", warning.code));
    }
    page.gap();
    diff::lines(&mut page, &applied.canonical);
    page.gap();
    page.line(0).add(Style::Dim, "Nothing was written.");
    app.terminal.print(&page);
}

/// Says why a diff can't be applied; also for other commands that try one.
pub(super) fn say_refused(app: &App, refusal: ApplyRefusal) {
    if app.terminal.is_json() {
        app.terminal.print_json(&RefusedWire { refused: refusal });
        return;
    }
    let error = CliError::refused(
        refusal.code,
        format!("the diff does not apply: {}", refusal.message),
    )
    .next(format!("Place: {}", refusal.place));
    app.terminal.fail(&error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_appliers_agree_only_on_one_and_the_same_tree() {
        let [ours, other] = ["1", "2"].map(|d| TreeSha::parse(&d.repeat(40)).expect("an id"));
        let opinion = |outcome| SecondOpinion {
            applier: "git 2.39.5".to_owned(),
            outcome,
        };
        let same = opinion(SecondOutcome::Gives { tree: ours.clone() });
        assert_eq!(disagreement(&ours, &same), None);
        let said = "patch does not apply".to_owned();
        for outcome in [
            SecondOutcome::Gives { tree: other },
            SecondOutcome::Refused { said },
        ] {
            let refusal = disagreement(&ours, &opinion(outcome)).expect("refused");
            assert_eq!(refusal.code, "appliers-disagree");
            assert!(
                refusal.message.starts_with("git 2.39.5 does not"),
                "{}",
                refusal.message
            );
        }
    }
}
