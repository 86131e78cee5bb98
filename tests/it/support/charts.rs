//! Small charts and indexes, built in memory: the same bytes each time.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// 2024-01-01T00:00:00Z, the modification time of every file in every built package.
pub(crate) const MTIME: u64 = 1_704_067_200;

/// `created` of every entry of a built index; not [`MTIME`], so that tests can tell which one was used.
pub(crate) const CREATED: &str = "2024-02-03T04:05:06.789Z";

/// Lower-case hex sha256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// A chart to be packed.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) name: String,
    pub(crate) version: String,
    metadata: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Chart {
    /// A chart as `helm create` leaves it, without the templates.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let metadata = format!(
            "apiVersion: v2\nappVersion: \"1.0\"\ndescription: A test chart\nname: {name}\ntype: application\nversion: {version}\n"
        );
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            metadata,
            files: vec![("values.yaml".to_owned(), b"replicas: 1\n".to_vec())],
        }
    }

    /// Appends text to Chart.yaml.
    pub(crate) fn chart_yaml(mut self, text: &str) -> Self {
        self.metadata.push_str(text);
        self
    }

    /// Adds a file below the chart's folder.
    pub(crate) fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Adds a file of `size` bytes that do not compress.
    pub(crate) fn ballast(self, size: usize) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        let noise: Vec<u8> = noise.take(size).collect();
        self.file("files/ballast.bin", noise)
    }

    /// `name-version.tgz`.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    /// The package.
    pub(crate) fn tgz(&self) -> Vec<u8> {
        let mut entries = vec![(
            format!("{}/Chart.yaml", self.name),
            self.metadata.clone().into_bytes(),
        )];
        for (path, content) in &self.files {
            entries.push((format!("{}/{path}", self.name), content.clone()));
        }
        gzip(&tar(&entries))
    }
}

/// A tar of regular files, paths taken as they are: also those that a well-behaved packer would refuse.
pub(crate) fn tar(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = file_header(path, content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A ustar header of a regular file; its checksum is still to be set.
pub(crate) fn file_header(path: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    let name = path.as_bytes();
    assert!(name.len() <= 100, "the path `{path}` needs an extension header");
    // Not `set_path`, which refuses absolute and climbing paths
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(MTIME);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Compresses without a time stamp or a file name.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An index of `charts` with relative urls, digests and [`CREATED`], in the order given.
pub(crate) fn index_yaml(charts: &[Chart]) -> String {
    let mut names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    for name in names {
        writeln!(text, "  {name}:").unwrap();
        for chart in charts.iter().filter(|chart| chart.name == name) {
            text.push_str(&index_entry(chart));
        }
    }
    text.push_str("generated: \"2024-02-03T04:05:06.789Z\"\n");
    text
}

fn index_entry(chart: &Chart) -> String {
    format!(
        "  - apiVersion: v2\n    appVersion: \"1.0\"\n    created: \"{CREATED}\"\n    description: A test chart\n    digest: {digest}\n    name: {name}\n    type: application\n    urls:\n    - {file}\n    version: \"{version}\"\n",
        digest = sha256_hex(&chart.tgz()),
        name = chart.name,
        file = chart.file_name(),
        version = chart.version,
    )
}

/// Writes packages and index into `folder`, as a classic repository lies on disk.
pub(crate) fn write_repository(folder: &Path, charts: &[Chart]) {
    for chart in charts {
        std::fs::write(folder.join(chart.file_name()), chart.tgz()).unwrap();
    }
    std::fs::write(folder.join("index.yaml"), index_yaml(charts)).unwrap();
}

/// `names` × `versions`, all small.
pub(crate) fn grid(names: &[&str], versions: &[&str]) -> Vec<Chart> {
    names
        .iter()
        .flat_map(|name| versions.iter().map(|version| Chart::new(name, version)))
        .collect()
}

/// A clear-signed file that names `package`. Its signature is none: for tests that carry provenance without verifying it.
pub(crate) fn unverifiable_prov(chart: &Chart, package: &[u8]) -> Vec<u8> {
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nname: {name}\nversion: {version}\n\n...\nfiles:\n  {file}: sha256:{digest}\n-----BEGIN PGP SIGNATURE-----\n\nwsBcBAEBCgAQ\n=0000\n-----END PGP SIGNATURE-----\n",
        name = chart.name,
        version = chart.version,
        file = chart.file_name(),
        digest = sha256_hex(package),
    )
    .into_bytes()
}

#[test]
fn packages_are_the_same_each_time_and_differ_by_version() {
    let chart = Chart::new("demo", "1.0.0").ballast(1000);
    assert_eq!(chart.tgz(), chart.tgz());
    assert_ne!(chart.tgz(), Chart::new("demo", "1.0.1").ballast(1000).tgz());
    let mut names = Vec::new();
    let tgz = chart.tgz();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tgz.as_slice()));
    for entry in archive.entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().display().to_string());
    }
    assert_eq!(
        names,
        ["demo/Chart.yaml", "demo/values.yaml", "demo/files/ballast.bin"]
    );
}
