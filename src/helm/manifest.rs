//! What the manifest of a chart in OCI form names: read by whoever copies an artifact, lists a layout or compares a
//! tag with an index. Helm's own writing of it is in `artifact`; here any other tool's is understood too.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde::Deserialize;

use crate::types::Digest;

/// Media type of the config blob, Chart.yaml as JSON.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of the package.
pub const CHART_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// What Helm 3.7 and older wrote for the package; such artifacts are still in registries (helm-oci-format 5).
pub const OLD_CHART_MEDIA_TYPE: &str = "application/tar+gzip";
/// Media type of the provenance file.
pub const PROVENANCE_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// Media type under which a manifest is pushed; in Helm's it does not stand in the manifest.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A chart has a package and perhaps a provenance file; more is allowed, but not any number.
const MOST_LAYERS: usize = 64;

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size, as the manifest says.
    pub size: u64,
}

impl BlobRef {
    /// A descriptor whose digest and size can be what they claim.
    fn checked(descriptor: OciDescriptor) -> Result<Self, ManifestError> {
        Ok(Self {
            media_type: descriptor.media_type,
            digest: descriptor.digest.parse().map_err(|_| ManifestError::Form)?,
            size: u64::try_from(descriptor.size).map_err(|_| ManifestError::Form)?,
        })
    }
}

/// The manifest of a chart, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartManifest {
    /// The config blob.
    pub config: BlobRef,
    /// Package, provenance, and whatever else it holds. Their order says nothing (helm-oci-format 11, item 16).
    pub layers: Vec<BlobRef>,
    annotations: Option<BTreeMap<String, String>>,
}

/// The parts of a config blob that say which chart it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConfigNames {
    /// The chart's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl ConfigNames {
    /// Reads a config blob. The error says what is wrong with it, foreign text escaped.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|error: serde_json::Error| error.to_string().escape_debug().to_string())
    }
}

/// Why bytes are not the manifest of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// An image index, or no manifest at all.
    #[error(
        "its manifest is an image index or otherwise not that of a chart (config and layers with sha256 digests)"
    )]
    Form,
    /// An image of another kind.
    #[error("its config is `{}`, not that of a Helm chart", .0.escape_debug())]
    Kind(String),
    /// Nothing that any tool would write.
    #[error("it has {0} layers")]
    Layers(usize),
}

impl ChartManifest {
    /// Reads the bytes of a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let image: OciImageManifest = serde_json::from_slice(bytes).map_err(|_| ManifestError::Form)?;
        let manifest = Self {
            config: BlobRef::checked(image.config)?,
            layers: image
                .layers
                .into_iter()
                .map(BlobRef::checked)
                .collect::<Result<_, _>>()?,
            annotations: image.annotations,
        };
        if manifest.config.media_type != CONFIG_MEDIA_TYPE {
            let found = manifest.config.media_type.chars().take(200).collect();
            return Err(ManifestError::Kind(found));
        }
        if manifest.layers.len() > MOST_LAYERS {
            return Err(ManifestError::Layers(manifest.layers.len()));
        }
        Ok(manifest)
    }

    /// All that it names, the config first.
    pub fn blobs(&self) -> impl Iterator<Item = &BlobRef> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The layer with the package. Its digest is the package's sha256.
    pub fn package(&self) -> Option<&BlobRef> {
        self.layer(CHART_MEDIA_TYPE)
            .or_else(|| self.layer(OLD_CHART_MEDIA_TYPE))
    }

    /// The layer with the provenance file.
    pub fn provenance(&self) -> Option<&BlobRef> {
        self.layer(PROVENANCE_MEDIA_TYPE)
    }

    /// The annotation that says when the chart was made.
    pub fn created(&self) -> Option<DateTime<Utc>> {
        let text = self
            .annotations
            .as_ref()?
            .get("org.opencontainers.image.created")?;
        DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
    }

    fn layer(&self, media_type: &str) -> Option<&BlobRef> {
        self.layers.iter().find(|layer| layer.media_type == media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(layers: &str) -> String {
        let digest = Digest::of(b"");
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{CONFIG_MEDIA_TYPE}","digest":"{digest}","size":0}},"layers":[{layers}],"annotations":{{"org.opencontainers.image.created":"2024-02-03T04:05:06Z"}}}}"#
        )
    }

    fn layer(media_type: &str, digest: &Digest) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":5}}"#)
    }

    #[test]
    fn finds_layers_by_their_type() {
        let (package, signature) = (Digest::of(b"package"), Digest::of(b"signature"));
        for chart_type in [CHART_MEDIA_TYPE, OLD_CHART_MEDIA_TYPE] {
            let layers = [
                layer(PROVENANCE_MEDIA_TYPE, &signature),
                layer(chart_type, &package),
            ];
            let read = ChartManifest::parse(manifest(&layers.join(",")).as_bytes()).unwrap();
            assert_eq!(read.package().map(|blob| blob.digest), Some(package));
            assert_eq!(read.provenance().map(|blob| blob.digest), Some(signature));
            assert_eq!(read.blobs().next(), Some(&read.config));
            assert_eq!(read.created().unwrap().timestamp(), 1_706_933_106);
        }
        let bare = ChartManifest::parse(manifest("").as_bytes()).unwrap();
        assert_eq!((bare.package(), bare.provenance()), (None, None));
    }

    #[test]
    fn only_charts_are_taken_apart() {
        let good = manifest(&layer(CHART_MEDIA_TYPE, &Digest::of(b"x")));
        let many = vec![layer("x", &Digest::of(b"x")); MOST_LAYERS + 1];
        for text in [
            "{}".to_owned(),
            r#"{"manifests":[]}"#.to_owned(),
            good.replace("helm.config", "other.config"),
            good.replace("sha256:", "sha512:"),
            good.replace("\"size\":5", "\"size\":-1"),
            manifest(&many.join(",")),
        ] {
            assert!(ChartManifest::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
