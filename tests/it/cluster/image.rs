//! The image: what is in it, and that `Containerfile` and `scripts/image` make the same.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::manifests::job;
use crate::support::charts::sha256_hex;
use crate::support::cluster::{Cluster, exit_code, tool};
use crate::support::helm::words;

/// What a file of the image is: its kind, mode, owner, and the digest of its content.
type Tree = BTreeMap<String, (tar::EntryType, u32, u64, String)>;

/// An image as it lies in an OCI archive.
struct Image {
    tree: Tree,
    config: Value,
}

fn entries(archive: &[u8]) -> Vec<(tar::Header, String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.header().clone(), path, content)
    });
    entries.collect()
}

fn unpacked(layer: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(layer).read_to_end(&mut out).unwrap();
    out
}

fn read(path: &Path) -> Image {
    let archive = std::fs::read(path).unwrap();
    let files: BTreeMap<_, _> = entries(&archive)
        .into_iter()
        .map(|(_, path, content)| (path, content))
        .collect();
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        let content = &files[&format!("blobs/{}", digest.replace(':', "/"))];
        assert_eq!(format!("sha256:{}", sha256_hex(content)), digest);
        assert_eq!(descriptor["size"], content.len());
        content
    };
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let manifest: Value = serde_json::from_slice(blob(&index["manifests"][0])).unwrap();
    let config = serde_json::from_slice(blob(&manifest["config"])).unwrap();
    let mut tree = Tree::new();
    for layer in manifest["layers"].as_array().unwrap() {
        for (header, path, content) in entries(&unpacked(blob(layer))) {
            let mode = header.mode().unwrap() & 0o7777;
            let owner = header.uid().unwrap();
            tree.insert(path, (header.entry_type(), mode, owner, sha256_hex(&content)));
        }
    }
    tree.remove("");
    Image { tree, config }
}

/// Builds `Containerfile` with a builder that needs no daemon; `None` where there is none.
fn built(context: &Path, folder: &Path) -> Option<PathBuf> {
    let buildah = tool("buildah")?;
    let policy = folder.join("policy.json");
    std::fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
    let out = folder.join("built.tar");
    let run = |args: &[&str]| {
        let libraries = buildah.ancestors().nth(2).unwrap().join("lib/x86_64-linux-gnu");
        let output = Command::new(&buildah)
            .args(["--storage-driver", "vfs", "--registries-conf", "/dev/null"])
            .arg("--root")
            .arg(folder.join("store"))
            .arg("--runroot")
            .arg(folder.join("run"))
            .args(args)
            .env("LD_LIBRARY_PATH", libraries)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "buildah {args:?}: {}", words(&output));
    };
    let policy = policy.to_str().unwrap();
    let signatures = ["--signature-policy", policy];
    let (name, context) = ("localhost/built:1", context.to_str().unwrap());
    let build = [
        "--isolation",
        "chroot",
        "--file",
        "Containerfile",
        "--tag",
        name,
        context,
    ];
    run(&[&["build"], &signatures[..], &build].concat());
    let target = format!("oci-archive:{}:{name}", out.display());
    run(&[&["push"], &signatures[..], &[name, &target]].concat());
    Some(out)
}

#[test]
fn the_containerfile_and_the_script_make_the_same_image() {
    let Some(cluster) = Cluster::get("the image") else {
        return;
    };
    let packed = read(&cluster.image().tar);
    let files: Vec<_> = packed
        .tree
        .iter()
        .filter(|(_, (kind, ..))| *kind != tar::EntryType::Directory)
        .map(|(path, _)| path.as_str())
        .collect();
    // Nothing else: no shell, no loader, no library
    let expected = [
        "etc/group",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/chartferry",
        "usr/share/licenses/chartferry/LICENSE",
    ];
    assert_eq!(files, expected);
    assert_eq!(packed.config["config"]["User"], "65532:65532");
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    eprintln!(
        "cluster: the binary has {} bytes, the image {} bytes",
        size(&cluster.image().binary),
        size(&cluster.image().tar)
    );

    let folder = TempDir::new().unwrap();
    let Some(built) = built(&cluster.image().context, folder.path()) else {
        crate::support::skip(
            "cluster: the build of `Containerfile`",
            "run `scripts/tools buildah`",
        );
        return;
    };
    let other = read(&built);
    assert_eq!(packed.tree, other.tree);
    for key in ["User", "Env", "Entrypoint", "WorkingDir"] {
        assert_eq!(packed.config["config"][key], other.config["config"][key], "{key}");
    }
    // And it runs
    cluster.ctr(["images", "import", built.to_str().unwrap()]);
    let namespace = cluster.namespace("built");
    let mut job = job("built", &["--version"]);
    job["spec"]["template"]["spec"]["containers"][0]["image"] = json!("localhost/built:1");
    namespace.apply(&job);
    assert_eq!(namespace.ended("built").result, "Complete");
    let pod = &namespace.pods("built")[0];
    assert_eq!(exit_code(pod), Some(0));
    let version = format!("chartferry {}", env!("CARGO_PKG_VERSION"));
    assert!(namespace.logs(pod).contains(&version));
}
