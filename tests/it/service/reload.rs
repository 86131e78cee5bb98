//! The file changes while the service runs: what is good takes effect, what is bad is said and changes nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use rustix::process::Signal;

use super::stage::{Stage, charts, repo};
use crate::support::charts::write_repository;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

#[test]
fn sighup_takes_over_a_good_file_and_refuses_a_bad_one() {
    let (one, two) = (repo(&["1.0.0"]), repo(&["2.0.0"]));
    let mut stage = Stage::new().mirror("a", &one.url(), "every = \"1h\"");
    let service = stage.start();
    stage.arrive(&service, 1);
    service.says("run ended");
    let next = service.api("a")["next_run"].clone();
    fs::write(
        stage.file(),
        format!("{}colour = \"red\"\nshape = \"round\"\n", stage.text()),
    )
    .unwrap();
    service.signal(Signal::HUP);
    service.says("the configuration is refused, the old one stays in force");
    service.says("colour: no such key; remove it; config.toml:");
    service.says("shape: no such key; remove it file=");
    assert_eq!(service.get("/readyz").0, 200);
    assert!(
        service.get("/").1.contains("no such key"),
        "{}",
        service.get("/").1
    );
    stage.add("b", &two.url(), "");
    stage.write();
    service.signal(Signal::HUP);
    service.says("the configuration was read again");
    stage.arrive(&service, 2);
    assert!(!service.get("/").1.contains("no such key"));
    // The first mirror has neither run again nor lost its place in time
    assert_eq!(service.said("run ended: all in place mirror=\"a\""), 1);
    assert_eq!(service.api("a")["next_run"], next);
    service.stop();
}

/// As Kubernetes does it: `config.toml -> ..data/config.toml`, `..data -> ..1`, and `..data` is replaced.
#[test]
fn a_config_map_that_is_replaced_is_noticed() {
    let (one, two) = (repo(&["1.0.0"]), repo(&["2.0.0"]));
    let mut stage = Stage::new().mirror("a", &one.url(), "");
    let home = stage.ferry.home().to_owned();
    let version = |folder: &str, text: &str| {
        fs::create_dir(home.join(folder)).unwrap();
        fs::write(home.join(folder).join("config.toml"), text).unwrap();
    };
    version("..1", stage.text());
    symlink("..1", home.join("..data")).unwrap();
    symlink("..data/config.toml", stage.file()).unwrap();
    let service = stage.start();
    stage.arrive(&service, 1);
    stage.add("b", &two.url(), "");
    version("..2", stage.text());
    symlink("..2", home.join("..new")).unwrap();
    fs::rename(home.join("..new"), home.join("..data")).unwrap();
    service.says("the configuration was read again, since its file changed");
    stage.arrive(&service, 2);
    service.stop();
}

#[test]
fn a_mirror_that_is_gone_from_the_file_finishes_its_run_and_stops() {
    let (one, two) = (repo(&["1.0.0"]), repo(&["2.0.0"]));
    one.fault(Fault::on(Kind::Package, Effect::Delay(Duration::from_secs(4))));
    let stage = Stage::new().mirror("a", &one.url(), "every = \"1s\"");
    let service = stage.start();
    service.until("a download", || one.log().count(Kind::Package) == 1);
    let text = stage
        .text()
        .replace("name = \"a\"", "name = \"b\"")
        .replace(&one.url(), &two.url());
    fs::write(stage.file(), text).unwrap();
    service.signal(Signal::HUP);
    service.says("the configuration was read again");
    // It is still shown while it runs
    assert_eq!(service.get("/api/v1/mirrors/a").0, 200);
    stage.arrive(&service, 2);
    service.says("is not served any longer mirror=\"a\"");
    assert_eq!(service.get("/api/v1/mirrors/a").0, 404);
    let asked = one.log().count(Kind::Index);
    service.until("further runs of the other", || service.said("mirror=\"b\"") >= 3);
    assert_eq!(one.log().count(Kind::Index), asked);
    service.stop();
}

/// What kept it from running may lie outside the file, such as a password or a folder.
#[test]
fn sighup_ends_the_pause_of_a_mirror_that_was_mended() {
    let stage = Stage::new().mirror("a", "charts", "every = \"1s\"");
    let service = stage.start();
    service.says("its schedule is stretched");
    let folder = stage.ferry.home().join("charts");
    fs::create_dir(&folder).unwrap();
    write_repository(&folder, &charts(&["1.0.0"]));
    service.signal(Signal::HUP);
    stage.arrive(&service, 1);
    service.stop();
}
