//! YAML as a flat list of nodes with their lines, bounded against bombs.
//!
//! Aliases are never expanded: they point to the node that carries the anchor, so the tree is never larger than the
//! text. Only the first document of a stream is the root; the others are kept as further roots.

use crate::unreadable::Unreadable;
use granit_parser::{Event, Parser};
use std::collections::BTreeMap;

/// Most nodes that are read from one file.
const MAX_NODES: usize = 1_000_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A parsed stream of documents.
#[derive(Debug, Default)]
pub(crate) struct Yaml {
    nodes: Vec<Item>,
    roots: Vec<usize>,
}

#[derive(Debug)]
struct Item {
    /// From 1.
    line: u32,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Scalar(String),
    List(Vec<usize>),
    /// Key and value.
    Map(Vec<(usize, usize)>),
    Alias(usize),
}

/// One node of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    yaml: &'a Yaml,
    at: usize,
}

impl Yaml {
    /// Reads a stream of documents.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|e| Unreadable::Syntax {
                format: "YAML",
                reason: e.to_string(),
            })?;
            let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
            builder.take(event, line)?;
        }
        Ok(builder.yaml)
    }

    /// The roots of the documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = Node<'_>> {
        self.roots.iter().map(|at| Node { yaml: self, at: *at })
    }

    /// The first document's root.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        self.documents().next()
    }
}

impl<'a> Node<'a> {
    fn item(self) -> &'a Item {
        &self.yaml.nodes[self.at]
    }

    /// Line of its start, from 1.
    pub(crate) fn line(self) -> u32 {
        self.item().line
    }

    /// The node that an alias stands for, or the node itself.
    pub(crate) fn target(self) -> Node<'a> {
        match &self.item().value {
            Value::Alias(at) => Node { at: *at, ..self },
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => self,
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(self) -> Option<&'a str> {
        match &self.target().item().value {
            Value::Scalar(text) => Some(text),
            Value::List(_) | Value::Map(_) | Value::Alias(_) => None,
        }
    }

    /// The items of a list; empty for anything else. Aliases to lists are not followed.
    pub(crate) fn items(self) -> impl Iterator<Item = Node<'a>> {
        let items: &'a [usize] = match &self.item().value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) | Value::Alias(_) => &[],
        };
        items.iter().map(move |at| Node { at: *at, ..self })
    }

    /// Keys and values of a map; empty for anything else. Aliases to maps are not followed.
    pub(crate) fn entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let entries: &'a [(usize, usize)] = match &self.item().value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) | Value::Alias(_) => &[],
        };
        entries
            .iter()
            .map(move |(k, v)| (Node { at: *k, ..self }, Node { at: *v, ..self }))
    }

    /// The value under a key, aliases followed once.
    pub(crate) fn get(self, key: &str) -> Option<Node<'a>> {
        let found = self.target().entries().find(|(k, _)| k.text() == Some(key));
        found.map(|(_, value)| value.target())
    }

    /// The text under a key.
    pub(crate) fn get_text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.text()
    }

    /// What it says in one line, to compare two versions of it; aliases are not followed.
    pub(crate) fn short(self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(self, out: &mut String) {
        match &self.item().value {
            Value::Scalar(text) => out.push_str(text),
            Value::List(_) => self.items().for_each(|item| {
                out.push_str("- ");
                item.write(out);
                out.push(' ');
            }),
            Value::Map(_) => self.entries().for_each(|(key, value)| {
                key.write(out);
                out.push_str(": ");
                value.write(out);
                out.push(' ');
            }),
            Value::Alias(at) => out.push_str(&format!("*{at}")),
        }
    }
}

#[derive(Default)]
struct Builder {
    yaml: Yaml,
    /// Collections that are still open, with the key that waits for its value.
    open: Vec<(usize, Option<usize>)>,
    anchors: BTreeMap<usize, usize>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), Unreadable> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                self.put(Value::Scalar(text.into_owned()), line, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.start(Value::List(Vec::new()), line, anchor)?;
            }
            Event::MappingStart(_, anchor, _) => {
                self.start(Value::Map(Vec::new()), line, anchor)?;
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let target = target.ok_or_else(|| Unreadable::Syntax {
                    format: "YAML",
                    reason: format!("an alias on line {line} stands for nothing"),
                })?;
                self.put(Value::Alias(target), line, 0)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            // These carry no nodes: starts and ends of documents, names of anchors.
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => {}
        }
        Ok(())
    }

    fn start(&mut self, value: Value, line: u32, anchor: usize) -> Result<(), Unreadable> {
        let at = self.put(value, line, anchor)?;
        self.open.push((at, None));
        if self.open.len() > MAX_DEPTH {
            return Err(Unreadable::TooDeep { most: MAX_DEPTH });
        }
        Ok(())
    }

    fn put(&mut self, value: Value, line: u32, anchor: usize) -> Result<usize, Unreadable> {
        let at = self.yaml.nodes.len();
        if at >= MAX_NODES {
            return Err(Unreadable::TooMany {
                what: "nodes",
                most: MAX_NODES,
            });
        }
        self.yaml.nodes.push(Item { line, value });
        if anchor != 0 {
            self.anchors.insert(anchor, at);
        }
        let Some((parent, key)) = self.open.last_mut() else {
            self.yaml.roots.push(at);
            return Ok(at);
        };
        match (&mut self.yaml.nodes[*parent].value, key.take()) {
            (Value::List(items), _) => items.push(at),
            (Value::Map(_), None) => *key = Some(at),
            (Value::Map(entries), Some(k)) => entries.push((k, at)),
            (Value::Scalar(_) | Value::Alias(_), _) => {}
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nodes_know_their_lines_and_aliases_their_targets() {
        let yaml = Yaml::parse("a: &x\n  b: 1\nc: *x\nd:\n  - one\n  - \"two\"\n").unwrap();
        let root = yaml.root().unwrap();
        assert_eq!(root.get("c").unwrap().get_text("b"), Some("1"));
        let list: Vec<_> = root
            .get("d")
            .unwrap()
            .items()
            .map(|i| (i.text(), i.line()))
            .collect();
        assert_eq!(list, [(Some("one"), 5), (Some("two"), 6)]);
        assert_eq!(root.get("c").unwrap().line(), 2);
    }

    #[test]
    fn a_bomb_of_aliases_stays_as_small_as_its_text() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..30 {
            let before = vec![format!("*a{}", i - 1); 9].join(",");
            text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
        }
        let yaml = Yaml::parse(&text).unwrap();
        assert!(yaml.nodes.len() < 1_000);
        assert!(yaml.root().unwrap().short().len() < 10_000);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(Yaml::parse(&"[".repeat(100_000)).is_err());
        let mut deep = String::new();
        for i in 0..1_000 {
            deep.push_str(&format!("{}a:\n", " ".repeat(i)));
        }
        assert!(matches!(Yaml::parse(&deep), Err(Unreadable::TooDeep { .. })));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]{}:,&*!|>'\"#%@`a-c0-2 \\n\\t-]{0,80}") {
            if let Ok(yaml) = Yaml::parse(&text) {
                yaml.documents().for_each(|root| { root.short(); });
            }
        }
    }
}
