//! All sources and targets of a configuration: side by side, each by itself, with the repositories that the mirrors would write.

use std::fmt::Write as _;

use super::{Found, doctor, only_cancelled_uploads};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, elements};
use crate::support::registry::Registry;
use crate::support::server::Kind;

/// A file with one mirror for each source, all to one registry.
fn file(ferry: &Ferry, registry: &Registry, sources: &[&str], more: &str) {
    let mut text = format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\n{more}\n",
        registry.host()
    );
    for (number, source) in sources.iter().enumerate() {
        write!(
            text,
            "[[mirror]]\nname = \"m{number}\"\nsource = \"{source}\"\ntargets = [\"{}\"]\n",
            registry.target(&format!("charts{number}"))
        )
        .unwrap();
    }
    std::fs::write(ferry.home().join("config.toml"), text).unwrap();
}

fn look(ferry: &Ferry, more: &[&str]) -> Found {
    let mut args = vec!["-c", "config.toml"];
    args.extend(more);
    doctor(ferry, &args)
}

/// The checks with this id at the subject that begins so.
fn at<'a>(found: &'a Found, name: &str, id: &str) -> Vec<(&'a str, &'a str)> {
    elements(&found.json["subjects"])
        .filter(|subject| subject["name"].as_str().unwrap().starts_with(name))
        .flat_map(|subject| elements(&subject["checks"]))
        .filter(|check| check["id"] == id)
        .map(|check| (check["status"].as_str().unwrap(), check["text"].as_str().unwrap()))
        .collect()
}

#[test]
fn repositories_come_from_the_index_and_the_filters() {
    let source = ChartRepo::of(&grid(&["anchor", "beacon", "cable"], &["1.0.0", "1.1.0"]));
    let (ferry, registry) = (Ferry::new(), Registry::start());
    file(&ferry, &registry, &[&source.url()], "");
    let text = std::fs::read_to_string(ferry.home().join("config.toml")).unwrap();
    std::fs::write(
        ferry.home().join("config.toml"),
        format!("{text}exclude = [\"cable\"]\n"),
    )
    .unwrap();
    let found = look(&ferry, &[]);
    found
        .code(0)
        .expect("index", "ok", &["3 charts, 6 versions"])
        .expect("pull", "ok", &["2 repositories may be read"])
        .expect("push", "ok", &["2 repositories and cancelled"]);
    assert!(found.table.contains("(mirror m0)"), "{}", found.table);
    only_cancelled_uploads(&registry);
    for upload in registry.log().of(Kind::UploadPost) {
        assert!(!upload.request.path.contains("cable"), "{}", registry.log());
    }
    assert_eq!(source.log().count(Kind::Package), 0);
}

/// All at once, not one a run (registries rule 14).
#[test]
fn all_missing_repositories_are_named_together() {
    let source = ChartRepo::of(&grid(&["anchor", "beacon", "cable"], &["1.0.0"]));
    let (ferry, registry) = (Ferry::new(), Registry::with(|it| it.autocreate = false));
    registry.meddle("charts0/anchor", |_| {});
    file(&ferry, &registry, &[&source.url()], "");
    let found = look(&ferry, &[]);
    found.code(5).expect(
        "repositories",
        "failure",
        &[
            "2 of 3 repositories",
            "`charts0/beacon`, `charts0/cable`",
            "create them first",
        ],
    );
    let all: Vec<_> = elements(&found.json["subjects"])
        .flat_map(|subject| elements(&subject["checks"]))
        .filter(|check| check["id"] == "repositories")
        .flat_map(|check| elements(&check["repositories"]))
        .collect();
    assert_eq!(all, ["charts0/beacon", "charts0/cable"]);
}

#[test]
fn ecr_hangs_up_for_what_is_missing() {
    let source = ChartRepo::of(&grid(&["anchor"], &["1.0.0"]));
    let (ferry, registry) = (Ferry::new(), Registry::with(|it| it.autocreate = false));
    registry.fault(Fault::on(Kind::UploadPost, Effect::Drop));
    file(
        &ferry,
        &registry,
        &[&source.url()],
        "kind = \"ecr\"\ncloud = \"off\"",
    );
    look(&ferry, &[]).code(5).expect("push", "skipped", &[]).expect(
        "repositories",
        "failure",
        &["1 of 1 repository", "`charts0/anchor`"],
    );
}

#[test]
fn one_host_that_fails_stops_no_other() {
    let good = ChartRepo::of(&[Chart::new("anchor", "1.0.0")]);
    let (ferry, registry) = (Ferry::new(), Registry::start());
    file(
        &ferry,
        &registry,
        &[&good.url(), "https://charts.invalid", &format!("{}x", good.url())],
        "",
    );
    let found = look(&ferry, &[]);
    found.code(4);
    assert_eq!(at(&found, "https://charts.invalid", "name")[0].0, "failure");
    assert_eq!(at(&found, "https://charts.invalid", "index")[0].0, "skipped");
    let (status, text) = at(&found, &format!("{}x", good.url()), "index")[0];
    assert!(status == "failure" && text.contains("404"), "{text}");
    assert_eq!(at(&found, &format!("{}/", good.url()), "index").len(), 0);
    // What is known is looked at
    found.expect("push", "ok", &["charts0/anchor"]).expect(
        "repositories",
        "warning",
        &["`m1`, `m2`", "not looked at"],
    );
    // One mirror alone
    look(&ferry, &["m0"]).code(0).expect("index", "ok", &["1 chart"]);
    // A target that fails counts before a source
    registry.fault(Fault::status(Kind::Ping, 404));
    look(&ferry, &[])
        .code(5)
        .expect("api", "failure", &["not an OCI registry"]);
}

#[test]
fn logins_of_sources_are_named_and_oddities_are_warnings() {
    let source = ChartRepo::empty();
    source.behave(|it| it.login = Some(("reader".to_owned(), "s3cr3t-reading".to_owned())));
    source.put(
        "index.yaml",
        "apiVersion: v1\nentries:\n  anchor:\n  - name: anchor\n    version: 1.0.0\n    urls: [https://cdn.example.org/anchor-1.0.0.tgz]\n  - name: anchor\n    version: not-a-version\n    urls: [anchor-x.tgz]\n",
    );
    let (ferry, registry) = (Ferry::new(), Registry::start());
    std::fs::write(ferry.home().join("password"), "s3cr3t-reading").unwrap();
    file(&ferry, &registry, &[&source.url()], "");
    look(&ferry, &[])
        .code(4)
        .expect("index", "failure", &["401 Unauthorized"])
        .expect("pull", "skipped", &["could not be read"]);
    let login = format!(
        "[[host]]\nname = \"{}\"\nusername = \"reader\"\npassword_file = \"password\"\n",
        source.host()
    );
    file(&ferry, &registry, &[&source.url()], &login);
    let found = look(&ferry, &[]);
    found
        .code(0)
        .expect("index", "ok", &["1 chart, 2 versions"])
        .expect("versions", "warning", &["1 of 2 versions", "not-a-version"])
        .expect(
            "packages",
            "warning",
            &["https://cdn.example.org/", "pass_credentials_to"],
        );
    let (status, text) = at(&found, &source.url(), "credentials")[0];
    assert!(
        status == "warning" && text.contains("user `reader`, from the file"),
        "{text}"
    );
    assert!(!found.printed.contains("s3cr3t"), "{}", found.printed);
    assert_eq!(look(&ferry, &["--strict"]).code, 2);
}
