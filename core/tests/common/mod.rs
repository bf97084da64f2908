//! The golden folder: the one that `BASIN_GOLDEN` names, or the project's own small copy.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

/// Starts of the names of files that some test checks.
const CHECKED: [&str; 7] =
    ["numpy_rng", "model_", "transforms", "registry", "config_keys", "upstream-", "bare-state-dict"];
/// Starts of the names of files that belong to what the project does not have yet.
const LATER: [&str; 2] = ["chexpert", "metrics.json"];

/// The folder whose files are checked.
pub fn golden_folder() -> PathBuf {
    match std::env::var_os("BASIN_GOLDEN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

/// The files of the golden folder whose names start and end so, sorted. A folder in which no test finds anything is a
/// failure; one that lacks just this kind is reported, and so are files that no test reads yet.
pub fn golden_files(prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = golden_folder();
    let entries = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list the golden folder {}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let any_of = |starts: &[&str], name: &String| starts.iter().any(|start| name.starts_with(start));
    assert!(
        names.iter().any(|name| any_of(&CHECKED, name)),
        "nothing in {} is a golden file",
        folder.display()
    );
    for later in names.iter().filter(|name| any_of(&LATER, name)) {
        println!("skipped: {later} belongs to what is not there yet");
    }
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
