//! A study as written in RON.

use std::collections::HashSet;
use std::path::Path;

use ron::extensions::Extensions;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::part::Part;
use super::section::Checking;
use crate::config::Registry;
use crate::error::{Error, Result};
use crate::file::read_text;

/// The studies that come with the program.
const BUILT_IN: [(&str, &str); 11] = [
    ("demo", include_str!("../../../configs/studies/demo.ron")),
    ("lpft", include_str!("../../../configs/studies/lpft.ron")),
    ("lpft/domainnet", include_str!("../../../configs/studies/lpft/domainnet.ron")),
    ("paper/fig2", include_str!("../../../configs/studies/paper/fig2.ron")),
    ("paper/fig3", include_str!("../../../configs/studies/paper/fig3.ron")),
    ("paper/fig4", include_str!("../../../configs/studies/paper/fig4.ron")),
    ("paper/fig5", include_str!("../../../configs/studies/paper/fig5.ron")),
    ("paper/fig6", include_str!("../../../configs/studies/paper/fig6.ron")),
    ("paper/fig7", include_str!("../../../configs/studies/paper/fig7.ron")),
    ("paper/table1", include_str!("../../../configs/studies/paper/table1.ron")),
    ("paper/table2", include_str!("../../../configs/studies/paper/table2.ron")),
];

/// Runs, what is measured on their networks, and what the paper says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name of its folder; that of its file.
    #[serde(skip_deserializing)]
    pub name: String,
    /// Heading of the report.
    pub title: String,
    /// What is asked, and how it is answered.
    pub about: String,
    /// What must be there: data sets, pre-trained weights.
    #[serde(default)]
    pub needs: String,
    /// What it costs: time, and the space of the checkpoints.
    pub costs: String,
    /// Runs with a name each, in the order in which they are trained.
    #[serde(default)]
    pub runs: Vec<Member>,
    /// Runs of many keys, trained after these.
    #[serde(default)]
    pub sweeps: Vec<Sweep>,
    /// The sections of the report.
    pub parts: Vec<Part>,
    /// Orderings that the paper found.
    #[serde(default)]
    pub claims: Vec<Claim>,
}

/// A run of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What the report calls it; P-T and RI-T are the paper's words for tuned and trained from random weights.
    pub name: String,
    /// Its key in the registry.
    pub key: String,
    /// Which instance of the key.
    #[serde(default)]
    pub replicate: u64,
    /// Settings that differ from the key's, as `path=value`.
    #[serde(default)]
    pub set: Vec<String>,
}

/// All keys in which a regular expression is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The regular expression.
    pub keys: String,
    /// Which instances of each key.
    pub replicates: Vec<u64>,
}

impl Study {
    /// A study that comes with the program, by its name, or one of the user's own, by the path of its file (`*.ron`).
    ///
    /// # Errors
    /// [`Error::Usage`] naming the studies there are, or the file, line and column of what is wrong.
    pub fn open(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if path.extension().is_some_and(|ending| ending == "ron") {
            let text = read_text(path)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            return Self::parse(&stem, name, &text);
        }
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            return Err(Error::usage(format!(
                "no study {name}; there are {known}, or name a file of your own, study.ron"
            )));
        };
        Self::parse(name, &format!("configs/studies/{name}.ron"), text)
    }

    fn parse(name: &str, file: &str, text: &str) -> Result<Self> {
        let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
        let study: Self = options.from_str(text).map_err(|error| {
            let start = error.span.start;
            Error::usage(format!("{file}:{}:{}: {}", start.line, start.col, error.code))
        })?;
        let wrong = |what: String| Error::usage(format!("{file}: {what}"));
        let names: HashSet<&str> = study.runs.iter().map(|run| run.name.as_str()).collect();
        if names.len() < study.runs.len() {
            return Err(wrong("two runs have the same name".to_owned()));
        }
        for part in &study.parts {
            part.analysis.visit(Checking(&names)).map_err(|what| wrong(format!("{}: {what}", part.title)))?;
        }
        Ok(Self { name: name.to_owned(), ..study })
    }

    /// All runs, in the order in which they are trained; those of sweeps are called by their key.
    ///
    /// # Errors
    /// [`Error::Usage`] for a sweep that meets no key.
    pub fn members(&self, registry: &Registry) -> Result<Vec<Member>> {
        let mut members = self.runs.clone();
        for Sweep { keys, replicates } in &self.sweeps {
            let found = registry.matching(keys)?;
            if found.is_empty() {
                return Err(Error::usage(format!("a sweep of study {} meets no key: {keys}", self.name)));
            }
            for replicate in replicates {
                members.extend(found.iter().map(|key| Member {
                    name: format!("{key} {replicate}"),
                    key: (*key).to_owned(),
                    replicate: *replicate,
                    set: Vec::new(),
                }));
            }
        }
        Ok(members)
    }
}
