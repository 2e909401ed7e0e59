//! A text that nobody gets to see: not in a log, an error, a page or a debugger's words (INV-11).

use serde::Deserialize;
use std::fmt;

/// What is shown in its place.
pub(crate) const HIDDEN: &str = "(hidden)";

/// A secret; only [`Secret::reveal`] gives it, to whoever sends it where it belongs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Secret(String);

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() {
            return Err("it is empty");
        }
        Ok(Self(text))
    }
}

impl Secret {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::try_from("hunter2".to_owned()).expect("it is not empty");
        assert_eq!(format!("{secret} {secret:?}"), "(hidden) (hidden)");
        assert_eq!(secret.reveal(), "hunter2");
        assert!(Secret::try_from(" ".to_owned()).is_err());
    }
}
