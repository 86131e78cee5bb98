//! What the chart's mounts rely on in the program itself: where it looks for certificate authorities.

use std::os::unix::fs::symlink;

use super::{one, render};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::ferry::Ferry;
use crate::support::helm::Helm;
use crate::support::registry::Registry;
use crate::support::tls::Tls;

/// A variable of the first container, as the chart renders it.
fn variable(values: &str, name: &str) -> Option<String> {
    let objects = render(&Helm::v4()?, values);
    let container =
        one(&objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0].clone();
    let mut all = container["env"].as_sequence()?.iter();
    let found = all.find(|variable| variable["name"] == name);
    Some(
        found.unwrap_or_else(|| panic!("no {name}"))["value"]
            .as_str()?
            .to_owned(),
    )
}

/// `caBundle` is trusted besides the image's authorities, not in their place: the source has one of the bundle, the target one of
/// the image.
#[test]
fn a_ca_bundle_comes_on_top_of_the_systems_authorities() {
    let Some(folders) = variable("mode: cronjob\ncaBundle: {configMap: ca}", "SSL_CERT_DIR") else {
        return;
    };
    let (image, bundle) = (Tls::new(), Tls::new());
    let source = ChartRepo::secure(&bundle);
    source.publish(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::secure(&image, |_| {});
    let ferry = Ferry::new();
    let (system, mounted) = (ferry.home().join("system"), ferry.home().join("mounted"));
    std::fs::create_dir_all(&system).unwrap();
    image.write_authority(&system.join("ca-certificates.crt"));
    // As the kubelet mounts a ConfigMap
    std::fs::create_dir_all(mounted.join("..2026_01_01")).unwrap();
    bundle.write_authority(&mounted.join("..2026_01_01/ca.crt"));
    symlink("..2026_01_01", mounted.join("..data")).unwrap();
    symlink("..data/ca.crt", mounted.join("ca.crt")).unwrap();
    let here = folders
        .replace("/etc/ssl/certs", system.to_str().unwrap())
        .replace("/etc/chartferry-ca", mounted.to_str().unwrap());
    let (from, to) = (source.url(), registry.target("charts"));
    let outcome = ferry
        .env("SSL_CERT_DIR", &here)
        .report(["migrate", &from, &to])
        .expect(0);
    assert_eq!(outcome.count("pushed"), 1);
}
