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
    let dictionary = |entries: &[(Value, Value)], left: &mut usize| {
        let texts = entries.iter().filter_map(|(name, inside)| match name {
            Value::Text(name) => Some((graph.text(*name).into_owned(), *inside)),
            _ => None,
        });
        Pickled::Dictionary(
            texts.map(|(name, inside)| (name, value(graph, inside, depth + 1, left))).collect(),
        )
    };
    let list = |items: &[Value], left: &mut usize| {
        Pickled::List(items.iter().map(|item| value(graph, *item, depth + 1, left)).collect())
    };
    match of {
        Value::Int(number) => Pickled::Number(number as f64),
        Value::Float(number) => Pickled::Number(number),
        Value::Bool(is_true) => Pickled::Number(f64::from(u8::from(is_true))),
        Value::Text(text) => Pickled::Text(graph.text(text).into_owned()),
        Value::None | Value::Bytes(_) | Value::Other => Pickled::Other,
        Value::Node(_) => match graph.node(of) {
            Some(Node::Tuple(items)) => list(items, left),
            Some(Node::List(items)) => list(items, left),
            Some(Node::Dict(entries)) => dictionary(entries, left),
            // Such as an `OrderedDict`.
            Some(Node::Call(call)) if !call.entries.is_empty() => dictionary(&call.entries, left),
            Some(Node::Call(call)) => {
                let known = numpy(graph, call).or_else(|| tensor(graph, call).map(Pickled::Number));
                known.unwrap_or(Pickled::Other)
            }
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
        ("_reconstruct", _, [_, shape, dtype, _, bytes]) => {
            let numbers = numbers(graph, *dtype, *bytes)?;
            // Without axes it is one number.
            match *numbers {
                [] | [_] if graph.items(*shape).is_empty() => numbers.into_iter().next(),
                _ => Some(Pickled::List(numbers)),
            }
        }
        _ => None,
    }
}

/// A tensor of one float32, which PyTorch pickles as a function of what `torch.save` gives for its storage: that ends with the number
/// of values and the values.
fn tensor(graph: &Graph, call: &Call) -> Option<f64> {
    let (module, name) = graph.global(call.function)?;
    let (&storage, _) = graph.items(call.arguments).split_first()?;
    let Some(Node::Call(storage)) = graph.node(storage) else { return None };
    let (from, loader) = graph.global(storage.function)?;
    let [Value::Bytes(saved)] = graph.items(storage.arguments) else { return None };
    let saved = graph.bytes(*saved);
    let is_tensor = (&*module, &*name, &*from, &*loader)
        == ("torch._utils", "_rebuild_tensor_v2", "torch.storage", "_load_from_bytes");
    let is_of_floats = saved.windows(12).any(|part| part == b"FloatStorage");
    let (before, value) = saved.split_last_chunk::<4>()?;
    (is_tensor && is_of_floats && before.ends_with(&1_u64.to_le_bytes()))
        .then(|| f64::from(f32::from_le_bytes(*value)))
}

/// Little-endian numbers; none of other types than safetensors', or of another byte order.
fn numbers(graph: &Graph, dtype: Value, bytes: Value) -> Option<Vec<Pickled>> {
    let Some(Node::Call(dtype)) = graph.node(dtype) else { return None };
    let Some(Value::Text(kind)) = graph.items(dtype.arguments).first() else { return None };
    let is_big_endian =
        matches!(graph.items(dtype.state), [_, Value::Text(order), ..] if graph.text(*order) == ">");
    let dtype = match &*graph.text(*kind) {
        _ if is_big_endian => return None,
        "f8" => Dtype::F64,
        "f4" => Dtype::F32,
        "f2" => Dtype::F16,
        "i8" => Dtype::I64,
        "i4" => Dtype::I32,
        "i2" => Dtype::I16,
        "i1" => Dtype::I8,
        "u8" => Dtype::U64,
        "u4" => Dtype::U32,
        "u2" => Dtype::U16,
        "u1" => Dtype::U8,
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
