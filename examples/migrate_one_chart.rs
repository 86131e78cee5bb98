//! chartferry as a library: one chart of a repository into an image layout or a registry, and a report as data.
//!
//! ```console
//! $ cargo run --example migrate_one_chart -- examples/charts-repo oci-layout:/tmp/one-chart signal-lamp
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use chartferry::net::NetOptions;
use chartferry::plan::{Filter, Rules};
use chartferry::registry::credentials::{StoreOptions, Stores};
use chartferry::report::{ExitStatus, RunReport};
use chartferry::run::{Engine, MirrorSpec, Mode, run};
use globset::{Glob, GlobSet};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, chart] = args.as_slice() else {
        anyhow::bail!("usage: migrate_one_chart SOURCE TARGET CHART");
    };
    let report = migrate_one_chart(source, target, chart).await?;
    for (_, target) in report.targets() {
        for item in &target.items {
            println(&format!("{} {} {}", item.chart, item.version, item.action));
        }
    }
    // The report decides, as for the command line: a run never fails as a whole.
    anyhow::ensure!(
        ExitStatus::of(&report) == ExitStatus::Success,
        "not everything is in place"
    );
    Ok(())
}

/// Copies every release of `chart` that `target` lacks.
pub(crate) async fn migrate_one_chart(source: &str, target: &str, chart: &str) -> anyhow::Result<RunReport> {
    let filter = Filter {
        include: Some(GlobSet::builder().add(Glob::new(chart)?).build()?),
        prereleases: Some(false),
        ..Filter::default()
    };
    let mirror = MirrorSpec {
        rules: Rules {
            filter,
            ..Rules::default()
        },
        ..MirrorSpec::new(source.parse()?, vec![target.parse()?])
    };
    let engine = Engine {
        // The logins that `chartferry login`, `helm registry login` and `docker login` stored. The variables say where.
        credentials: Arc::new(Stores::new(StoreOptions {
            variables: std::env::vars().collect(),
            ..StoreOptions::default()
        })),
        ..Engine::new(NetOptions::default()).context("cannot set up the network")?
    };
    Ok(run(&engine, vec![mirror], Mode::Migrate).await)
}

#[expect(
    clippy::print_stdout,
    reason = "the result of a program goes to its standard output"
)]
fn println(line: &str) {
    println!("{line}");
}
