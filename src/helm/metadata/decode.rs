//! YAML into metadata as Go's `encoding/json` fills structs: by folded key, laid over what is there already
//! (helm-oci-format 1.3 item 2 and 1.4).

use std::collections::BTreeMap;

use super::{Dependency, Maintainer, Metadata};
use crate::helm::json::Json;
use crate::helm::number::format_g32;
use crate::helm::yaml::{Document, Scalar, Shape, Value, YamlError, check, fold_key, is_rfc3339};

/// Texts of one lock file together, which are dropped again.
const MAX_LOCK_TEXT: usize = 16 << 20;

/// How deep `import-values` may nest; Helm's limit is 10,000.
const MAX_IMPORT_DEPTH: usize = 200;

const TEXTS: Shape = Shape::List(&Shape::Text);

static DEPENDENCY: Shape = Shape::Record(&[
    ("name", Shape::Text),
    ("version", Shape::Text),
    ("repository", Shape::Text),
    ("condition", Shape::Text),
    ("tags", TEXTS),
    ("alias", Shape::Text),
]);

static MAINTAINER: Shape = Shape::Record(&[
    ("name", Shape::Text),
    ("email", Shape::Text),
    ("url", Shape::Text),
]);

static METADATA: Shape = Shape::Record(&[
    ("name", Shape::Text),
    ("home", Shape::Text),
    ("sources", TEXTS),
    ("version", Shape::Text),
    ("description", Shape::Text),
    ("keywords", TEXTS),
    ("maintainers", Shape::List(&MAINTAINER)),
    ("icon", Shape::Text),
    ("apiversion", Shape::Text),
    ("condition", Shape::Text),
    ("tags", Shape::Text),
    ("appversion", Shape::Text),
    ("annotations", Shape::Map(&Shape::Text)),
    ("kubeversion", Shape::Text),
    ("dependencies", Shape::List(&DEPENDENCY)),
    ("type", Shape::Text),
]);

static LOCK: Shape = Shape::Record(&[
    ("digest", Shape::Text),
    ("dependencies", Shape::List(&DEPENDENCY)),
]);

/// Metadata while files are laid over each other: list elements may still be null.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(super) metadata: Metadata,
    pub(super) maintainers: Vec<Option<Maintainer>>,
    pub(super) dependencies: Vec<Option<Dependency>>,
    /// Two keys of a file are the same text only after conversion: Helm takes a random one.
    pub(crate) ambiguous: bool,
}

impl Draft {
    /// Decodes a Chart.yaml or requirements.yaml over what is there. `left` is how many bytes of text the
    /// package may still hold.
    pub(crate) fn overlay(&mut self, bytes: &[u8], left: &mut usize) -> Result<(), YamlError> {
        let document = Document::parse(bytes)?;
        self.ambiguous |= check(&document, &METADATA)?.ambiguous;
        let mut decoder = Decoder {
            document: &document,
            left,
        };
        match document.root() {
            None => Ok(()),
            Some(root) => decoder.metadata(root, self),
        }
    }

    /// The `apiVersion` so far.
    pub(crate) fn api_version(&mut self) -> &mut String {
        &mut self.metadata.api_version
    }
}

/// Checks a Chart.lock or requirements.lock: it must decode, nothing more.
pub(crate) fn check_lock(bytes: &[u8]) -> Result<(), YamlError> {
    let document = Document::parse(bytes)?;
    check(&document, &LOCK)?;
    let mut decoder = Decoder {
        document: &document,
        left: &mut MAX_LOCK_TEXT.clone(),
    };
    match document.root() {
        None => Ok(()),
        Some(root) => decoder.lock(root),
    }
}

/// Decodes nodes of one document.
struct Decoder<'a> {
    document: &'a Document,
    /// Bytes of text that may still be stored.
    left: &'a mut usize,
}

/// The text that a scalar gives in a text field; none for null, which changes nothing.
fn coerce(scalar: &Scalar<'_>) -> Option<String> {
    Some(match scalar {
        Scalar::Null => return None,
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Uint(value) => value.to_string(),
        Scalar::Float(value) => format_g32(*value),
        Scalar::Text(text) => text.to_string(),
    })
}

fn wanted(what: &str, field: &str) -> YamlError {
    YamlError::new(format!("`{field}` must be {what}"))
}

