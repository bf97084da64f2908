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
        Dtype::F8_E4M3 => "float8_e4m3fn",
        Dtype::F8_E5M2 => "float8_e5m2",
        Dtype::F8_E8M0 => "float8_e8m0fnu",
        Dtype::C64 => "complex64",
        other => return format!("{other:?}").to_lowercase(),
    };
    known.to_owned()
}

/// Whether numbers of a type are read.
pub(super) fn is_read(dtype: Dtype) -> bool {
    doubles(dtype, &[]).is_some()
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

/// Whether one of some little-endian numbers is another as float32.
pub(super) fn is_rounded(dtype: Dtype, bytes: &[u8]) -> bool {
    match dtype {
        Dtype::F64 => convert(bytes, f64::from_le_bytes)
            .into_iter()
            .any(|number| f64::from(number as f32).to_bits() != number.to_bits() && !number.is_nan()),
        Dtype::I64 => {
            convert(bytes, i64::from_le_bytes).into_iter().any(|n| i128::from(n) != n as f32 as i128)
        }
        Dtype::U64 => {
            convert(bytes, u64::from_le_bytes).into_iter().any(|n| u128::from(n) != n as f32 as u128)
        }
        Dtype::I32 => convert(bytes, i32::from_le_bytes).into_iter().any(|n| i64::from(n) != n as f32 as i64),
        Dtype::U32 => convert(bytes, u32::from_le_bytes).into_iter().any(|n| i64::from(n) != n as f32 as i64),
        _ => false,
    }
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
        Dtype::F8_E4M3 => convert(bytes, |[b]| float8(b, 3, 7)),
        Dtype::F8_E5M2 => convert(bytes, |[b]| float8(b, 2, 15)),
        _ => return None,
    })
}

/// A number of 8 bits: a sign, an exponent, and a mantissa of some bits (OCP 8-bit floating point, sections 5.1 and 5.2).
fn float8(byte: u8, mantissa: u32, bias: i32) -> f64 {
    let exponents = 0x7f >> mantissa;
    let exponent = i32::from(byte & 0x7f) >> mantissa;
    let fraction = f64::from(byte & ((1 << mantissa) - 1)) / f64::from(1 << mantissa);
    let is_largest = exponent == exponents;
    let size = match (exponent, mantissa) {
        (0, _) => fraction * 2f64.powi(1 - bias),
        // With three bits only the largest number of all is NaN, and none is infinite.
        (_, 3) if byte & 0x7f == 0x7f => f64::NAN,
        (_, 2) if is_largest && fraction == 0.0 => f64::INFINITY,
        (_, 2) if is_largest => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - bias),
    };
    if byte & 0x80 == 0 { size } else { -size }
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
