//! `--probe`: what a registry does with a small artifact. A real, minimal chart is pushed under a tag of its own to a
//! repository that the user names, in every way that a run may use, and removed again where the registry lets us
//! (registries 6.3). Nothing else writes.

use std::sync::Arc;

use chrono::DateTime;

use super::check::Checks;
use super::limit::within;
use crate::artifact::{self, Artifact};
use crate::helm::manifest::MANIFEST_MEDIA_TYPE;
use crate::helm::package;
use crate::net::Net;
use crate::payload::Payload;
use crate::registry::{Credentials, Registry, RegistryError, RegistryOptions};
use crate::types::{Digest, RegistryHost, Repository, Tag};

/// The chart `chartferry-probe`: nothing but its Chart.yaml.
const CHART: &[u8] = include_bytes!("probe.tgz");

/// Its tag.
pub const TAG: &str = "0.0.0-chartferry-probe";

/// What is uploaded by PATCH: no chart has it, so it is new to the registry.
const PIECES: &[u8] = b"chartferry looks whether uploads may come in pieces";

/// Two pieces of it.
const PIECE: u64 = 32;

/// What is pushed to which registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The registry.
    pub host: RegistryHost,
    /// The repository, which should be nobody else's.
    pub repository: Repository,
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci://{}/{}:{TAG}", self.host, self.repository)
    }
}

/// Everything after the first upload, for whoever skips it.
const LATER: [&str; 7] = [
    "probe-single-post",
    "probe-pieces",
    "probe-manifest",
    "probe-same-again",
    "probe-overwrite",
    "probe-referrers",
    "probe-delete",
];

/// The checks of this module.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    std::iter::once("probe-upload").chain(LATER)
}

/// The two artifacts: the same chart, pushed at two times.
struct Made {
    tag: Tag,
    first: Artifact,
    second: Artifact,
}

fn make() -> Result<Made, String> {
    let defect = |what: &str| {
        format!("the chart of the probe cannot be made, which is a defect of chartferry: {what}")
    };
    let package = package::read(CHART).map_err(|error| defect(&error.to_string()))?;
    let chart = (Digest::of(CHART), CHART.len() as u64);
    let at = |seconds| {
        let created = DateTime::from_timestamp(seconds, 0);
        artifact::assemble(&package, chart, None, created).map_err(|error| defect(&error.to_string()))
    };
    Ok(Made {
        tag: Tag::new(TAG).map_err(|error| defect(&error.to_string()))?,
        first: at(1_704_067_200)?,
        second: at(1_704_153_600)?,
    })
}

/// Pushes, looks and cleans up.
pub(super) async fn run(net: &Net, credentials: Arc<dyn Credentials>, probe: &Probe, checks: &mut Checks) {
    let open = |single_post| {
        let options = RegistryOptions {
            single_post,
            ..RegistryOptions::default()
        };
        Registry::new(net.clone(), probe.host.clone(), Arc::clone(&credentials), options)
    };
    let (made, plain, eager) = match (make(), open(false), open(true)) {
        (Ok(made), Ok(plain), Ok(eager)) => (made, plain, eager),
        (Err(why), ..) => return nothing(&why, checks),
        (_, Err(error), _) | (_, _, Err(error)) => return nothing(&error.to_string(), checks),
    };
    let probing = Probing {
        repository: &probe.repository,
        made,
        plain,
        eager,
    };
    if probing.uploads(checks).await && probing.manifests(checks).await {
        probing.referrers(checks).await;
        probing.clean_up(probe, checks).await;
    }
}

fn nothing(why: &str, checks: &mut Checks) {
    checks.fail("probe-upload", why);
    checks.skip(&LATER, "nothing could be uploaded");
}

struct Probing<'a> {
    repository: &'a Repository,
    made: Made,
    /// Uploads by POST and PUT.
    plain: Registry,
    /// Tries the single POST first.
    eager: Registry,
}

/// The outcome of one request, or why there is none.
fn look<T>(work: impl Future<Output = Result<T, RegistryError>>) -> impl Future<Output = Result<T, String>> {
    let work = within(work);
    async { work.await?.map_err(|error| error.to_string()) }
}

