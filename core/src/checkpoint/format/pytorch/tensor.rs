//! Tensors in a pickle: a view of a storage, which the container keeps as a record of bytes.

use std::borrow::Cow;

use safetensors::tensor::Dtype;

use super::graph::{Graph, Node, Value};
use super::{Fault, Storage, Storages, damaged};

/// PyTorch's types of numbers: name of the typed storage without "Storage", name of the type, bytes of a number, and what
/// values are read as; none for those that are not read.
const TYPES: [(&str, &str, usize, Option<Dtype>); 24] = [
    ("Double", "float64", 8, Some(Dtype::F64)),
    ("Float", "float32", 4, Some(Dtype::F32)),
    ("Half", "float16", 2, Some(Dtype::F16)),
    ("BFloat16", "bfloat16", 2, Some(Dtype::BF16)),
    ("Long", "int64", 8, Some(Dtype::I64)),
    ("Int", "int32", 4, Some(Dtype::I32)),
    ("Short", "int16", 2, Some(Dtype::I16)),
    ("Char", "int8", 1, Some(Dtype::I8)),
    ("Byte", "uint8", 1, Some(Dtype::U8)),
    ("Bool", "bool", 1, Some(Dtype::BOOL)),
    ("ComplexFloat", "complex64", 8, None),
    ("ComplexDouble", "complex128", 16, None),
    ("QInt8", "qint8", 1, None),
    ("QUInt8", "quint8", 1, None),
    ("QInt32", "qint32", 4, None),
    ("", "uint16", 2, Some(Dtype::U16)),
    ("", "uint32", 4, Some(Dtype::U32)),
    ("", "uint64", 8, Some(Dtype::U64)),
    ("", "float8_e4m3fn", 1, Some(Dtype::F8_E4M3)),
    ("", "float8_e5m2", 1, Some(Dtype::F8_E5M2)),
    ("", "float8_e4m3fnuz", 1, None),
    ("", "float8_e5m2fnuz", 1, None),
    ("", "float8_e8m0fnu", 1, None),
    ("", "complex32", 4, None),
];

/// Functions whose tensors have no plain values, by what follows "_rebuild_" in their names.
const UNREAD: [(&str, &str); 6] = [
    ("sparse_tensor", "sparse"),
    ("sparse_csr_tensor", "sparse"),
    ("qtensor", "quantized"),
    ("nested_tensor", "nested"),
    ("meta_tensor_no_storage", "meta"),
    ("wrapper_subclass", "of a class of its own"),
];

/// A type of numbers.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Element {
    pub name: &'static str,
    /// In bytes.
    pub size: usize,
    pub dtype: Option<Dtype>,
}

impl Element {
    fn find(is_it: impl Fn(&str, &str) -> bool) -> Option<Self> {
        let found = TYPES.iter().find(|(storage, name, ..)| is_it(storage, name))?;
        Some(Self { name: found.1, size: found.2, dtype: found.3 })
    }

    /// That of a typed storage's class.
    pub fn of_storage(graph: &Graph, class: Value) -> Option<Self> {
        let (_, class) = graph.global(class)?;
        let class = class.strip_suffix("Storage")?;
        Self::find(|storage, _| !class.is_empty() && storage == class)
    }
}

