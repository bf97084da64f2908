//! The sections of a study's report: what is measured, on which networks, and the paper's own numbers.

use serde::{Deserialize, Serialize};

use crate::analysis;
use crate::figure::Table;

/// A section of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its heading.
    pub title: String,
    /// What it shows and how to read it.
    #[serde(default)]
    pub about: String,
    /// What is measured.
    pub analysis: analysis::Part,
    /// What the paper found, printed after what was found here.
    #[serde(default)]
    pub paper: Vec<Numbers>,
}

/// Numbers of the paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Which figure or table, and how exact they are.
    pub title: String,
    /// What the columns hold.
    pub columns: Vec<String>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

impl Numbers {
    /// As a table.
    pub(super) fn table(&self) -> Table {
        Table { columns: self.columns.clone(), rows: self.rows.clone() }
    }
}
