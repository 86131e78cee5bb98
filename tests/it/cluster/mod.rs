//! chartferry on a real Kubernetes: its image in real pods, and what it pushed installed by real Helm.
//!
//! Sources and registries run outside the pods, in the test process and beside it. All tests share one cluster
//! (`support::cluster`), each in a namespace of its own that admits only pods of the restricted profile.

mod image;
mod install;
mod jobs;
mod manifests;
mod modes;
mod release;
mod rights;
mod service;
mod shards;
mod strict;
mod volume;

use std::path::Path;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::cluster::{Cluster, HOST};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::RealRegistry;
use crate::support::tools::Tool;

/// A cluster, and a source and a real registry that its pods reach.
struct Stage {
    cluster: &'static Cluster,
    repo: ChartRepo,
    registry: RealRegistry,
}

impl Stage {
    fn new(what: &str) -> Option<Self> {
        let cluster = Cluster::get(what)?;
        let (repo, registry) =
            cluster.within(|| (ChartRepo::at(HOST), RealRegistry::at(Tool::Distribution3, HOST)));
        Some(Self {
            cluster,
            repo,
            registry: registry?,
        })
    }

    fn with(self, charts: &[Chart]) -> Self {
        self.repo.publish(charts);
        self
    }

    fn filled(self, folder: &Path) -> Self {
        self.repo.show(folder);
        self
    }

    /// `migrate` from here to there, as it stands in the arguments of a pod.
    fn migrate(&self, prefix: &str) -> Vec<String> {
        let words = [
            "migrate",
            &self.repo.url(),
            &self.registry.target(prefix),
            "--plain-http",
        ];
        words.map(str::to_owned).into()
    }

    /// The same from this machine, in the cluster's network but outside the pods.
    fn run(&self, prefix: &str) -> Outcome {
        self.cluster.within(|| Ferry::new().report(self.migrate(prefix)))
    }
}
