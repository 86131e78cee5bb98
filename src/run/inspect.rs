//! `verify`: whether the artifact behind a tag is whole, and is the version that its tag promises.
//!
//! What it costs for each version, besides the manifest that tells drift: its config is read, and each layer is asked
//! for by a HEAD; in depth, each is read and hashed, and the config is compared with what the package says.

use std::io;

use bytes::Bytes;

use super::spec::Engine;
use crate::helm::manifest::{
    BlobRef, CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, ChartManifest, ConfigNames, OLD_CHART_MEDIA_TYPE,
    PROVENANCE_MEDIA_TYPE,
};
use crate::helm::package;
use crate::helm::provenance::MAX_SIZE;
use crate::payload::{Payload, Spooled};
use crate::plan::{Candidate, Mismatch};
use crate::report::{Action, Provenance};
use crate::state::Placed;
use crate::target::{StoredManifest, Target, TargetFault};
use crate::transfer::{Fault, Transfer, chart_name};
use crate::types::{Class, Digest, Reason, Repository};

/// Chart.yaml as JSON; annotations of some kilobytes are common, of megabytes unknown.
const LARGEST_CONFIG: u64 = 4 << 20;

/// What a look at the artifact of a version showed.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Digest of its manifest.
    pub(super) manifest: Digest,
    /// sha256 of its package.
    pub(super) package: Option<Digest>,
    /// Whether it holds a provenance file.
    pub(super) provenance: Option<Provenance>,
    /// sha256 of that file.
    pub(super) signature: Option<Digest>,
    /// What is odd about it.
    pub(super) warnings: Vec<Reason>,
}

impl Seen {
    /// What the manifest alone shows.
    pub(super) fn manifest(stored: &StoredManifest) -> Self {
        let chart = ChartManifest::parse(&stored.bytes).ok();
        let package = chart.as_ref().and_then(ChartManifest::package);
        let provenance = chart.as_ref().map(|chart| match chart.provenance() {
            Some(_) => Provenance::Carried,
            None => Provenance::None,
        });
        Self {
            manifest: stored.digest,
            package: package.map(|package| package.digest),
            provenance,
            signature: chart
                .as_ref()
                .and_then(ChartManifest::provenance)
                .map(|file| file.digest),
            warnings: Vec::new(),
        }
    }

    /// What is recorded, without a look.
    pub(super) fn recorded(placed: &Placed) -> Self {
        Self {
            manifest: placed.manifest,
            package: placed.package,
            provenance: None,
            signature: None,
            warnings: Vec::new(),
        }
    }
}

/// One artifact under inspection.
pub(super) struct Inspection<'a> {
    pub(super) engine: &'a Engine,
    pub(super) transfer: &'a Transfer,
    pub(super) target: &'a Target,
    pub(super) repository: &'a Repository,
    pub(super) candidate: &'a Candidate,
    pub(super) deep: bool,
    /// The command that pushes again what was deleted.
    pub(super) repair: &'static str,
}

