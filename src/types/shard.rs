//! One part of the work of a run, where several processes share it.

use std::fmt;
use std::str::FromStr;

use super::Digest;

/// Part `index` of `count` parts, counted from 0 as Kubernetes counts the pods of an Indexed Job.
///
/// What belongs to which part depends on names alone, so all parts together are the whole, no two overlap, and a chart
/// stays in its part as long as `count` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// The text names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a shard: `INDEX/COUNT` with an index from 0 to COUNT - 1, as in `0/4`", .0.escape_debug())]
pub struct ShardError(String);

impl Shard {
    /// Part `index` of `count`; `None` unless it is below it.
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count).then_some(Self { index, count })
    }

    /// Whether what has this name belongs here.
    pub fn takes(self, name: &str) -> bool {
        // A sha256 is even, and the same on every machine and in every release.
        let hex = Digest::of(name.as_bytes());
        let head = u64::from_str_radix(&hex.hex()[..16], 16).unwrap_or_default();
        head % u64::from(self.count) == u64::from(self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parse = || {
            let (index, count) = text.split_once('/')?;
            Self::new(index.trim().parse().ok()?, count.trim().parse().ok()?)
        };
        parse().ok_or_else(|| ShardError(text.chars().take(100).collect()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for text in ["0/1", "3/4"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "4/4", "1", "-1/4", "0/0", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_name_belongs_to_exactly_one_part_and_parts_are_even() {
        let names: Vec<String> = (0..2000).map(|n| format!("chart-{n}")).collect();
        let mut sizes = [0; 7];
        for name in &names {
            let taken: Vec<_> = (0..7)
                .filter(|index| Shard::new(*index, 7).unwrap().takes(name))
                .collect();
            assert_eq!(taken.len(), 1, "{name}: {taken:?}");
            sizes[taken[0] as usize] += 1;
        }
        assert!(sizes.iter().all(|size| (220..360).contains(size)), "{sizes:?}");
    }

    /// Pods of two releases may work side by side.
    #[test]
    fn the_parts_stay_what_they_are() {
        let taken = ["nginx", "redis", "postgresql", "grafana"].map(|name| {
            (0..4)
                .find(|index| Shard::new(*index, 4).unwrap().takes(name))
                .unwrap()
        });
        assert_eq!(taken, [0, 1, 0, 1]);
    }
}
