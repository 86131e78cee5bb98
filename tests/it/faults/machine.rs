//! F37, F39, F40: this machine itself: full disks, few descriptors, two processes at once.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::disk::TinyDisk;
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::registry::Registry;
use crate::support::server::Kind;

#[test]
fn f37_a_full_disk_costs_the_versions_that_need_it_and_names_itself() {
    let ferry = Ferry::new();
    let Some(disk) = TinyDisk::mount(&ferry.home().join("tiny")) else {
        eprintln!("skipped: F37: only root can mount a small file system");
        return;
    };
    // Too large for the memory that the run gets, and for the disk
    let large = Chart::new("large", "1.0.0").ballast(2 << 20);
    let mut charts = grid(&["alpha", "beta"], &["1.0.0", "1.1.0"]);
    charts.push(large);
    let (repo, registry) = (ChartRepo::of(&charts), Registry::start());
    let (source, target) = (repo.url(), registry.target("charts"));
    let run = |memory: &str, ferry: &Ferry| {
        ferry.report([
            "migrate",
            &source,
            &target,
            "--plain-http",
            "--concurrency",
            "1",
            "--memory-budget",
            memory,
        ])
    };
    let ferry = ferry.env("TMPDIR", disk.0.to_str().unwrap());
    let ran = run("1MiB", &ferry).expect(2);
    assert_eq!(
        (ran.count("pushed"), ran.count("failed")),
        (4, 1),
        "{:?}",
        ran.items()
    );
    let text = ran.report.as_ref().unwrap().to_string();
    assert!(text.contains("No space left on device"), "{text}");
    assert!(text.contains(disk.0.to_str().unwrap()), "{text}");
    let left: Vec<_> = std::fs::read_dir(&disk.0).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    registry.assert_sound();
    // With room for it the version arrives
    run("32MiB", &ferry).expect(0);
    registry.assert_sound();
    registry.forget_log();
    run("32MiB", &ferry).expect(0);
    assert_eq!(registry.log().writes(), 0);
}

#[test]
fn f39_few_descriptors_slow_a_run_down_and_do_not_end_it() {
    let ferry = Ferry::new();
    let versions: Vec<_> = (0..16).map(|minor| format!("1.{minor}.0")).collect();
    let versions: Vec<_> = versions.iter().map(String::as_str).collect();
    let charts = grid(&["a", "b", "c", "d", "e", "f", "g", "h"], &versions);
    let (repo, registry) = (ChartRepo::of(&charts), Registry::start());
    let report = ferry.home().join("report.json");
    let plain = ferry.command(["migrate", &repo.url(), &registry.target("charts"), "--plain-http"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 32 && exec \"$@\"", "sh"])
        .arg(plain.get_program())
        .args(plain.get_args())
        .arg("--report")
        .arg(&report)
        .current_dir(ferry.home())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!words.contains("panicked"), "{words}");
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert_eq!(registry.tags().len(), charts.len());
    registry.assert_sound();
}

#[test]
fn f40_the_second_process_on_one_layout_ends_with_75() {
    let ferry = Ferry::new();
    let repo = ChartRepo::of(&grid(&["alpha"], &["1.0.0"]));
    // The first process waits here and holds the lock
    repo.fault(Fault::on(Kind::Package, Effect::Stall).nth(1));
    let target = format!("oci-layout:{}", ferry.home().join("layout").display());
    let mut first = ferry
        .command(["migrate", &repo.url(), &target])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while repo.log().count(Kind::Package) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = ferry.report(["migrate", &repo.url(), &target]).expect(75);
    assert!(second.report.unwrap().to_string().contains("another process"));
    assert_eq!(repo.log().count(Kind::Package), 1);
    first.kill().unwrap();
    first.wait().unwrap();
    // A lock dies with its process
    ferry.report(["migrate", &repo.url(), &target]).expect(0);
    let third = ferry.report(["migrate", &repo.url(), &target]).expect(0);
    assert_eq!(third.count("present"), 1, "{:?}", third.items());
}
