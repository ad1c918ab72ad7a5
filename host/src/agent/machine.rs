//! What the machine gives this process: the limits of its control group (version 2), else the whole machine.

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Where the limits of the own control group stand, as a container sees them.
const CGROUP: &str = "/sys/fs/cgroup";

/// Memory in bytes and processor use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Percent of all processors, since the last look.
    pub cpu_percent: f32,
    /// Bytes that may be used: the control group's limit, else the machine's memory.
    pub memory_total: u64,
    /// Bytes still free under that limit.
    pub memory_free: u64,
}

/// Looks at the machine. The processor's use is since the look before.
#[derive(Debug)]
pub struct Machine {
    system: System,
}

impl Default for Machine {
    /// A first look.
    fn default() -> Self {
        Self {
            system: System::new_with_specifics(
                RefreshKind::nothing()
                    .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
                    .with_memory(MemoryRefreshKind::nothing().with_ram()),
            ),
        }
    }
}

impl Machine {
    /// Looks again.
    pub fn usage(&mut self) -> Usage {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let total = self.system.total_memory();
        let free = self.system.available_memory();
        let (memory_total, memory_free) = memory(Path::new(CGROUP), total, free);
        Usage {
            cpu_percent: self.system.global_cpu_usage(),
            memory_total,
            memory_free,
        }
    }

    /// Thousandths of a processor that may be used, and bytes of memory.
    pub fn limits(&self) -> (u64, u64) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let total = self.system.total_memory();
        let (memory, _) = memory(Path::new(CGROUP), total, total);
        (
            cpu_millis(Path::new(CGROUP)).unwrap_or(processors * 1000),
            memory,
        )
    }
}

/// Total and free memory under a group's limit.
fn memory(group: &Path, machine_total: u64, machine_free: u64) -> (u64, u64) {
    let read = |file: &str| -> Option<u64> {
        std::fs::read_to_string(group.join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    match (read("memory.max"), read("memory.current")) {
        (Some(limit), Some(used)) if limit < machine_total => {
            (limit, limit.saturating_sub(used).min(machine_free))
        }
        _ => (machine_total, machine_free),
    }
}

/// Thousandths of a processor a group may use: `cpu.max` is "quota period" in microseconds, or "max".
fn cpu_millis(group: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.saturating_mul(1000).checked_div(period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_group_s_limit_counts() {
        let group = tempfile::tempdir().unwrap();
        assert_eq!(memory(group.path(), 100, 50), (100, 50));
        fs::write(group.path().join("memory.max"), "40\n").unwrap();
        fs::write(group.path().join("memory.current"), "30\n").unwrap();
        assert_eq!(memory(group.path(), 100, 50), (40, 10));
        fs::write(group.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(memory(group.path(), 100, 50), (100, 50));
    }

    #[test]
    fn a_quota_becomes_thousandths() {
        let group = tempfile::tempdir().unwrap();
        assert_eq!(cpu_millis(group.path()), None);
        fs::write(group.path().join("cpu.max"), "150000 100000\n").unwrap();
        assert_eq!(cpu_millis(group.path()), Some(1500));
        fs::write(group.path().join("cpu.max"), "max 100000\n").unwrap();
        assert_eq!(cpu_millis(group.path()), None);
    }
}
