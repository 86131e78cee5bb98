//! Wall time of repeated runs, and memory peaks as the kernel counts them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// The most memory that a process held at once (`VmHWM`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peak {
    kib: u32,
}

impl Peak {
    pub(crate) fn mebibytes(self) -> f64 {
        f64::from(self.kib) / 1024.0
    }
}

/// Milliseconds of each round, the quickest first.
pub(crate) fn time(rounds: usize, mut run: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut millis = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        run()?;
        millis.push(began.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    Ok(millis)
}

/// The peak of this process so far; zero where the system has no `/proc`.
pub(crate) fn peak_of_self() -> Result<Peak> {
    Ok(read("/proc/self/status")?.unwrap_or_default())
}

/// Runs `command` to its end and watches its peak. What it prints goes nowhere.
pub(crate) fn peak_of(mut command: Command) -> Result<Peak> {
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = Peak::default();
    loop {
        // The peak only grows, so all that is missed is what the last millisecond adds.
        peak = peak.max(read(&status)?.unwrap_or_default());
        if let Some(ended) = child.try_wait()? {
            if !ended.success() {
                bail!("{command:?} ended with {ended}");
            }
            return Ok(peak);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn read(path: &str) -> Result<Option<Peak>> {
    let Ok(status) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    // A process that has ended has a status without memory.
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
        return Ok(None);
    };
    let kib = line.trim().trim_end_matches(" kB").parse();
    Ok(Some(Peak {
        kib: kib.with_context(|| format!("VmHWM of {path}"))?,
    }))
}
