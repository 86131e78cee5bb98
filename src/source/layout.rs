//! An OCI image layout as source: its index is made of the Helm configurations that it stores.
//!
//! Nothing is packed again on the way to a registry: manifest and blobs are copied, so every digest stays.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::charts::Charts;
use super::{PackageUrl, Snapshot, SourceError, UrlError, Validators};
use crate::helm::index::{Entry, IndexDigest};
use crate::helm::manifest::{BlobRef, ChartManifest, MANIFEST_MEDIA_TYPE};
use crate::layout::{Access, Layout, Manifest};
use crate::payload::{Budget, Spooled};
use crate::types::{Class, Digest, Reason, Sha256Stream};

/// Chart.yaml as JSON; annotations of some kilobytes are common, of megabytes unknown.
const LARGEST_CONFIG: u64 = 4 << 20;

/// A layout.
pub(super) struct LayoutSource {
    dir: PathBuf,
    budget: Budget,
    /// Blobs are found by digest, so the layout as it was opened first serves for all of them.
    opened: tokio::sync::OnceCell<Layout>,
}

/// An artifact to be copied.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The manifest.
    pub manifest: Manifest,
    /// What it names.
    pub chart: ChartManifest,
}

#[derive(Deserialize)]
struct Config {
    name: String,
    version: String,
    #[serde(rename = "appVersion", default)]
    app_version: Option<String>,
    #[serde(default)]
    deprecated: bool,
}

/// The URL that the index of a layout gives: the digest of the manifest.
pub(super) fn locate(text: &str) -> Result<PackageUrl, SourceError> {
    text.parse()
        .map(PackageUrl::Stored)
        .map_err(|_| SourceError::Url {
            url: super::urls::shown(text),
            error: UrlError::Digest,
        })
}

impl LayoutSource {
    pub(super) fn new(dir: &Path, budget: Budget) -> Self {
        Self {
            dir: dir.to_path_buf(),
            budget,
            opened: tokio::sync::OnceCell::new(),
        }
    }

    async fn opened(&self) -> Result<&Layout, SourceError> {
        let open = || async { Ok(Layout::open(&self.dir, Access::Read).await?) };
        self.opened.get_or_try_init(open).await
    }

    pub(super) async fn snapshot(&self, previous: Option<&Validators>) -> Result<Snapshot, SourceError> {
        // Opened anew: `index.json` may have changed since the last time.
        let layout = Layout::open(&self.dir, Access::Read).await?;
        let manifests = layout.manifests();
        let mut hash = Sha256Stream::default();
        for named in &manifests {
            hash.update(named.digest.to_string().as_bytes());
        }
        let validators = Validators {
            etag: None,
            last_modified: None,
            body: hash.finish().0,
        };
        if previous.is_some_and(|previous| previous.body == validators.body) {
            return Ok(Snapshot::Unchanged { validators });
        }
        let mut charts = Charts::default();
        let mut seen = HashSet::new();
        let mut others = 0;
        for (named, line) in manifests.iter().zip(1..) {
            if !seen.insert(named.digest) {
                continue;
            }
            let entry = match &*named.media_type {
                MANIFEST_MEDIA_TYPE | "" => self.entry(&layout, named.digest, line).await?,
                _ => None,
            };
            match entry {
                Some(entry) => charts.add(entry),
                None => others += 1,
            }
        }
        let mut warnings = Vec::new();
        if others > 0 {
            let text = format!("{others} entries of `index.json` are no Helm charts and are left out");
            warnings.push(Reason::new("not-a-chart", text));
        }
        Ok(Snapshot::Fresh {
            index: charts.finish(warnings),
            validators,
        })
    }

    /// The entry of a manifest; `None` if it is no chart. What is a chart and cannot be read is an entry with a problem.
    async fn entry(&self, layout: &Layout, digest: Digest, line: u32) -> Result<Option<Entry>, SourceError> {
        let problem = |text: String| Some(Box::new(Reason::new("bad-artifact", text)));
        let manifest = match layout.manifest_by_digest(digest, MANIFEST_MEDIA_TYPE).await {
            Ok(manifest) => manifest,
            // Missing or damaged: that is this one's trouble. Anything else would hit all of them.
            Err(error) if matches!(error.class(), Class::NotFound | Class::Integrity) => {
                let mut entry = blank(digest, line);
                entry.problem = problem(error.to_string());
                return Ok(Some(entry));
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(parsed) = ChartManifest::parse(&manifest.bytes) else {
            return Ok(None);
        };
        let mut entry = blank(digest, line);
        entry.digest = parsed
            .package()
            .map_or(IndexDigest::None, |package| IndexDigest::Sha256(package.digest));
        entry.created = parsed.created();
        match self.config(layout, &parsed.config).await {
            Ok(config) => {
                entry.chart = config.name.as_str().into();
                entry.name = Some(Arc::clone(&entry.chart));
                entry.version = config.version.into();
                entry.app_version = config.app_version.map(Into::into);
                entry.deprecated = config.deprecated;
                if parsed.package().is_none() {
                    entry.problem = problem(format!("the manifest `{digest}` has no layer with a package"));
                }
            }
            Err(error) => entry.problem = problem(error.to_string()),
        }
        Ok(Some(entry))
    }

    async fn config(&self, layout: &Layout, config: &BlobRef) -> Result<Config, SourceError> {
        let bad = |why: String| SourceError::Artifact {
            name: config.digest.to_string(),
            why,
        };
        if config.size > LARGEST_CONFIG {
            return Err(bad(format!(
                "its configuration says that it has {} bytes",
                config.size
            )));
        }
        let spooled = layout.get_blob(&config.digest, config.size, &self.budget).await?;
        let reader = spooled.payload.reader().map_err(|error| bad(error.to_string()))?;
        serde_json::from_reader(reader).map_err(|error| {
            bad(format!(
                "its configuration is no chart's: {}",
                error.to_string().escape_debug()
            ))
        })
    }

    pub(super) async fn stored(&self, digest: &Digest) -> Result<Stored, SourceError> {
        let layout = self.opened().await?;
        let manifest = layout.manifest_by_digest(*digest, MANIFEST_MEDIA_TYPE).await?;
        match ChartManifest::parse(&manifest.bytes) {
            Ok(chart) => Ok(Stored { manifest, chart }),
            Err(error) => Err(SourceError::Artifact {
                name: digest.to_string(),
                why: error.to_string(),
            }),
        }
    }

    pub(super) async fn blob(&self, digest: &Digest, size: u64) -> Result<Spooled, SourceError> {
        Ok(self.opened().await?.get_blob(digest, size, &self.budget).await?)
    }
}

/// The entry of a manifest of which nothing is known yet: the digest stands for the chart's name.
fn blank(digest: Digest, line: u32) -> Entry {
    let text = digest.to_string();
    Entry {
        chart: text.as_str().into(),
        name: None,
        version: "".into(),
        urls: Box::new([text.into()]),
        digest: IndexDigest::None,
        created: None,
        app_version: None,
        deprecated: false,
        line,
        problem: None,
    }
}
