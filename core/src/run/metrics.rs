//! `metrics.jsonl`: the numbers of each epoch, a JSON object a line.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::tag;
use crate::error::{Error, Result};
use crate::file::{open_to_append, read_if_there, write_atomically};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsRecord {
    /// The epoch; 0 is before training.
    pub epoch: usize,
    /// Names and values, in the file's order.
    pub values: Vec<(String, f64)>,
}

impl MetricsRecord {
    /// The value of that name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The open file.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Opens the file, dropping what it says of `first_epoch` and later and a half-written last line.
    pub fn open(path: &Path, first_epoch: usize) -> Result<Self> {
        let kept = read_metrics(path)?.into_iter().filter(|record| record.epoch < first_epoch);
        let lines: String = kept.map(|record| line(record.epoch, &record.values)).collect();
        write_atomically(path, |file| file.write_all(lines.as_bytes()))?;
        let file = open_to_append(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds a line.
    pub fn append(&mut self, epoch: usize, values: &[(String, f64)]) -> Result<()> {
        self.file.write_all(line(epoch, values).as_bytes()).map_err(Error::io("write", &self.path))
    }

    /// Puts all lines on disk.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("write", &self.path))
    }
}

fn line(epoch: usize, values: &[(String, f64)]) -> String {
    let mut object = Map::from_iter([(tag::EPOCH.to_owned(), Value::from(epoch))]);
    object.extend(values.iter().map(|(name, value)| (name.clone(), Value::from(*value))));
    format!("{}\n", Value::Object(object))
}

/// All whole lines of the file; none if it is not there. A half-written last line is left out.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsRecord>> {
    let text = read_if_there(path)?.unwrap_or_default();
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            record(line).ok_or_else(|| {
                let place = format!("{}:{}", path.display(), number + 1);
                Error::data(format!("{place} is not a line of metrics; remove the line"))
            })
        })
        .collect()
}

fn record(line: &[u8]) -> Option<MetricsRecord> {
    let mut object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let epoch = object.shift_remove(tag::EPOCH)?.as_u64()? as usize;
    // JSON has no NaN; it is written as null.
    let values = object.into_iter().map(|(name, value)| (name, value.as_f64().unwrap_or(f64::NAN)));
    Some(MetricsRecord { epoch, values: values.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_log_repeats_no_epoch_and_drops_half_a_line() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?;
        let path = folder.path().join("metrics.jsonl");
        let value = |v: f64| vec![(tag::TEST_ACCURACY.to_owned(), v)];
        let mut log = MetricsLog::open(&path, 0)?;
        for epoch in 0..4 {
            log.append(epoch, &value(epoch as f64))?;
        }
        log.file.write_all(b"{\"epoch\":4,\"eval/te").map_err(Error::io("write", &path))?;
        let mut log = MetricsLog::open(&path, 2)?;
        log.append(2, &value(20.5))?;
        let read: Vec<(usize, f64)> = read_metrics(&path)?.iter().map(|r| (r.epoch, r.values[0].1)).collect();
        assert_eq!(read, [(0, 0.0), (1, 1.0), (2, 20.5)]);
        Ok(())
    }
}
