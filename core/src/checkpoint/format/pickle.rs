//! Writing the pickles inside PyTorch's files: in protocol 2, in the few instructions that a dictionary of tensors needs.
//!
//! An instruction is a byte with its operands after it; each works on a stack (Python's `pickletools` explains them all).
//! Strings and classes are written again wherever they stand, without the memo that saves some bytes.

use crate::checkpoint::{Checkpoint, NamedTensor};

/// `{**metadata, "state_dict": {prefix + name: tensor}}`
pub(super) fn training_state(checkpoint: &Checkpoint, prefix: &str) -> Vec<u8> {
    let mut pickle = Pickle::new();
    pickle.0.extend(b"}(");
    for (name, value) in &checkpoint.metadata {
        pickle.text(name);
        pickle.number_or_text(value);
    }
    // Of two equal keys the later counts.
    pickle.text("state_dict");
    pickle.tensors(&checkpoint.state.tensors, prefix);
    pickle.0.extend(b"u.");
    pickle.0
}

/// `{name: tensor}`
pub(super) fn state_dict(tensors: &[NamedTensor]) -> Vec<u8> {
    let mut pickle = Pickle::new();
    pickle.tensors(tensors, "");
    pickle.0.push(b'.');
    pickle.0
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(b"\x80\x02".to_vec())
    }

    /// BINUNICODE.
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    /// LONG1: the length in bytes, then a signed little-endian number.
    fn integer(&mut self, number: i64) {
        self.0.extend(b"\x8a\x08");
        self.0.extend(number.to_le_bytes());
    }

    /// A number if it is one when it is read again: `00` or a digest are texts.
    fn number_or_text(&mut self, text: &str) {
        let is_decimal = || text.contains('.') && text.bytes().all(|byte| b"-.0123456789".contains(&byte));
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) if integer.to_string() == text => self.integer(integer),
            (_, Ok(number)) if number.is_finite() && (number.to_string() == text || is_decimal()) => {
                self.0.push(b'G');
                self.0.extend(number.to_be_bytes());
            }
            _ => self.text(text),
        }
    }

    /// GLOBAL.
    fn class(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    /// `collections.OrderedDict()`
    fn ordered_dict(&mut self) {
        self.class("collections", "OrderedDict");
        self.0.extend(b")R");
    }

    fn tensors(&mut self, tensors: &[NamedTensor], prefix: &str) {
        self.ordered_dict();
        self.0.push(b'(');
        for (index, tensor) in tensors.iter().enumerate() {
            self.text(&format!("{prefix}{}", tensor.name));
            self.tensor(index, tensor);
        }
        self.0.push(b'u');
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, the storage as a persistent id
    /// `("storage", class, key, device, length)`.
    fn tensor(&mut self, index: usize, tensor: &NamedTensor) {
        self.class("torch._utils", "_rebuild_tensor_v2");
        self.0.extend(b"((");
        self.text("storage");
        self.class("torch", if tensor.is_count() { "LongStorage" } else { "FloatStorage" });
        self.text(&index.to_string());
        self.text("cpu");
        self.integer(tensor.data.len() as i64);
        self.0.extend(b"tQ");
        self.integer(0);
        self.lengths(&tensor.shape);
        let strides = (0..tensor.shape.len()).map(|axis| tensor.shape[axis + 1..].iter().product());
        self.lengths(&strides.collect::<Vec<_>>());
        self.0.push(b'\x89');
        self.ordered_dict();
        self.0.extend(b"tR");
    }

    fn lengths(&mut self, lengths: &[usize]) {
        self.0.push(b'(');
        for length in lengths {
            self.integer(*length as i64);
        }
        self.0.push(b't');
    }
}
