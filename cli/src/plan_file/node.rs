//! A YAML document as a tree that knows where everything stands.
//!
//! Scalars keep their text and whether it is quoted: what a text means depends on the field. An alias is the node that
//! it names, at the place where that stands. There are no tags, no merge keys and no second document.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use mycelia_flags_core::rejection::Reason;

use super::fault::{Fault, INVALID_YAML, Mark};
use super::limits::{DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX, SHOWN_CHARS_MAX};

/// A value of a document.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) content: Content,
    /// Values in it, itself included.
    size: usize,
    /// Levels of lists and mappings.
    depth: usize,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Content {
    Scalar { text: String, quoted: bool },
    List(Vec<Rc<Node>>),
    Mapping(Vec<(Key, Rc<Node>)>),
}

/// The name of an entry of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) mark: Mark,
    pub(crate) text: String,
}

impl Node {
    /// Nothing stands there, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What stands there, for a fault.
    pub(crate) fn shown(&self) -> String {
        match &self.content {
            Content::Scalar { .. } if self.is_null() => String::new(),
            Content::Scalar { text, .. } => shown(text),
            Content::List(items) if items.is_empty() => "[]".to_owned(),
            Content::List(_) => "[…]".to_owned(),
            Content::Mapping(entries) if entries.is_empty() => "{}".to_owned(),
            Content::Mapping(_) => "{…}".to_owned(),
        }
    }
}

/// A text that stands for itself, as on the command line.
pub(crate) fn scalar(text: &str) -> Node {
    let content = Content::Scalar { text: text.to_owned(), quoted: false };
    Node { mark: Mark::START, content, size: 1, depth: 0 }
}

/// A text as a fault repeats it.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{beginning}…")
}

/// Reads a document.
///
/// # Errors
/// When it is no YAML, or too much of it.
pub(crate) fn parse(text: &str) -> Result<Rc<Node>, Fault> {
    if text.len() > FILE_BYTES_MAX {
        let allowed = format!("a file of at most {FILE_BYTES_MAX} bytes");
        return Err(too_large(Mark::START, &format!("{} bytes", text.len()), allowed));
    }
    let mut options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX * 2,
        block_nesting_limit: DEPTH_MAX * 2,
    };
    options.set_emit_comments(false);
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let mark = Mark { line: marker.line(), column: marker.col() + 1 };
            no_yaml(mark, "", format!("text in YAML; here: {}", error.info()))
        })?;
        tree.take(event, span)?;
    }
    Ok(tree.root.unwrap_or_else(|| Rc::new(empty(Mark::START))))
}

fn empty(mark: Mark) -> Node {
    Node { mark, content: Content::Scalar { text: String::new(), quoted: false }, size: 1, depth: 0 }
}

fn no_yaml(mark: Mark, value: &str, allowed: impl Into<String>) -> Fault {
    let (field, value) = (String::new(), shown(value));
    Fault { mark, field, value, allowed: allowed.into(), reason: INVALID_YAML }
}

fn too_large(mark: Mark, value: &str, allowed: String) -> Fault {
    let (field, value) = (String::new(), value.to_owned());
    Fault { mark, field, value, allowed, reason: Reason::TooLarge.as_str() }
}

/// A list or a mapping that is not closed yet.
struct Open {
    anchor: usize,
    node: Node,
    key: Option<Key>,
}

#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let mark = Mark { line: span.start.line(), column: span.start.col() + 1 };
        if let Some(tag) = event.tag() {
            let start = span.tag_start().map(|start| Mark { line: start.line(), column: start.col() + 1 });
            let mark = start.unwrap_or(mark);
            return Err(no_yaml(mark, &tag.original(), "a value without a tag"));
        }
        let opened =
            |content, anchor| Open { anchor, node: Node { mark, content, size: 1, depth: 1 }, key: None };
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(no_yaml(mark, "---", "one document in a file"))
            }
            Event::Scalar(text, style, anchor, _) => {
                let quoted = style != ScalarStyle::Plain;
                let content = Content::Scalar { text: text.into_owned(), quoted };
                let node = Rc::new(Node { mark, content, size: 1, depth: 0 });
                self.name(anchor, &node);
                self.put(mark, node)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.put(mark, node),
                None => Err(no_yaml(mark, "", "an alias of something that ends before it")),
            },
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(opened(Content::List(Vec::new()), anchor));
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(opened(Content::Mapping(Vec::new()), anchor));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, node, .. }) = self.open.pop() else {
                    return Ok(());
                };
                let (at, node) = (node.mark, Rc::new(node));
                self.name(anchor, &node);
                self.put(at, node)
            }
            // The stream's and the documents' ends, and what later versions of the library may tell beside the values.
            _ => Ok(()),
        }
    }

    /// Remembers what an anchor names; 0 is none.
    fn name(&mut self, anchor: usize, node: &Rc<Node>) {
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(node));
        }
    }

    /// Puts a value where the document is: into the list, as a key, or behind a key.
    fn put(&mut self, mark: Mark, node: Rc<Node>) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.node.size = open.node.size.saturating_add(node.size);
        open.node.depth = open.node.depth.max(node.depth.saturating_add(1));
        let (size, depth) = (open.node.size, open.node.depth);
        match &mut open.node.content {
            Content::List(items) => items.push(node),
            Content::Mapping(entries) => match (open.key.take(), &node.content) {
                (Some(key), _) => entries.push((key, node)),
                (None, Content::Scalar { text, .. }) => open.key = Some(Key { mark, text: text.clone() }),
                (None, _) => return Err(no_yaml(mark, &node.shown(), "a name before the colon")),
            },
            Content::Scalar { .. } => debug_assert!(false, "a scalar holds nothing"),
        }
        if size > NODES_MAX {
            let allowed = format!("at most {NODES_MAX} values, those that aliases stand for included");
            return Err(too_large(mark, "", allowed));
        }
        if depth > DEPTH_MAX {
            let allowed = format!("at most {DEPTH_MAX} levels of lists and mappings");
            return Err(too_large(mark, "", allowed));
        }
        Ok(())
    }
}
