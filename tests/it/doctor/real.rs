//! The same with a real registry: Distribution 3 over TLS with a password, and all that can be had without one.

use super::doctor;
use super::logins::assert_silent;
use crate::support::ferry::Ferry;
use crate::support::process::{PASSWORD, RealRegistry, USER};
use crate::support::tls::Tls;
use crate::support::tools::Tool;

#[test]
fn distribution_with_tls_and_a_password() {
    let tls = Tls::new();
    let Some(registry) = RealRegistry::secure_with_login(Tool::Distribution3, &tls) else {
        return;
    };
    let ferry = Ferry::new();
    let home = ferry.home();
    tls.write_authority(&home.join("ca.pem"));
    std::fs::write(home.join("password"), PASSWORD).unwrap();
    std::fs::write(home.join("wrong"), "another").unwrap();
    let target = registry.target("charts");
    let login = |file: &'static str| {
        [
            &target,
            "--ca-file",
            "ca.pem",
            "--username",
            USER,
            "--password-file",
            file,
        ]
        .map(str::to_owned)
    };
    let look = |args: &[String], more: &[&str]| {
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        args.extend(more);
        let found = doctor(&ferry, &args);
        assert_silent(&found);
        found
    };
    let found = look(&login("password"), &["--strict"]);
    found
        .expect("tls", "ok", &["test authority"])
        .expect("api", "ok", &["answers (`registry/2.0`)"])
        .expect("login", "ok", &["accepted by the registry"])
        .expect("pull", "ok", &["no tags yet"])
        .expect("push", "ok", &["cancelled"]);
    found.code(0);
    look(&login("wrong"), &[])
        .code(5)
        .expect("login", "failure", &["does not accept"])
        .expect("push", "skipped", &[]);
    doctor(&ferry, &[&target, "--ca-file", "ca.pem"])
        .code(5)
        .expect("credentials", "warning", &["there are none"])
        .expect("login", "failure", &[]);
    doctor(&ferry, &[&target])
        .code(5)
        .expect("tls", "failure", &["UnknownIssuer"]);

    let found = look(&login("password"), &["--probe", "trials/chartferry"]);
    found
        .code(0)
        .expect("probe-single-post", "ok", &["two requests"])
        .expect("probe-pieces", "ok", &["two pieces"])
        .expect("probe-manifest", "ok", &[])
        .expect("probe-overwrite", "ok", &["can be overwritten"])
        .expect("probe-delete", "warning", &["does not delete"]);
}

#[test]
fn real_registries_page_and_probe() {
    for (name, registry) in RealRegistry::all() {
        let target = registry.target("charts");
        let ferry = Ferry::new();
        let found = doctor(
            &ferry,
            &[&target, "--plain-http", "--probe", "charts/chartferry-doctor"],
        );
        assert_eq!(found.code, 0, "{name}\n{}", found.table);
        assert_eq!(found.with("failure"), [""; 0], "{name}\n{}", found.table);
        found.expect("probe-manifest", "ok", &[]);
        let (_, tags) = registry.get("/v2/charts/chartferry-doctor/tags/list");
        eprintln!("{name}: {tags}\n{}", found.table);
    }
}
