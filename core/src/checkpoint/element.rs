//! The types of numbers that a file may hold.

use std::io::{self, Write};

use safetensors::tensor::Dtype;

use super::NamedTensor;

/// PyTorch's name of a type.
pub(super) fn name(dtype: Dtype) -> String {
    let known = match dtype {
        Dtype::F64 => "float64",
        Dtype::F32 => "float32",
        Dtype::F16 => "float16",
        Dtype::BF16 => "bfloat16",
        Dtype::I64 => "int64",
        Dtype::I32 => "int32",
        Dtype::I16 => "int16",
        Dtype::I8 => "int8",
        Dtype::U64 => "uint64",
        Dtype::U32 => "uint32",
        Dtype::U16 => "uint16",
        Dtype::U8 => "uint8",
        Dtype::BOOL => "bool",
        other => return format!("{other:?}").to_lowercase(),
    };
    known.to_owned()
}

/// Little-endian numbers as float32; `None` for the types of less than a byte and their kin.
pub(super) fn floats(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    // A large integer is rounded once: through a double, some would be rounded twice.
    Some(match dtype {
        Dtype::F32 => convert(bytes, f32::from_le_bytes),
        Dtype::I64 => convert(bytes, |b| i64::from_le_bytes(b) as f32),
        Dtype::U64 => convert(bytes, |b| u64::from_le_bytes(b) as f32),
        _ => {
            return doubles(dtype, bytes)
                .map(|numbers| numbers.into_iter().map(|number| number as f32).collect());
        }
    })
}

/// Little-endian numbers as float64, in which all but 64-bit integers are exact; `None` as for [`floats`].
pub(super) fn doubles(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f64>> {
    Some(match dtype {
        Dtype::F64 => convert(bytes, f64::from_le_bytes),
        Dtype::F32 => convert(bytes, |b| f32::from_le_bytes(b).into()),
        Dtype::F16 => convert(bytes, |b| half::f16::from_le_bytes(b).into()),
        Dtype::BF16 => convert(bytes, |b| half::bf16::from_le_bytes(b).into()),
        Dtype::I64 => convert(bytes, |b| i64::from_le_bytes(b) as f64),
        Dtype::I32 => convert(bytes, |b| i32::from_le_bytes(b).into()),
        Dtype::I16 => convert(bytes, |b| i16::from_le_bytes(b).into()),
        Dtype::I8 => convert(bytes, |b| i8::from_le_bytes(b).into()),
        Dtype::U64 => convert(bytes, |b| u64::from_le_bytes(b) as f64),
        Dtype::U32 => convert(bytes, |b| u32::from_le_bytes(b).into()),
        Dtype::U16 => convert(bytes, |b| u16::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::BOOL => convert(bytes, |[b]| b.into()),
        _ => return None,
    })
}

fn convert<T, const SIZE: usize>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

/// Writes the values of a tensor, little-endian: float32, and int64 where PyTorch keeps a count.
pub(super) fn write(tensor: &NamedTensor, file: &mut dyn Write) -> io::Result<()> {
    for chunk in tensor.data.chunks(1 << 14) {
        let bytes: Vec<u8> = if tensor.is_count() {
            chunk.iter().flat_map(|value| (*value as i64).to_le_bytes()).collect()
        } else {
            chunk.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        file.write_all(&bytes)?;
    }
    Ok(())
}
