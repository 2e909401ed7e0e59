//! How much one run of the rules may look at and make. Every bound is named; running into one is said, never
//! hidden.

use crate::language::FILE_MAX_BYTES;

/// Most files that one run reads.
pub(crate) const FILES_MAX: usize = 20_000;
/// Most places that one run rewrites.
pub(crate) const MATCHES_MAX: usize = 50_000;
/// Most bytes that one rule may put into one file.
const INSERTED_MAX_BYTES: usize = 4 * FILE_MAX_BYTES;

/// A bound was reached, as a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OverLimit(pub(crate) String);

/// What is left of one run's bounds.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    files: usize,
    matches: usize,
}

impl Budget {
    /// Counts one more file.
    ///
    /// # Errors
    /// Beyond [`FILES_MAX`].
    pub(crate) fn file(&mut self) -> Result<(), OverLimit> {
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(OverLimit(format!(
                "the rules are about more than {FILES_MAX} files; narrow them with `files`"
            )));
        }
        Ok(())
    }

    /// Counts more places.
    ///
    /// # Errors
    /// Beyond [`MATCHES_MAX`].
    pub(crate) fn places(&mut self, more: usize) -> Result<(), OverLimit> {
        self.matches += more;
        check_places(self.matches)
    }
}

/// Checks a number of places.
///
/// # Errors
/// Beyond [`MATCHES_MAX`].
pub(crate) fn check_places(places: usize) -> Result<(), OverLimit> {
    if places > MATCHES_MAX {
        return Err(OverLimit(format!(
            "the rules match more than {MATCHES_MAX} places; make them narrower"
        )));
    }
    Ok(())
}

/// Checks what one rule puts into one file.
///
/// # Errors
/// Beyond four times the size of the largest file that we read.
pub(crate) fn check_inserted(bytes: usize) -> Result<(), OverLimit> {
    if bytes > INSERTED_MAX_BYTES {
        let message =
            format!("a rule would put more than {INSERTED_MAX_BYTES} bytes into one file; make it narrower");
        return Err(OverLimit(message));
    }
    Ok(())
}
