//! How many bytes of packages the process may hold in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of bytes shared by all transfers. Nobody waits for it: who gets nothing spills to disk, so it can
/// neither be exceeded nor deadlock. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<AtomicU64>,
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub struct Lease {
    free: Arc<AtomicU64>,
    bytes: u64,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self {
            free: Arc::new(AtomicU64::new(bytes)),
        }
    }

    /// An empty lease, to be grown.
    pub fn lease(&self) -> Lease {
        Lease {
            free: Arc::clone(&self.free),
            bytes: 0,
        }
    }
}

impl Lease {
    /// Takes `more` bytes; false, and nothing taken, where the budget has not that many left.
    pub fn grow(&mut self, more: u64) -> bool {
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(more))
            .is_ok();
        if taken {
            self.bytes += more;
        }
        taken
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.free.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_it_lent() {
        let budget = Budget::new(10);
        let mut first = budget.lease();
        assert!(first.grow(6));
        let mut second = budget.lease();
        assert!(!second.grow(5));
        assert!(second.grow(4));
        drop(first);
        assert!(second.grow(6));
    }
}
