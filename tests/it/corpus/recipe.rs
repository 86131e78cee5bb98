//! How packages of the corpus are made: small ones from what `expect.json` says, hostile ones by name, so that none is committed.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use crate::support::charts::{Chart, file_header, gzip, sha256_hex, unverifiable_prov};

/// A file to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Recipe {
    /// A good chart: `name`, `version` and more lines of Chart.yaml.
    Chart {
        name: String,
        version: String,
        #[serde(default)]
        chart_yaml: String,
        #[serde(default)]
        treat: Option<Treatment>,
    },
    /// A package of exactly these entries.
    Tar {
        entries: Vec<Entry>,
        #[serde(default)]
        treat: Option<Treatment>,
    },
    /// Exactly this text.
    Text(String),
    /// Exactly these bytes, in hex.
    Hex(String),
    /// A file of `examples/charts-repo`.
    Example(String),
    /// A good chart with one more file of so many zero bytes.
    Bomb {
        name: String,
        version: String,
        size: u64,
    },
    /// A good chart whose tar then claims a file of 8 EiB.
    HugeClaim { name: String, version: String },
    /// A good chart with so many empty files.
    Crowd {
        name: String,
        version: String,
        files: usize,
    },
    /// A clear-signed file for a package of the same folder; its signature is none.
    Prov {
        of: String,
        name: String,
        version: String,
        /// Instead of the package's own.
        #[serde(default)]
        digest: Option<String>,
        #[serde(default)]
        crlf: bool,
    },
}

/// One entry of a tar.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    path: String,
    #[serde(default)]
    text: String,
    /// The text so many times.
    #[serde(default = "once")]
    times: usize,
    #[serde(default)]
    kind: EntryKind,
}

fn once() -> usize {
    1
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EntryKind {
    #[default]
    File,
    Folder,
    Symlink,
    Hardlink,
    Fifo,
    Device,
}

/// What is done to the finished tar.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Treatment {
    /// Not compressed.
    Plain,
    /// Two gzip members.
    Members,
    /// Bytes after the gzip stream.
    Trailing,
    /// A wrong checksum.
    BadTrailer,
    /// No checksum and no length at the end.
    NoTrailer,
    /// Stored without compression and cut at a border of tar blocks, behind the tar's own end.
    CutAtBlock,
}

impl Treatment {
    fn apply(self, tar: &[u8]) -> Vec<u8> {
        let mut whole = gzip(tar);
        let length = whole.len();
        match self {
            Self::Plain => tar.to_vec(),
            Self::Members => {
                let (one, two) = tar.split_at(tar.len() / 2);
                [gzip(one), gzip(two)].concat()
            }
            Self::Trailing => [whole.as_slice(), b"rubbish after the end"].concat(),
            Self::BadTrailer => {
                whole[length - 8] ^= 0xFF;
                whole
            }
            Self::NoTrailer => whole[..length - 8].to_vec(),
            Self::CutAtBlock => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
                encoder.write_all(tar).unwrap();
                encoder.flush().unwrap();
                // As if the rest had never arrived: no last deflate block, no trailer
                encoder.get_ref().clone()
            }
        }
    }
}

impl Recipe {
    /// The file; `folder` holds the packages that a `.prov` is about.
    pub(super) fn make(&self, folder: &Path) -> Vec<u8> {
        match self {
            Self::Chart {
                name,
                version,
                chart_yaml,
                treat,
            } => {
                let tar = chart_tar(name, version, chart_yaml);
                treat.map_or_else(|| gzip(&tar), |treat| treat.apply(&tar))
            }
            Self::Tar { entries, treat } => {
                let tar = entries_tar(entries);
                treat.map_or_else(|| gzip(&tar), |treat| treat.apply(&tar))
            }
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex(hex) => bytes_of(hex),
            Self::Example(name) => {
                let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/charts-repo");
                std::fs::read(examples.join(name)).expect("the file is in examples/charts-repo")
            }
            Self::Bomb { name, version, size } => bomb(name, version, *size),
            Self::HugeClaim { name, version } => huge_claim(name, version),
            Self::Crowd { name, version, files } => crowd(name, version, *files),
            Self::Prov {
                of,
                name,
                version,
                digest,
                crlf,
            } => {
                let package = std::fs::read(folder.join(of)).expect("the package is in `packages`");
                let prov = unverifiable_prov(&Chart::new(name, version), &package);
                let mut text = String::from_utf8(prov).unwrap();
                if let Some(digest) = digest {
                    text = text.replace(&sha256_hex(&package), digest);
                }
                if *crlf {
                    text = text.replace('\n', "\r\n");
                }
                text.into_bytes()
            }
        }
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn chart_tar(name: &str, version: &str, more: &str) -> Vec<u8> {
    let tgz = Chart::new(name, version).chart_yaml(more).tgz();
    let mut tar = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(tgz.as_slice()), &mut tar).unwrap();
    tar
}

fn entries_tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let content = entry.text.repeat(entry.times);
        let kind = match entry.kind {
            EntryKind::File => tar::EntryType::Regular,
            EntryKind::Folder => tar::EntryType::Directory,
            EntryKind::Symlink => tar::EntryType::Symlink,
            EntryKind::Hardlink => tar::EntryType::Link,
            EntryKind::Fifo => tar::EntryType::Fifo,
            EntryKind::Device => tar::EntryType::Char,
        };
        let data = if kind.is_file() { content.as_bytes() } else { &[] };
        let mut header = file_header(&entry.path, data.len() as u64);
        header.set_entry_type(kind);
        if !kind.is_file() {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The tar of a good chart without its end blocks, so that entries can follow.
fn open_tar(name: &str, version: &str) -> Vec<u8> {
    let mut tar = chart_tar(name, version, "");
    tar.truncate(tar.len() - 1024);
    tar
}

fn header_block(path: &str, size: u64) -> [u8; 512] {
    let mut header = file_header(path, size);
    header.set_cksum();
    *header.as_bytes()
}

fn bomb(name: &str, version: &str, size: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&open_tar(name, version)).unwrap();
    encoder
        .write_all(&header_block(&format!("{name}/zeros"), size))
        .unwrap();
    // The file, its padding and the tar's end are all zeros
    let zeros = size.next_multiple_of(512) + 1024;
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), zeros), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

fn huge_claim(name: &str, version: &str) -> Vec<u8> {
    let mut tar = open_tar(name, version);
    tar.extend(header_block(&format!("{name}/huge"), 1 << 62));
    tar.extend([0; 4096]);
    gzip(&tar)
}

fn crowd(name: &str, version: &str, files: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&open_tar(name, version)).unwrap();
    for number in 0..files {
        encoder
            .write_all(&header_block(&format!("{name}/f/{number}"), 0))
            .unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}
