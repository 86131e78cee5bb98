//! The nodes of one YAML document in one vector, with aliases bound to what they name.

use std::collections::HashMap;

use super::YamlError;
use super::events::{Event, Events, MAX_DEPTH, ScalarEvent, decode};
use super::scalar::{Scalar, resolve};

/// More nodes than this are not held in memory. Helm has no such limit; a chart that needs it would have a
/// metadata file, or a values file with aliases, of several megabytes.
const MAX_NODES: usize = 1_000_000;

/// One node; children are indexes into the document.
#[derive(Debug)]
pub(super) enum Node {
    Scalar {
        tag: Option<Box<str>>,
        value: Box<str>,
        plain: bool,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    /// The node that the alias names.
    Alias(usize),
}

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) nodes: Vec<Node>,
    root: Option<usize>,
    /// Levels of nesting with aliases expanded.
    pub(super) height: usize,
}

/// What stands at a node, aliases followed.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Scalar(Scalar<'a>),
    List(&'a [usize]),
    /// To be read with [`Document::entries`].
    Map,
}

/// A collection whose end has not come yet.
struct Open {
    node: usize,
    height: usize,
}

/// Builds the nodes from the events.
struct Builder {
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// Anchor -> node and its height; no height while the node is still open.
    anchors: HashMap<String, (usize, Option<usize>)>,
    /// Anchors of open nodes, by node.
    waiting: HashMap<usize, String>,
    root: Option<usize>,
    height: usize,
}

impl Document {
    /// Parses the first document of `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, YamlError> {
        let text = decode(bytes)?;
        let mut events = Events::new(&text);
        let mut builder = Builder {
            nodes: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            waiting: HashMap::new(),
            root: None,
            height: 0,
        };
        while builder.take(events.next()?)? {}
        Ok(Self {
            nodes: builder.nodes,
            root: builder.root,
            height: builder.height,
        })
    }

    /// The root node; none for an empty text.
    pub(crate) fn root(&self) -> Option<usize> {
        self.root
    }

    /// Follows aliases.
    pub(super) fn target(&self, mut id: usize) -> usize {
        while let Node::Alias(target) = self.nodes[id] {
            id = target;
        }
        id
    }

    /// What stands at `id`.
    pub(crate) fn value(&self, id: usize) -> Result<Value<'_>, YamlError> {
        Ok(match &self.nodes[self.target(id)] {
            Node::Scalar { tag, value, plain } => Value::Scalar(resolve(tag.as_deref(), value, *plain)?),
            Node::List(items) => Value::List(items),
            Node::Map(_) => Value::Map,
            Node::Alias(_) => return Err(YamlError::new("unresolved alias")),
        })
    }
}

impl Builder {
    /// Takes one event; false at the end.
    fn take(&mut self, event: Event) -> Result<bool, YamlError> {
        match event {
            Event::Done => return Ok(false),
            Event::Scalar(ScalarEvent {
                anchor,
                tag,
                value,
                plain,
            }) => {
                let tag = tag.map(String::into_boxed_str);
                let id = self.add(Node::Scalar {
                    tag,
                    value: value.into(),
                    plain,
                })?;
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, (id, Some(0)));
                }
                self.grow(0)?;
            }
            Event::Alias(anchor) => {
                let shown = anchor.escape_debug();
                match self.anchors.get(&anchor) {
                    None => return Err(YamlError::new(format!("unknown anchor `{shown}` referenced"))),
                    Some((_, None)) => {
                        return Err(YamlError::new(format!("anchor `{shown}` contains itself")));
                    }
                    Some((target, Some(height))) => {
                        let (target, height) = (*target, *height);
                        self.add(Node::Alias(target))?;
                        self.grow(height)?;
                    }
                }
            }
            Event::ListStart(anchor) => self.start(Node::List(Vec::new()), anchor)?,
            Event::MapStart(anchor) => self.start(Node::Map(Vec::new()), anchor)?,
            Event::End => self.end()?,
        }
        Ok(true)
    }

    fn add(&mut self, node: Node) -> Result<usize, YamlError> {
        let id = self.nodes.len();
        if id == MAX_NODES {
            return Err(YamlError::new("over 1,000,000 items"));
        }
        self.nodes.push(node);
        match self.open.last() {
            None => self.root = Some(id),
            Some(parent) => {
                if let Node::List(children) | Node::Map(children) = &mut self.nodes[parent.node] {
                    children.push(id);
                }
            }
        }
        Ok(id)
    }

    fn start(&mut self, node: Node, anchor: Option<String>) -> Result<(), YamlError> {
        let id = self.add(node)?;
        if let Some(anchor) = anchor {
            self.waiting.insert(id, anchor.clone());
            self.anchors.insert(anchor, (id, None));
        }
        self.open.push(Open { node: id, height: 0 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { node, height }) = self.open.pop() else {
            return Err(YamlError::new("unbalanced document"));
        };
        if let Some(anchor) = self.waiting.remove(&node)
            && let Some(slot) = self.anchors.get_mut(&anchor)
            && slot.0 == node
        {
            // Unless the anchor has been given to another node meanwhile
            slot.1 = Some(height + 1);
        }
        self.grow(height + 1)
    }

    /// A child of this height was added to the innermost open node.
    fn grow(&mut self, height: usize) -> Result<(), YamlError> {
        if height > MAX_DEPTH {
            return Err(YamlError::new("nested over 10,000 deep"));
        }
        match self.open.last_mut() {
            Some(parent) => parent.height = parent.height.max(height),
            None => self.height = height,
        }
        Ok(())
    }
}
