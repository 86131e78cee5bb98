//! Whether a whole document decodes and converts to JSON, also under keys that Helm does not know
//! (helm-oci-format 1.4): one bad place anywhere refuses the file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::YamlError;
use super::document::{Document, Node};
use super::entries::Key;
use super::scalar::{Scalar, resolve};

/// What Helm decodes a node into, as far as the conversion asks for it: a text field takes any number.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything: unknown keys, values, `import-values`, times.
    Any,
    /// A text field.
    Text,
    /// A list of one shape.
    List(&'static Shape),
    /// A map from texts to one shape.
    Map(&'static Shape),
    /// A struct with its lower-case field names.
    Record(&'static [(&'static str, Shape)]),
}

/// The result of a check that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Keys became equal only when they were turned into texts: Helm takes a random one of them.
    pub(crate) ambiguous: bool,
}

/// A key as Go's JSON decoder compares it: letters folded, with the two signs that fold to ASCII ones.
pub(crate) fn fold_key(key: &str) -> Cow<'_, str> {
    let same = |b: u8| !b.is_ascii_uppercase() && b.is_ascii();
    if key.bytes().all(same) {
        return Cow::Borrowed(key);
    }
    let fold = |c| match c {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        c => c.to_ascii_lowercase(),
    };
    Cow::Owned(key.chars().map(fold).collect())
}

impl Shape {
    fn member(&self, key: &str) -> &Self {
        match self {
            Self::Map(shape) => shape,
            Self::Record(fields) => {
                let key = fold_key(key);
                let field = fields.iter().find(|(name, _)| *name == key);
                field.map_or(&Self::Any, |(_, shape)| shape)
            }
            _ => &Self::Any,
        }
    }

    fn item(&self) -> &Self {
        match self {
            Self::List(shape) => shape,
            _ => &Self::Any,
        }
    }
}

/// Deeper documents are checked on a thread of their own with a stack that is large enough for them.
const DEEP: usize = 100;
const DEEP_STACK: usize = 64 << 20;

/// Checks the whole document.
pub(crate) fn check(document: &Document, shape: &'static Shape) -> Result<Checked, YamlError> {
    if document.height <= DEEP {
        return run(document, shape);
    }
    let failed = || YamlError::new("nested too deeply to be checked here");
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, || run(document, shape))
            .map_err(|_| failed())?
            .join()
            .unwrap_or_else(|_| Err(failed()))
    })
}

fn run(document: &Document, shape: &'static Shape) -> Result<Checked, YamlError> {
    let mut checker = Checker {
        document,
        decoded: 1,
        aliased: 0,
        alias_depth: 0,
        ambiguous: false,
    };
    if let Some(root) = document.root()
        && let Err(problem) = checker.node(root, shape)?
    {
        return Err(YamlError::new(problem));
    }
    Ok(Checked {
        ambiguous: checker.ambiguous,
    })
}

/// Why a decoded value cannot become JSON. It only counts where the value is not replaced by a later member of
/// the same key; all other errors count wherever they are.
type Convertible = Result<(), &'static str>;

struct Checker<'a> {
    document: &'a Document,
    decoded: usize,
    aliased: usize,
    alias_depth: usize,
    ambiguous: bool,
}

/// The members of one mapping by key, with what is wrong with the value.
type Members<'a> = HashMap<Key<'a>, Convertible>;

impl<'a> Checker<'a> {
    /// Counts one decoded node and refuses too many by aliases, with the numbers of Go's yaml v2.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn count(&mut self) -> Result<(), YamlError> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.aliased += 1;
        }
        if self.aliased <= 100 || self.decoded <= 1000 {
            return Ok(());
        }
        let allowed = match self.decoded {
            ..=400_000 => 0.99,
            4_000_000.. => 0.10,
            decoded => 0.99 - 0.89 * ((decoded - 400_000) as f64 / 3_600_000.0),
        };
        if self.aliased as f64 / self.decoded as f64 > allowed {
            return Err(YamlError::new("document contains excessive aliasing"));
        }
        Ok(())
    }

    fn node(&mut self, id: usize, shape: &'static Shape) -> Result<Convertible, YamlError> {
        self.count()?;
        match &self.document.nodes[id] {
            Node::Alias(target) => {
                self.alias_depth += 1;
                let result = self.node(*target, shape);
                self.alias_depth -= 1;
                result
            }
            Node::Scalar { tag, value, plain } => {
                let scalar = resolve(tag.as_deref(), value, *plain)?;
                Ok(match scalar {
                    Scalar::Float(value) if !value.is_finite() && !matches!(shape, Shape::Text) => {
                        Err("`.inf` or `.nan` where no text is wanted")
                    }
                    _ => Ok(()),
                })
            }
            Node::List(items) => {
                let mut result = Ok(());
                for item in items {
                    result = result.and(self.node(*item, shape.item())?);
                }
                Ok(result)
            }
            Node::Map(_) => {
                let mut members = Members::new();
                self.map(id, shape, &mut members)?;
                Ok(self.convert(&members))
            }
        }
    }

    /// Decodes the members of a mapping into `members`, over those that are there already.
    fn map(&mut self, id: usize, shape: &'static Shape, members: &mut Members<'a>) -> Result<(), YamlError> {
        let document = self.document;
        let Node::Map(children) = &document.nodes[id] else {
            return Ok(());
        };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if document.is_merge(key) {
                for source in document.merge_sources(value)? {
                    self.merge(source, shape, members)?;
                }
                continue;
            }
            let key = self.key(key, members.len())?;
            let member = key.text().map_or(&Shape::Any, |text| shape.member(&text));
            let result = self.node(value, member)?;
            members.insert(key, result);
        }
        Ok(())
    }

    fn merge(
        &mut self,
        id: usize,
        shape: &'static Shape,
        members: &mut Members<'a>,
    ) -> Result<(), YamlError> {
        self.count()?;
        if let Node::Alias(target) = self.document.nodes[id] {
            self.alias_depth += 1;
            let result = self.merge(target, shape, members);
            self.alias_depth -= 1;
            return result;
        }
        self.map(id, shape, members)
    }

    fn key(&mut self, id: usize, serial: usize) -> Result<Key<'a>, YamlError> {
        self.count()?;
        match &self.document.nodes[id] {
            Node::Alias(target) => {
                self.alias_depth += 1;
                let result = self.key(*target, serial);
                self.alias_depth -= 1;
                result
            }
            Node::Scalar { tag, value, plain } => {
                Ok(Key::new(resolve(tag.as_deref(), value, *plain)?, serial))
            }
            Node::List(_) | Node::Map(_) => Err(YamlError::new("a list or map as key")),
        }
    }

    fn convert(&mut self, members: &Members<'_>) -> Convertible {
        let mut texts = HashSet::new();
        // Only keys of other types can become equal to another one.
        let odd = members.keys().any(|key| !matches!(key, Key::Text(_)));
        for (key, value) in members {
            (*value)?;
            let text = key
                .text()
                .ok_or("a key that is null or a number beyond 64 bits")?;
            if odd && !texts.insert(text) {
                self.ambiguous = true;
            }
        }
        Ok(())
    }
}