/// A tensor as a pickle describes it.
pub(super) enum Described {
    Plain(Plain),
    /// With what it is.
    Unread(&'static str),
}

/// Numbers in a storage.
#[derive(Debug, Clone)]
pub(in super::super) struct Plain {
    pub shape: Vec<usize>,
    strides: Vec<usize>,
    /// Numbers before the first one.
    offset: usize,
    element: Element,
    storage: String,
}

/// The storage that a persistent id names.
#[derive(Debug, Clone)]
pub(in super::super) struct StorageId {
    pub key: String,
    /// Of typed storages.
    pub element: Option<Element>,
    /// Where it is a part of the storage of that key: numbers before it.
    pub offset: usize,
}

impl StorageId {
    /// `("storage", type, key, location, count)`, with a part of another storage as a sixth before PyTorch 0.4.
    pub fn of(graph: &Graph, id: Value) -> Option<Self> {
        let items = graph.items(id);
        let [Value::Text(kind), class, key, ..] = items else { return None };
        if graph.text(*kind) != "storage" {
            return None;
        }
        let key = match key {
            Value::Text(key) => graph.text(*key).into_owned(),
            Value::Int(key) => key.to_string(),
            _ => return None,
        };
        let element = Element::of_storage(graph, *class);
        let view = items.get(5).map_or(&[][..], |view| graph.items(*view));
        let offset = match view {
            [_, Value::Int(offset), _] => usize::try_from(*offset).ok()?,
            _ => 0,
        };
        Some(Self { key, element, offset })
    }
}

/// The tensor that a value is; `None` for all else.
pub(super) fn described(graph: &Graph, value: Value) -> Result<Option<Described>, Fault> {
    match graph.node(value) {
        Some(Node::Call(call)) => of_call(graph, call.function, graph.items(call.arguments), 0),
        Some(Node::Persistent(id)) => Ok(known(graph, *id).map(Described::Plain)),
        _ => Ok(None),
    }
}

/// The tensor that a container keeps under a number.
fn known(graph: &Graph, id: Value) -> Option<Plain> {
    let number = match id {
        Value::Int(number) => number,
        Value::Text(digits) => graph.text(digits).parse().ok()?,
        _ => return None,
    };
    graph.known.get(&number).cloned()
}

fn of_call(
    graph: &Graph,
    function: Value,
    arguments: &[Value],
    depth: usize,
) -> Result<Option<Described>, Fault> {
    /// Wrappers around a tensor: a parameter of a tensor of another class.
    const DEEPEST: usize = 8;
    let Some((module, name)) = graph.global(function) else { return Ok(None) };
    if !module.starts_with("torch") || depth > DEEPEST {
        return Ok(None);
    }
    match (&*name, arguments) {
        ("_rebuild_tensor" | "_rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
            plain(graph, [*storage, *offset, *shape, *strides], None).map(Some)
        }
        ("_rebuild_tensor_v3", [storage, offset, shape, strides, _, _, dtype, ..]) => {
            plain(graph, [*storage, *offset, *shape, *strides], Some(*dtype)).map(Some)
        }
        // A function with its arguments.
        ("_rebuild_from_type_v2", [function, _, inside, ..]) => {
            of_call(graph, *function, graph.items(*inside), depth + 1)
        }
        (
            "_rebuild_parameter" | "_rebuild_parameter_with_state" | "Parameter" | "Buffer" | "Variable",
            [tensor, ..],
        ) => match graph.node(*tensor) {
            Some(Node::Call(call)) => of_call(graph, call.function, graph.items(call.arguments), depth + 1),
            _ => described(graph, *tensor),
        },
        (name, _) => {
            let kind = name.strip_prefix("_rebuild_");
            let known = UNREAD.iter().find(|(function, _)| Some(*function) == kind);
            Ok(known.map(|(_, what)| Described::Unread(what)))
        }
    }
}

fn plain(
    graph: &Graph,
    [storage, offset, shape, strides]: [Value; 4],
    dtype: Option<Value>,
) -> Result<Described, Fault> {
    let id = match graph.node(storage) {
        Some(Node::Persistent(id)) => StorageId::of(graph, *id),
        _ => None,
    };
    let id = id.ok_or_else(|| damaged("a tensor has no storage"))?;
    let element = match dtype.and_then(|dtype| graph.global(dtype)) {
        Some((_, dtype)) => Element::find(|_, name| name == dtype),
        None => id.element,
    };
    let Some(element) = element else { return Ok(Described::Unread("of an unknown type")) };
    let number = |value: Value| match value {
        Value::Int(number) => usize::try_from(number).ok(),
        _ => None,
    };
    let numbers =
        |values: Value| graph.items(values).iter().map(|value| number(*value)).collect::<Option<Vec<_>>>();
    let (Some(offset), Some(shape), Some(strides)) = (number(offset), numbers(shape), numbers(strides))
    else {
        return Err(damaged("a tensor's shape or strides are no lengths"));
    };
    Plain::new(StorageId { element: Some(element), ..id }, offset, shape, strides).map(Described::Plain)
}

/// A tensor whose bytes are all there.
#[derive(Debug)]
pub(super) struct Tensor {
    pub shape: Vec<usize>,
    pub element: Element,
    strides: Vec<usize>,
    /// In bytes.
    offset: usize,
    storage: Storage,
}

impl Plain {
    /// A view of a storage of known type.
    pub fn new(
        storage: StorageId,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Result<Self, Fault> {
        let offset = offset.checked_add(storage.offset).filter(|_| shape.len() == strides.len());
        let (Some(offset), Some(element)) = (offset, storage.element) else {
            return Err(damaged("a tensor's shape and strides do not fit"));
        };
        Ok(Self { shape, strides, offset, element, storage: storage.key })
    }

    /// Finds the storage, and checks that it holds every number.
    pub(super) fn found_in(self, storages: &Storages) -> Result<Tensor, Fault> {
        let Self { shape, strides, offset, element, storage } = self;
        let found = storages.records.get(&storage).cloned();
        let found = found.ok_or_else(|| damaged(format!("storage {storage} is missing")))?;
        let last = shape.iter().zip(&strides).try_fold(offset, |last, (length, stride)| {
            last.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
        });
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(element.size));
        let count = shape.iter().try_fold(element.size, |bytes, length| bytes.checked_mul(*length));
        match (end, count) {
            (_, Some(0)) => {}
            (Some(end), Some(_)) if end <= found.length => {}
            _ => {
                return Err(damaged(format!(
                    "a tensor of shape {shape:?} leaves its storage of {} bytes",
                    found.length
                )));
            }
        }
        Ok(Tensor { shape, strides, element, offset: offset.saturating_mul(element.size), storage: found })
    }
}

impl Tensor {
    /// Length of its values in bytes.
    pub fn len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.element.size
    }

    /// Its values, row-major and little-endian.
    pub fn read<'a>(&self, storages: &'a Storages) -> Result<Cow<'a, [u8]>, Fault> {
        if self.len() == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let bytes = storages.bytes(&self.storage)?;
        let size = self.element.size;
        let mut values = if self.is_contiguous() {
            let place = self.offset..self.offset + self.len();
            match bytes {
                Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[place]),
                Cow::Owned(bytes) => Cow::Owned(bytes[place].to_vec()),
            }
        } else {
            let mut values = Vec::with_capacity(self.len());
            self.gather(&bytes[self.offset..], &mut values);
            Cow::Owned(values)
        };
        if storages.big_endian && size > 1 {
            values.to_mut().chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(values)
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(length, stride)| {
            let is_next = *length == 1 || *stride == expected;
            expected *= length;
            is_next
        })
    }

    /// Copies number by number, the last axis fastest.
    fn gather(&self, bytes: &[u8], values: &mut Vec<u8>) {
        let size = self.element.size;
        let mut index = vec![0; self.shape.len()];
        loop {
            let at: usize =
                index.iter().zip(&self.strides).map(|(index, stride)| index * stride * size).sum();
            values.extend(&bytes[at..at + size]);
            let Some(axis) = (0..index.len()).rev().find(|axis| index[*axis] + 1 < self.shape[*axis]) else {
                return;
            };
            index[axis] += 1;
            index[axis + 1..].fill(0);
        }
    }
}
