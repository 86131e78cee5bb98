//! What the mirrors of a run remember: from the settings to folder, identity and rules.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::TimeDelta;

use super::args::MemoryArgs;
use super::flags;
use crate::config::{Config, MirrorConfig, PrunePolicy, Since, StateDir};
use crate::run::{Memory, MirrorSpec, Mode, TargetSpec};
use crate::schedule::Every;
use crate::state::{self, Identity, MaxShrink, StateFolder};
use crate::types::{Digest, Shard};

/// Where the states of a run are.
pub(super) enum States {
    /// Nothing is remembered.
    Off,
    /// In this folder; none if it need not be there.
    In(Option<StateFolder>),
}

impl States {
    /// Opens the folder, and makes it where something is to be kept. One that cannot be used is an error before anything is
    /// sent (reliability F38).
    pub(super) fn open(config: &Config, args: &MemoryArgs, mode: Mode) -> anyhow::Result<Self> {
        let flag = match (args.reconcile, args.accept_shrink) {
            (true, _) => Some("--reconcile"),
            (false, true) => Some("--accept-shrink"),
            (false, false) => None,
        };
        if let (Some(flag), Mode::Verify { .. }) = (flag, mode) {
            bail!("`{flag}` has no effect on `verify`, which trusts no state");
        }
        let path = match &config.state_dir {
            StateDir::Off => match flag {
                Some(flag) => bail!(
                    "`{flag}` needs a state, and none is kept; name a folder with `--state-dir`, or as `state_dir` in the file"
                ),
                None => return Ok(Self::Off),
            },
            StateDir::At(path) => Some(path.clone()),
            StateDir::Default => state::default_folder(|name| std::env::var_os(name)),
        };
        let path = match (path, mode) {
            (Some(path), _) => path,
            // Who only looks needs none.
            (None, Mode::Plan | Mode::Verify { .. }) => return Ok(Self::In(None)),
            (None, Mode::Migrate) => bail!(
                "there is no place for what mirrors remember: neither `STATE_DIRECTORY` nor `XDG_STATE_HOME` nor `HOME` names a folder; name one as `state_dir`, or set `state_dir = \"off\"`",
            ),
        };
        let folder = folder(&path, mode).with_context(|| {
            format!(
                "what mirrors remember cannot be kept in `{}` (`state_dir = \"off\"` keeps nothing)",
                path.display()
            )
        });
        folder.map(Self::In)
    }

    /// What one mirror remembers.
    pub(super) fn memory(
        &self,
        (config, mirror): (&Config, &MirrorConfig),
        spec: &MirrorSpec,
        shard: Option<Shard>,
        args: &MemoryArgs,
    ) -> anyhow::Result<Option<Memory>> {
        let Self::In(folder) = self else {
            return Ok(None);
        };
        let mut memory = Memory::new(
            folder.clone(),
            identity(mirror, &spec.source.to_string(), &spec.targets, shard),
            settings(config, mirror, spec)?,
        );
        let filters = mirror.charts.iter().map(|chart| &chart.filter);
        let mut filters = filters.chain([&mirror.filter]);
        memory.ages = filters.any(|filter| matches!(filter.since, Some(Since::Ago(_))));
        memory.reconcile_every = TimeDelta::from_std(config.reconcile_every).unwrap_or(TimeDelta::MAX);
        memory.reconcile = args.reconcile;
        memory.accept_shrink = args.accept_shrink;
        memory.max_shrink = MaxShrink {
            percent: mirror.memory.max_shrink,
            ..MaxShrink::default()
        };
        memory.heal = mirror.memory.heal;
        memory.prune = mirror.memory.prune == PrunePolicy::Vanished;
        Ok(Some(memory))
    }
}

fn folder(path: &Path, mode: Mode) -> anyhow::Result<Option<StateFolder>> {
    Ok(match mode {
        Mode::Migrate => Some(StateFolder::open(path)?),
        Mode::Plan => StateFolder::existing(path)?,
        Mode::Verify { .. } => None,
    })
}

/// A part of a mirror has a state of its own, since each part is a process of its own.
pub(super) fn identity(
    mirror: &MirrorConfig,
    source: &str,
    targets: &[TargetSpec],
    shard: Option<Shard>,
) -> Identity {
    let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
    let targets: Vec<_> = targets.iter().map(String::as_str).collect();
    let mut identity = match targets.as_slice() {
        [target] if mirror.name == flags::MIRROR => Identity::unnamed(source, target),
        targets => Identity::named(&mirror.name, source, targets),
    };
    if let Some(shard) = shard {
        identity.mirror = format!("{} (shard {shard})", identity.mirror).into();
    }
    identity
}

/// A digest of all that decides which versions are selected and what is done with them. What it holds too much costs one
/// look at an unchanged index; what it held too little would keep a version from ever arriving.
fn settings(config: &Config, mirror: &MirrorConfig, spec: &MirrorSpec) -> anyhow::Result<Digest> {
    let keyring = match &mirror.keyring {
        Some(path) => {
            let keys = std::fs::read(path).with_context(|| format!("keyring `{}`", path.display()))?;
            Some(Digest::of(&keys))
        }
        None => None,
    };
    // One thorough run, and when and how long runs are, do not change what is wanted.
    let mirror = MirrorConfig {
        check_drift: false,
        run_timeout: None,
        schedule: Every::HOUR.into(),
        jitter: Duration::ZERO,
        ..mirror.clone()
    };
    let limits = (config.max_index_size, config.max_package_size);
    let text = format!(
        "{} {mirror:?} {limits:?} {keyring:?} {}",
        env!("CARGO_PKG_VERSION"),
        spec.source
    );
    Ok(Digest::of(text.as_bytes()))
}
