//! Charts that an index names by `oci://`: read from their registry to be written elsewhere, byte for byte
//! (registries, end of section 1).

use serde::Deserialize;

use super::manifest::Manifest;
use super::{Registry, RegistryError};
use crate::types::{Digest, RegistryHost, Repository, Tag};

/// What makes a manifest a Helm chart's (helm-oci-format 2).
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// A chart has a package and perhaps a provenance file; more is allowed, but not any number.
const MOST_LAYERS: usize = 64;

/// Where a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference {
    /// The registry.
    pub host: RegistryHost,
    /// The repository.
    pub repository: Repository,
    /// A tag or a digest, as text.
    pub reference: String,
}

impl OciReference {
    /// Reads `oci://host/repository[:tag][@digest]`. A digest wins over a tag; without either, `version` gives the
    /// tag as in Helm.
    pub fn parse(text: &str, version: &str) -> Result<Self, RegistryError> {
        let bad = |why: String| RegistryError::Reference {
            reference: crate::net::redact_text(text),
            why,
        };
        let rest = text
            .strip_prefix("oci://")
            .ok_or_else(|| bad("it does not begin with `oci://`".to_owned()))?;
        let (host, path) = rest
            .split_once('/')
            .ok_or_else(|| bad("it names no repository".to_owned()))?;
        let host = RegistryHost::new(host).map_err(|error| bad(error.to_string()))?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => {
                let digest: Digest = digest.parse().map_err(|error| bad(format!("{error}")))?;
                (path, Some(digest))
            }
            None => (path, None),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(Tag::new(tag).map_err(|error| bad(error.to_string()))?)),
            None => (path, None),
        };
        let repository = Repository::new(path).map_err(|error| bad(error.to_string()))?;
        let reference = match (digest, tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => Tag::from_version(version)
                .map_err(|error| bad(error.to_string()))?
                .to_string(),
        };
        Ok(Self {
            host,
            repository,
            reference,
        })
    }
}

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
}

/// A chart at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartManifest {
    /// The manifest, to be pushed unchanged.
    pub manifest: Manifest,
    /// The config blob.
    pub config: BlobRef,
    /// Package, provenance, and whatever else it holds.
    pub layers: Vec<BlobRef>,
}

#[derive(Deserialize)]
struct Wire {
    config: WireBlob,
    layers: Vec<WireBlob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBlob {
    media_type: String,
    digest: String,
    size: u64,
}

impl Registry {
    /// The manifest of a chart, taken apart. Anything but a Helm chart is an error; `None` if it is not there.
    pub async fn chart_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<ChartManifest>, RegistryError> {
        let Some(manifest) = self.get_manifest(repository, reference).await? else {
            return Ok(None);
        };
        let mark = if reference.contains(':') { '@' } else { ':' };
        let shown = format!("oci://{}/{repository}{mark}{reference}", self.host());
        take_apart(manifest)
            .map(Some)
            .map_err(|why| RegistryError::Reference {
                reference: shown,
                why,
            })
    }
}

fn take_apart(manifest: Manifest) -> Result<ChartManifest, String> {
    if manifest.media_type.ends_with("index.v1+json")
        || manifest.media_type.ends_with("manifest.list.v2+json")
    {
        return Err("it is an image index, not a chart".to_owned());
    }
    let wire: Wire = serde_json::from_slice(&manifest.bytes)
        .map_err(|_| "its manifest is not that of a chart (no config and layers in it)".to_owned())?;
    if wire.config.media_type != CONFIG {
        return Err(format!(
            "its config is `{}`, not that of a Helm chart",
            wire.config.media_type.escape_debug()
        ));
    }
    if wire.layers.is_empty() || wire.layers.len() > MOST_LAYERS {
        return Err(format!("it has {} layers", wire.layers.len()));
    }
    let config = blob(wire.config)?;
    let layers = wire.layers.into_iter().map(blob).collect::<Result<_, _>>()?;
    Ok(ChartManifest {
        manifest,
        config,
        layers,
    })
}

fn blob(wire: WireBlob) -> Result<BlobRef, String> {
    let digest = wire.digest.parse().map_err(|error| format!("{error}"))?;
    Ok(BlobRef {
        media_type: wire.media_type,
        digest,
        size: wire.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_every_form() {
        let digest = Digest::of(b"x");
        for (text, reference) in [
            ("oci://r.io/a/b:1.0.0", "1.0.0".to_owned()),
            ("oci://r.io:5000/a/b", "2.0.0_up1".to_owned()),
            (&format!("oci://r.io/a/b@{digest}"), digest.to_string()),
            (&format!("oci://r.io/a/b:1@{digest}"), digest.to_string()),
        ] {
            let found = OciReference::parse(text, "2.0.0+up1").unwrap();
            assert_eq!((found.reference, found.repository.as_str()), (reference, "a/b"));
        }
        for text in [
            "https://r.io/a",
            "oci://r.io",
            "oci://r.io/",
            "oci://u:p@r.io/a:1",
            "oci://r.io/A:1",
            "oci://r.io/a:",
            "oci://r.io/a@sha512:00",
            "oci://r.io/a@sha256:../../x",
            "oci://r.io/../a",
        ] {
            assert!(OciReference::parse(text, "1.0.0").is_err(), "{text}");
        }
    }

    #[test]
    fn only_charts_are_taken_apart() {
        let manifest = |media_type: &str, text: &str| Manifest {
            bytes: text.as_bytes().to_vec().into(),
            media_type: media_type.to_owned(),
            digest: Digest::of(text.as_bytes()),
        };
        let digest = Digest::of(b"");
        let good = format!(
            r#"{{"config":{{"mediaType":"{CONFIG}","digest":"{digest}","size":0}},"layers":[{{"mediaType":"x","digest":"{digest}","size":5}}]}}"#
        );
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let chart = take_apart(manifest(media_type, &good)).unwrap();
        assert_eq!((chart.config.size, chart.layers[0].size), (0, 5));
        for (media_type, text) in [
            ("application/vnd.oci.image.index.v1+json", good.clone()),
            (media_type, "{}".to_owned()),
            (media_type, good.replace("helm", "other")),
            (media_type, good.replace("sha256:", "sha512:")),
            (media_type, good.replace("\"size\":5", "\"size\":-1")),
        ] {
            assert!(take_apart(manifest(media_type, &text)).is_err(), "{text}");
        }
    }
}
