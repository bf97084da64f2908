//! The golden folder: the one that `BASIN_GOLDEN` names, or the project's own small copy.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

/// Starts of the names of files that some test checks.
const CHECKED: [&str; 9] = [
    "numpy_rng",
    "model_",
    "transforms",
    "chexpert_labels",
    "metrics",
    "registry",
    "config_keys",
    "upstream-",
    "bare-state-dict",
];

/// The folder whose files are checked.
pub fn golden_folder() -> PathBuf {
    match std::env::var_os("BASIN_GOLDEN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

/// The files of the golden folder whose names start and end so, sorted. A folder in which no test finds anything is a
/// failure; one that lacks just this kind is reported.
pub fn golden_files(prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = golden_folder();
    let entries = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list the golden folder {}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let is_checked = |name: &String| CHECKED.iter().any(|start| name.starts_with(start));
    assert!(names.iter().any(is_checked), "nothing in {} is a golden file", folder.display());
    let ours = names.iter().filter(|name| name.starts_with(prefix) && name.ends_with(suffix));
    let files: Vec<PathBuf> = ours.map(|name| folder.join(name)).collect();
    if files.is_empty() {
        println!("skipped: no {prefix}*{suffix} in {}", folder.display());
    }
    files
}

/// A JSON file.
#[allow(dead_code, reason = "not every test that shares this module reads JSON")]
pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
