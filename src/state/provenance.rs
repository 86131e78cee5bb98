//! Provenance files that appear, change or vanish after a version was pushed (reliability B54, B55).

use crate::types::Digest;

/// What is remembered of a version's provenance file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// It was never asked for: `provenance = "off"`, or the version was adopted without one.
    #[default]
    Unknown,
    /// The source had none.
    None,
    /// It was carried; sha256 of the file.
    Carried(Digest),
}

/// What became of it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenanceChange {
    /// The same, or nothing to compare with.
    Same,
    /// There was none. A conflict, since the manifest would change; with `add_provenance` the version is tagged anew.
    Appeared(Digest),
    /// It is another one: a conflict.
    Changed {
        /// The one that was carried.
        recorded: Digest,
        /// The one that the source has now.
        found: Digest,
    },
    /// The source has it no more: a warning. What was carried stays.
    Vanished(Digest),
}

impl Provenance {
    /// Compares with what the source has now. One that could not be asked for (`Unknown`) tells nothing.
    pub fn change(self, now: Self) -> ProvenanceChange {
        match (self, now) {
            (Self::None, Self::Carried(found)) => ProvenanceChange::Appeared(found),
            (Self::Carried(recorded), Self::None) => ProvenanceChange::Vanished(recorded),
            (Self::Carried(recorded), Self::Carried(found)) if recorded != found => {
                ProvenanceChange::Changed { recorded, found }
            }
            (Self::Unknown, _)
            | (_, Self::Unknown)
            | (Self::None, Self::None)
            | (Self::Carried(_), Self::Carried(_)) => ProvenanceChange::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_from_a_change() {
        let (recorded, found) = (Digest::of(b"old"), Digest::of(b"new"));
        let (old, new) = (Provenance::Carried(recorded), Provenance::Carried(found));
        for (was, now, change) in [
            (Provenance::None, Provenance::None, ProvenanceChange::Same),
            (Provenance::None, new, ProvenanceChange::Appeared(found)),
            (Provenance::None, Provenance::Unknown, ProvenanceChange::Same),
            (old, old, ProvenanceChange::Same),
            (old, new, ProvenanceChange::Changed { recorded, found }),
            (old, Provenance::None, ProvenanceChange::Vanished(recorded)),
            (old, Provenance::Unknown, ProvenanceChange::Same),
            (Provenance::Unknown, new, ProvenanceChange::Same),
            (Provenance::Unknown, Provenance::None, ProvenanceChange::Same),
        ] {
            assert_eq!(was.change(now), change, "{was:?} {now:?}");
        }
    }
}
