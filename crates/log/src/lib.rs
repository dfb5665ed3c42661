//! The log coprocessor: the event logs of one transaction, in order, revertible to a checkpoint.
//! What a log costs is the glue's; blooms and receipts are the embedder's.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use tandem_coprocessor::{
    Checkpoint, Log,
    primitives::{Address, B256, Bytes, Log as LogEntry, LogData},
};

/// The logs of the running transaction.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    entries: Vec<LogEntry>,
}

impl Logs {
    /// The logs so far, oldest first; none are left.
    pub fn take(&mut self) -> Vec<LogEntry> {
        core::mem::take(&mut self.entries)
    }
}

impl Log for Logs {
    fn emit(&mut self, address: Address, topics: &[B256], data: &[u8]) {
        let data = LogData::new_unchecked(topics.to_vec(), Bytes::copy_from_slice(data));
        self.entries.push(LogEntry { address, data });
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.entries.len())
    }

    fn revert(&mut self, checkpoint: Checkpoint) {
        self.entries.truncate(checkpoint.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_drops_what_came_after_the_checkpoint() {
        let mut logs = Logs::default();
        logs.emit(Address::ZERO, &[B256::ZERO], b"kept");
        let checkpoint = logs.checkpoint();
        logs.emit(Address::ZERO, &[], b"dropped");
        logs.revert(checkpoint);
        let kept = logs.take();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].data.data.as_ref(), b"kept");
        assert_eq!(kept[0].topics(), [B256::ZERO]);
        assert!(logs.take().is_empty());
    }
}
