//! One folder of the corpus: its `expect.json`, and how its files become a repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;

use super::recipe::Recipe;
use crate::support::charts::sha256_hex;

/// `expect.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// What the case is about and which rule it follows: for the reader.
    #[serde(rename = "about")]
    _about: String,
    /// Over HTTP instead of from a folder.
    #[serde(default)]
    pub(super) serve: bool,
    /// More arguments.
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// Packages and provenance files to be made, by file name.
    #[serde(default)]
    pub(super) packages: BTreeMap<String, Recipe>,
    /// What is done to the index after its placeholders were filled in.
    #[serde(default)]
    pub(super) index: Vec<Rewrite>,
    /// The exit code.
    pub(super) exit: i32,
    /// Every item of the report.
    #[serde(default)]
    pub(super) items: Vec<Want>,
    /// Words in the error of the source as a whole.
    #[serde(default)]
    pub(super) error: Vec<String>,
    /// Words in the warnings of the source as a whole.
    #[serde(default)]
    pub(super) warns: Vec<String>,
    /// Words on stderr, exactly.
    #[serde(default)]
    pub(super) stderr: Vec<String>,
    /// What must be shown nowhere.
    #[serde(default)]
    pub(super) nowhere: Vec<String>,
}

/// One expected item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Want {
    pub(super) chart: String,
    pub(super) version: String,
    /// An action of the report, or `error` for `failed` and `refused` alike.
    pub(super) action: String,
    /// Words in the code or text of the reason, whatever their case.
    #[serde(default)]
    pub(super) says: Vec<String>,
    /// Words in the codes or texts of the warnings.
    #[serde(default)]
    pub(super) warns: Vec<String>,
    /// The code of the reason, where it is a promise.
    #[serde(default)]
    pub(super) code: Option<String>,
    /// Other fields of the item.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, serde_json::Value>,
}

impl Want {
    pub(super) fn action_is(&self, action: &serde_json::Value) -> bool {
        *action == *self.action || (self.action == "error" && (action == "failed" || action == "refused"))
    }
}

/// Changes that a file in a repository could not show to a reader.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rewrite {
    /// Line ends of Windows.
    Crlf,
    /// A UTF-8 byte order mark.
    Bom,
    /// UTF-16, little end first, with its mark.
    Utf16,
}

impl Rewrite {
    fn apply(self, text: &[u8]) -> Vec<u8> {
        let string = || String::from_utf8(text.to_vec()).unwrap();
        match self {
            Self::Crlf => string().replace('\n', "\r\n").into_bytes(),
            Self::Bom => [b"\xEF\xBB\xBF", text].concat(),
            Self::Utf16 => {
                let units = std::iter::once(0xFEFF).chain(string().encode_utf16().collect::<Vec<_>>());
                units.flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}

/// A folder that was read.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) expected: Expected,
    /// Files beside `expect.json`.
    files: Vec<PathBuf>,
}

impl Case {
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(folder.join("expect.json"))
            .map_err(|error| format!("expect.json: {error}"))?;
        let expected = serde_json::from_str(&text).map_err(|error| format!("expect.json: {error}"))?;
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("expect.json"))
            .collect();
        Ok(Self { expected, files })
    }

    /// Writes the repository into `target`.
    pub(super) fn lay_out(&self, target: &Path, url: &str) {
        // A `.prov` names the digest of its package, so packages come first
        let (provs, packages): (Vec<_>, Vec<_>) = self
            .expected
            .packages
            .iter()
            .partition(|(_, recipe)| matches!(recipe, Recipe::Prov { .. }));
        for (name, recipe) in packages.into_iter().chain(provs) {
            let path = target.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, recipe.make(target)).unwrap();
        }
        for file in &self.files {
            let name = file.file_name().unwrap();
            let content = std::fs::read(file).unwrap();
            let is_index = name == "index.yaml";
            let mut content = if is_index {
                fill_in(&content, target, url)
            } else {
                content
            };
            for rewrite in self.expected.index.iter().filter(|_| is_index) {
                content = rewrite.apply(&content);
            }
            std::fs::write(target.join(name), content).unwrap();
        }
    }
}

/// Replaces `${…}` in an index.
fn fill_in(text: &[u8], folder: &Path, url: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"${") {
        let end = rest[at..]
            .iter()
            .position(|byte| *byte == b'}')
            .expect("`${` is closed")
            + at;
        out.extend_from_slice(&rest[..at]);
        let inner = std::str::from_utf8(&rest[at + 2..end]).unwrap();
        out.extend(placeholder(inner, folder, url));
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
    out
}

fn placeholder(inner: &str, folder: &Path, url: &str) -> Vec<u8> {
    let (word, argument) = inner.split_once(':').unwrap_or((inner, ""));
    let digest = || sha256_hex(&std::fs::read(folder.join(argument)).expect("the file is in `packages`"));
    match word {
        "sha256" => digest().into_bytes(),
        "SHA256" => digest().to_uppercase().into_bytes(),
        "base64" => base64::engine::general_purpose::STANDARD
            .encode(digest())
            .into_bytes(),
        "url" => url.to_owned().into_bytes(),
        "byte" => vec![u8::from_str_radix(argument, 16).unwrap()],
        "repeat" => {
            let (times, what) = argument.split_once(':').unwrap();
            what.repeat(times.parse().unwrap()).into_bytes()
        }
        other => panic!("unknown placeholder `{other}`"),
    }
}
