//! The objects that a pickle describes, as a graph.

use std::borrow::Cow;
use std::collections::HashMap;

use super::view::View;

/// Something in a pickle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Span),
    Bytes(Span),
    /// A position in the graph's nodes: the same object wherever the pickle names it.
    Node(u32),
    /// Such as integers beyond 64 bits.
    Other,
}

/// A part of the pickle's bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Span {
    pub start: u32,
    pub length: u32,
}

/// An object that others may refer to.
#[derive(Debug)]
pub(in super::super) enum Node {
    Tuple(Box<[Value]>),
    /// A list or a set.
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A class or a function.
    Global {
        module: Span,
        name: Span,
    },
    Call(Box<Call>),
    /// What the container keeps outside the pickle.
    Persistent(Value),
}

/// A class or function with what it would be called with, and what the result would be given.
#[derive(Debug)]
pub(in super::super) struct Call {
    pub function: Value,
    pub arguments: Value,
    /// Attributes.
    pub state: Value,
    /// What is put into it as into a dictionary.
    pub entries: Vec<(Value, Value)>,
}

/// The objects of a pickle.
#[derive(Debug)]
pub(in super::super) struct Graph<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) nodes: Vec<Node>,
    pub root: Value,
    /// Length of the pickle in bytes.
    pub length: usize,
    /// Tensors that a container keeps outside the pickle, by the numbers that it names them with.
    pub known: HashMap<i64, View>,
}

impl<'a> Graph<'a> {
    /// The bytes of a text or of bytes.
    pub fn bytes(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start as usize..][..span.length as usize]
    }

    /// A text, as far as it is Unicode.
    pub fn text(&self, span: Span) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes(span))
    }

    /// The object of a value that is one.
    pub fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index as usize),
            _ => None,
        }
    }

    /// The items of a tuple or a list; none for all else.
    pub fn items(&self, value: Value) -> &[Value] {
        match self.node(value) {
            Some(Node::Tuple(items)) => items,
            Some(Node::List(items)) => items,
            _ => &[],
        }
    }

    /// Ids of all that the container keeps.
    pub fn persistent(&self) -> impl Iterator<Item = Value> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Persistent(id) => Some(*id),
            _ => None,
        })
    }

    /// Module and name of a class or function.
    pub fn global(&self, value: Value) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        match self.node(value)? {
            Node::Global { module, name } => Some((self.text(*module), self.text(*name))),
            _ => None,
        }
    }
}
