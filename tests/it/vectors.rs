//! Every record of what real Helm pushed or refused (`helm-vectors`), computed anew from the package: config
//! bytes, manifest digest and verdict must be the same.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chartferry::artifact::{Artifact, assemble, assemble_at};
use chartferry::helm::package::{Package, read};
use chartferry::types::{ChartName, Digest, Tag};
use chrono::{DateTime, Utc};
use serde_json::Value;

const HELM3: &str = "3.22.0";
const HELM4: &str = "4.3.1";

/// Times of records that were pushed in another zone, as Helm wrote them: the zone database is no dependency.
const ZONED: [(&str, &str); 6] = [
    ("time-berlin-summer", "2024-07-06T09:08:09+02:00"),
    ("time-berlin-winter", "2024-01-06T08:08:09+01:00"),
    ("time-london-summer", "2024-07-06T08:08:09+01:00"),
    ("time-kathmandu", "2024-05-06T12:53:09+05:45"),
    ("time-newyork", "2024-05-05T23:08:09-04:00"),
    ("time-amsterdam-1930", "1930-01-01T00:19:32+00:19"),
];

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CHARTFERRY_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    if folder.join("helm-vectors").is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no helm-vectors in {}; set CHARTFERRY_TEST_DATA",
        folder.display()
    );
    None
}

/// What our code makes of a package, the name and tag checked as for a push.
struct Made {
    artifact: Artifact,
    package: Package,
}

fn make(record: &Value, file: &Path) -> Result<Made, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let prov = record.get("prov").map(|_| {
        let mut name = file.as_os_str().to_owned();
        name.push(".prov");
        std::fs::read(name).unwrap()
    });
    let package = read(&bytes[..]).map_err(|error| error.to_string())?;
    ChartName::new(&package.metadata.name).map_err(|error| error.to_string())?;
    Tag::from_version(&package.metadata.version).map_err(|error| error.to_string())?;
    let blob = |bytes: &[u8]| (Digest::of(bytes), bytes.len() as u64);
    let (chart, prov) = (blob(&bytes), prov.as_deref().map(blob));
    let zoned = ZONED.iter().find(|(id, _)| record["id"] == *id);
    let artifact = if let Some((_, created)) = zoned {
        assemble_at(&package, chart, prov, created)
    } else {
        let mtime: DateTime<Utc> = record["mtime"].as_str().unwrap().parse().unwrap();
        assemble(&package, chart, prov, Some(mtime))
    };
    Ok(Made {
        artifact: artifact.map_err(|error| error.to_string())?,
        package,
    })
}

/// The result of one Helm, which may refer to that of another.
fn result<'a>(record: &'a Value, helm: &str) -> &'a Value {
    match &record["results"][helm] {
        Value::String(same) => result(record, same.trim_start_matches('=')),
        result => result,
    }
}

