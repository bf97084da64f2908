//! The golden folder: the one that `BASIN_GOLDEN` names, or the project's own small copy.

use std::path::{Path, PathBuf};

/// The folder whose files are checked.
pub fn golden_folder() -> PathBuf {
    match std::env::var_os("BASIN_GOLDEN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

/// The files of the golden folder whose names start and end so, sorted; none at all is a failure.
pub fn golden_files(prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = golden_folder();
    let entries = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list the golden folder {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(prefix) && name.ends_with(suffix)
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {} matches {prefix}*{suffix}", folder.display());
    files
}

/// A JSON file.
#[allow(dead_code, reason = "not every test that shares this module reads JSON")]
pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
