//! The process as Linux sees it, under the names that dashboards for any program look for. Elsewhere nothing is known.

/// Clock ticks a second in `/proc`: the kernel converts to this rate whatever its own is, on every architecture that
/// chartferry runs on.
const TICKS: f64 = 100.0;

/// What `/proc/self` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) memory_bytes: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: Option<u64>,
}

/// Looks; none where there is no `/proc`.
pub(super) fn look() -> Option<Process> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    Some(Process {
        cpu_seconds: cpu_seconds(&read("stat")?)?,
        memory_bytes: memory_bytes(&read("status")?)?,
        // The folder itself is open while it is read.
        open_fds: (std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
        max_fds: read("limits").as_deref().and_then(max_fds),
    })
}

/// Fields 14 and 15 of `stat`. The second is the program's name in brackets, which may hold blanks and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some((ticks()? + ticks()?) / TICKS)
}

fn memory_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The soft limit; none if there is none.
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(memory_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(max_fds(limits), Some(1024));
        assert_eq!(
            max_fds("Max open files            unlimited            unlimited            files"),
            None
        );
        for broken in ["", "7 (x", "7 (x) S 1"] {
            assert_eq!(cpu_seconds(broken), None, "{broken}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_files() {
        let process = look().unwrap();
        assert!(
            process.memory_bytes > 1 << 20 && process.open_fds > 2,
            "{process:?}"
        );
    }
}
