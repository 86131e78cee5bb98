//! `index.json` of a layout (image-spec "Image Index"): what it names, and what others wrote into it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{LayoutError, io};
use super::{Access, Named};
use crate::types::{Digest, Repository};

/// The file.
pub(super) const FILE: &str = "index.json";
/// 48,000 versions take 14 MB.
const LIMIT: u64 = 256 << 20;
const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// `<repository>:<tag>`.
pub(super) fn reference(repository: &Repository, tag: &str) -> String {
    format!("{repository}:{tag}")
}

#[derive(Debug, Deserialize)]
struct RawIndex {
    manifests: Option<Vec<RawEntry>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// An entry as others may have written it: what we do not know is kept.
#[derive(Debug, Deserialize, Serialize)]
struct RawEntry {
    #[serde(rename = "mediaType", default, skip_serializing_if = "String::is_empty")]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The index in memory, some 150 bytes an entry.
#[derive(Debug)]
pub(super) struct Index {
    rest: Map<String, Value>,
    entries: Vec<Entry>,
    /// Position of the entry that bears a name; of several (others may write them) the first.
    names: BTreeMap<Arc<str>, usize>,
    /// The media type that nearly all entries have, to be shared by them.
    manifest: Arc<str>,
}

#[derive(Debug)]
struct Entry {
    name: Option<Arc<str>>,
    /// `None` for algorithms other than sha256: kept, not used.
    digest: Option<Digest>,
    size: u64,
    media_type: Arc<str>,
    /// An entry in another form than ours, to be written back as it was.
    foreign: Option<Box<RawEntry>>,
}

impl Index {
    /// Reads the file in `dir`. It comes with the first manifest: a layout in which nothing was stored has none.
    pub(super) fn read(dir: &Path, access: Access) -> Result<Self, LayoutError> {
        let path = dir.join(FILE);
        let malformed = |why: String| LayoutError::Malformed {
            path: path.clone(),
            why,
        };
        let text = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && access != Access::Read => {
                return Ok(Self::build(new_index()));
            }
            Err(error) => return Err(io("read", &path)(error)),
            Ok(found) if !found.is_file() => return Err(LayoutError::Escapes { path }),
            Ok(found) if found.len() > LIMIT => {
                return Err(malformed(format!("it is over {LIMIT} bytes long")));
            }
            Ok(_) => fs::read(&path).map_err(io("read", &path))?,
        };
        let raw = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        Ok(Self::build(raw))
    }

    /// The index of a layout that does not exist yet.
    pub(super) fn empty() -> Self {
        Self::build(new_index())
    }

    fn build(raw: RawIndex) -> Self {
        let mut index = Self {
            rest: raw.rest,
            entries: Vec::new(),
            names: BTreeMap::new(),
            manifest: MANIFEST.into(),
        };
        for entry in raw.manifests.unwrap_or_default() {
            index.push(Entry::new(entry, &index.manifest));
        }
        index
    }

    fn push(&mut self, entry: Entry) {
        let position = self.entries.len();
        if let Some(name) = &entry.name {
            self.names.entry(Arc::clone(name)).or_insert(position);
        }
        self.entries.push(entry);
    }

    /// All tags of a repository.
    pub(super) fn tags(&self, repository: &Repository) -> HashSet<Box<str>> {
        let prefix = reference(repository, "");
        self.names
            .range::<str, _>((
                std::ops::Bound::Included(prefix.as_str()),
                std::ops::Bound::Unbounded,
            ))
            .map_while(|(name, _)| name.strip_prefix(prefix.as_str()))
            .map(Box::from)
            .collect()
    }

    pub(super) fn manifests(&self) -> Vec<Named> {
        let named = |entry: &Entry| {
            Some(Named {
                name: entry.name.clone(),
                digest: entry.digest?,
                media_type: Arc::clone(&entry.media_type),
            })
        };
        self.entries.iter().filter_map(named).collect()
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.names
            .get(name)
            .and_then(|position| self.entries.get(*position))
    }

    pub(super) fn by_tag(&self, repository: &Repository, tag: &str) -> Option<(Digest, Arc<str>)> {
        let entry = self.entry(&reference(repository, tag))?;
        Some((entry.digest?, Arc::clone(&entry.media_type)))
    }

