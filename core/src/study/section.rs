//! What a part of a study contributes to the report.

use super::claim::Measure;
use crate::figure::{Figure, Table};

/// Figures, tables and numbers of one part of a study.
#[derive(Default)]
pub struct Section {
    /// Rows of figures, each with a caption.
    pub figures: Vec<Row>,
    /// Tables, each with a name for its file and a sentence on what it shows.
    pub tables: Vec<(String, Table, String)>,
    /// Numbers that claims are about.
    pub measures: Vec<Measure>,
    /// The commands that make it again.
    pub commands: Vec<String>,
}

/// Figures beside each other.
pub struct Row {
    /// Each with a name for its files.
    pub figures: Vec<(String, Box<dyn Figure>)>,
    /// What they show.
    pub caption: String,
}

impl Section {
    /// Adds figures beside each other.
    pub fn row(&mut self, figures: Vec<(String, Box<dyn Figure>)>, caption: &str) {
        self.figures.push(Row { figures, caption: caption.to_owned() });
    }

    /// Adds a table.
    pub fn table(&mut self, name: &str, table: Table, note: &str) {
        self.tables.push((name.to_owned(), table, note.to_owned()));
    }
}
