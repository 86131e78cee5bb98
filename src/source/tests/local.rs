//! Folders and layouts.

use std::fs;

use bytes::Bytes;
use serde_json::json;

use super::server::{Server, ok};
use super::*;
use crate::helm::index::IndexDigest;
use crate::layout::{Access, Existing, Layout};
use crate::types::{Class, Repository, Tag};

fn package(name: &str, version: &str) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: \"7\"\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut archive = tar::Builder::new(encoder);
    let path = format!("{name}/Chart.yaml");
    archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

fn at(dir: &Path) -> Source {
    source(dir.to_str().unwrap())
}

#[tokio::test]
async fn a_clone_needs_no_network() {
    let server = Server::start(|_| ok("from the net")).await;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("charts")).unwrap();
    fs::write(dir.path().join("index.yaml"), INDEX).unwrap();
    fs::write(dir.path().join("charts/demo-1.0.0.tgz"), "on disk").unwrap();
    fs::write(dir.path().join("charts/demo-1.0.0.tgz.prov"), SIGNED).unwrap();
    fs::write(dir.path().join("charts/bare.tgz"), "bare").unwrap();
    let source = at(dir.path());
    let (found, validators) = index(&source).await;
    assert_eq!(found.versions(), 1);
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(matches!(again, Snapshot::Unchanged { .. }));
    for url in [
        "charts/demo-1.0.0.tgz".to_owned(),
        format!("{}/stable/charts/demo-1.0.0.tgz", server.url),
    ] {
        let fetched = fetch(&source, &[&url]).await.unwrap();
        assert_eq!(bytes(&fetched.package), b"on disk");
        assert_eq!(fetched.provenance, ProvenanceFile::Signed(SIGNED.into()));
    }
    let bare = fetch(&source, &["charts/bare.tgz"]).await.unwrap();
    assert_eq!(bare.provenance, ProvenanceFile::None);
    assert!(server.asked().is_empty());
    // What is not on disk is fetched, but a folder may not lead into the own network.
    let error = fetch(&source, &[&format!("{}/other.tgz", server.url)])
        .await
        .unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Refused, "address-refused"));
    assert_eq!(
        fetch(&source, &["other.tgz"]).await.unwrap_err().class(),
        Class::NotFound
    );
}

#[tokio::test]
async fn packages_without_an_index_are_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("sub/deeper")).unwrap();
    let files = [
        ("demo-1.0.0.tgz", package("demo", "1.0.0")),
        ("sub/any name#.tgz", package("demo", "1.1.0")),
    ];
    for (name, bytes) in &files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    fs::write(dir.path().join("broken.tgz"), "no package").unwrap();
    fs::write(
        dir.path().join("sub/deeper/demo-2.0.0.tgz"),
        package("demo", "2.0.0"),
    )
    .unwrap();
    let source = at(dir.path());
    let (found, validators) = index(&source).await;
    assert_eq!((found.charts.len(), found.versions()), (1, 2));
    assert!(
        found.warnings.len() == 1 && found.warnings[0].text.contains("broken.tgz"),
        "{:?}",
        found.warnings
    );
    for (entry, (_, expected)) in found.charts[0].entries.iter().zip(&files) {
        assert_eq!(entry.digest, IndexDigest::Sha256(Digest::of(expected)));
        assert_eq!(entry.app_version.as_deref(), Some("7"));
        let locations = source.locate(entry).await.unwrap();
        assert_eq!(
            bytes(&source.package(&locations[0], false).await.unwrap()),
            *expected
        );
    }
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(matches!(again, Snapshot::Unchanged { .. }));
    fs::write(dir.path().join("demo-1.0.0.tgz"), package("demo", "1.0.1")).unwrap();
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(matches!(again, Snapshot::Fresh { .. }));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let error = source("/nowhere/charts").snapshot(None).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/charts"), "{error}");
}

/// Stores an artifact with this configuration and gives the digest of its manifest.
async fn store(layout: &Layout, name: &str, config_type: &str, config: &str) -> Digest {
    let (config, layer) = (Bytes::from(config.to_owned()), Bytes::from("the package"));
    let descriptor = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "config": descriptor(config_type, &config),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &layer)],
        "annotations": {"org.opencontainers.image.created": "2024-01-02T03:04:05Z"},
    });
    for bytes in [config, layer] {
        layout
            .push_blob(&Digest::of(&bytes), &bytes.into())
            .await
            .unwrap();
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let (repository, tag) = (Repository::new(name).unwrap(), Tag::new("1.0.0").unwrap());
    let bytes = manifest.to_string().into();
    layout
        .put_manifest(&repository, &tag, kind, bytes, Existing::Keep)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_layout_is_indexed_by_its_configurations() {
    const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::open(dir.path(), Access::Write).await.unwrap();
    let demo =
        json!({"name": "demo", "version": "1.0.0+a", "appVersion": "7", "deprecated": true}).to_string();
    let digest = store(&layout, "charts/demo", CONFIG, &demo).await;
    store(&layout, "mirror/demo", CONFIG, &demo).await;
    store(
        &layout,
        "images/app",
        "application/vnd.oci.image.config.v1+json",
        "{}",
    )
    .await;
    store(&layout, "charts/bad", CONFIG, "[]").await;
    let lost = store(&layout, "charts/lost", CONFIG, &demo.replace("1.0.0", "1.0.1")).await;
    fs::remove_file(dir.path().join("blobs/sha256").join(lost.hex())).unwrap();
    let source = source(&format!("oci-layout:{}", dir.path().display()));
    let (found, validators) = index(&source).await;
    assert_eq!((found.versions(), found.warnings.len()), (3, 1), "{found:?}");
    let entry = &found.charts[0].entries[0];
    assert_eq!(
        (&*entry.chart, &*entry.version, entry.deprecated),
        ("demo", "1.0.0+a", true)
    );
    assert_eq!(entry.digest, IndexDigest::Sha256(Digest::of(b"the package")));
    assert_eq!(entry.created.unwrap().timestamp(), 1_704_164_645);
    let unusable = found
        .charts
        .iter()
        .filter(|chart| chart.entries[0].problem.is_some());
    assert_eq!(unusable.count(), 2);
    let locations = source.locate(entry).await.unwrap();
    assert_eq!(locations, [PackageUrl::Stored(digest)]);
    let stored = source.stored(&digest).await.unwrap();
    assert_eq!(Digest::of(&stored.manifest.bytes), digest);
    assert_eq!(
        stored.chart.package().map(|blob| blob.digest),
        Some(Digest::of(b"the package"))
    );
    assert_eq!(stored.chart.blobs().count(), 2);
    for blob in stored.chart.blobs() {
        let read = source.blob(&blob.digest, blob.size).await.unwrap();
        assert_eq!(read.digest, blob.digest);
    }
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(matches!(again, Snapshot::Unchanged { .. }));
}
