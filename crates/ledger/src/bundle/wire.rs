//! The file form of a bundle: strings, integers, lists and nulls, converted by hand so that the stored bytes
//! change only on purpose.

use super::{Attachment, BUNDLE_FORMAT, BUNDLE_VERSION, Body, BundleEntry, BundleError, Earlier};
use crate::commitment::Salt;
use crate::hash::{ContentHash, RootHash};
use crate::key::VerifierKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle {
    format: String,
    v: u64,
    tenant: String,
    stream: String,
    entries: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Head>,
    attachments: Vec<Attached>,
    checkpoint: String,
    keys: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    index: u64,
    leaf: String,
    salt: Option<String>,
    body: Option<String>,
    proof: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    size: u64,
    root: String,
    proof: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    hash: String,
    body: String,
}

impl From<&super::Bundle> for Bundle {
    fn from(bundle: &super::Bundle) -> Self {
        Self {
            format: BUNDLE_FORMAT.to_owned(),
            v: BUNDLE_VERSION,
            tenant: bundle.tenant.clone(),
            stream: bundle.stream.clone(),
            entries: bundle.entries.iter().map(Entry::from).collect(),
            notices: bundle.notices.iter().map(Entry::from).collect(),
            history: bundle.history.iter().map(Head::from).collect(),
            attachments: bundle.attachments.iter().map(Attached::from).collect(),
            checkpoint: bundle.checkpoint.clone(),
            keys: bundle.keys.iter().map(VerifierKey::to_string).collect(),
        }
    }
}

impl From<&BundleEntry> for Entry {
    fn from(entry: &BundleEntry) -> Self {
        let (salt, body) = match &entry.body {
            Body::Present { salt, bytes } => (Some(salt.to_string()), Some(STANDARD.encode(bytes))),
            Body::Erased => (None, None),
        };
        Self {
            index: entry.index,
            leaf: STANDARD.encode(&entry.leaf),
            salt,
            body,
            proof: entry.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }
    }
}

impl From<&Earlier> for Head {
    fn from(earlier: &Earlier) -> Self {
        Self {
            size: earlier.size,
            root: earlier.root.to_string(),
            proof: earlier.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }
    }
}

impl From<&Attachment> for Attached {
    fn from(attachment: &Attachment) -> Self {
        Self {
            hash: attachment.hash.to_string(),
            body: STANDARD.encode(&attachment.body),
        }
    }
}

impl TryFrom<Bundle> for super::Bundle {
    type Error = BundleError;

    fn try_from(wire: Bundle) -> Result<Self, BundleError> {
        if wire.format != BUNDLE_FORMAT {
            return Err(BundleError::UnknownFormat);
        }
        if wire.v != BUNDLE_VERSION {
            return Err(BundleError::UnknownVersion { found: wire.v });
        }
        let entries = wire
            .entries
            .into_iter()
            .enumerate()
            .map(|(at, entry)| read_entry(at, &entry));
        let notices = wire.notices.iter().enumerate().map(|(notice, entry)| {
            read_entry(notice, entry).map_err(|error| match error {
                BundleError::EntryField { field, .. } => BundleError::NoticeField { notice, field },
                BundleError::HalfErased { .. } => BundleError::NoticeField {
                    notice,
                    field: "body",
                },
                other @ (BundleError::TooLarge { .. }
                | BundleError::TooMany { .. }
                | BundleError::Shape { .. }
                | BundleError::UnknownFormat
                | BundleError::UnknownVersion { .. }
                | BundleError::NotCanonical
                | BundleError::NoEntries
                | BundleError::Field { .. }
                | BundleError::NoticeField { .. }
                | BundleError::AttachmentField { .. }
                | BundleError::Unordered { .. }
                | BundleError::Key { .. }) => other,
            })
        });
        let history = wire.history.iter().map(read_head);
        let attachments = wire
            .attachments
            .into_iter()
            .enumerate()
            .map(|(at, item)| read_attachment(at, item));
        let keys = wire.keys.iter().enumerate().map(|(position, vkey)| {
            VerifierKey::parse(vkey).map_err(|source| BundleError::Key { position, source })
        });
        Ok(Self {
            tenant: wire.tenant,
            stream: wire.stream,
            entries: entries.collect::<Result<_, _>>()?,
            notices: notices.collect::<Result<_, _>>()?,
            history: history.collect::<Result<_, _>>()?,
            attachments: attachments.collect::<Result<_, _>>()?,
            checkpoint: wire.checkpoint,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }
}

fn read_entry(entry: usize, wire: &Entry) -> Result<BundleEntry, BundleError> {
    let malformed = |field| BundleError::EntryField { entry, field };
    let body = match (&wire.salt, &wire.body) {
        (Some(salt), Some(body)) => Body::Present {
            salt: Salt::from_hex(salt).map_err(|_| malformed("salt"))?,
            bytes: STANDARD.decode(body).map_err(|_| malformed("body"))?,
        },
        (None, None) => Body::Erased,
        (Some(_), None) | (None, Some(_)) => return Err(BundleError::HalfErased { entry }),
    };
    Ok(BundleEntry {
        index: wire.index,
        leaf: STANDARD.decode(&wire.leaf).map_err(|_| malformed("leaf"))?,
        body,
        proof: read_proof(&wire.proof).ok_or_else(|| malformed("proof"))?,
    })
}

fn read_proof(texts: &[String]) -> Option<Vec<[u8; 32]>> {
    let read_hash = |text: &String| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    texts.iter().map(read_hash).collect()
}

fn read_head(wire: &Head) -> Result<Earlier, BundleError> {
    let malformed = BundleError::Field { field: "history" };
    Ok(Earlier {
        size: wire.size,
        root: RootHash::from_hex(&wire.root).map_err(|_| malformed.clone())?,
        proof: read_proof(&wire.proof).ok_or(malformed)?,
    })
}

fn read_attachment(attachment: usize, wire: Attached) -> Result<Attachment, BundleError> {
    let malformed = |field| BundleError::AttachmentField { attachment, field };
    Ok(Attachment {
        hash: ContentHash::from_hex(&wire.hash).map_err(|_| malformed("hash"))?,
        body: STANDARD.decode(&wire.body).map_err(|_| malformed("body"))?,
    })
}
