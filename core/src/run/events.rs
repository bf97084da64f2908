//! TensorBoard's event files: scalars, written and read.
//!
//! A file is a series of records (length, its checksum, bytes, their checksum), each a protocol buffer `Event`.

mod read;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub use read::{epoch_times, read_events};

use super::crc::masked;
use crate::error::{Error, Result};
use crate::file::{create_folder, sync_folder};

/// One number of an event file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// What it is: one of [`super::tag`].
    pub tag: String,
    /// When; for a run, the epoch.
    pub step: i64,
    /// The number; a file holds single precision, or double where a writer asked for it.
    pub value: f64,
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
        create_folder(folder)?;
        let written = read_events(folder)?.into_iter().map(|scalar| (scalar.tag, scalar.step)).collect();
        let seconds = now().as_secs();
        let name = |number: usize| folder.join(format!("events.out.tfevents.{seconds}.basin.{number}"));
        let path = (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
        let file = File::create_new(&path).map_err(Error::io("write", &path))?;
        sync_folder(folder).map_err(Error::io("write", folder))?;
        let mut writer = Self { path, file: BufWriter::new(file), written };
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

    /// Puts everything on disk.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.file.get_ref().sync_data().map_err(Error::io("write", &self.path))
    }

    fn record(&mut self, event: &[u8]) -> Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked(&length).to_le_bytes(), event, &masked(event).to_le_bytes()];
        self.file.write_all(&parts.concat()).map_err(Error::io("write", &self.path))
    }
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
        assert_eq!(
            first[2],
            Scalar { tag: TEST_ACCURACY.to_owned(), step: 2, value: (2.0_f32 / 3.0).into() }
        );
        let times = epoch_times(folder.path())?;
        assert!(times.keys().eq(&[0, 1, 2]) && times.values().all(|time| now().as_secs_f64() - time < 60.0));

        let bytes = std::fs::read(&writer.path).map_err(Error::io("read", &writer.path))?;
        std::fs::write(&writer.path, &bytes[..bytes.len() - 1]).map_err(Error::io("write", &writer.path))?;
        let mut writer = EventWriter::open(folder.path())?;
        writer.scalar(TEST_ACCURACY, 1, 7.0)?;
        writer.scalar(TEST_ACCURACY, 2, 9.0)?;
        writer.flush()?;
        let values: Vec<f64> = read_events(folder.path())?.iter().map(|scalar| scalar.value).collect();
        assert_eq!(values, [0.0, (1.0_f32 / 3.0).into(), 9.0]);
        Ok(())
    }
}
