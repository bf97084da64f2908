//! What the modules of a crate use, by their `use` lines and the paths in their code. Tests at the end of a file may use all.

use std::collections::BTreeMap;
use std::path::Path;

/// A module by its path, such as `model::norm`; empty for the crate itself.
pub type Module = String;

/// The modules of a crate and their text.
pub struct Crate {
    files: BTreeMap<Module, String>,
    uses: Vec<Used>,
}

/// A path that a module uses.
#[derive(Debug)]
pub struct Used {
    /// The module that uses it.
    pub by: Module,
    /// The path as it is written.
    pub path: String,
    /// The crate that it leads to, if it is another one.
    pub of_crate: Option<String>,
    /// The module of the same crate that it leads to; where a module hands on what another has, the other one.
    pub module: Module,
}

/// Whether a module is another one or lies in it.
pub fn is_within(module: &str, place: &str) -> bool {
    place.is_empty()
        || module == place
        || module.strip_prefix(place).is_some_and(|rest| rest.starts_with("::"))
}

/// The child of a module that another module is or lies in.
pub fn child(parent: &str, module: &str) -> Option<Module> {
    if !is_within(module, parent) || module == parent {
        return None;
    }
    let start = if parent.is_empty() { 0 } else { parent.len() + 2 };
    let end = module[start..].find("::").map_or(module.len(), |end| start + end);
    Some(module[..end].to_owned())
}

impl Crate {
    /// All files below a crate's `src`.
    pub fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let module = path.strip_prefix(folder).unwrap().with_extension("");
                    let parts: Vec<&str> = module.iter().map(|part| part.to_str().unwrap()).collect();
                    let module = match parts.as_slice() {
                        ["lib" | "main"] => String::new(),
                        // Tests in a file of their own may use all.
                        [.., "tests" | "testing"] => continue,
                        parts => parts.join("::"),
                    };
                    let text = std::fs::read_to_string(&path).unwrap();
                    files.entry(module).or_insert_with(String::new).push_str(&text);
                }
            }
        }
        Self::new(files)
    }

    /// Modules and their text.
    pub fn new(files: BTreeMap<Module, String>) -> Self {
        let files: BTreeMap<Module, String> =
            files.into_iter().map(|(module, text)| (module, without_tests_and_comments(&text))).collect();
        let handed_on: BTreeMap<Module, Vec<Vec<String>>> =
            files.iter().map(|(module, text)| (module.clone(), handed_on(text))).collect();
        let mut uses = Vec::new();
        for (by, text) in &files {
            for path in paths(text) {
                let (of_crate, module) = lead(by, &path, &files, &handed_on);
                uses.push(Used { by: by.clone(), path: path.join("::"), of_crate, module });
            }
        }
        Self { files, uses }
    }

    /// Whether there is such a module.
    pub fn has(&self, module: &str) -> bool {
        self.files.keys().any(|known| is_within(known, module))
    }

    /// All that all modules use.
    pub fn uses(&self) -> &[Used] {
        &self.uses
    }

    /// Modules that others lie in.
    pub fn parents(&self) -> Vec<Module> {
        let of =
            |module: &String| module.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.to_owned());
        let mut parents: Vec<Module> =
            self.files.keys().filter(|module| !module.is_empty()).map(of).collect();
        parents.sort();
        parents.dedup();
        parents
    }
}

fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// All paths of a file: those of `use` lines, and those in its code that name a module from the crate or the parent on.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = uses(text).into_iter().flat_map(|(_, tree)| expand(&tree)).collect();
    let code = text.split(';').filter(|statement| use_tree(statement).is_none());
    for statement in code {
        for start in ["crate::", "super::"] {
            for (at, _) in statement.match_indices(start) {
                let before = statement[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                    continue;
                }
                let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
                let rest = &statement[at..];
                let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
                let parts = rest[..end].trim_end_matches(':').split("::").map(str::to_owned);
                found.push(parts.filter(|part| !part.is_empty()).collect());
            }
        }
    }
    found
}

/// The trees of `use` statements, and whether each hands on what it uses.
fn uses(text: &str) -> Vec<(bool, String)> {
    text.split(';').filter_map(use_tree).collect()
}

/// The tree of a statement, if it ends in a `use`.
fn use_tree(statement: &str) -> Option<(bool, String)> {
    let at = statement.rmatch_indices("use ").map(|(at, _)| at).find(|at| {
        let line = statement[..*at].rsplit('\n').next().unwrap_or_default().trim();
        line.is_empty() || line == "pub" || (line.starts_with("pub(") && line.ends_with(')'))
    })?;
    let is_handed_on =
        statement[..at].rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with("pub"));
    let tree = statement[at + 4..].split_whitespace().collect::<Vec<_>>().join(" ");
    let is_tree = tree.chars().all(|c| c.is_alphanumeric() || "_:{}, *".contains(c));
    is_tree.then_some((is_handed_on, tree))
}

/// `a::{b, c::{d, e as f}}` as all of its paths.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![
            path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
        ];
    };
    let start: Vec<String> =
        tree[..open].split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[from..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(part).into_iter().map(|path| [start.clone(), path].concat())).collect()
}

/// The names that a file hands on, as paths.
fn handed_on(text: &str) -> Vec<Vec<String>> {
    uses(text)
        .into_iter()
        .filter(|(is_handed_on, _)| *is_handed_on)
        .flat_map(|(_, tree)| expand(&tree))
        .collect()
}

/// Where a path leads.
fn lead(
    by: &str,
    path: &[String],
    files: &BTreeMap<Module, String>,
    handed_on: &BTreeMap<Module, Vec<Vec<String>>>,
) -> (Option<String>, Module) {
    let mut at: Vec<&str> = by.split("::").filter(|part| !part.is_empty()).collect();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => {
            at.clear();
            rest = &path[1..];
        }
        Some("self") => rest = &path[1..],
        Some("super") => {
            while rest.first().is_some_and(|part| part == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        Some(first) => {
            let inner = [at.as_slice(), &[first]].concat().join("::");
            if !files.contains_key(&inner) {
                return (Some(first.to_owned()), String::new());
            }
        }
        None => {}
    }
    let mut module = at.join("::");
    for (number, part) in rest.iter().enumerate() {
        let inner = if module.is_empty() { part.clone() } else { format!("{module}::{part}") };
        if files.contains_key(&inner) {
            module = inner;
            continue;
        }
        // What the module hands on belongs to another one.
        let known = handed_on.get(&module).into_iter().flatten();
        if let Some(source) =
            known.filter(|source| source.len() > 1 || number > 0).find(|source| source.last() == Some(part))
            && source.as_slice() != path
        {
            return lead(&module, source, files, handed_on);
        }
        break;
    }
    (None, module)
}
