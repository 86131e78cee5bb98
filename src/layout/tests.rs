//! Layouts in temporary folders.

use std::fs;

use serde_json::{Value, json};

use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn repository(text: &str) -> Repository {
    Repository::new(text).unwrap()
}

fn tag(text: &str) -> Tag {
    Tag::new(text).unwrap()
}

async fn writer(dir: &Path) -> Layout {
    Layout::open(dir, Access::Write).await.unwrap()
}

/// Pushes the blobs of an artifact and gives its manifest.
async fn artifact(layout: &Layout, text: &str) -> Bytes {
    let (config, layer) = (Bytes::from("{}"), Bytes::from(text.to_owned()));
    let descriptor = |bytes: &Bytes| json!({"digest": Digest::of(bytes), "size": bytes.len()});
    let manifest = json!({"config": descriptor(&config), "layers": [descriptor(&layer)]});
    for bytes in [config, layer] {
        layout
            .push_blob(&Digest::of(&bytes), &bytes.into())
            .await
            .unwrap();
    }
    manifest.to_string().into()
}

async fn push(layout: &Layout, name: &str, version: &str) -> Result<Digest, LayoutError> {
    let manifest = artifact(layout, &format!("{name} {version}")).await;
    layout
        .put_manifest(
            &repository(name),
            &tag(version),
            MANIFEST,
            manifest,
            Existing::Keep,
        )
        .await
}

fn index(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn gives_back_what_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(&dir.path().join("new/layout")).await;
    let digest = push(&layout, "charts/a", "1.0.0").await.unwrap();
    push(&layout, "charts/a", "1.1.0").await.unwrap();
    push(&layout, "charts/ab", "2.0.0").await.unwrap();
    let dir = layout.dir().to_path_buf();
    drop(layout);

    let layout = Layout::open(&dir, Access::Read).await.unwrap();
    let a = repository("charts/a");
    assert_eq!(
        layout.list_tags(&a),
        HashSet::from(["1.0.0".into(), "1.1.0".into()])
    );
    assert!(layout.list_tags(&repository("charts")).is_empty());
    assert_eq!(layout.head_manifest(&a, "1.0.0").await.unwrap(), Some(digest));
    assert_eq!(layout.head_manifest(&a, "3.0.0").await.unwrap(), None);
    let manifest = layout.get_manifest(&a, "1.0.0").await.unwrap().unwrap();
    assert_eq!((manifest.digest, &*manifest.media_type), (digest, MANIFEST));
    let by_digest = layout
        .get_manifest(&a, &digest.to_string())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(by_digest.bytes, manifest.bytes);
    let blob = Digest::of(b"charts/a 1.0.0");
    let spooled = layout.get_blob(&blob, 14, &Budget::new(1 << 20)).await.unwrap();
    assert_eq!(spooled.digest, blob);
    assert!(matches!(
        layout
            .push_blob(&Digest::of(b"{}"), &Bytes::from("{}").into())
            .await,
        Err(LayoutError::ReadOnly { .. })
    ));
}

