//! Real Helm 3 and 4 and a real registry: a login of one is the login of the other, and so is its end.

use super::*;
use crate::support::charts::MTIME;
use crate::support::helm::Helm;
use crate::support::process::RealRegistry;
use crate::support::tools::Tool;

/// A chartferry that shares the home of `helm`.
fn beside(helm: &Helm) -> Ferry {
    let config = helm.home().join("config");
    Ferry::new().env("XDG_CONFIG_HOME", config.to_str().unwrap())
}

fn migrate(ferry: &Ferry, source: &ChartRepo, target: &str) -> Outcome {
    ferry.report(["migrate", &source.url(), target, "--plain-http"])
}

#[test]
fn helm_works_with_the_login_of_chartferry() {
    for tool in [Tool::Distribution3, Tool::Distribution28] {
        let Some(registry) = RealRegistry::with_login(tool) else {
            continue;
        };
        let host = registry.host();
        let chart = Chart::new("demo", "1.0.0");
        for helm in Helm::all() {
            let ferry = beside(&helm);
            let wrong = login(&ferry, host, "s3cr3t-wrong", &["--plain-http"]).expect(5);
            assert!(wrong.stderr.contains("nothing was stored"), "{}", wrong.stderr);
            login(&ferry, host, PASSWORD, &["--plain-http"]).expect(0);
            let target = registry.target(&format!("by-{}", helm.version));
            helm.push(&chart.tgz(), None, MTIME, &target);
            assert_eq!(helm.pull(&format!("{target}/demo"), "1.0.0"), chart.tgz());
            // The end of it, said by Helm, holds for chartferry
            helm.ok(["registry", "logout", host]);
            assert_eq!(ferry.run(["logout", host]).expect(0).stdout, "Not logged in\n");
            migrate(&ferry, &ChartRepo::of(std::slice::from_ref(&chart)), &target).expect(5);
        }
    }
}

#[test]
fn chartferry_ends_the_login_of_helm() {
    let Some(registry) = RealRegistry::with_login(Tool::Distribution3) else {
        return;
    };
    let host = registry.host();
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    for helm in Helm::all() {
        let ferry = beside(&helm);
        let target = registry.target(&format!("to-{}", helm.version));
        helm.login(host, USER, PASSWORD);
        assert_eq!(migrate(&ferry, &source, &target).expect(0).count("pushed"), 1);
        // A second login changes nothing but the password of this host
        login(&ferry, host, PASSWORD, &["--plain-http"]).expect(0);
        let demo = format!("{target}/demo");
        assert_eq!(helm.pull(&demo, "1.0.0"), Chart::new("demo", "1.0.0").tgz());
        assert_eq!(ferry.run(["logout", host]).expect(0).stdout, "Logout succeeded\n");
        let pull = helm.run(["pull", &demo, "--version", "1.0.0", "--plain-http"]);
        assert!(!pull.status.success(), "helm {}", helm.version);
        migrate(&ferry, &source, &target).expect(5);
    }
}

/// A credential helper that the store names: one hands over, the other takes.
#[test]
fn a_helper_of_the_store_serves_both() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(registry) = RealRegistry::with_login(Tool::Distribution3) else {
        return;
    };
    let host = registry.host();
    for helm in Helm::all() {
        let kept = helm.home().join("kept");
        let script = format!(
            "#!/bin/sh\ncase \"$1\" in\nstore) cat > '{0}';;\nget) cat > /dev/null; if [ -e '{0}' ]; then cat '{0}'; \
             else echo 'credentials not found in native keychain'; exit 1; fi;;\nerase) cat > /dev/null; rm '{0}';;\nesac\n",
            kept.display()
        );
        let program = write(helm.home(), "bin/docker-credential-kept", &script);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!(
            "{}:{}",
            helm.home().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let store = write(
            helm.home(),
            "config/helm/registry/config.json",
            r#"{"credsStore": "kept"}"#,
        );
        let ferry = beside(&helm).env("PATH", &path);
        login(&ferry, host, PASSWORD, &["--plain-http"]).expect(0);
        assert_eq!(json(&store), serde_json::json!({ "credsStore": "kept" }));
        assert_eq!(json(&kept)["Username"], USER);
        let helm_with_path = |args: &[&str]| helm.command(args).env("PATH", &path).output().unwrap();
        let package = write(helm.home(), "demo-1.0.0.tgz", "");
        std::fs::write(&package, Chart::new("demo", "1.0.0").tgz()).unwrap();
        let target = registry.target(&format!("helper-{}", helm.version));
        let push = helm_with_path(&["push", package.to_str().unwrap(), &target, "--plain-http"]);
        assert!(push.status.success(), "{push:?}");
        let logout = helm_with_path(&["registry", "logout", host]);
        assert!(logout.status.success() && !kept.exists(), "{logout:?}");
        assert_eq!(ferry.run(["logout", host]).expect(0).stdout, "Not logged in\n");
    }
}
