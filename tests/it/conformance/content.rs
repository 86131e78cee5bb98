//! What must be in the registry at the end: tags, digests and bytes (reliability I3), the same bytes at every registry.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::stage::{Stage, Subject, is_signed};
use crate::support::charts::{Chart, unverifiable_prov};
use crate::support::registry::{digest_of, references};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The digest that each version had at the first registry that was looked into. It depends on nothing but the source.
static DIGESTS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// How many of the charts are in place. Panics if one is there with anything wrong.
pub(super) fn in_place(stage: &Stage<'_>) -> usize {
    if let Subject::Fake(registry) = &stage.subject {
        registry.assert_sound();
    }
    stage
        .charts
        .iter()
        .filter(|chart| is_in_place(stage, chart))
        .count()
}

fn is_in_place(stage: &Stage<'_>, chart: &Chart) -> bool {
    let (repository, tag) = (stage.repository(&chart.name), chart.version.replace('+', "_"));
    let what = format!("{repository}:{tag}");
    let Some(manifest) = stage.subject.manifest(&repository, &tag) else {
        return false;
    };
    let json: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(json["config"]["mediaType"], CONFIG, "{what}");
    for (digest, size) in references(&manifest).unwrap() {
        let blob = stage.subject.blob(&repository, &digest);
        let blob = blob.unwrap_or_else(|| panic!("{what} lacks {digest}"));
        assert_eq!((digest_of(&blob), blob.len() as u64), (digest, size), "{what}");
    }
    let layer = |media_type: &str| {
        let layers = json["layers"].as_array().unwrap();
        let layer = layers.iter().find(|layer| layer["mediaType"] == media_type)?;
        Some(layer["digest"].as_str().unwrap().to_owned())
    };
    let package = chart.tgz();
    let signed = is_signed(chart) && !stage.profile.mirror.contains("provenance = \"off\"");
    let provenance = signed.then(|| digest_of(&unverifiable_prov(chart, &package)));
    assert_eq!(layer(CHART), Some(digest_of(&package)), "{what}");
    assert_eq!(layer(PROVENANCE), provenance, "{what}");
    let key = format!("{}-{}-{signed}", chart.name, digest_of(&package));
    let mut digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
    let first = digests.entry(key).or_insert_with(|| digest_of(&manifest));
    assert_eq!(
        *first,
        digest_of(&manifest),
        "{what}: another registry holds other bytes"
    );
    true
}
