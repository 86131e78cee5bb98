//! Logins end to end: every place where a credential may be kept, tokens that run out, what a wrong or missing one leads to,
//! and that no secret reaches a log, a report or the other side (reliability I7, A12, F12, F16, F18).

#[cfg(all(feature = "aws", feature = "azure", feature = "google"))]
mod clouds;
mod figures;
mod places;
mod refusals;
mod tokens;

use std::path::{Path, PathBuf};

use base64::Engine as _;

use crate::support::chart_repo::ChartRepo;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::server::Log;

/// The login at the source; never to be seen by a registry.
pub(super) const READER: &str = "reader";
pub(super) const READING: &str = "s3cr3t-reading";

pub(super) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Neither the password nor its Basic form is in anything that a run left behind, nor in a foreign log.
pub(super) fn assert_kept(outcome: &Outcome, user: &str, password: &str, foreign: &Log) {
    for secret in [password.to_owned(), base64(&format!("{user}:{password}"))] {
        outcome.assert_free_of(&secret);
        foreign.assert_free_of(&secret);
    }
}

/// What was said on stdout as one line.
pub(super) fn said(outcome: &Outcome) -> String {
    outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs `migrate` with `-vv`, so that everything that could be logged is logged.
pub(super) fn migrate(ferry: &Ferry, source: &ChartRepo, target: &str, args: &[&str]) -> Outcome {
    let url = source.url();
    ferry.report(
        ["migrate", &url, target, "--plain-http", "-vv"]
            .iter()
            .chain(args),
    )
}

pub(super) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// A store as Helm and Docker write it.
pub(super) fn store(host: &str, user: &str, password: &str) -> String {
    let auth = base64(&format!("{user}:{password}"));
    serde_json::json!({ "auths": { host: { "auth": auth } } }).to_string()
}