impl Decoder<'_> {
    fn charge(&mut self, size: usize) -> Result<(), YamlError> {
        *self.left = self
            .left
            .checked_sub(size)
            .ok_or_else(|| YamlError::new("too much text through aliases"))?;
        Ok(())
    }

    fn store(&mut self, text: String) -> Result<String, YamlError> {
        self.charge(text.len() + 1)?;
        Ok(text)
    }

    fn text(&mut self, id: usize, field: &str, slot: &mut String) -> Result<(), YamlError> {
        let Value::Scalar(scalar) = self.document.value(id)? else {
            return Err(wanted("a text", field));
        };
        if let Some(text) = coerce(&scalar) {
            *slot = self.store(text)?;
        }
        Ok(())
    }

    fn boolean(&self, id: usize, field: &str, slot: &mut bool) -> Result<(), YamlError> {
        match self.document.value(id)? {
            Value::Scalar(Scalar::Bool(value)) => *slot = value,
            Value::Scalar(Scalar::Null) => {}
            _ => return Err(wanted("true or false", field)),
        }
        Ok(())
    }

    /// Lays a list over `slot` element by element, as Go reuses the elements of a slice.
    fn list<T: Default>(
        &mut self,
        id: usize,
        field: &str,
        slot: &mut Vec<T>,
        mut item: impl FnMut(&mut Self, usize, &mut T) -> Result<(), YamlError>,
    ) -> Result<(), YamlError> {
        match self.document.value(id)? {
            Value::List(items) => {
                for (at, id) in items.iter().enumerate() {
                    if at == slot.len() {
                        self.charge(size_of::<T>())?;
                        slot.push(T::default());
                    }
                    item(self, *id, &mut slot[at])?;
                }
                slot.truncate(items.len());
            }
            Value::Scalar(Scalar::Null) => slot.clear(),
            _ => return Err(wanted("a list", field)),
        }
        Ok(())
    }

    fn texts(&mut self, id: usize, field: &str, slot: &mut Vec<String>) -> Result<(), YamlError> {
        self.list(id, field, slot, |decoder, id, slot| decoder.text(id, field, slot))
    }

    /// Calls `member` for each member of a mapping with its folded key; none for null.
    fn record(
        &mut self,
        id: usize,
        field: &str,
        mut member: impl FnMut(&mut Self, &str, usize) -> Result<(), YamlError>,
    ) -> Result<bool, YamlError> {
        match self.document.value(id)? {
            Value::Map => {
                for (key, value) in self.document.entries(id)? {
                    member(self, &fold_key(&key), value)?;
                }
                Ok(true)
            }
            Value::Scalar(Scalar::Null) => Ok(false),
            _ => Err(wanted("a map", field)),
        }
    }

    fn annotations(&mut self, id: usize, slot: &mut BTreeMap<String, String>) -> Result<(), YamlError> {
        match self.document.value(id)? {
            Value::Map => {
                for (key, value) in self.document.entries(id)? {
                    // Null gives the empty text here, also over an older one.
                    let mut text = String::new();
                    self.text(value, "annotations", &mut text)?;
                    let key = self.store(key.into_owned())?;
                    slot.insert(key, text);
                }
            }
            Value::Scalar(Scalar::Null) => slot.clear(),
            _ => return Err(wanted("a map", "annotations")),
        }
        Ok(())
    }

    fn metadata(&mut self, id: usize, draft: &mut Draft) -> Result<(), YamlError> {
        let Draft {
            metadata,
            maintainers,
            dependencies,
            ..
        } = draft;
        let fill = |decoder: &mut Self, key: &str, id: usize| match key {
            "name" => decoder.text(id, key, &mut metadata.name),
            "home" => decoder.text(id, key, &mut metadata.home),
            "sources" => decoder.texts(id, key, &mut metadata.sources),
            "version" => decoder.text(id, key, &mut metadata.version),
            "description" => decoder.text(id, key, &mut metadata.description),
            "keywords" => decoder.texts(id, key, &mut metadata.keywords),
            "maintainers" => decoder.list(id, key, maintainers, Self::maintainer),
            "icon" => decoder.text(id, key, &mut metadata.icon),
            "apiversion" => decoder.text(id, "apiVersion", &mut metadata.api_version),
            "condition" => decoder.text(id, key, &mut metadata.condition),
            "tags" => decoder.text(id, key, &mut metadata.tags),
            "appversion" => decoder.text(id, "appVersion", &mut metadata.app_version),
            "deprecated" => decoder.boolean(id, key, &mut metadata.deprecated),
            "annotations" => decoder.annotations(id, &mut metadata.annotations),
            "kubeversion" => decoder.text(id, "kubeVersion", &mut metadata.kube_version),
            "dependencies" => decoder.list(id, key, dependencies, Self::dependency),
            "type" => decoder.text(id, key, &mut metadata.kind),
            _ => Ok(()),
        };
        self.record(id, "the file", fill).map(|_| ())
    }

    fn maintainer(&mut self, id: usize, slot: &mut Option<Maintainer>) -> Result<(), YamlError> {
        let mut maintainer = slot.take().unwrap_or_default();
        let fill = |decoder: &mut Self, key: &str, id: usize| match key {
            "name" => decoder.text(id, "maintainers.name", &mut maintainer.name),
            "email" => decoder.text(id, "maintainers.email", &mut maintainer.email),
            "url" => decoder.text(id, "maintainers.url", &mut maintainer.url),
            _ => Ok(()),
        };
        if self.record(id, "maintainers", fill)? {
            *slot = Some(maintainer);
        }
        Ok(())
    }

    fn dependency(&mut self, id: usize, slot: &mut Option<Dependency>) -> Result<(), YamlError> {
        let mut dependency = slot.take().unwrap_or_default();
        let fill = |decoder: &mut Self, key: &str, id: usize| match key {
            "name" => decoder.text(id, "dependencies.name", &mut dependency.name),
            "version" => decoder.text(id, "dependencies.version", &mut dependency.version),
            "repository" => decoder.text(id, "dependencies.repository", &mut dependency.repository),
            "condition" => decoder.text(id, "dependencies.condition", &mut dependency.condition),
            "tags" => decoder.texts(id, "dependencies.tags", &mut dependency.tags),
            "enabled" => decoder.boolean(id, "dependencies.enabled", &mut dependency.enabled),
            "import-values" => {
                let item = |decoder: &mut Self, id: usize, slot: &mut Option<Json>| {
                    *slot = Some(decoder.json(id, 0)?);
                    Ok(())
                };
                let mut values = Vec::new();
                decoder.list(id, "dependencies.import-values", &mut values, item)?;
                dependency.import_values = values.into_iter().flatten().collect();
                Ok(())
            }
            "alias" => decoder.text(id, "dependencies.alias", &mut dependency.alias),
            _ => Ok(()),
        };
        if self.record(id, "dependencies", fill)? {
            *slot = Some(dependency);
        }
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers go through 64-bit floats, as in Go"
    )]
    fn json(&mut self, id: usize, depth: usize) -> Result<Json, YamlError> {
        if depth > MAX_IMPORT_DEPTH {
            return Err(YamlError::new("`import-values` nested over 200 deep"));
        }
        self.charge(size_of::<Json>())?;
        Ok(match self.document.value(id)? {
            Value::Scalar(Scalar::Null) => Json::Null,
            Value::Scalar(Scalar::Bool(value)) => Json::Bool(value),
            Value::Scalar(Scalar::Int(value)) => Json::Number(value as f64),
            Value::Scalar(Scalar::Uint(value)) => Json::Number(value as f64),
            Value::Scalar(Scalar::Float(value)) => Json::Number(value),
            Value::Scalar(Scalar::Text(text)) => Json::Text(self.store(text.into_owned())?),
            Value::List(items) => Json::List(
                items
                    .iter()
                    .map(|id| self.json(*id, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Map => Json::Object(
                self.document
                    .entries(id)?
                    .into_iter()
                    .map(|(key, id)| Ok((self.store(key.into_owned())?, self.json(id, depth + 1)?)))
                    .collect::<Result<_, YamlError>>()?,
            ),
        })
    }

    fn lock(&mut self, root: usize) -> Result<(), YamlError> {
        let fill = |decoder: &mut Self, key: &str, id: usize| match key {
            "generated" => match decoder.document.value(id)? {
                Value::Scalar(Scalar::Null) => Ok(()),
                Value::Scalar(Scalar::Text(text)) if is_rfc3339(&text) => Ok(()),
                _ => Err(wanted("a time as in RFC 3339", key)),
            },
            "digest" => decoder.text(id, key, &mut String::new()),
            "dependencies" => decoder.list(id, key, &mut Vec::new(), Self::dependency),
            _ => Ok(()),
        };
        self.record(root, "the file", fill).map(|_| ())
    }
}
