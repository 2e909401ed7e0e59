//! How stored hashes reach the tree: the caller's reader, hashes in memory, and the bridge to `tlog_tiles`.
//!
//! It must never let a reader that answers wrongly become a panic of the library.

use super::TreeError;
use std::cell::RefCell;
use std::collections::BTreeMap;
use tlog_tiles::Hash;

/// Gives stored hashes back by their position.
pub trait HashReader {
    /// One hash for every position, in the order asked. Positions come in increasing order.
    ///
    /// # Errors
    /// [`TreeError::MissingHash`] or [`TreeError::Storage`] if one can't be had.
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError>;
}

/// Stored hashes that are already in memory, by position.
pub type KnownHashes = BTreeMap<u64, [u8; 32]>;

impl HashReader for KnownHashes {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError> {
        let find = |position: &u64| {
            self.get(position)
                .copied()
                .ok_or(TreeError::MissingHash { position: *position })
        };
        positions.iter().map(find).collect()
    }
}

/// The whole stored list in memory, position 0 first.
impl HashReader for [[u8; 32]] {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError> {
        let find = |position: &u64| {
            let place = usize::try_from(*position).ok();
            place
                .and_then(|place| self.get(place))
                .copied()
                .ok_or(TreeError::MissingHash { position: *position })
        };
        positions.iter().map(find).collect()
    }
}

/// The whole stored list in memory, position 0 first.
impl HashReader for Vec<[u8; 32]> {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError> {
        self.as_slice().read_hashes(positions)
    }
}

/// Lets `tlog_tiles` read through our trait: keeps our error, and checks the count where the library would
/// panic.
pub(super) struct Bridge<'a, R: ?Sized> {
    reader: &'a R,
    failure: RefCell<Option<TreeError>>,
}

impl<R: HashReader + ?Sized> tlog_tiles::HashReader for Bridge<'_, R> {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let answer = self
            .reader
            .read_hashes(positions)
            .and_then(|hashes| match hashes.len() {
                got if got == positions.len() => Ok(hashes),
                got => Err(TreeError::ReaderCount {
                    asked: positions.len(),
                    got,
                }),
            });
        answer
            .map(|hashes| hashes.into_iter().map(Hash).collect())
            .map_err(|error| {
                *self.failure.borrow_mut() = Some(error);
                tlog_tiles::Error::IndexesNotInTree
            })
    }
}

pub(super) fn ask<'a, R: HashReader + ?Sized, T>(
    reader: &'a R,
    question: impl FnOnce(&Bridge<'a, R>) -> Result<T, tlog_tiles::Error>,
) -> Result<T, TreeError> {
    let bridge = Bridge {
        reader,
        failure: RefCell::new(None),
    };
    question(&bridge).map_err(|_| bridge.failure.take().unwrap_or(TreeError::ProofInvalid))
}

/// Answers every position with zeros and remembers it.
#[derive(Default)]
pub(super) struct Recorder(RefCell<Vec<u64>>);

impl HashReader for Recorder {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError> {
        self.0.borrow_mut().extend_from_slice(positions);
        Ok(vec![[0; 32]; positions.len()])
    }
}

pub(super) fn recorded<T>(
    question: impl FnOnce(&Recorder) -> Result<T, TreeError>,
) -> Result<Vec<u64>, TreeError> {
    let recorder = Recorder::default();
    question(&recorder)?;
    Ok(recorder.0.into_inner())
}
