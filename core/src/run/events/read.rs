//! Reading event files, also those of other writers, as TensorBoard does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};

use super::{BYTES, FIXED32, FIXED64, Scalar, VARINT};
use crate::error::{Error, Result};
use crate::file;
use crate::run::crc::masked;

/// What is read of an `Event`.
struct Event {
    /// In seconds since 1970.
    time: Option<f64>,
    step: i64,
    scalars: Vec<Scalar>,
    /// Whether it has a summary, which may hold something else than scalars.
    has_summary: bool,
    /// Whether a session begins here, which replaces what was written from this step on.
    begins_session: bool,
}

/// All scalars of a folder's event files, in the files' order; none if there is no folder. A session that begins at a step
/// replaces what stood there and after it, as in TensorBoard (PyTorch's `purge_step`). What follows a broken or half-written record
/// of a file is left out.
///
/// # Errors
/// [`Error::Io`] naming what cannot be read.
pub fn read_events(folder: &Path) -> Result<Vec<Scalar>> {
    Ok(events(folder)?.into_iter().flat_map(|event| event.scalars).collect())
}

/// When each epoch was over, in seconds since 1970: the last time that an event of it was written.
///
/// # Errors
/// As [`read_events`].
pub fn epoch_times(folder: &Path) -> Result<BTreeMap<i64, f64>> {
    let with_summary = events(folder)?.into_iter().filter(|event| event.has_summary);
    Ok(with_summary.filter_map(|event| Some((event.step, event.time?))).collect())
}

/// The events of a folder's files that no later session replaces, in the files' order.
fn events(folder: &Path) -> Result<Vec<Event>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("read", folder))?,
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(Error::io("read", folder))?.path());
    }
    paths.retain(|path| path.to_string_lossy().contains("tfevents"));
    paths.sort();
    let mut events: Vec<Event> = Vec::new();
    for path in paths {
        let bytes = file::read(&path)?;
        let mut rest = bytes.as_slice();
        while let Some(event) = next_record(&mut rest).map(Event::read) {
            if event.begins_session {
                events.retain(|before| before.step < event.step);
            }
            events.push(event);
        }
    }
    Ok(events)
}

/// Takes a whole record with right checksums from the front.
fn next_record<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(8)?;
    let (length_sum, after) = after.split_at_checked(4)?;
    let size = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (event, after) = after.split_at_checked(size)?;
    let (event_sum, after) = after.split_at_checked(4)?;
    *rest = after;
    (masked(length).to_le_bytes() == length_sum && masked(event).to_le_bytes() == event_sum).then_some(event)
}

impl Event {
    /// `Event { wall_time = 1, step = 2, summary = 5, session_log = 7 }`.
    fn read(message: &[u8]) -> Self {
        let mut event =
            Self { time: None, step: 0, scalars: Vec::new(), has_summary: false, begins_session: false };
        let mut values = Vec::new();
        for field in fields(message) {
            match field {
                (1, Field::Fixed64(bytes)) => event.time = Some(f64::from_le_bytes(bytes)),
                (2, Field::Number(step)) => event.step = step as i64,
                (5, Field::Bytes(summary)) => {
                    event.has_summary = true;
                    values.extend(fields(summary).filter_map(|field| match field {
                        (1, Field::Bytes(value)) => Some(value),
                        _ => None,
                    }));
                }
                // `SessionLog { status = 1 }`, which is `START = 1`.
                (7, Field::Bytes(log)) => {
                    event.begins_session = fields(log).any(|field| matches!(field, (1, Field::Number(1))));
                }
                _ => {}
            }
        }
        let scalar = |value: &[u8]| scalar(value, event.step);
        event.scalars = values.into_iter().filter_map(scalar).collect();
        event
    }
}

/// `Value { tag = 1, simple_value = 2, tensor = 8 }`, if it is a number.
fn scalar(value: &[u8], step: i64) -> Option<Scalar> {
    let (mut tag, mut number) = (None, None);
    for field in fields(value) {
        match field {
            (1, Field::Bytes(bytes)) => tag = Some(String::from_utf8_lossy(bytes).into_owned()),
            (2, Field::Fixed32(bytes)) => number = Some(f64::from(f32::from_le_bytes(bytes))),
            (8, Field::Bytes(tensor)) => number = tensor_number(tensor),
            _ => {}
        }
    }
    Some(Scalar { tag: tag?, step, value: number? })
}

/// The number in a `TensorProto` of no dimensions: `{ dtype = 1, shape = 2, content = 4, values = 5 and more }`.
fn tensor_number(tensor: &[u8]) -> Option<f64> {
    let (mut kind, mut content, mut value) = (0, None, None);
    for field in fields(tensor) {
        match field {
            (1, Field::Number(number)) => kind = number,
            // `TensorShape { dim = 2, unknown_rank = 3 }`: it has none of both.
            (2, Field::Bytes(shape)) if fields(shape).next().is_some() => return None,
            (4, Field::Bytes(bytes)) if !bytes.is_empty() => content = Some(bytes),
            (5..=17, field) => value = value.or(Some(field)),
            _ => {}
        }
    }
    let number = |bytes: &[u8]| -> Option<f64> {
        Some(match (kind, bytes) {
            (1, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).into(),
            (2, bytes) => f64::from_le_bytes(bytes.try_into().ok()?),
            (3, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).into(),
            (4, &[a]) => a.into(),
            (5, &[a, b]) => i16::from_le_bytes([a, b]).into(),
            (6, &[a]) => (a as i8).into(),
            (9, bytes) => i64::from_le_bytes(bytes.try_into().ok()?) as f64,
            (14, &[a, b]) => bf16::from_le_bytes([a, b]).into(),
            (17, &[a, b]) => u16::from_le_bytes([a, b]).into(),
            (19, &[a, b]) => f16::from_le_bytes([a, b]).into(),
            (22, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]).into(),
            (23, bytes) => u64::from_le_bytes(bytes.try_into().ok()?) as f64,
            _ => return None,
        })
    };
    if let Some(bytes) = content {
        return number(bytes);
    }
    // Halves and integers are written as varints, and a list of one may be packed.
    let of_varint = |value: u64| match kind {
        3..=6 | 9 => Some(value as i64 as f64),
        14 => Some(bf16::from_bits(value as u16).into()),
        17 | 22 | 23 => Some(value as f64),
        19 => Some(f16::from_bits(value as u16).into()),
        _ => None,
    };
    match value? {
        Field::Number(value) => of_varint(value),
        Field::Fixed32(bytes) => number(&bytes),
        Field::Fixed64(bytes) => number(&bytes),
        Field::Bytes(packed) if matches!(kind, 1 | 2) => number(packed),
        Field::Bytes(mut packed) => of_varint(take_varint(&mut packed)?),
    }
}

enum Field<'a> {
    Number(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// The fields of a message up to the first that makes no sense.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || next_field(&mut message))
}

fn next_field<'a>(message: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = take_varint(message)?;
    let field = match (key & 7) as u8 {
        VARINT => Field::Number(take_varint(message)?),
        FIXED64 => Field::Fixed64(take(message, 8)?.try_into().ok()?),
        FIXED32 => Field::Fixed32(take(message, 4)?.try_into().ok()?),
        BYTES => {
            let length = usize::try_from(take_varint(message)?).ok()?;
            Field::Bytes(take(message, length)?)
        }
        _ => return None,
    };
    Some((key >> 3, field))
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
