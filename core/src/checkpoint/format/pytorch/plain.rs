//! Pickles of numbers, texts, lists and dictionaries, with NumPy's arrays among them.

use std::borrow::Cow;

use safetensors::tensor::Dtype;

use super::graph::{Call, Graph, Node, Value};
use super::machine::read;
use super::{Fault, memory};
use crate::checkpoint::element;

/// How deep lists and dictionaries may be nested.
const DEEPEST: usize = 32;

/// What a pickle says, without what only Python understands.
#[derive(Debug, Clone, PartialEq)]
pub enum Pickled {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list, a tuple, or an array, row-major.
    List(Vec<Pickled>),
    /// A dictionary by its texts, in its order.
    Dictionary(Vec<(String, Pickled)>),
    /// Anything else.
    Other,
}

impl Pickled {
    /// The entry of a dictionary.
    pub fn get(&self, name: &str) -> Option<&Pickled> {
        match self {
            Self::Dictionary(entries) => {
                entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// A number that is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The items of a list; none for all else.
    pub fn items(&self) -> &[Pickled] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// Reads a pickle.
pub(in super::super) fn plain(bytes: &[u8]) -> Result<Pickled, Fault> {
    let graph = read(bytes, memory(bytes.len()))?;
    // Each object as often as it is named, but not endlessly.
    let mut left = 1000 + 8 * bytes.len();
    Ok(value(&graph, graph.root, 0, &mut left))
}

fn value(graph: &Graph, of: Value, depth: usize, left: &mut usize) -> Pickled {
    *left = left.saturating_sub(1);
    if depth > DEEPEST || *left == 0 {
        return Pickled::Other;
    }
    let mut list = |items: &[Value]| {
        Pickled::List(items.iter().map(|item| value(graph, *item, depth + 1, left)).collect())
    };
    match of {
        Value::Int(number) => Pickled::Number(number as f64),
        Value::Float(number) => Pickled::Number(number),
        Value::Bool(is_true) => Pickled::Number(f64::from(u8::from(is_true))),
        Value::Text(text) => Pickled::Text(graph.text(text).into_owned()),
        Value::None | Value::Bytes(_) | Value::Other => Pickled::Other,
        Value::Node(_) => match graph.node(of) {
            Some(Node::Tuple(items)) => list(items),
            Some(Node::List(items)) => list(items),
            Some(Node::Dict(entries)) => {
                let texts = entries.iter().filter_map(|(name, inside)| match name {
                    Value::Text(name) => Some((graph.text(*name).into_owned(), *inside)),
                    _ => None,
                });
                Pickled::Dictionary(
                    texts.map(|(name, inside)| (name, value(graph, inside, depth + 1, left))).collect(),
                )
            }
            Some(Node::Call(call)) => numpy(graph, call).unwrap_or(Pickled::Other),
            Some(Node::Global { .. } | Node::Persistent(_)) | None => Pickled::Other,
        },
    }
}

/// A NumPy scalar, or the numbers of an array.
fn numpy(graph: &Graph, call: &Call) -> Option<Pickled> {
    let (module, name) = graph.global(call.function)?;
    if !module.starts_with("numpy") {
        return None;
    }
    match (&*name, graph.items(call.arguments), graph.items(call.state)) {
        ("scalar", [dtype, bytes], _) => numbers(graph, *dtype, *bytes)?.into_iter().next(),
        // Version, shape, type, order of the axes, bytes.
        ("_reconstruct", _, [_, _, dtype, _, bytes]) => Some(Pickled::List(numbers(graph, *dtype, *bytes)?)),
        _ => None,
    }
}

/// Little-endian numbers.
fn numbers(graph: &Graph, dtype: Value, bytes: Value) -> Option<Vec<Pickled>> {
    let Some(Node::Call(dtype)) = graph.node(dtype) else { return None };
    let Some(Value::Text(kind)) = graph.items(dtype.arguments).first() else { return None };
    let dtype = match &*graph.text(*kind) {
        "f8" => Dtype::F64,
        "f4" => Dtype::F32,
        "i8" => Dtype::I64,
        "i4" => Dtype::I32,
        "b1" => Dtype::BOOL,
        _ => return None,
    };
    let bytes: Cow<[u8]> = match bytes {
        Value::Bytes(bytes) => Cow::Borrowed(graph.bytes(bytes)),
        // Before protocol 3 bytes are the letters of a text in Latin-1.
        _ => match graph.node(bytes) {
            Some(Node::Call(call)) => match graph.items(call.arguments) {
                [Value::Text(letters), ..] => {
                    let letters = graph.text(*letters);
                    Cow::Owned(
                        letters.chars().map(|letter| u8::try_from(letter).ok()).collect::<Option<_>>()?,
                    )
                }
                _ => return None,
            },
            _ => return None,
        },
    };
    Some(element::doubles(dtype, &bytes)?.into_iter().map(Pickled::Number).collect())
}
