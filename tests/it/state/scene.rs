//! A source, a registry and a user with a state folder.

use std::path::PathBuf;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::ferry::{Ferry, Line, Outcome};
use crate::support::registry::Registry;
use crate::support::server::{Kind, Log};

/// The stage of these tests.
pub(super) struct Scene {
    pub(super) ferry: Ferry,
    pub(super) repo: ChartRepo,
    pub(super) registry: Registry,
}

/// Four versions in two repositories.
pub(super) fn charts() -> Vec<Chart> {
    grid(&["demo", "other"], &["1.0.0", "1.1.0"])
}

/// A chart packed again with something else in it.
pub(super) fn again(chart: &Chart) -> Chart {
    chart.clone().file("NOTES.txt", "fixed\n")
}

impl Scene {
    /// Nothing was carried yet.
    pub(super) fn new(charts: &[Chart]) -> Self {
        Self {
            ferry: Ferry::new().remembering(),
            repo: ChartRepo::of(charts),
            registry: Registry::start(),
        }
    }

    /// Everything was carried once.
    pub(super) fn settled(charts: &[Chart]) -> Self {
        let scene = Self::new(charts);
        scene.run(&[]).expect(0);
        scene
    }

    /// `migrate` of two URLs that remembers, with fresh logs.
    pub(super) fn run(&self, more: &[&str]) -> Outcome {
        self.command("migrate", more)
    }

    pub(super) fn command(&self, command: &str, more: &[&str]) -> Outcome {
        self.forget_logs();
        let (from, to) = (self.repo.url(), self.registry.target("charts"));
        let args = [command, &from, &to, "--plain-http", "--state-dir", "state"];
        self.ferry.report(args.iter().chain(more))
    }

    /// `migrate -c` of a file with one mirror, which has these lines besides, after these at the top of the file.
    pub(super) fn run_file(&self, top: &str, mirror: &str) -> Outcome {
        self.forget_logs();
        let path = self.write_file(top, mirror);
        self.ferry.report(["migrate", "-c", path.to_str().unwrap()])
    }

    pub(super) fn write_file(&self, top: &str, mirror: &str) -> PathBuf {
        let path = self.ferry.home().join("ferry.toml");
        let (from, to, host) = (
            self.repo.url(),
            self.registry.target("charts"),
            self.registry.host(),
        );
        let text = format!(
            "{top}\n[[host]]\nname = \"{host}\"\nplain_http = true\n\n[[mirror]]\nname = \"acme\"\nsource = \"{from}\"\ntargets = [\"{to}\"]\n{mirror}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn forget_logs(&self) {
        self.repo.forget_log();
        self.registry.forget_log();
    }

    /// Digest behind a tag.
    pub(super) fn tag(&self, chart: &str, tag: &str) -> Option<String> {
        let content = self.registry.content(&format!("charts/{chart}"));
        content.tags.get(tag).cloned()
    }

    /// Somebody deletes a tag.
    pub(super) fn delete(&self, chart: &str, tag: &str) {
        self.registry.meddle(&format!("charts/{chart}"), |content| {
            content.tags.remove(tag).unwrap();
        });
    }

    /// Somebody lets a tag name what another one names.
    pub(super) fn overwrite(&self, chart: &str, tag: &str, by: &str) {
        self.registry.meddle(&format!("charts/{chart}"), |content| {
            let digest = content.tags[by].clone();
            content.tags.insert(tag.to_owned(), digest);
        });
    }

    /// The files of the state folder with this ending.
    pub(super) fn files(&self, ending: &str) -> Vec<PathBuf> {
        let folder = self.ferry.home().join("state");
        let mut files: Vec<_> = walk(&folder)
            .into_iter()
            .filter(|path| path.to_str().unwrap().ends_with(ending))
            .collect();
        files.sort();
        files
    }

    /// The only state.
    pub(super) fn state(&self) -> PathBuf {
        let files = self.files(".state");
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// Panics unless the source was asked once, for its index, and the registry not at all.
    pub(super) fn assert_idle(&self, outcome: &Outcome) {
        assert_requests(&self.repo.log(), &[(Kind::Index, 1)]);
        assert_requests(&self.registry.log(), &[]);
        assert_eq!(self.repo.log().0[0].status, Some(304), "{}", self.repo.log());
        let mirror = &outcome.report.as_ref().unwrap()["mirrors"][0];
        assert_eq!(mirror["source_unchanged"], true, "{mirror}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}

/// Panics unless the log has exactly these requests.
pub(super) fn assert_requests(log: &Log, expected: &[(Kind, usize)]) {
    let mut kinds: Vec<Kind> = log.0.iter().map(|entry| entry.kind).collect();
    kinds.sort_unstable();
    let mut wanted: Vec<Kind> = expected
        .iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count))
        .collect();
    wanted.sort_unstable();
    assert_eq!(kinds, wanted, "\n{log}");
}

/// The one item of this version.
pub(super) fn item(outcome: &Outcome, chart: &str, version: &str) -> Line {
    let mut found = outcome.items();
    found.retain(|line| line.chart == chart && line.version == version);
    assert_eq!(found.len(), 1, "{chart} {version}: {found:?}");
    found.remove(0)
}

/// What became of this version, and the code of the reason.
pub(super) fn ended(outcome: &Outcome, chart: &str, version: &str) -> (String, Option<String>) {
    let item = item(outcome, chart, version);
    (item.action, item.code)
}

/// The codes of a mirror's warnings.
pub(super) fn warnings(outcome: &Outcome) -> Vec<String> {
    codes(&outcome.report.as_ref().unwrap()["mirrors"][0]["warnings"])
}

/// The codes of a list of reasons.
pub(super) fn codes(reasons: &serde_json::Value) -> Vec<String> {
    let reasons = reasons.as_array().into_iter().flatten();
    reasons
        .map(|reason| reason["code"].as_str().unwrap().to_owned())
        .collect()
}
