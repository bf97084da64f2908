//! The golden folder: the one that `BASIN_GOLDEN` names, or the project's own small copy.

use std::path::{Path, PathBuf};

/// Starts of the names of files that some test checks.
const CHECKED: [&str; 11] = [
    "numpy_rng",
    "model_",
    "network_",
    "transforms",
    "bicubic",
    "chexpert_labels",
    "metrics",
    "registry",
    "config_keys",
    "upstream-",
    "bare-state-dict",
];

/// The files of the golden folder whose names start and end so, sorted; see [`find`].
#[track_caller]
pub fn golden_files(prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let found = match std::env::var_os("BASIN_GOLDEN") {
        Some(folder) => find(Path::new(&folder), Lacks::SomeKinds, prefix, suffix),
        None => {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            find(&own, Lacks::Nothing, prefix, suffix)
        }
    };
    found.unwrap_or_else(|problem| panic!("{problem}"))
}

/// What a golden folder may be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// The project's own copy has files of every kind.
    Nothing,
    /// A folder that was named may lack kinds, which is reported, but not all that any test checks.
    SomeKinds,
}

/// The files of a golden folder whose names start and end so, sorted, or what is wrong with the folder.
pub fn find(folder: &Path, lacks: Lacks, prefix: &str, suffix: &str) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("cannot list the golden folder {}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    if !names.iter().any(|name| CHECKED.iter().any(|start| name.starts_with(start))) {
        return Err(format!("nothing in {} is a golden file", folder.display()));
    }
    let files = names.iter().filter(|name| name.starts_with(prefix) && name.ends_with(suffix));
    let files: Vec<PathBuf> = files.map(|name| folder.join(name)).collect();
    match (files.is_empty(), lacks) {
        (true, Lacks::Nothing) => return Err(format!("no {prefix}*{suffix} in {}", folder.display())),
        (true, Lacks::SomeKinds) => println!("skipped: no {prefix}*{suffix} in {}", folder.display()),
        (false, _) => {}
    }
    Ok(files)
}

/// A list in a golden file; an empty one would check nothing.
#[track_caller]
pub fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty(), "an empty list in a golden file");
    list
}

/// A JSON file.
pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
