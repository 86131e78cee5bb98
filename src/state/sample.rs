//! A state for tests.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Identity, Origin, Provenance, Stored, Wanted};
use crate::types::{ChartName, Digest, Tag, Validators};

pub(super) fn identity() -> Identity {
    Identity::named(
        "acme",
        "https://charts.acme.io/",
        &["oci://r.io/charts", "oci-layout:/srv/charts"],
    )
}

/// The n-th day.
pub(super) fn day(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(n)
}

pub(super) fn place(repository: &str, version: &str) -> (ChartName, Tag) {
    (
        ChartName::new(repository).unwrap(),
        Tag::from_version(version).unwrap(),
    )
}

pub(super) fn wanted<'a>(
    chart: &'a str,
    version: &'a str,
    (repository, tag): (&'a ChartName, &'a Tag),
) -> Wanted<'a> {
    Wanted {
        chart,
        version,
        repository,
        tag,
        digests: &[],
    }
}

pub(super) fn pushed(seed: &str) -> Stored {
    Stored {
        origin: Origin::Pushed,
        manifest: Digest::of(format!("manifest {seed}").as_bytes()),
        package: Some(Digest::of(format!("package {seed}").as_bytes())),
        provenance: Provenance::None,
    }
}

pub(super) fn validators(body: &str) -> Validators {
    Validators {
        etag: Some("\"1\"".into()),
        last_modified: None,
        body: Digest::of(body.as_bytes()),
    }
}
