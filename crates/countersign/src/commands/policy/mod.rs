//! `policy`: what counts for a base and where it comes from, diffs held against it, and expectations of it. Needs no
//! data folder and touches no repository.

mod check;
mod expectations;
mod sarif;
mod show;
mod test;
mod under_test;

pub(super) use check::check;
pub(super) use show::show;
pub(super) use test::test;

use super::throwaway::{Throwaway, blocking};
use crate::adapters::BaselineFile;
use crate::error::CliError;
use crate::session::App;
use countersign_core::id::CommitSha;
use countersign_engine::Baseline as _;
use countersign_engine::policies::{self, Counting, Layers, LayersError, Organisation};

/// Floor, organisation, default branch and base put together. `judged` is a commit that is itself held against the
/// policy: where the default branch ends in it, the file before it counts, so that no commit is its own judge.
async fn layers(
    app: &App,
    copy: &Throwaway,
    base: &CommitSha,
    judged: Option<&CommitSha>,
) -> Result<Layers, CliError> {
    let organisation = BaselineFile(app.folder.baseline())
        .read()
        .map_err(|message| CliError::refused("baseline-unreadable", message))?;
    let tip = copy.pin(copy.default_branch.as_str()).await?.commit;
    let default = if Some(&tip) == judged { base.clone() } else { tip };
    let (git, source) = (copy.git.clone(), copy.source.clone());
    let (default_branch, base) = (copy.default_branch.clone(), base.clone());
    let organisation = Organisation {
        place: app.folder.baseline().display().to_string(),
        text: organisation,
    };
    let together = blocking(move || {
        let at = Counting {
            source: &source,
            default_branch: &default_branch,
            default_commit: &default,
            base: &base,
        };
        policies::layers(git.as_ref(), organisation, at, None)
    });
    Ok(together.await??)
}

impl From<LayersError> for CliError {
    fn from(error: LayersError) -> Self {
        match error {
            LayersError::Trees(error) => error.into(),
            LayersError::NotUtf8 { .. } | LayersError::Unreadable { .. } => {
                CliError::refused(error.code(), error.to_string())
            }
        }
    }
}