impl Inspection<'_> {
    /// Fails for what `helm pull` could not use, for what is another version than its tag says, and for what the rules of
    /// the mirror would not have let be pushed.
    pub(super) async fn check(&self, stored: &StoredManifest, seen: &mut Seen) -> Result<(), Fault> {
        let shown = self.target.reference(self.repository, &self.candidate.tag);
        let chart = ChartManifest::parse(&stored.bytes)
            .map_err(|error| Fault::refused("not-a-chart", format!("{shown}: {error}")))?;
        // As many artifacts at once as versions are carried: each may be as large as a package.
        let _place = self.engine.gate.enter().await;
        let config = self.config(&shown, &chart.config).await?;
        self.check_names(&shown, &config)?;
        let policy = self.transfer.policy();
        let (mut package, mut signature) = (None, None);
        for layer in &chart.layers {
            let signs = layer.media_type == PROVENANCE_MEDIA_TYPE;
            let reads = self.deep || (signs && policy.provenance.verifies());
            if !reads {
                self.look_for(&shown, layer).await?;
                signature = signature.or(signs.then(Bytes::new));
                continue;
            }
            let spooled = self.read(&shown, layer, policy.max_package_size).await?;
            if layer.media_type == CHART_MEDIA_TYPE {
                package = Some(spooled);
            } else if signs {
                signature = Some(bytes(spooled, MAX_SIZE).await?);
            }
        }
        self.check_provenance(&shown, &config, signature, seen)?;
        if let Some(package) = package {
            seen.warnings
                .extend(compare(&shown, chart.config.digest, package).await?);
        }
        Ok(())
    }

    fn check_provenance(
        &self,
        shown: &str,
        config: &ConfigNames,
        signature: Option<Bytes>,
        seen: &mut Seen,
    ) -> Result<(), Fault> {
        let Some(package) = &seen.package else {
            return Ok(());
        };
        let (state, warning) = self
            .transfer
            .judge_stored_provenance(shown, package, config, signature)?;
        seen.provenance = Some(state);
        seen.warnings.extend(warning);
        Ok(())
    }

    /// An empty config has no names, and no Helm would pull it.
    async fn config(&self, shown: &str, config: &BlobRef) -> Result<ConfigNames, Fault> {
        let spooled = self.read(shown, config, LARGEST_CONFIG).await?;
        let bytes = bytes(spooled, LARGEST_CONFIG).await?;
        ConfigNames::parse(&bytes).map_err(|why| {
            let text = format!("the config of {shown} is none of Helm's: {why}; {}", self.mend());
            Fault::refused("not-a-chart", text)
        })
    }

    fn check_names(&self, shown: &str, config: &ConfigNames) -> Result<(), Fault> {
        let (name, version) = (chart_name(self.candidate), &*self.candidate.entry.version);
        if self.transfer.policy().mismatch == Mismatch::Package
            || (config.name == *name && config.version == *version)
        {
            return Ok(());
        }
        Err(Fault::conflict(format!(
            "{shown} holds `{}` `{}`, and the source lists `{}` `{}` for it",
            config.name.escape_debug(),
            config.version.escape_debug(),
            name.escape_debug(),
            version.escape_debug()
        )))
    }

    async fn look_for(&self, shown: &str, blob: &BlobRef) -> Result<(), Fault> {
        let found = self
            .target
            .has_blob(self.repository, &blob.digest, blob.size)
            .await;
        match found {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.missing(shown, blob)),
            Err(fault) => Err(Fault::of_target(&fault)),
        }
    }

    async fn read(&self, shown: &str, blob: &BlobRef, most: u64) -> Result<Spooled, Fault> {
        if blob.size > most {
            let text = format!("{shown} names a blob of {} bytes ({})", blob.size, blob.digest);
            return Err(Fault::refused("too-large", text));
        }
        let read = self
            .target
            .get_blob(self.repository, &blob.digest, blob.size, &self.engine.budget)
            .await;
        read.map_err(|fault| match fault.class() {
            Class::NotFound => self.missing(shown, blob),
            Class::Integrity => self.broken(shown, blob, &fault),
            _ => Fault::of_target(&fault),
        })
    }

    /// What to do about an artifact that cannot be pulled.
    fn mend(&self) -> String {
        format!("delete the tag, then {} pushes the version again", self.repair)
    }

    fn missing(&self, shown: &str, blob: &BlobRef) -> Fault {
        let text = format!(
            "{shown} names the blob {} (`{}`, {} bytes), which the target does not have; {}",
            blob.digest,
            blob.media_type.escape_debug(),
            blob.size,
            self.mend()
        );
        failed("blob-missing", text)
    }

    fn broken(&self, shown: &str, blob: &BlobRef, fault: &TargetFault) -> Fault {
        let kind = match blob.media_type.as_str() {
            CHART_MEDIA_TYPE | OLD_CHART_MEDIA_TYPE => "the package".to_owned(),
            PROVENANCE_MEDIA_TYPE => "the provenance file".to_owned(),
            CONFIG_MEDIA_TYPE => "the config".to_owned(),
            other => format!("a blob (`{}`)", other.escape_debug()),
        };
        let what = match fault.found_digest() {
            Some(found) => format!("`{found}` instead of `{}`", blob.digest),
            None => fault.to_string(),
        };
        let text = format!("{kind} of {shown} is damaged: {what}; {}", self.mend());
        failed("blob-damaged", text)
    }
}

fn failed(code: &'static str, text: String) -> Fault {
    Fault {
        action: Action::Failed,
        reason: Reason::new(code, text),
    }
}

/// Whether the config is the one that `helm push` makes of the package. Others may have pushed it by other tools: the
/// package decides what is installed, so it is no more than a warning.
async fn compare(shown: &str, config: Digest, package: Spooled) -> Result<Vec<Reason>, Fault> {
    let read = blocking(move || Ok::<_, io::Error>(package::read(package.payload.reader()?))).await?;
    let read = read.map_err(|error| Fault::failed("disk", Class::Permanent, &error))?;
    Ok(match read {
        Ok(package) if Digest::of(&package.config) == config => Vec::new(),
        Ok(_) => {
            let text = format!("the config of {shown} is not the one that `helm push` makes of its package");
            vec![Reason::new("config-differs", text)]
        }
        Err(error) => {
            let text = format!("the package of {shown} is one that Helm refuses to push: {error}");
            vec![Reason::new("refused-by-helm", text)]
        }
    })
}

/// The bytes of a small blob. One that is larger is none of its kind, and its beginning is as good as all of it.
async fn bytes(spooled: Spooled, most: u64) -> Result<Bytes, Fault> {
    let read = blocking(move || read_all(&spooled.payload, most)).await?;
    read.map_err(|error| Fault::failed("disk", Class::Permanent, &error))
}

fn read_all(payload: &Payload, most: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(payload.reader()?, most), &mut bytes)?;
    Ok(bytes.into())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Fault::failed("internal", Class::Permanent, &error))
}
