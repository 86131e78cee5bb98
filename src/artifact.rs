//! The OCI artifact that `helm push` would make of a package: config blob, descriptors and manifest, byte for
//! byte (helm-oci-format 2 and 3). The chart and provenance blobs are the files as they are.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Datelike as _, Utc};

use crate::helm::json::{Object, write_list, write_texts};
use crate::helm::manifest::{CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE};
use crate::helm::metadata::{Maintainer, Metadata};
use crate::helm::package::Package;
use crate::types::{Class, Digest};

/// Helm and registries refuse larger manifests.
const MAX_MANIFEST: usize = 4 << 20;

/// A blob as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// One of those of `helm::manifest`.
    pub media_type: &'static str,
    /// Digest of the bytes.
    pub digest: Digest,
    /// Number of bytes.
    pub size: u64,
}

/// Everything that is pushed besides the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The config blob.
    pub config: Bytes,
    /// Its descriptor.
    pub config_descriptor: Descriptor,
    /// The layers in manifest order, which is that of their digests.
    pub layers: Vec<Descriptor>,
    /// The manifest.
    pub manifest: Bytes,
    /// Its digest.
    pub manifest_digest: Digest,
    /// The value of `org.opencontainers.image.created`, which may be any text if the chart sets it.
    pub created: Box<str>,
}

/// Why no artifact can be made of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// Mostly because of long annotations, which must not be shortened.
    #[error(
        "the manifest would have {size} bytes; Helm and registries take at most 4 MiB (its annotations are those of Chart.yaml)"
    )]
    ManifestTooLarge {
        /// Its size in bytes.
        size: usize,
    },
}

impl ArtifactError {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        Class::Permanent
    }
}

/// Makes the artifact of `package`, whose file has the digest and size `chart`, with the provenance file `prov`
/// if there is one. The time of creation is the chart's own annotation, else `index_created`, else the time of
/// Chart.yaml in the archive, in UTC and whole seconds (product 3).
pub fn assemble(
    package: &Package,
    chart: (Digest, u64),
    prov: Option<(Digest, u64)>,
    index_created: Option<DateTime<Utc>>,
) -> Result<Artifact, ArtifactError> {
    let created = index_created.unwrap_or_else(|| from_mtime(package.chart_yaml_mtime));
    let created = created.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    assemble_at(package, chart, prov, &created)
}

/// The same with a given text for the time of creation: for manifests that were pushed in another time zone.
pub fn assemble_at(
    package: &Package,
    chart: (Digest, u64),
    prov: Option<(Digest, u64)>,
    created: &str,
) -> Result<Artifact, ArtifactError> {
    let config = Bytes::copy_from_slice(&package.config);
    let describe = |media_type, (digest, size)| Descriptor {
        media_type,
        digest,
        size,
    };
    let config_descriptor = describe(CONFIG_MEDIA_TYPE, (Digest::of(&config), config.len() as u64));
    let mut layers = vec![describe(CHART_MEDIA_TYPE, chart)];
    layers.extend(prov.map(|prov| describe(PROVENANCE_MEDIA_TYPE, prov)));
    // Stable: of two equal files the chart comes first.
    layers.sort_by_key(|layer| layer.digest);
    let authors = authors(&package.metadata);
    let annotations = annotations(&package.metadata, created, &authors);
    let manifest = manifest(&config_descriptor, &layers, &annotations);
    if manifest.len() > MAX_MANIFEST {
        return Err(ArtifactError::ManifestTooLarge { size: manifest.len() });
    }
    let created = annotations
        .get(CREATED)
        .copied()
        .map_or(created.into(), Into::into);
    let manifest_digest = Digest::of(&manifest);
    Ok(Artifact {
        config,
        config_descriptor,
        layers,
        manifest: manifest.into(),
        manifest_digest,
        created,
    })
}

/// A time of the archive as a date; 1970 if it lies outside the years that the format has.
fn from_mtime(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0)
        .filter(|time| (0..=9999).contains(&time.year()))
        .unwrap_or_default()
}

const CREATED: &str = "org.opencontainers.image.created";
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

/// Helm's own annotations, and over them those of the chart, but never title and version.
fn annotations<'a>(metadata: &'a Metadata, created: &'a str, authors: &'a str) -> BTreeMap<&'a str, &'a str> {
    let source = metadata.sources.first().map_or("", String::as_str);
    let generated = [
        (
            "org.opencontainers.image.description",
            metadata.description.as_str(),
        ),
        (TITLE, &metadata.name),
        (VERSION, &metadata.version),
        ("org.opencontainers.image.url", &metadata.home),
        (CREATED, created),
        ("org.opencontainers.image.source", source),
        ("org.opencontainers.image.authors", authors),
    ];
    let own = metadata
        .annotations
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| !matches!(*key, TITLE | VERSION));
    generated
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .chain(own)
        .collect()
}

