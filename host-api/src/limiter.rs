//! The memory limit of one component instance.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use wasmtime::ResourceLimiter;

/// Tells, from outside the store and after it is gone, whether an instance ran into its memory limit.
#[derive(Clone, Debug, Default)]
pub struct LimitBreach(Arc<AtomicBool>);

impl LimitBreach {
    /// Whether a growth was refused because of the limit.
    pub fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bounds the linear memories and tables of one store together.
///
/// A refused growth is what the guest sees as `memory.grow` = -1; most guests abort on it. The breach
/// is remembered so that the abort gets its true name.
#[derive(Debug)]
pub struct MemoryLimit {
    max_bytes: usize,
    used_bytes: usize,
    breach: LimitBreach,
}

/// A table element is a pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

impl MemoryLimit {
    /// All memories and tables of the store together may take `max_bytes`; a breach is told to `breach`.
    pub fn new(max_bytes: usize, breach: LimitBreach) -> Self {
        Self {
            max_bytes,
            used_bytes: 0,
            breach,
        }
    }

    /// A handle that outlives the store.
    pub fn breach(&self) -> LimitBreach {
        self.breach.clone()
    }

    /// Bytes of memories and tables now.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Forgets an earlier breach; for an instance that serves another call.
    pub fn rearm(&self) {
        self.breach.0.store(false, Ordering::Relaxed);
    }

    fn grow(&mut self, by: usize) -> bool {
        let wanted = self.used_bytes.saturating_add(by);
        if wanted > self.max_bytes {
            self.breach.0.store(true, Ordering::Relaxed);
            return false;
        }
        self.used_bytes = wanted;
        true
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(
            desired
                .saturating_sub(current)
                .saturating_mul(TABLE_ELEMENT_BYTES),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let breach = LimitBreach::default();
        let mut limit = MemoryLimit::new(1000, breach.clone());
        assert!(limit.memory_growing(0, 600, None).unwrap());
        assert!(limit.table_growing(0, 50, None).unwrap());
        assert_eq!(limit.used_bytes(), 1000);
        assert!(!breach.happened());
        assert!(!limit.memory_growing(600, 601, None).unwrap());
        assert!(breach.happened());
        limit.rearm();
        assert!(!breach.happened());
    }

    #[test]
    fn a_declared_maximum_is_no_breach() {
        let mut limit = MemoryLimit::new(1000, LimitBreach::default());
        assert!(!limit.memory_growing(0, 200, Some(100)).unwrap());
        assert!(!limit.breach().happened());
    }
}