fn disagreement(record: &Value, made: &Result<Made, String>) -> Option<String> {
    let (helm3, helm4) = (result(record, HELM3), result(record, HELM4));
    let pushed = |result: &Value| result["exit"] == 0;
    let accepted = match (pushed(helm3), pushed(helm4)) {
        (false, false) => {
            return made
                .as_ref()
                .ok()
                .map(|_| format!("accepted, Helm: {}", helm4["error"]));
        }
        (true, _) => helm3,
        (false, true) => helm4,
    };
    let made = match made {
        Ok(made) => made,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let expected_warning = match (pushed(helm3), pushed(helm4)) {
        (true, false) => Some("only-helm-3"),
        (false, true) => Some("only-helm-4"),
        _ => None,
    };
    let warning = made
        .package
        .warnings
        .iter()
        .map(|w| w.code)
        .find(|code| code.starts_with("only-"));
    if warning != expected_warning {
        return Some(format!("warning {warning:?}, not {expected_warning:?}"));
    }
    if let Some(config) = accepted["config"].as_str()
        && made.artifact.config != config.as_bytes()
    {
        let ours = String::from_utf8_lossy(&made.artifact.config).into_owned();
        return Some(format!("config\n   {ours}\n   not\n   {config}"));
    }
    if accepted["config_digest"] != made.artifact.config_descriptor.digest.to_string() {
        return Some("config digest".into());
    }
    if accepted["manifest_digest"] != made.artifact.manifest_digest.to_string() {
        let ours = String::from_utf8_lossy(&made.artifact.manifest).into_owned();
        return Some(format!(
            "manifest\n   {ours}\n   not\n   {}",
            accepted["manifest"]
        ));
    }
    let tag = Tag::from_version(&made.package.metadata.version).unwrap();
    (accepted["tag"] != tag.as_str()).then(|| "tag".into())
}

/// Runs one file of records against the packages in `packages`.
fn run(name: &str, packages: impl Fn(&Path, &Value) -> PathBuf, at_least: usize) {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join(format!("helm-vectors/{name}.jsonl"))).unwrap();
    let (mut pushed, mut refused, mut absent, mut unstable) = (0, 0, 0, 0);
    let mut wrong = String::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let file = packages(&data, &record);
        if record["unstable"] == true {
            unstable += 1;
            continue;
        }
        if !file.exists() {
            absent += 1;
            continue;
        }
        let made = make(&record, &file);
        match made {
            Ok(_) => pushed += 1,
            Err(_) => refused += 1,
        }
        if let Some(why) = disagreement(&record, &made) {
            let id = record.get("id").or(record.get("file")).unwrap();
            let _ = writeln!(wrong, "{id}: {why}");
        }
    }
    eprintln!(
        "{name}: {pushed} as pushed, {refused} refused, {unstable} unstable, {absent} without a package"
    );
    assert!(wrong.is_empty(), "{name} disagrees with Helm:\n{wrong}");
    assert!(
        pushed + refused >= at_least,
        "{name}: only {} of {at_least} compared",
        pushed + refused
    );
}

fn of_set(set: &str) -> impl Fn(&Path, &Value) -> PathBuf {
    move |data, record| data.join(set).join(record["file"].as_str().unwrap())
}

#[test]
fn synthetic_charts() {
    let file = |data: &Path, record: &Value| {
        data.join(format!(
            "helm-vectors/synthetic/{}.tgz",
            record["id"].as_str().unwrap()
        ))
    };
    run("synthetic", file, 661);
}

#[test]
fn small_mini() {
    run("small-mini", of_set("small-mini"), 44);
}

#[test]
fn odd_mini() {
    run("odd-mini", of_set("odd-mini"), 28);
}

#[test]
fn signed_mixed() {
    run("signed-mixed", of_set("signed-mixed"), 13);
}

#[test]
fn siakhooi_signed() {
    run("siakhooi-signed", of_set("siakhooi-signed"), 23);
}

#[test]
fn eks_charts() {
    run("eks-charts", of_set("eks-charts"), 449);
}

#[test]
fn helm_incubator() {
    run("helm-incubator", of_set("helm-incubator"), 1232);
}

#[test]
fn package_fixtures() {
    run("package-fixtures", of_set("package-fixtures"), 15);
}

/// The packages of Helm's source tree; of those a few lie in other sets, found by their digest.
#[test]
fn helm_testdata() {
    let known = data().map(|data| by_digest(&data)).unwrap_or_default();
    let file = |_: &Path, record: &Value| {
        known
            .get(record["tgz"][0].as_str().unwrap())
            .cloned()
            .unwrap_or_default()
    };
    run("helm-testdata", file, 8);
}

fn by_digest(data: &Path) -> std::collections::HashMap<String, PathBuf> {
    ["package-fixtures", "signed-mixed"]
        .iter()
        .flat_map(|set| std::fs::read_dir(data.join(set)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .map(|path| (Digest::of(&std::fs::read(&path).unwrap()).to_string(), path))
        .collect()
}