impl Probing<'_> {
    /// The three ways. False if there is no use in going on.
    async fn uploads(&self, checks: &mut Checks) -> bool {
        let config = Payload::from(self.made.first.config.to_vec());
        let digest = self.made.first.config_descriptor.digest;
        if let Err(why) = look(self.plain.push_blob(self.repository, &digest, &config)).await {
            nothing(&why, checks);
            return false;
        }
        checks.ok("probe-upload", "a blob was taken by POST and PUT");
        let chart = Payload::from(CHART.to_vec());
        match look(self.eager.push_blob(self.repository, &Digest::of(CHART), &chart)).await {
            Ok(()) if self.eager.takes_single_post() == Some(true) => {
                checks.ok(
                    "probe-single-post",
                    "a blob is taken by one POST, which saves a request each",
                );
            }
            Ok(()) => checks.ok(
                "probe-single-post",
                "a blob takes two requests, POST and PUT, as with most registries",
            ),
            Err(why) => {
                checks.fail("probe-single-post", why);
                checks.skip(&LATER[1..], "the package could not be uploaded");
                return false;
            }
        }
        let (pieces, digest) = (Payload::from(PIECES.to_vec()), Digest::of(PIECES));
        let sent = self
            .plain
            .push_blob_in_pieces(self.repository, &digest, &pieces, PIECE);
        match look(sent).await {
            Ok(()) => checks.ok("probe-pieces", "a blob is taken in two pieces (PATCH)"),
            Err(why) => checks.warn(
                "probe-pieces",
                format!(
                    "no blob is taken in pieces (PATCH), so packages above the size of one request cannot be pushed: {why}"
                ),
            ),
        }
        true
    }

    async fn put(&self, artifact: &Artifact) -> Result<crate::registry::Stored, RegistryError> {
        self.plain
            .put_manifest(
                self.repository,
                &self.made.tag,
                MANIFEST_MEDIA_TYPE,
                artifact.manifest.clone(),
            )
            .await
    }

    /// Push, push again, push over.
    async fn manifests(&self, checks: &mut Checks) -> bool {
        let first = &self.made.first;
        let stored = look(async {
            self.put(first).await?;
            self.plain.get_manifest(self.repository, TAG).await
        });
        match stored.await {
            Ok(Some(read)) if read.digest == first.manifest_digest => {
                checks.ok(
                    "probe-manifest",
                    "the chart is there with the digest that was pushed",
                );
            }
            Ok(_) => {
                checks.fail(
                    "probe-manifest",
                    "the registry took the manifest and shows another one: it alters what is stored",
                );
                checks.skip(&LATER[3..], "the chart is not there as it was pushed");
                return false;
            }
            Err(why) => {
                checks.fail("probe-manifest", why);
                checks.skip(&LATER[3..], "the chart could not be pushed");
                return false;
            }
        }
        match look(self.put(first)).await {
            Ok(stored) if stored.was_there => checks.ok(
                "probe-same-again",
                "the same again is refused; chartferry looks before it pushes, so a second run is not disturbed",
            ),
            Ok(_) => checks.ok("probe-same-again", "the same again is taken"),
            Err(why) => checks.warn("probe-same-again", why),
        }
        match within(self.put(&self.made.second)).await {
            Ok(Ok(_)) => checks.ok(
                "probe-overwrite",
                "a tag can be overwritten: nothing but chartferry's rules protects it (`drift`)",
            ),
            Ok(Err(RegistryError::Conflict { .. })) => checks.ok(
                "probe-overwrite",
                "tags are protected: what is pushed stays, and `drift = \"overwrite\"` would fail",
            ),
            Ok(Err(error)) => checks.warn("probe-overwrite", error.to_string()),
            Err(late) => checks.warn("probe-overwrite", late),
        }
        true
    }

    async fn referrers(&self, checks: &mut Checks) {
        let digest = &self.made.first.manifest_digest;
        match look(self.plain.lists_referrers(self.repository, digest)).await {
            Ok(true) => checks.ok(
                "probe-referrers",
                "referrers are listed, so signatures beside charts are found",
            ),
            Ok(false) => checks.ok(
                "probe-referrers",
                "referrers are not listed; signatures are found by their tags only",
            ),
            Err(why) => checks.warn("probe-referrers", why),
        }
    }

    /// Removes both manifests. What the registry keeps is named.
    async fn clean_up(&self, probe: &Probe, checks: &mut Checks) {
        let mut refusal = None;
        for artifact in [&self.made.second, &self.made.first] {
            let deleted = self
                .plain
                .delete_manifest(self.repository, &artifact.manifest_digest);
            match within(deleted).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    // The status tells enough, where it is one.
                    let status = error.status().map(|status| status.to_string());
                    refusal.get_or_insert(status.unwrap_or_else(|| error.to_string()));
                }
                Err(late) => {
                    refusal.get_or_insert(late);
                }
            }
        }
        let left = look(self.plain.head_manifest(self.repository, TAG)).await;
        match (refusal, left) {
            (None, Ok(None)) => checks.ok(
                "probe-delete",
                "the chart was removed again; its blobs go with the registry's next garbage collection",
            ),
            (refusal, _) => {
                let why = refusal.unwrap_or_else(|| "it says that it has".to_owned());
                checks.warn(
                    "probe-delete",
                    format!("`{probe}` stays: the registry does not delete ({why}); remove it by hand"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_one_and_its_tag_is_its_version() {
        let package = package::read(CHART).unwrap();
        assert_eq!(package.metadata.name, "chartferry-probe");
        assert_eq!(package.metadata.version, TAG);
        assert!(package.warnings.is_empty() && package.gzip_complete);
        let made = make().unwrap();
        assert_ne!(made.first.manifest_digest, made.second.manifest_digest);
        assert!(PIECES.len() as u64 > PIECE && PIECES.len() as u64 <= 2 * PIECE);
    }
}