    pub(super) fn by_digest(&self, digest: &Digest) -> Option<(Digest, Arc<str>)> {
        let entry = self.entries.iter().find(|entry| entry.digest == Some(*digest))?;
        Some((*digest, Arc::clone(&entry.media_type)))
    }

    /// An error if `name` is that of another manifest.
    pub(super) fn check_free(&self, name: &str, offered: &Digest) -> Result<(), LayoutError> {
        match self.entry(name).and_then(|entry| entry.digest) {
            Some(existing) if existing != *offered => Err(LayoutError::TagTaken {
                name: name.to_owned(),
                existing,
                offered: *offered,
            }),
            _ => Ok(()),
        }
    }

    /// Lets `name` be that of this manifest alone; false if it is already.
    pub(super) fn set(&mut self, name: &str, digest: Digest, size: u64, media_type: &str) -> bool {
        if self.entry(name).is_some_and(|entry| entry.digest == Some(digest)) {
            return false;
        }
        if self.names.contains_key(name) {
            self.entries.retain(|entry| entry.name.as_deref() != Some(name));
            self.number();
        }
        let media_type = share(media_type, &self.manifest);
        self.push(Entry {
            name: Some(name.into()),
            digest: Some(digest),
            size,
            media_type,
            foreign: None,
        });
        true
    }

    /// Forgets all names of a manifest in a repository; false if there are none.
    pub(super) fn remove(&mut self, repository: &Repository, digest: &Digest) -> bool {
        let prefix = reference(repository, "");
        let before = self.entries.len();
        self.entries.retain(|entry| {
            let named = entry.name.as_ref().is_some_and(|name| name.starts_with(&prefix));
            !(named && entry.digest == Some(*digest))
        });
        let removed = self.entries.len() < before;
        if removed {
            self.number();
        }
        removed
    }

    fn number(&mut self) {
        self.names.clear();
        for (position, entry) in self.entries.iter().enumerate() {
            if let Some(name) = &entry.name {
                self.names.entry(Arc::clone(name)).or_insert(position);
            }
        }
    }

    /// The file's text: an entry a line, so that two states of a layout can be compared line by line.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(256 * (self.entries.len() + 1));
        text.push(b'{');
        for (key, value) in &self.rest {
            let _ = write!(text, "{}:{value},", Value::from(key.as_str()));
        }
        text.extend_from_slice(b"\"manifests\":[");
        for (position, entry) in self.entries.iter().enumerate() {
            text.extend_from_slice(if position == 0 { b"\n" } else { b",\n" });
            entry.render(&mut text);
        }
        text.extend_from_slice(b"\n]}\n");
        text
    }
}

fn new_index() -> RawIndex {
    let rest = [
        ("schemaVersion", Value::from(2)),
        ("mediaType", Value::from(MEDIA_TYPE)),
    ];
    RawIndex {
        manifests: None,
        rest: rest
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

fn share(media_type: &str, manifest: &Arc<str>) -> Arc<str> {
    if media_type == &**manifest {
        Arc::clone(manifest)
    } else {
        media_type.into()
    }
}

impl Entry {
    fn new(raw: RawEntry, manifest: &Arc<str>) -> Self {
        let annotations = raw.annotations.as_ref();
        let name = annotations
            .and_then(|all| all.get(REF_NAME))
            .map(|name| Arc::from(name.as_str()));
        let digest = raw.digest.parse().ok();
        let ours = raw.rest.is_empty()
            && digest.is_some()
            && name.is_some()
            && !raw.media_type.is_empty()
            && annotations.is_some_and(|all| all.len() == 1);
        Self {
            name,
            digest,
            size: raw.size,
            media_type: share(&raw.media_type, manifest),
            foreign: (!ours).then(|| Box::new(raw)),
        }
    }

    fn render(&self, text: &mut Vec<u8>) {
        let (Some(digest), Some(name), None) = (&self.digest, &self.name, &self.foreign) else {
            if let Some(foreign) = &self.foreign {
                // Writing to memory, of strings and numbers: there is nothing that could fail.
                let _ = serde_json::to_writer(text, foreign);
            }
            return;
        };
        let media_type = Value::from(&*self.media_type);
        let name = Value::from(&**name);
        let size = self.size;
        let _ = write!(
            text,
            r#"{{"mediaType":{media_type},"digest":"{digest}","size":{size},"annotations":{{"{REF_NAME}":{name}}}}}"#
        );
    }
}
