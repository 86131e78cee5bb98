//! The chart is published by chartferry's own rules: packed by Helm, carried by chartferry, and then what `helm push` would have
//! made of it.

use crate::support::ferry::Ferry;
use crate::support::helm::Helm;
use crate::support::process::RealRegistry;
use crate::support::tools::Tool;

use super::chart;

#[test]
fn chartferry_publishes_its_chart_as_helm_would() {
    let Some(registry) = RealRegistry::start(Tool::Distribution3) else {
        return;
    };
    for helm in Helm::all() {
        let folder = helm.home().join("packages");
        helm.ok([
            "package",
            chart().to_str().unwrap(),
            "--destination",
            folder.to_str().unwrap(),
        ]);
        helm.ok(["repo", "index", folder.to_str().unwrap()]);
        let prefix = format!("ours-{}", helm.version);
        let ferry = Ferry::new();
        let outcome = ferry
            .report([
                "migrate",
                folder.to_str().unwrap(),
                &registry.target(&prefix),
                "--plain-http",
            ])
            .expect(0);
        let items = outcome.raw_items();
        assert_eq!(items.len(), 1);
        let text = |key: &str| items[0][key].as_str().unwrap();
        assert_eq!((text("chart"), text("action")), ("chartferry", "pushed"));

        let version = text("version");
        let package = std::fs::read(folder.join(format!("chartferry-{version}.tgz"))).unwrap();
        let index = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
        let index: serde_yaml::Value = serde_yaml::from_str(&index).unwrap();
        let created = index["entries"]["chartferry"][0]["created"].as_str().unwrap();
        let created = created
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
            .timestamp();
        let theirs = helm.push(
            &package,
            None,
            created.try_into().unwrap(),
            &registry.target("theirs"),
        );
        assert_eq!(text("manifest_digest"), theirs, "helm {}", helm.version);

        // And it can be installed from there
        let reference = registry.target(&format!("{prefix}/chartferry"));
        std::fs::write(helm.home().join("values.yaml"), super::BASE).unwrap();
        let rendered = helm.ok([
            "template",
            "chartferry",
            &reference,
            "--version",
            version,
            "--plain-http",
            super::KUBERNETES,
            "--values=values.yaml",
        ]);
        assert!(rendered.contains("kind: Deployment"), "{rendered}");
    }
}

/// Nothing but the chart is in the package.
#[test]
fn the_package_holds_the_chart_and_nothing_else() {
    let Some(helm) = Helm::v4() else { return };
    let home = helm.home().to_str().unwrap();
    helm.ok(["package", chart().to_str().unwrap(), "--destination", home]);
    let file = std::fs::File::open(helm.home().join("chartferry-0.1.0.tgz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut odd = Vec::new();
    let mut known = 0;
    for entry in archive.entries().unwrap() {
        let path = entry.unwrap().path().unwrap().display().to_string();
        let path = path.strip_prefix("chartferry/").unwrap();
        let expected = [
            "Chart.yaml",
            "README.md",
            ".helmignore",
            "values.yaml",
            "values.schema.json",
            "files/rules.yaml",
            "files/dashboard.json",
        ];
        if expected.contains(&path) || path.starts_with("templates/") {
            known += 1;
        } else {
            odd.push(path.to_owned());
        }
    }
    assert!(odd.is_empty(), "{odd:?}");
    assert!(known > 20, "{known} files");
}
