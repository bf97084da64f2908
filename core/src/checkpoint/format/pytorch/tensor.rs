//! The tensors that a pickle describes: calls of PyTorch's functions with a storage, a shape and strides.

use safetensors::tensor::Dtype;

use super::graph::{Graph, Node, Value};
use super::view::{Element, StorageId, View};
use super::{Fault, damaged};

/// Functions whose tensors have no plain values, by what follows "_rebuild_" in their names.
const UNREAD: [(&str, &str); 6] = [
    ("sparse_tensor", "sparse"),
    ("sparse_csr_tensor", "sparse"),
    ("qtensor", "quantized"),
    ("nested_tensor", "nested"),
    ("meta_tensor_no_storage", "meta"),
    ("wrapper_subclass", "of a class of its own"),
];

/// A tensor as a pickle describes it.
pub(super) enum Described {
    Plain(View),
    /// With what it is.
    Unread(&'static str),
}

/// The type of numbers of a typed storage's class.
pub(in super::super) fn element_of_storage(graph: &Graph, class: Value) -> Option<Element> {
    let (_, class) = graph.global(class)?;
    let class = class.strip_suffix("Storage")?;
    Element::find(|storage, _| !class.is_empty() && storage == class)
}

/// The storage that a persistent id names: `("storage", type, key, location, count)`, with a part of another storage as a sixth before
/// PyTorch 0.4.
pub(super) fn storage_id(graph: &Graph, id: Value) -> Option<StorageId> {
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
    let element = element_of_storage(graph, *class);
    let view = items.get(5).map_or(&[][..], |view| graph.items(*view));
    let offset = match view {
        [_, Value::Int(offset), _] => usize::try_from(*offset).ok()?,
        _ => 0,
    };
    Some(StorageId { key, element, offset })
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
fn known(graph: &Graph, id: Value) -> Option<View> {
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
        ("_rebuild_tensor" | "_rebuild_tensor_v2", [storage, offset, shape, strides, more @ ..]) => {
            let tensor = plain(graph, [*storage, *offset, *shape, *strides], None)?;
            Ok(Some(with_bits(graph, tensor, more.get(2))))
        }
        ("_rebuild_tensor_v3", [storage, offset, shape, strides, _, _, dtype, more @ ..]) => {
            let tensor = plain(graph, [*storage, *offset, *shape, *strides], Some(*dtype))?;
            Ok(Some(with_bits(graph, tensor, more.first())))
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

/// A tensor with the bits of a view that PyTorch keeps beside it: `{"neg": True}`.
fn with_bits(graph: &Graph, tensor: Described, bits: Option<&Value>) -> Described {
    let Some(Node::Dict(bits)) = bits.and_then(|bits| graph.node(*bits)) else { return tensor };
    let is_set = |name: &str| {
        let is_named = |key: Value| matches!(key, Value::Text(text) if graph.text(text) == name);
        bits.iter().any(|(key, value)| is_named(*key) && *value == Value::Bool(true))
    };
    match tensor {
        Described::Plain(view) if is_set("neg") => match view.element.dtype {
            Some(Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16) => Described::Plain(view.negated()),
            _ => Described::Unread("a negative view"),
        },
        tensor => tensor,
    }
}

fn plain(
    graph: &Graph,
    [storage, offset, shape, strides]: [Value; 4],
    dtype: Option<Value>,
) -> Result<Described, Fault> {
    let id = match graph.node(storage) {
        Some(Node::Persistent(id)) => storage_id(graph, *id),
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
    View::new(StorageId { element: Some(element), ..id }, offset, shape, strides).map(Described::Plain)
}
