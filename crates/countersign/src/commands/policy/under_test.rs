//! What `policy test` tests: a policy file and the own rules beside it, as they lie in the work tree. Reading only.

use super::expectations::Expectations;
use crate::commands::files;
use crate::error::{CliError, file_error};
use countersign_core::path::RepoPath;
use countersign_core::policy::{
    EffectivePolicy, OWN_RULE_FILES_MAX, OWN_RULE_MAX_BYTES, OWN_RULES_FOLDER, POLICY_MAX_BYTES, POLICY_PATH,
    effective, is_own_rule_file,
};
use countersign_engine::policies::read;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Deepest folder below that of the rules which is looked into.
const DEPTH_MAX: usize = 8;

/// A policy under test.
pub(super) struct UnderTest {
    /// The policy file; none: the floor alone.
    pub(super) place: Option<PathBuf>,
    pub(super) policy: EffectivePolicy,
    /// The files of rules, by their path in the repository.
    pub(super) own_rules: BTreeMap<RepoPath, Vec<u8>>,
}

/// The policy that a file names, or the nearest one above it, or the floor alone; and the rules in the same folder.
///
/// # Errors
/// When something that is there can't be read.
pub(super) fn under_test(expected: &Expectations) -> Result<UnderTest, CliError> {
    let folder = match &expected.policy {
        Some(policy) => policy.parent().map(Path::to_path_buf),
        None => nearest(&expected.file),
    };
    let beside = || {
        folder
            .as_ref()
            .map(|f| f.join(POLICY_PATH))
            .filter(|p| p.is_file())
    };
    let place = expected.policy.clone().or_else(beside);
    let text = match &place {
        Some(path) => Some(files::read("the policy", path, POLICY_MAX_BYTES)?),
        None => None,
    };
    let named = place
        .as_deref()
        .unwrap_or(Path::new(POLICY_PATH))
        .display()
        .to_string();
    let file = read(&named, text)?;
    let mut own_rules = BTreeMap::new();
    if let Some(folder) = folder {
        gather(&folder, &folder.join(OWN_RULES_FOLDER), DEPTH_MAX, &mut own_rules)?;
    }
    Ok(UnderTest {
        place,
        policy: effective(None, file.as_ref(), file.as_ref()),
        own_rules,
    })
}

/// The nearest folder above a file that has a policy or rules of its own.
fn nearest(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    let has = |folder: &&Path| folder.join(POLICY_PATH).is_file() || folder.join(OWN_RULES_FOLDER).is_dir();
    file.ancestors().skip(1).find(has).map(Path::to_path_buf)
}

/// Reads the rules of a folder and of those below it.
fn gather(
    top: &Path,
    folder: &Path,
    depth: usize,
    found: &mut BTreeMap<RepoPath, Vec<u8>>,
) -> Result<(), CliError> {
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        listed => listed.map_err(|e| file_error("can't list", folder, &e))?,
    };
    for entry in listed {
        let entry = entry.map_err(|e| file_error("can't list", folder, &e))?;
        let (path, kind) = (entry.path(), entry.file_type());
        let kind = kind.map_err(|e| file_error("can't look at", &path, &e))?;
        if kind.is_dir() {
            let depth = depth.checked_sub(1).ok_or_else(|| {
                let text = format!("{} lies deeper than {DEPTH_MAX} folders", path.display());
                CliError::refused("own-rules-too-deep", text)
            })?;
            gather(top, &path, depth, found)?;
            continue;
        }
        let below = path.strip_prefix(top).unwrap_or(&path);
        let inside = RepoPath::from_bytes(below.as_os_str().as_bytes());
        if !is_own_rule_file(&inside) {
            continue;
        }
        if !kind.is_file() {
            let text = format!("{} is no file, so no rules can be read from it", path.display());
            return Err(CliError::refused("own-rules-no-file", text));
        }
        found.insert(inside, files::read("the rules", &path, OWN_RULE_MAX_BYTES)?);
        if found.len() > OWN_RULE_FILES_MAX {
            let text = format!(
                "{} has more than {OWN_RULE_FILES_MAX} files of rules",
                folder.display()
            );
            return Err(CliError::refused("own-rules-too-many", text));
        }
    }
    Ok(())
}
