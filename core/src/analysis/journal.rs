//! Points of a long analysis, written as they come, so that a killed one goes on where it was.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::{Claim, claim};
use crate::error::{Error, Result};
use crate::file::{self, open_to_append};

/// `points.jsonl`: a line that says of which analysis, then a JSON object for each point, in the order of computation.
#[derive(Debug)]
pub struct Journal<P> {
    /// The points so far.
    pub points: Vec<P>,
    path: PathBuf,
    file: File,
    /// Two processes must not append at once.
    _lock: Claim,
}

#[derive(Serialize, Deserialize)]
struct Header {
    analysis: String,
}

impl<P: Serialize + DeserializeOwned> Journal<P> {
    /// Opens the journal of an analysis in a folder, or begins one; half a line, which a kill has left, is dropped.
    ///
    /// # Errors
    /// [`Error::Usage`] for a folder of another analysis, [`Error::Data`] for a line that is no point, [`Error::Run`] if
    /// another process works there.
    pub fn open(folder: &Path, analysis: &str) -> Result<Self> {
        let lock = claim(folder)?;
        let path = folder.join("points.jsonl");
        let mut file = open_to_append(&path)?;
        let text = file::read(&path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines =
            text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
        match lines.next() {
            None => {
                file.set_len(0).map_err(Error::io("write", &path))?;
                append(&mut file, &path, &Header { analysis: analysis.to_owned() })?;
            }
            Some((_, line)) => {
                let Header { analysis: known } = parse(line, &path, 0)?;
                if known != analysis {
                    let folder = folder.display();
                    return Err(Error::usage(format!(
                        "{folder} holds another analysis, {known}; choose another folder"
                    )));
                }
                file.set_len(whole as u64).map_err(Error::io("write", &path))?;
            }
        }
        let points = lines.map(|(number, line)| parse(line, &path, number)).collect::<Result<_>>()?;
        Ok(Self { points, path, file, _lock: lock })
    }

    /// The points that the journal in a folder has, of whichever analysis; half a line at its end is none.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no journal, [`Error::Data`] for a line that is no point.
    pub fn read(folder: &Path) -> Result<Vec<P>> {
        let path = folder.join("points.jsonl");
        let text = file::read(&path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
        lines.skip(1).map(|(number, line)| parse(line, &path, number)).collect()
    }

    /// Adds a point, on disk first.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn add(&mut self, point: P) -> Result<()> {
        append(&mut self.file, &self.path, &point)?;
        self.points.push(point);
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(line: &[u8], path: &Path, number: usize) -> Result<T> {
    serde_json::from_slice(line).map_err(|error| {
        let place = format!("{}:{}", path.display(), number + 1);
        Error::data(format!("{place} is broken ({error}); remove the file to compute all points anew"))
    })
}

fn append(file: &mut File, path: &Path, value: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(Error::run)? + "\n";
    file.write_all(line.as_bytes()).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_dropped_and_another_analysis_or_a_broken_line_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("points.jsonl");
        let open = || Journal::<(u32, f64)>::open(folder.path(), "mine");
        open().unwrap().add((1, 0.1)).unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&whole[..], b"[2,0."].concat()).unwrap();
        let mut journal = open().unwrap();
        assert_eq!(journal.points, [(1, 0.1)]);
        journal.add((2, 0.2)).unwrap();
        assert!(matches!(open(), Err(Error::Run(_))), "it is locked");
        drop(journal);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"analysis\":\"mine\"}\n[1,0.1]\n[2,0.2]\n");
        let other = Journal::<(u32, f64)>::open(folder.path(), "other");
        assert!(matches!(other, Err(Error::Usage(text)) if text.contains("mine")));
        std::fs::write(&file, [&whole[..], b"nonsense\n"].concat()).unwrap();
        assert!(matches!(open(), Err(Error::Data(text)) if text.contains("points.jsonl:3")));
        std::fs::write(&file, b"{\"ana").unwrap();
        assert_eq!(open().unwrap().points, []);
    }
}