/// `Ann (ann@x), Bob`; a maintainer without a name keeps its place.
fn authors(metadata: &Metadata) -> String {
    let author = |maintainer: &Maintainer| match maintainer.email.as_str() {
        "" => maintainer.name.clone(),
        email => format!("{} ({email})", maintainer.name),
    };
    let authors: Vec<_> = metadata.maintainers.iter().map(author).collect();
    authors.join(", ")
}

fn manifest(config: &Descriptor, layers: &[Descriptor], annotations: &BTreeMap<&str, &str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut object = Object::open(&mut out);
    object.key("schemaVersion").push(b'2');
    config.write(object.key("config"));
    write_list(object.key("layers"), layers, |out, layer| layer.write(out));
    write_texts(
        object.key("annotations"),
        annotations.iter().map(|(key, value)| (*key, *value)),
    );
    object.close();
    out
}

impl Descriptor {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.text("mediaType", self.media_type);
        object.text("digest", &self.digest.to_string());
        object
            .key("size")
            .extend_from_slice(self.size.to_string().as_bytes());
        object.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(metadata: Metadata) -> Package {
        let config = metadata.to_config();
        Package {
            metadata,
            config,
            chart_yaml_mtime: 86_400,
            gzip_complete: true,
            warnings: Vec::new(),
        }
    }

    fn metadata() -> Metadata {
        Metadata {
            name: "c".into(),
            version: "1.0.0+a".into(),
            api_version: "v2".into(),
            ..Metadata::default()
        }
    }

    fn chart() -> (Digest, u64) {
        (Digest::of(b"chart"), 3)
    }

    #[test]
    fn writes_the_manifest_of_helm() {
        let artifact = assemble(&package(metadata()), chart(), None, None).unwrap();
        let config = Digest::of(&artifact.config);
        assert_eq!(
            artifact.manifest,
            format!(
                concat!(
                    r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","#,
                    r#""digest":"{}","size":{}}},"layers":[{{"mediaType":"#,
                    r#""application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{}","size":3}}],"#,
                    r#""annotations":{{"org.opencontainers.image.created":"1970-01-02T00:00:00Z","#,
                    r#""org.opencontainers.image.title":"c","org.opencontainers.image.version":"1.0.0+a"}}}}"#,
                ),
                config,
                artifact.config.len(),
                chart().0
            )
        );
        assert_eq!(artifact.manifest_digest, Digest::of(&artifact.manifest));
    }

    #[test]
    fn time_of_creation() {
        let index = DateTime::parse_from_rfc3339("2024-05-06T09:08:09.9+02:00")
            .unwrap()
            .to_utc();
        let plain = package(metadata());
        let created = |package: &Package, index| assemble(package, chart(), None, index).unwrap().created;
        assert_eq!(&*created(&plain, Some(index)), "2024-05-06T07:08:09Z");
        assert_eq!(&*created(&plain, None), "1970-01-02T00:00:00Z");
        let mut own = metadata();
        own.annotations.insert(CREATED.into(), "long ago".into());
        assert_eq!(&*created(&package(own), Some(index)), "long ago");
        let mut odd = package(metadata());
        odd.chart_yaml_mtime = i64::MAX;
        assert_eq!(&*created(&odd, None), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn layers_are_sorted_by_digest() {
        let prov = (Digest::of(b"x"), 1);
        let artifact = assemble(&package(metadata()), (Digest::of(b"y"), 1), Some(prov), None).unwrap();
        assert!(artifact.layers[0].digest < artifact.layers[1].digest);
        let same = assemble(&package(metadata()), prov, Some(prov), None).unwrap();
        assert_eq!(same.layers[0].media_type, CHART_MEDIA_TYPE);
    }

    #[test]
    fn annotations_of_the_chart_win() {
        let mut metadata = metadata();
        for (key, value) in [
            (TITLE, "x"),
            (VERSION, "x"),
            ("org.opencontainers.image.url", ""),
            ("a", "b"),
        ] {
            metadata.annotations.insert(key.into(), value.into());
        }
        metadata.home = "h".into();
        metadata.description = "  ".into();
        let found = annotations(&metadata, "now", " ");
        let expected = [
            ("a", "b"),
            (CREATED, "now"),
            (TITLE, "c"),
            ("org.opencontainers.image.url", ""),
            (VERSION, "1.0.0+a"),
        ];
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn a_manifest_has_at_most_4_mib() {
        let mut metadata = metadata();
        metadata.annotations.insert("a".into(), "x".repeat(MAX_MANIFEST));
        assert!(assemble(&package(metadata), chart(), None, None).is_err());
    }
}
