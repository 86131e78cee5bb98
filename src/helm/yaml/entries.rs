//! Mappings: merge keys, repeated keys, and keys of other types turned into texts (helm-oci-format 1.4).

use std::borrow::Cow;
use std::collections::HashMap;

use super::YamlError;
use super::document::{Document, Node};
use super::scalar::{Scalar, resolve};
use crate::helm::number::format_g32;

/// A key, equal to another one as Go's map keys are: by type and value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// The bits; for not-a-number with a counter, since it never equals itself.
    Float(u64, usize),
    Text(Cow<'a, str>),
}

impl<'a> Key<'a> {
    /// The key of this scalar, `serial` being different for each.
    pub(super) fn new(scalar: Scalar<'a>, serial: usize) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Int(value) => Self::Int(value),
            Scalar::Uint(value) => Self::Uint(value),
            // Go's map takes both zeros for one key
            Scalar::Float(0.0) => Self::Float(0, 0),
            Scalar::Float(value) if value.is_nan() => Self::Float(value.to_bits(), serial),
            Scalar::Float(value) => Self::Float(value.to_bits(), 0),
            Scalar::Text(text) => Self::Text(text),
        }
    }

    /// The key in JSON; none if it cannot be one.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Null | Self::Uint(_) => return None,
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Int(value) => value.to_string().into(),
            Self::Float(bits, _) => match format_g32(f64::from_bits(*bits)).as_str() {
                "+Inf" => ".inf".into(),
                "-Inf" => "-.inf".into(),
                "NaN" => ".nan".into(),
                text => text.to_owned().into(),
            },
            Self::Text(text) => text.clone(),
        })
    }
}

impl Document {
    /// The members of the mapping at `id` with the key texts of JSON, sorted by them in byte order, each once.
    /// Only for documents that [`super::check`] has let pass, which bounds the work.
    pub(crate) fn entries(&self, id: usize) -> Result<Vec<(Cow<'_, str>, usize)>, YamlError> {
        let mut members = HashMap::new();
        self.collect(id, &mut members)?;
        let mut entries: Vec<_> = members
            .into_iter()
            .filter_map(|(key, (serial, value))| Some((key.text()?, serial, value)))
            .collect();
        // Of keys that are equal only as texts, Helm takes a random one; this takes the last.
        entries.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        entries.dedup_by(|later, first| later.0 == first.0);
        Ok(entries.into_iter().map(|(key, _, value)| (key, value)).collect())
    }

    fn collect<'a>(
        &'a self,
        id: usize,
        members: &mut HashMap<Key<'a>, (usize, usize)>,
    ) -> Result<(), YamlError> {
        let Node::Map(children) = &self.nodes[self.target(id)] else {
            return Ok(());
        };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if self.is_merge(key) {
                for source in self.merge_sources(value)? {
                    self.collect(source, members)?;
                }
            } else if let Node::Scalar {
                tag,
                value: text,
                plain,
            } = &self.nodes[self.target(key)]
            {
                let serial = members.len();
                let key = Key::new(resolve(tag.as_deref(), text, *plain)?, serial);
                // Later members take the place of earlier ones, merged ones included.
                members.insert(key, (value, value));
            }
        }
        Ok(())
    }

    /// `<<`, unquoted or tagged `!!merge`.
    pub(super) fn is_merge(&self, key: usize) -> bool {
        match &self.nodes[key] {
            Node::Scalar { tag, value, plain } => {
                &**value == "<<" && (*plain || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
            }
            _ => false,
        }
    }

    /// The mappings that a merge key names, in the order in which they are laid over each other.
    pub(super) fn merge_sources(&self, value: usize) -> Result<Vec<usize>, YamlError> {
        let is_map = |id: &usize| matches!(self.nodes[self.target(*id)], Node::Map(_));
        let sources = match &self.nodes[value] {
            Node::List(items) => items.iter().rev().copied().collect(),
            _ => vec![value],
        };
        if sources.iter().all(is_map) {
            Ok(sources)
        } else {
            Err(YamlError::new(
                "map merge requires map or sequence of maps as the value",
            ))
        }
    }
}
