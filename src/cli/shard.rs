//! `--shard`: the part of the work that falls to this process.

use std::str::FromStr;

use anyhow::{Context as _, bail};

use crate::types::{Shard, ShardError};

/// Set by Kubernetes in the pods of an Indexed Job.
const INDEX: &str = "JOB_COMPLETION_INDEX";
/// Set by whoever writes the Job, since Kubernetes tells a pod its number and not how many there are.
const COUNT: &str = "CHARTFERRY_SHARDS";

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShardArg {
    /// The environment says it.
    Auto,
    /// This part.
    Part(Shard),
}

impl FromStr for ShardArg {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        match text {
            "auto" => Ok(Self::Auto),
            text => text.parse().map(Self::Part),
        }
    }
}

/// The part of this process; `variable` reads the environment.
pub(super) fn resolve(
    arg: Option<ShardArg>,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Shard>> {
    match arg {
        None => Ok(None),
        Some(ShardArg::Part(shard)) => Ok(Some(shard)),
        Some(ShardArg::Auto) => from_environment(variable).map(Some),
    }
}

/// Without the index this is no pod of an Indexed Job; to do the whole work then would do it once in each pod.
fn from_environment(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Shard> {
    let number = |name: &str, meaning: &str| {
        let text = variable(name)
            .with_context(|| format!("`--shard auto` needs the environment variable `{name}`: {meaning}"))?;
        text.trim()
            .parse::<u32>()
            .with_context(|| format!("`{name}` is `{}`, not a number", text.escape_debug()))
    };
    let index = number(INDEX, "Kubernetes sets it in the pods of an Indexed Job")?;
    let count = number(COUNT, "the Job's `completions`, to be set beside them")?;
    match Shard::new(index, count) {
        Some(shard) => Ok(shard),
        None => bail!("`{INDEX}` is {index} and `{COUNT}` is {count}: there is no such part"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(index: Option<&str>, count: Option<&str>) -> anyhow::Result<Option<Shard>> {
        resolve(Some(ShardArg::Auto), |name| match name {
            INDEX => index.map(str::to_owned),
            COUNT => count.map(str::to_owned),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn the_environment_of_an_indexed_job_tells() {
        assert_eq!(auto(Some("2"), Some("4")).unwrap(), Shard::new(2, 4));
        for (index, count, word) in [
            (None, Some("4"), INDEX),
            (Some("0"), None, COUNT),
            (Some("x"), Some("4"), "not a number"),
            (Some("4"), Some("4"), "no such part"),
        ] {
            let error = auto(index, count).unwrap_err();
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
    }

    #[test]
    fn what_is_typed_needs_no_environment() {
        let part: ShardArg = "1/3".parse().unwrap();
        let none = |_: &str| None;
        assert_eq!(resolve(Some(part), none).unwrap(), Shard::new(1, 3));
        assert_eq!(resolve(None, none).unwrap(), None);
        assert!("3/3".parse::<ShardArg>().is_err());
    }
}