#[tokio::test]
async fn index_is_what_the_image_spec_says() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let digest = push(&layout, "a", "1.0.0_b").await.unwrap();
    let size = layout
        .get_manifest(&repository("a"), "1.0.0_b")
        .await
        .unwrap()
        .unwrap()
        .bytes
        .len();
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": digest,
            "size": size,
            "annotations": {"org.opencontainers.image.ref.name": "a:1.0.0_b"},
        }],
    });
    assert_eq!(index(dir.path()), expected);
    let marker = fs::read_to_string(dir.path().join("oci-layout")).unwrap();
    assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_pushes_at_once_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let layout = layout.clone();
            tokio::spawn(async move {
                push(&layout, &format!("c{}", n % 8), &format!("1.{n}.0"))
                    .await
                    .unwrap();
                // Durable when the push returns, not some time later.
                let text = fs::read_to_string(layout.dir().join("index.json")).unwrap();
                assert!(text.contains(&format!("\"c{}:1.{n}.0\"", n % 8)));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(index(dir.path())["manifests"].as_array().unwrap().len(), 64);
    assert_eq!(layout.list_tags(&repository("c3")).len(), 8);
}

#[tokio::test]
async fn a_tag_moves_only_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let first = push(&layout, "a", "1.0.0").await.unwrap();
    assert_eq!(push(&layout, "a", "1.0.0").await.unwrap(), first);
    let (a, version) = (repository("a"), tag("1.0.0"));
    let other = artifact(&layout, "other").await;
    let refused = layout
        .put_manifest(&a, &version, MANIFEST, other.clone(), Existing::Keep)
        .await;
    assert!(matches!(refused, Err(LayoutError::TagTaken { existing, .. }) if existing == first));
    assert_eq!(layout.head_manifest(&a, "1.0.0").await.unwrap(), Some(first));
    let second = layout
        .put_manifest(&a, &version, MANIFEST, other, Existing::Replace)
        .await
        .unwrap();
    assert_eq!(index(dir.path())["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(index(dir.path())["manifests"][0]["digest"], second.to_string());
}

#[tokio::test]
async fn a_deleted_manifest_loses_its_names_in_that_repository_only() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let manifest = artifact(&layout, "same").await;
    let digest = Digest::of(&manifest);
    for name in ["a", "b", "ab"] {
        let (name, version) = (repository(name), tag("1.0.0"));
        let put = layout.put_manifest(&name, &version, MANIFEST, manifest.clone(), Existing::Keep);
        put.await.unwrap();
    }
    assert!(layout.delete_manifest(&repository("a"), &digest).await.unwrap());
    layout
        .delete_manifest(&repository("none"), &digest)
        .await
        .unwrap();
    drop(layout);
    let layout = writer(dir.path()).await;
    let left = ["a", "b", "ab"].map(|name| layout.list_tags(&repository(name)).len());
    assert_eq!(left, [0, 1, 1]);
    push(&layout, "a", "1.0.0").await.unwrap();
}

#[tokio::test]
async fn a_tag_needs_all_its_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let manifest = artifact(&layout, "layer").await;
    fs::remove_file(blobs::folder(dir.path()).join(Digest::of(b"layer").hex())).unwrap();
    let (a, version) = (repository("a"), tag("1"));
    let put = layout.put_manifest(&a, &version, MANIFEST, manifest, Existing::Keep);
    assert!(matches!(put.await, Err(LayoutError::Incomplete { .. })));
    assert!(!dir.path().join("index.json").exists());
}

#[tokio::test]
async fn bytes_are_checked_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let layout = writer(dir.path()).await;
    let (digest, payload) = (Digest::of(b"right"), Payload::from(Bytes::from("right")));
    let wrong = layout.push_blob(&digest, &Bytes::from("wrong").into()).await;
    assert!(matches!(wrong, Err(LayoutError::Corrupt { .. })));
    assert!(!layout.has_blob(&digest, None).await.unwrap());
    layout.push_blob(&digest, &payload).await.unwrap();
    let path = blobs::folder(dir.path()).join(digest.hex());
    fs::write(&path, "WRONG").unwrap();
    let budget = Budget::new(1 << 20);
    let read = layout.get_blob(&digest, 5, &budget).await;
    assert!(matches!(read, Err(LayoutError::Corrupt { .. })));
    layout.push_blob(&digest, &payload).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"right", "a damaged blob is replaced");
    assert_eq!(
        fs::read_dir(blobs::folder(dir.path())).unwrap().count(),
        1,
        "nothing is left behind"
    );
}

#[tokio::test]
async fn keeps_what_others_wrote() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(dir.path()).await);
    let foreign = json!({
        "schemaVersion": 2,
        "annotations": {"x": "y"},
        "manifests": [
            {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": format!("sha512:{}", "0".repeat(128)),
             "size": 3, "platform": {"os": "linux"}},
            {"mediaType": MANIFEST, "digest": Digest::of(b"x"), "size": 1, "urls": ["https://x.io"],
             "annotations": {"org.opencontainers.image.ref.name": "latest", "a": "b"}},
            {"digest": Digest::of(b"y"), "size": 1},
        ],
    });
    fs::write(dir.path().join("index.json"), foreign.to_string()).unwrap();
    let layout = writer(dir.path()).await;
    assert_eq!(layout.manifests().len(), 2);
    push(&layout, "a", "1.0.0").await.unwrap();
    let mut now = index(dir.path());
    now["manifests"].as_array_mut().unwrap().pop();
    assert_eq!(now, foreign);
}

