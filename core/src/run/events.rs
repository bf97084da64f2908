//! TensorBoard's event files: scalars, written and read.
//!
//! A file is a series of records (length, its checksum, bytes, their checksum), each a protocol buffer `Event`.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::crc::masked;
use crate::error::{Error, Result};

/// One number of an event file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// What it is: one of [`super::tag`].
    pub tag: String,
    /// When; for a run, the epoch.
    pub step: i64,
    /// The number.
    pub value: f32,
}

/// A new event file in a folder that may have some.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
    written: HashSet<(String, i64)>,
}

impl EventWriter {
    /// Creates a file; what the folder's files hold already will not be written again.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let written = read_events(folder)?.into_iter().map(|scalar| (scalar.tag, scalar.step)).collect();
        let seconds = now().as_secs();
        let name = |number: usize| folder.join(format!("events.out.tfevents.{seconds}.basin.{number}"));
        let path = (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
        let file = BufWriter::new(File::create(&path).map_err(Error::io("write", &path))?);
        let mut writer = Self { path, file, written };
        writer.record(&event(0, &field_bytes(3, b"brain.Event:2")))?;
        Ok(writer)
    }

    /// Adds a number, unless the folder has it.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f32) -> Result<()> {
        if !self.written.insert((tag.to_owned(), step)) {
            return Ok(());
        }
        let mut entry = field_bytes(1, tag.as_bytes());
        entry.push(2 << 3 | FIXED32);
        entry.extend(value.to_le_bytes());
        let summary = field_bytes(1, &entry);
        self.record(&event(step, &field_bytes(5, &summary)))
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::io("write", &self.path))
    }

    fn record(&mut self, event: &[u8]) -> Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked(&length).to_le_bytes(), event, &masked(event).to_le_bytes()];
        self.file.write_all(&parts.concat()).map_err(Error::io("write", &self.path))
    }
}

/// All scalars of a folder's event files, in the files' order; none if there is no folder. What follows a broken or
/// half-written record is left out.
pub fn read_events(folder: &Path) -> Result<Vec<Scalar>> {
    Ok(read_records(folder, scalars_of)?.into_iter().flatten().collect())
}

/// When each epoch was over, in seconds since 1970: the last time that an event of it was written.
pub fn epoch_times(folder: &Path) -> Result<BTreeMap<i64, f64>> {
    let times = read_records(folder, |event| {
        let fields = fields(event);
        let time =
            fields.iter().find_map(|f| if let (1, Field::Double(time)) = f { Some(*time) } else { None })?;
        let step =
            fields.iter().find_map(|f| if let (2, Field::Number(step)) = f { Some(*step) } else { None })?;
        fields.iter().any(|(number, _)| *number == 5).then_some((step as i64, time))
    })?;
    Ok(times.into_iter().flatten().collect())
}

/// What is made of each record of a folder's event files, in the files' order.
fn read_records<T>(folder: &Path, read: impl Fn(&[u8]) -> T) -> Result<Vec<T>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("read", folder))?,
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.to_string_lossy().contains("tfevents"));
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let mut rest = bytes.as_slice();
        records.extend(std::iter::from_fn(|| next_record(&mut rest)).map(&read));
    }
    Ok(records)
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

/// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// `Event { wall_time = 1, step = 2, ... }`, followed by one more field.
fn event(step: i64, field: &[u8]) -> Vec<u8> {
    let mut event = vec![1 << 3 | FIXED64];
    event.extend(now().as_secs_f64().to_le_bytes());
    event.push(2 << 3 | VARINT);
    push_varint(&mut event, step as u64);
    event.extend(field);
    event
}

fn field_bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | BYTES];
    push_varint(&mut field, bytes.len() as u64);
    field.extend(bytes);
    field
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn scalars_of(event: &[u8]) -> Vec<Scalar> {
    let fields = fields(event);
    let step = fields.iter().find_map(|field| match field {
        (2, Field::Number(step)) => Some(*step as i64),
        _ => None,
    });
    let summaries =
        fields.iter().filter_map(|field| if let (5, Field::Bytes(b)) = field { Some(*b) } else { None });
    summaries
        .flat_map(self::fields)
        .filter_map(|field| {
            let (1, Field::Bytes(entry)) = field else { return None };
            let entry = self::fields(entry);
            let tag =
                entry.iter().find_map(|f| if let (1, Field::Bytes(b)) = f { Some(*b) } else { None })?;
            let value =
                entry.iter().find_map(|f| if let (2, Field::Float(v)) = f { Some(*v) } else { None })?;
            Some(Scalar { tag: String::from_utf8_lossy(tag).into_owned(), step: step.unwrap_or(0), value })
        })
        .collect()
}

enum Field<'a> {
    Number(u64),
    Double(f64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// The fields of a message up to the first that makes no sense.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    std::iter::from_fn(|| next_field(&mut message)).collect()
}

fn next_field<'a>(message: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = take_varint(message)?;
    let field = match (key & 7) as u8 {
        VARINT => Field::Number(take_varint(message)?),
        FIXED64 => Field::Double(f64::from_le_bytes(take(message, 8)?.try_into().ok()?)),
        FIXED32 => Field::Float(f32::from_le_bytes(take(message, 4)?.try_into().ok()?)),
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

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tag::TEST_ACCURACY;

    #[test]
    fn a_second_writer_repeats_nothing_and_a_cut_file_keeps_its_whole_records() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?;
        let mut writer = EventWriter::open(folder.path())?;
        for step in 0..3 {
            writer.scalar(TEST_ACCURACY, step, step as f32 / 3.0)?;
        }
        writer.flush()?;
        let first = read_events(folder.path())?;
        assert_eq!(first.len(), 3);
        assert_eq!(first[2], Scalar { tag: TEST_ACCURACY.to_owned(), step: 2, value: 2.0 / 3.0 });
        let times = epoch_times(folder.path())?;
        assert!(times.keys().eq(&[0, 1, 2]) && times.values().all(|time| now().as_secs_f64() - time < 60.0));

        let bytes = std::fs::read(&writer.path).map_err(Error::io("read", &writer.path))?;
        std::fs::write(&writer.path, &bytes[..bytes.len() - 1]).map_err(Error::io("write", &writer.path))?;
        let mut writer = EventWriter::open(folder.path())?;
        writer.scalar(TEST_ACCURACY, 1, 7.0)?;
        writer.scalar(TEST_ACCURACY, 2, 9.0)?;
        writer.flush()?;
        let values: Vec<f32> = read_events(folder.path())?.iter().map(|scalar| scalar.value).collect();
        assert_eq!(values, [0.0, 1.0 / 3.0, 9.0]);
        Ok(())
    }
}
