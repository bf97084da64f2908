//! Tensors as views of storages, which the container keeps as records of bytes.

use std::borrow::Cow;

use safetensors::tensor::Dtype;

use super::{Fault, Storage, Storages, damaged};

/// PyTorch's types of numbers: name of the typed storage without "Storage", name of the type, bytes of a number, and what
/// values are read as; none for those that are not read.
const TYPES: [(&str, &str, usize, Option<Dtype>); 27] = [
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
    ("QUInt4x2", "quint4x2", 1, None),
    ("QUInt2x4", "quint2x4", 1, None),
    // Bytes, whose type each tensor names.
    ("Untyped", "untyped", 1, None),
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

/// A type of numbers.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Element {
    pub name: &'static str,
    /// In bytes.
    pub size: usize,
    pub dtype: Option<Dtype>,
}

impl Element {
    pub(super) fn find(is_it: impl Fn(&str, &str) -> bool) -> Option<Self> {
        let found = TYPES.iter().find(|(storage, name, ..)| is_it(storage, name))?;
        Some(Self { name: found.1, size: found.2, dtype: found.3 })
    }
}

/// Numbers in a storage.
#[derive(Debug, Clone)]
pub(in super::super) struct View {
    pub shape: Vec<usize>,
    strides: Vec<usize>,
    /// Numbers before the first one.
    offset: usize,
    pub(super) element: Element,
    storage: String,
    /// Whether values are read with the other sign (PyTorch's negative views).
    is_negated: bool,
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

/// A tensor whose bytes are all there.
#[derive(Debug)]
pub(super) struct Tensor {
    pub view: View,
    storage: Storage,
}

impl View {
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
        Ok(Self { shape, strides, offset, element, storage: storage.key, is_negated: false })
    }

    /// The same numbers with the other sign.
    pub fn negated(self) -> Self {
        Self { is_negated: true, ..self }
    }

    /// Finds the storage, and checks that it holds every number.
    pub(super) fn found_in(self, storages: &Storages) -> Result<Tensor, Fault> {
        let Self { shape, strides, offset, element, storage, .. } = &self;
        let found = storages.records.get(storage).cloned();
        let found = found.ok_or_else(|| damaged(format!("storage {storage} is missing")))?;
        let last = shape.iter().zip(strides).try_fold(*offset, |last, (length, stride)| {
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
        Ok(Tensor { view: self, storage: found })
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

impl Tensor {
    /// Length of its values in bytes.
    pub fn len(&self) -> usize {
        self.view.shape.iter().product::<usize>() * self.view.element.size
    }

    /// Its values, row-major and little-endian.
    pub fn read<'a>(&self, storages: &'a Storages) -> Result<Cow<'a, [u8]>, Fault> {
        if self.len() == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let bytes = storages.bytes(&self.storage)?;
        let size = self.view.element.size;
        let start = self.view.offset * size;
        let mut values = if self.view.is_contiguous() {
            let place = start..start + self.len();
            match bytes {
                Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[place]),
                Cow::Owned(bytes) => Cow::Owned(bytes[place].to_vec()),
            }
        } else {
            let mut values = Vec::with_capacity(self.len());
            self.view.gather(&bytes[start..], &mut values);
            Cow::Owned(values)
        };
        if storages.big_endian && size > 1 {
            values.to_mut().chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        if self.view.is_negated {
            // The sign of a floating-point number is its highest bit.
            values.to_mut().iter_mut().skip(size - 1).step_by(size).for_each(|byte| *byte ^= 0x80);
        }
        Ok(values)
    }
}