#[tokio::test]
async fn refuses_other_folders_writers_and_links() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        Layout::open(dir.path(), Access::Read).await,
        Err(LayoutError::Absent { .. })
    ));
    fs::write(dir.path().join("precious"), "x").unwrap();
    assert!(matches!(
        Layout::open(dir.path(), Access::Write).await,
        Err(LayoutError::Foreign { .. })
    ));

    let real = dir.path().join("layout");
    let layout = writer(&real).await;
    assert!(matches!(
        Layout::open(&real, Access::Write).await,
        Err(LayoutError::Busy { .. })
    ));
    let inside = Digest::of(b"x");
    std::os::unix::fs::symlink("/etc/passwd", blobs::folder(&real).join(inside.hex())).unwrap();
    assert!(matches!(
        layout.has_blob(&inside, None).await,
        Err(LayoutError::Escapes { .. })
    ));
    drop(layout);

    fs::remove_dir_all(real.join("blobs")).unwrap();
    fs::create_dir_all(dir.path().join("elsewhere/sha256")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", real.join("blobs")).unwrap();
    assert!(matches!(
        Layout::open(&real, Access::Write).await,
        Err(LayoutError::Escapes { .. })
    ));
}

#[tokio::test]
async fn goes_on_after_a_writer_that_died() {
    let dir = tempfile::tempdir().unwrap();
    // Died between creating `oci-layout` and writing it.
    fs::write(dir.path().join("oci-layout"), "").unwrap();
    let layout = writer(dir.path()).await;
    push(&layout, "a", "1.0.0").await.unwrap();
    drop(layout);
    // Died while writing a blob and an index.
    let half = blobs::folder(dir.path()).join(".chartferry-half");
    fs::write(&half, "x").unwrap();
    fs::write(dir.path().join(".chartferry-index"), "{").unwrap();
    let layout = writer(dir.path()).await;
    assert!(!half.exists() && !dir.path().join(".chartferry-index").exists());
    assert_eq!(layout.list_tags(&repository("a")).len(), 1);
}

/// A run whose source failed has made a layout and stored nothing.
#[tokio::test]
async fn a_layout_without_an_index_is_empty_for_who_expects_that() {
    let dir = tempfile::tempdir().unwrap();
    let open = |access| Layout::open(dir.path(), access);
    assert!(
        !open(Access::ReadOrEmpty).await.unwrap().is_there(),
        "an empty folder"
    );
    drop(writer(dir.path()).await);
    assert!(!dir.path().join("index.json").exists());
    let layout = open(Access::ReadOrEmpty).await.unwrap();
    assert!(layout.is_there() && layout.manifests().is_empty());
    assert!(open(Access::Read).await.is_err(), "it is no source");
    push(&writer(dir.path()).await, "a", "1.0.0").await.unwrap();
    assert_eq!(open(Access::ReadOrEmpty).await.unwrap().manifests().len(), 1);
    fs::remove_file(dir.path().join("oci-layout")).unwrap();
    assert!(matches!(
        open(Access::ReadOrEmpty).await,
        Err(LayoutError::Absent { .. })
    ));
}

#[tokio::test]
async fn permission_is_told_without_writing() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("a/b");
    Layout::check_permission(&new).await.unwrap();
    assert!(!dir.path().join("a").exists());
    drop(writer(&new).await);
    Layout::check_permission(&new).await.unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    for bad in ["file", "file/new", "file/new/er", "link", "link/new"] {
        let error = Layout::check_permission(&dir.path().join(bad)).await.unwrap_err();
        let part = bad.split('/').next().unwrap();
        assert!(error.to_string().contains(&format!("/{part}`: ")), "{error}");
    }
}

#[tokio::test]
async fn names_the_file_that_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(dir.path()).await);
    for (file, text) in [
        ("index.json", "{\"manifests\": 1}"),
        ("oci-layout", "{\"imageLayoutVersion\":\"2.0\"}"),
    ] {
        fs::write(dir.path().join(file), text).unwrap();
        for access in [Access::Read, Access::Write] {
            let error = Layout::open(dir.path(), access).await.unwrap_err();
            assert!(
                matches!(&error, LayoutError::Malformed { path, .. } if path.ends_with(file)),
                "{error}"
            );
        }
    }
}
