//! Who may write what: versions that want one tag, mirrors that share a target, targets that refuse.

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid, write_repository};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::registry::Registry;
use crate::support::server::Kind;

/// An index that lists the packages of `charts` under other names and versions.
fn mislabelled(repo: &ChartRepo, charts: &[(&str, &str, Chart)]) {
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    for (name, version, chart) in charts {
        let file = format!("{name}-{version}.tgz");
        repo.put(&file, chart.tgz());
        write!(
            text,
            "  {name}:\n  - {{name: {name}, version: {version}, urls: [{file}]}}\n"
        )
        .unwrap();
    }
    repo.put("index.yaml", text);
}

#[test]
fn two_packages_that_want_one_tag_do_not_overwrite_each_other() {
    let (repo, registry, ferry) = (ChartRepo::empty(), Registry::start(), Ferry::new());
    let twins = [
        ("one", "1.0.0", Chart::new("same", "2.0.0")),
        ("two", "1.0.0", Chart::new("same", "2.0.0").file("more", "x")),
    ];
    mislabelled(&repo, &twins);
    let target = registry.target("charts");
    let args = [
        "migrate",
        &repo.url(),
        &target,
        "--plain-http",
        "--mismatch",
        "package",
    ];
    let outcome = ferry.report(args).expect(3);
    assert_eq!((outcome.count("pushed"), outcome.count("drifted")), (1, 1));
    assert_eq!(registry.log().count(Kind::ManifestPut), 1);
    for item in outcome.raw_items() {
        assert_eq!(item["reference"], format!("{target}/same:2.0.0"), "where it went");
    }
    // The second run finds both: one is there, the other still wants another place.
    let outcome = ferry.report(args).expect(3);
    assert_eq!((outcome.count("present"), outcome.count("drifted")), (1, 1));
    registry.assert_sound();
}

#[test]
fn a_package_does_not_slip_into_the_repository_of_another_mirror() {
    let (honest, other) = (ChartRepo::of(&[Chart::new("app", "1.0.0")]), ChartRepo::empty());
    mislabelled(&other, &[("tool", "9.0.0", Chart::new("app", "9.0.0"))]);
    let (registry, ferry) = (Registry::start(), Ferry::new());
    let target = registry.target("charts");
    let text = format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\n\
         [[mirror]]\nname = \"a\"\nsource = \"{}\"\ntargets = [\"{target}\"]\n\
         [[mirror]]\nname = \"b\"\nsource = \"{}\"\ntargets = [\"{target}\"]\nmismatch = \"package\"\n",
        registry.host(),
        honest.url(),
        other.url()
    );
    std::fs::write(ferry.home().join("config.toml"), text).unwrap();
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(3);
    assert_eq!(registry.tags(), ["charts/app:1.0.0"]);
    let codes: Vec<_> = outcome.items().into_iter().filter_map(|line| line.code).collect();
    assert_eq!(codes, ["two-mirrors"]);
}

#[test]
fn mirrors_share_a_layout_and_a_login() {
    let (ferry, registry) = (Ferry::new(), Registry::start());
    let mut text = format!("[[host]]\nname = \"{}\"\nplain_http = true\n", registry.host());
    for name in ["a", "b"] {
        std::fs::create_dir(ferry.home().join(name)).unwrap();
        write_repository(&ferry.home().join(name), &[Chart::new(name, "1.0.0")]);
        write!(
            text,
            "[[mirror]]\nname = \"{name}\"\nsource = \"./{name}\"\ntargets = [\"oci-layout:box\", \"{}\"]\n",
            registry.target("charts")
        )
        .unwrap();
    }
    std::fs::write(ferry.home().join("config.toml"), text).unwrap();
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    assert_eq!(outcome.count("pushed"), 4);
    assert_eq!(registry.log().count(Kind::Ping), 1);
}

#[test]
fn a_target_that_takes_nothing_is_not_fed() {
    let charts = grid(
        &["a", "b", "c", "d"],
        &["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"],
    );
    let (repo, registry, ferry) = (ChartRepo::of(&charts), Registry::start(), Ferry::new());
    registry.fault(Fault::status(Kind::UploadPost, 403));
    let target = registry.target("charts");
    let args = [
        "migrate",
        &repo.url(),
        &target,
        "--plain-http",
        "--concurrency",
        "1",
    ];
    let outcome = ferry.report(args).expect(5);
    assert_eq!(outcome.count("failed"), 20);
    let downloads = repo.log().count(Kind::Package);
    assert!(downloads <= 3, "{downloads}");
}

#[test]
fn a_repository_that_takes_nothing_does_not_stop_the_others() {
    let charts = grid(
        &["a", "b"],
        &["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"],
    );
    let (repo, registry, ferry) = (ChartRepo::of(&charts), Registry::start(), Ferry::new());
    registry.fault(Fault::status(Kind::UploadPost, 403).path("/a/"));
    // So that the target is known to take something before `a` has its turn.
    registry.fault(Fault::on(Kind::TagList, Effect::Delay(Duration::from_secs(1))).path("/a/"));
    let target = registry.target("charts");
    let args = [
        "migrate",
        &repo.url(),
        &target,
        "--plain-http",
        "--concurrency",
        "1",
    ];
    let outcome = ferry.report(args).expect(2);
    assert_eq!((outcome.count("failed"), outcome.count("pushed")), (6, 6));
    let log = repo.log();
    let of_a = log
        .of(Kind::Package)
        .into_iter()
        .filter(|one| one.request.path.contains("/a-"));
    assert_eq!(of_a.count(), 3);
}

#[test]
fn a_run_that_takes_too_long_says_so() {
    let charts = grid(&["a"], &["1.0.0", "1.1.0", "1.2.0"]);
    let (repo, registry, ferry) = (ChartRepo::of(&charts), Registry::start(), Ferry::new());
    repo.fault(Fault::on(Kind::Package, Effect::Stall));
    let target = registry.target("charts");
    let args = [
        "migrate",
        &repo.url(),
        &target,
        "--plain-http",
        "--run-timeout",
        "1s",
        "--grace",
        "1s",
    ];
    let outcome = ferry.report(args).expect(2);
    assert_eq!(outcome.items().len(), 3);
    assert!(
        outcome
            .items()
            .iter()
            .all(|line| line.code.as_deref() == Some("deadline"))
    );
    // The index counts too.
    repo.heal();
    repo.fault(Fault::on(Kind::Index, Effect::Stall));
    let outcome = ferry.report(args).expect(4);
    assert!(outcome.stdout.contains("run_timeout"), "{}", outcome.stdout);
}
