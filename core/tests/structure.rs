//! The structure of the source, held against what ARCHITECTURE.md says of it: no module knows what its row of the code map says
//! that it must not know, and modules beside each other form no circle.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Crate, Module};

/// The crates of the workspace, with the name under which others use them.
const CRATES: [(&str, &str); 3] = [("core", "basin_core"), ("runner", "basin_runner"), ("app", "basin_app")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn crates() -> BTreeMap<&'static str, Crate> {
    CRATES.into_iter().map(|(folder, _)| (folder, Crate::read(&root().join(folder).join("src")))).collect()
}

/// A row of the code map: places, and what they must not know.
#[derive(Debug, PartialEq)]
struct Row {
    /// Folder of the crate and module, such as `("core", "model::norm")`; the whole crate for an empty module.
    places: Vec<(String, Module)>,
    /// Modules of the same crate, or other crates.
    unknown: Vec<String>,
}

/// The words in backticks.
fn words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// `a/{b,c}` as `a/b` and `a/c`.
fn expanded(word: &str) -> Vec<String> {
    match (word.split_once('{'), word.strip_suffix('}')) {
        (Some((start, _)), Some(whole)) => {
            whole[start.len() + 1..].split(',').map(|name| format!("{start}{name}")).collect()
        }
        _ => vec![word.to_owned()],
    }
}

/// The rows of the code map.
fn rows(architecture: &str) -> Vec<Row> {
    let (_, map) = architecture.split_once("## Code map").expect("a code map");
    let map = map.split("\n## ").next().unwrap();
    let lines = map.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let [places, _, unknown] = cells[..] else { panic!("a row of three cells: {line}") };
        let place = |word: &str| {
            let word = word.trim_end_matches('/').trim_end_matches(".rs");
            let found = CRATES.iter().find_map(|(folder, _)| {
                let rest = word.strip_prefix(folder)?;
                let inner = rest.strip_prefix("/src/").unwrap_or(rest);
                (rest.is_empty() || rest.starts_with("/src"))
                    .then(|| ((*folder).to_owned(), inner.replace('/', "::")))
            });
            found.unwrap_or_else(|| ("core".to_owned(), word.replace('/', "::")))
        };
        let places = words(places).into_iter().flat_map(expanded);
        Row {
            places: places.map(|word| place(&word)).collect(),
            unknown: words(unknown).into_iter().map(str::to_owned).collect(),
        }
    };
    lines.map(row).collect()
}

/// Uses that a row of the code map forbids.
fn offences(rows: &[Row], crates: &BTreeMap<&str, Crate>) -> Vec<String> {
    let mut found = Vec::new();
    for Row { places, unknown } in rows {
        for (folder, place) in places {
            let source = &crates[folder.as_str()];
            if !place.is_empty() && !source.has(place) {
                found.push(format!("ARCHITECTURE.md names {place}, which {folder} has not"));
            }
            for used in source.uses().iter().filter(|used| source::is_within(&used.by, place)) {
                let is_own = source::is_within(&used.module, place);
                for name in unknown {
                    let module = name.replace('/', "::");
                    if used.of_crate.as_deref() == Some(name)
                        || (!is_own && used.of_crate.is_none() && source::is_within(&used.module, &module))
                    {
                        found.push(format!(
                            "{folder}/{} must not know {name}, and uses {}",
                            place.replace("::", "/"),
                            used.path
                        ));
                    }
                }
            }
        }
    }
    found
}

/// Circles between modules that lie beside each other, each with a use that closes it.
fn circles(source: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    for parent in source.parents() {
        let mut edges: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for used in source.uses().iter().filter(|used| used.of_crate.is_none()) {
            if let (Some(one), Some(two)) =
                (source::child(&parent, &used.by), source::child(&parent, &used.module))
                && one != two
            {
                let example = format!("{} uses {}", used.by, used.path);
                edges.entry(one).or_default().entry(two).or_insert(example);
            }
        }
        let reaches = |from: &str, to: &str| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(module) = next.pop() {
                for neighbour in edges.get(module).into_iter().flat_map(BTreeMap::keys) {
                    if neighbour == to {
                        return true;
                    }
                    if seen.insert(neighbour.as_str()) {
                        next.push(neighbour);
                    }
                }
            }
            false
        };
        for (one, targets) in &edges {
            for (two, example) in targets {
                if reaches(two, one) {
                    found.push(format!("{one} -> {two} is part of a circle: {example}"));
                }
            }
        }
    }
    found
}

#[test]
fn no_module_knows_what_it_must_not_know() {
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = rows(&architecture);
    assert!(rows.len() > 20 && rows.iter().filter(|row| !row.unknown.is_empty()).count() > 15, "{rows:#?}");
    let found = offences(&rows, &crates());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn modules_form_no_circle() {
    let crates = crates();
    let found = crates
        .iter()
        .flat_map(|(folder, source)| circles(source).into_iter().map(move |one| format!("{folder}: {one}")));
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Cargo does not look for tests by itself here, so that all of them are one program.
#[test]
fn every_file_of_tests_is_part_of_a_test_program() {
    for folder in ["core", "runner"].map(|name| root().join(name)) {
        let listed = std::fs::read_to_string(folder.join("tests/all.rs")).unwrap();
        let programs = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for entry in std::fs::read_dir(folder.join("tests")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
            let is_test =
                path.extension().is_some_and(|ending| ending == "rs") || path.join("main.rs").exists();
            let is_run =
                listed.contains(&format!("mod {name};")) || programs.contains(&format!("name = \"{name}\""));
            assert!(!is_test || is_run, "no test program has {}", path.display());
        }
    }
}

#[test]
fn planted_offences_and_circles_are_found() {
    let source = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned()));
        Crate::new(files.collect())
    };
    let clean = [
        ("", "pub mod model;\npub mod figure;\n"),
        ("model", "mod a;\nmod b;\npub use a::Thing;\n"),
        ("model::a", "use super::b::Other;\npub struct Thing(Other);\n"),
        ("model::b", "pub struct Other;\n#[cfg(test)]\nmod tests {\n    use super::super::Thing;\n}\n"),
        ("figure", "//! Knows no crate::model.\nuse std::fmt;\n"),
    ];
    let table = "## Code map\n\n| place | holds | must not know |\n|---|---|---|\n| `figure` | | `model`, `burn` |\n| `model/{a,b}` | | |\n\n## Next\n";
    let check = |files: &[(&str, &str)]| {
        let crates = BTreeMap::from([("core", source(files))]);
        (offences(&rows(table), &crates).len(), circles(&crates["core"]).len())
    };
    assert_eq!(check(&clean), (0, 0));
    let with = |module: &str, text: &'static str| {
        let mut files = clean.to_vec();
        files.iter_mut().find(|file| file.0 == module).unwrap().1 = text;
        check(&files)
    };
    for planted in [
        "use crate::model::Thing;",
        "use burn::{module::Module, tensor::{Device, Tensor}};",
        "use crate::{error, model};",
        "fn draw() -> crate::model::Thing { todo() }",
        "pub(crate) use super::model::Thing as Other;",
    ] {
        let (offences, circles) = with("figure", planted);
        assert!(offences > 0 && circles == 0, "{planted}");
    }
    // The parent hands on what the sibling has.
    assert_eq!(with("model::b", "use super::Thing;\npub struct Other;\n"), (0, 2));
    assert_eq!(with("model::b", "pub struct Other(super::a::Thing);\n"), (0, 2));
    assert_eq!(with("model::b", "use crate::model::{a::Thing};\n"), (0, 2));
}
