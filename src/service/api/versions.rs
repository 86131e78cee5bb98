//! `GET /api/v1/mirrors/NAME/versions`: versions of one mirror, a slice at a time.

use schemars::JsonSchema;
use serde::Serialize;

use super::Moment;
use crate::service::view::{Standing, VersionView};
use crate::types::{Digest, Reason};

/// Versions of one mirror.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Versions")]
#[expect(clippy::struct_field_names, reason = "they are the names in the JSON")]
pub struct Versions<'a> {
    /// Name and version of this format.
    #[schemars(extend("const" = "chartferry.versions/v1"))]
    schema: &'static str,
    /// Of which mirror.
    mirror: &'a str,
    /// How many there are that fit the query.
    total: usize,
    /// How many of them come before those here.
    offset: usize,
    /// By chart and then newest first, one per target.
    versions: Vec<Version<'a>>,
}

/// One version at one target.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "they are the names in the JSON")]
struct Version<'a> {
    /// The chart's key in the index.
    chart: &'a str,
    /// The version as it is written there.
    version: &'a str,
    /// Which target.
    target: &'a str,
    /// How it stands there.
    standing: Standing,
    /// `oci://…/name:tag`, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    /// Of its manifest, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    /// sha256 of its package, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_digest: Option<Digest>,
    /// When it was first seen in an index.
    first_seen: Moment,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'a Reason>,
}

impl<'a> Versions<'a> {
    /// The versions of `slice`, which begins at `offset` of `total`.
    pub fn of(
        mirror: &'a str,
        total: usize,
        offset: usize,
        slice: impl Iterator<Item = &'a VersionView>,
    ) -> Self {
        Self {
            schema: "chartferry.versions/v1",
            mirror,
            total,
            offset,
            versions: slice.map(Version::of).collect(),
        }
    }
}

impl<'a> Version<'a> {
    fn of(view: &'a VersionView) -> Self {
        Self {
            chart: &view.chart,
            version: &view.version,
            target: &view.target,
            standing: view.standing,
            reference: view.reference.as_deref(),
            manifest_digest: view.manifest,
            package_digest: view.package,
            first_seen: Moment(view.first_seen),
            trouble: view.trouble.as_ref(),
        }
    }
}
