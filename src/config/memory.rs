//! What is remembered between runs: where, and what follows from it.

use std::time::Duration;

use super::fields::Fields;
use super::problem::{Kind, Problems};
use super::settings::{PrunePolicy, StateDir, TrustInMemory};
use super::{Surroundings, values};

/// The word that keeps no state.
const OFF: &str = "off";

/// `state_dir`.
pub(super) fn state_dir(top: &Fields<'_>, near: &Surroundings<'_>, problems: &mut Problems<'_>) -> StateDir {
    let Some(found) = top.get::<&str>("state_dir") else {
        return StateDir::Default;
    };
    let path = match found.value {
        "" => Err("is empty; give a folder, or `off` to keep none".to_owned()),
        OFF => return StateDir::Off,
        text => values::path(text, near.folder),
    };
    match path {
        Ok(path) => StateDir::At(path),
        Err(text) => {
            found.refuse(problems, Kind::Value, text);
            StateDir::Default
        }
    }
}

/// The keys of a mirror.
pub(super) fn of_mirror(
    fields: &Fields<'_>,
    default: TrustInMemory,
    problems: &mut Problems<'_>,
) -> TrustInMemory {
    let percent = fields.get::<&str>("max_shrink").map(|found| {
        percent(found.value).unwrap_or_else(|text| {
            found.refuse(problems, Kind::Value, text);
            default.max_shrink
        })
    });
    TrustInMemory {
        max_shrink: percent.unwrap_or(default.max_shrink),
        heal: fields.get_or("heal", default.heal),
        prune: fields
            .get::<&str>("prune")
            .and_then(|found| PrunePolicy::from_word(found.value))
            .unwrap_or(default.prune),
    }
}

/// `10%`.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').map(str::trim_end);
    number
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|number| number.parse().ok())
        .filter(|percent| *percent <= 100)
        .ok_or_else(|| "is no share; give one from `\"0%\"` to `\"100%\"`".to_owned())
}

/// A mirror that would need a state where the file keeps none.
pub(super) fn check(
    state_dir: &StateDir,
    mirrors: &[(Fields<'_>, super::MirrorConfig)],
    problems: &mut Problems<'_>,
) {
    for (fields, mirror) in mirrors {
        let off = *state_dir == StateDir::Off;
        for key in ["max_shrink", "heal", "prune"] {
            if off && fields.has(key) {
                let text = "needs a state, and `state_dir` is `off`; name a folder there, or remove the key";
                fields.place(key).refuse(problems, Kind::Conflict, text);
            }
        }
        let acts = mirror.drift != super::DriftPolicy::Report;
        if off && acts && !mirror.check_drift {
            let text = "has an effect only if digests are compared; set `check_drift = true`, give `--check-drift`, or keep a state";
            fields.place("drift").warn(problems, Kind::Conflict, text);
        }
    }
}

/// A state that is never compared with the registry is none to rely on.
pub(super) const LONGEST_RECONCILE: Duration = Duration::from_secs(90 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_percents() {
        for (text, percent) in [("0%", Some(0)), ("10%", Some(10)), ("100 %", Some(100))] {
            assert_eq!(super::percent(text).ok(), percent);
        }
        for text in ["", "%", "10", "101%", "-1%", "1.5%", "+1%", "x%", "10%%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
