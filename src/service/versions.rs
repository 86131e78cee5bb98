//! The versions of a mirror as its state knows them, read when somebody asks.

use super::spec::Remembered;
use super::view::{Standing, VersionView};
use crate::report::Action;
use crate::state::{Origin, Peeked, Row};

/// Reads the state. It takes no lock and blocks while the disk works.
pub(super) fn read(memory: &Remembered) -> Result<Vec<VersionView>, String> {
    let peeked = Peeked::read(Some(&memory.folder), &memory.identity).map_err(|error| error.to_string())?;
    let mut versions: Vec<_> = peeked.state.rows().map(version).collect();
    // By chart, newest first; what is no version comes last
    versions.sort_by_cached_key(|version| {
        let parsed = semver::Version::parse(version.version.trim_start_matches('v')).ok();
        (
            version.chart.clone(),
            std::cmp::Reverse(parsed),
            version.target.clone(),
        )
    });
    Ok(versions)
}

fn version(row: Row) -> VersionView {
    let standing = standing(&row);
    VersionView {
        chart: row.chart,
        version: row.version,
        target: row.target,
        standing,
        reference: row.reference,
        manifest: row.manifest,
        package: row.package,
        first_seen: row.first_seen,
        trouble: row.trouble.map(|(_, reason)| reason),
    }
}

fn standing(row: &Row) -> Standing {
    match (row.trouble.as_ref().map(|(action, _)| *action), row.origin) {
        (Some(Action::Drifted), _) => Standing::Drifted,
        (Some(Action::Refused), None) => Standing::Refused,
        (Some(_), None) => Standing::Failed,
        (_, Some(_)) if !row.listed => Standing::Vanished,
        (_, Some(Origin::Pushed)) => Standing::Pushed,
        (_, Some(_)) => Standing::Adopted,
        (None, None) => Standing::NotCarried,
    }
}
