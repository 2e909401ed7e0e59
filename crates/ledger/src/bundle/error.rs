//! Why a file is not a bundle. Sentences name places and never quote the file.

use super::{BUNDLE_VERSION, MAX_BUNDLE_BYTES};
use crate::key::KeyError;
use thiserror::Error;

/// Why bytes or fields are not a bundle.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// More than [`MAX_BUNDLE_BYTES`].
    #[error("the bundle has {bytes} bytes, more than {MAX_BUNDLE_BYTES}")]
    TooLarge {
        /// Size of the file in bytes.
        bytes: usize,
    },
    /// A list is longer than its limit.
    #[error("the bundle has {count} {what}, more than {max}")]
    TooMany {
        /// Name of the list.
        what: &'static str,
        /// Items in it.
        count: usize,
        /// Items allowed.
        max: usize,
    },
    /// Not JSON, or not a bundle's fields (missing, unknown or repeated ones).
    #[error("the bundle is not the expected JSON (line {line}, column {column})")]
    Shape {
        /// Line of the first offence, from 1.
        line: usize,
        /// Column of the first offence, from 1.
        column: usize,
    },
    /// It doesn't call itself a bundle.
    #[error("the file does not call itself a countersign bundle")]
    UnknownFormat,
    /// Some later or earlier version.
    #[error("the bundle has version {found}, this program reads version {BUNDLE_VERSION}")]
    UnknownVersion {
        /// Version that the bundle names.
        found: u64,
    },
    /// It says a bundle's things in other bytes than RFC 8785 does.
    #[error("the bundle is not in canonical form")]
    NotCanonical,
    /// A bundle of nothing.
    #[error("the bundle has no entries")]
    NoEntries,
    /// A field breaks its rule.
    #[error("the bundle's field `{field}` is malformed")]
    Field {
        /// Name of the field.
        field: &'static str,
    },
    /// A field of an entry breaks its rule.
    #[error("entry {entry}: the field `{field}` is malformed")]
    EntryField {
        /// Place of the entry in the bundle, from 0.
        entry: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// A field of an entry of another stream breaks its rule.
    #[error("notice {notice}: the field `{field}` is malformed")]
    NoticeField {
        /// Place of the notice in the bundle, from 0.
        notice: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// Salt and body are not both there or both gone.
    #[error("entry {entry}: an erased body has no salt, and a body that is there has one")]
    HalfErased {
        /// Place of the entry in the bundle, from 0.
        entry: usize,
    },
    /// A field of an attachment breaks its rule.
    #[error("attachment {attachment}: the field `{field}` is malformed")]
    AttachmentField {
        /// Place of the attachment in the bundle, from 0.
        attachment: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// A list is out of order or repeats an item.
    #[error("the bundle's {what} are out of order or repeated")]
    Unordered {
        /// Name of the list.
        what: &'static str,
    },
    /// An embedded key is none.
    #[error("embedded key {position} is malformed")]
    Key {
        /// Place of the key in the bundle, from 0.
        position: usize,
        /// What is wrong with it.
        source: KeyError,
    },
}

impl BundleError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle-too-large",
            Self::TooMany { .. } => "bundle-too-many",
            Self::Shape { .. } => "bundle-not-json",
            Self::UnknownFormat => "bundle-unknown-format",
            Self::UnknownVersion { .. } => "bundle-unknown-version",
            Self::NotCanonical => "bundle-not-canonical",
            Self::NoEntries => "bundle-no-entries",
            Self::Field { .. } => "bundle-field-malformed",
            Self::EntryField { .. } => "bundle-entry-malformed",
            Self::NoticeField { .. } => "bundle-notice-malformed",
            Self::HalfErased { .. } => "bundle-half-erased",
            Self::AttachmentField { .. } => "bundle-attachment-malformed",
            Self::Unordered { .. } => "bundle-unordered",
            Self::Key { .. } => "bundle-key-malformed",
        }
    }
}
