//! What an analysis shows: tables, figures with captions, images, and numbers that claims are about. The terminal, the folder of
//! a result, a study's page and the window show the same report, each as much of it as fits.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::figure::{Drawing, Figure as _, Table};
use crate::file::{folder_of, remove_temporaries, write_atomically};
use crate::number;

/// Tables, figures and numbers.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Sentences before all else.
    pub lead: Vec<String>,
    /// Rows of figures.
    pub rows: Vec<Row>,
    /// Contact sheets and the like.
    pub images: Vec<Image>,
    /// Tables.
    pub tables: Vec<TableItem>,
    /// Sentences after all else: how the numbers are made, and what to know about them.
    pub notes: Vec<String>,
    /// Numbers that claims of a study are about.
    pub measures: Vec<Measure>,
}

/// Figures beside each other.
#[derive(Debug, Clone)]
pub struct Row {
    /// The figures.
    pub figures: Vec<FigureItem>,
    /// What they show.
    pub caption: String,
}

/// A figure of a report.
#[derive(Debug, Clone)]
pub struct FigureItem {
    /// Its files.
    pub names: FileNames,
    /// What is drawn.
    pub figure: Drawing,
    /// What tells it from other figures of its kind, such as `("metric", "loss")`: where one at a time is shown, each is a choice.
    pub facets: Vec<(&'static str, String)>,
}

/// A table of a report.
#[derive(Debug, Clone)]
pub struct TableItem {
    /// Its files.
    pub names: FileNames,
    /// The numbers.
    pub table: Table,
    /// What they are.
    pub note: String,
    /// Whether a terminal shows it.
    pub is_printed: bool,
}

/// An image of a report's page.
#[derive(Debug, Clone)]
pub struct Image {
    /// As PNG.
    pub png: Vec<u8>,
    /// What it shows.
    pub caption: String,
}

/// Names of files without their endings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNames {
    /// In the folder of the result; not written there if there is none.
    pub result: Option<String>,
    /// In the folder of a study, after the number of the part; neither there nor on the page if there is none.
    pub study: Option<String>,
}

impl FileNames {
    /// In both folders.
    pub fn both(result: impl Into<String>, study: impl Into<String>) -> Self {
        Self { result: Some(result.into()), study: Some(study.into()) }
    }

    /// In the folder of the result alone.
    pub fn result(name: impl Into<String>) -> Self {
        Self { result: Some(name.into()), study: None }
    }

    /// In a study alone.
    pub fn study(name: impl Into<String>) -> Self {
        Self { result: None, study: Some(name.into()) }
    }
}

/// A number that an analysis has measured of some networks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub quantity: Quantity,
    /// The names of the networks.
    pub networks: Vec<String>,
    /// The number.
    pub value: f64,
}

/// What claims of a study can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// Barrier in accuracy on the line between two networks, percentage points.
    Barrier,
    /// CKA of two networks, the mean over layers.
    Similarity,
    /// Sum of the norms of the differences of all tensors of two networks.
    Distance,
    /// Accuracy of a network, or the mean of its replicates', on a data set, percent; the names are that of the network and that of the
    /// data set.
    Accuracy,
    /// Share of the mistakes of two networks that only one of them makes.
    UncommonMistakes,
}

impl Quantity {
    /// Its name and unit in a table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Barrier => "barrier, points",
            Self::Similarity => "CKA, mean of layers",
            Self::Distance => "distance, sum of norms",
            Self::Accuracy => "accuracy %",
            Self::UncommonMistakes => "uncommon mistakes, share",
        }
    }

    /// A value in digits.
    pub fn digits(self, value: f64) -> String {
        match self {
            _ if value.is_nan() => "not measured".to_owned(),
            Self::Barrier | Self::Accuracy => number::percent(value),
            Self::Distance => number::fixed(value, 2),
            Self::Similarity | Self::UncommonMistakes => number::fraction(value),
        }
    }
}

impl Report {
    /// Adds figures beside each other.
    pub fn row(&mut self, figures: Vec<FigureItem>, caption: &str) {
        self.rows.push(Row { figures, caption: caption.to_owned() });
    }

    /// Adds a table that a terminal shows too.
    pub fn table(&mut self, names: FileNames, table: Table, note: &str) {
        self.tables.push(TableItem { names, table, note: note.to_owned(), is_printed: true });
    }

    /// Adds a table that is too long for a terminal.
    pub fn long_table(&mut self, names: FileNames, table: Table, note: &str) {
        self.tables.push(TableItem { names, table, note: note.to_owned(), is_printed: false });
    }

    /// Adds a number that claims can be about.
    pub fn measure(&mut self, quantity: Quantity, networks: &[String], value: f64) {
        self.measures.push(Measure { quantity, networks: networks.to_vec(), value });
    }

    /// All figures.
    pub fn figures(&self) -> impl Iterator<Item = &FigureItem> {
        self.rows.iter().flat_map(|row| &row.figures)
    }

    /// Writes each figure as SVG, PNG and CSV and each table as CSV, under the names that `name` gives. What a kill has left
    /// half-written beside them is removed.
    ///
    /// # Errors
    /// Those of [`crate::figure::Figure::save`].
    pub fn save(&self, folder: &Path, name: impl Fn(&FileNames) -> Option<String>) -> Result<()> {
        for item in self.figures() {
            if let Some(name) = name(&item.names) {
                let path = folder.join(name);
                remove_temporaries(folder_of(&path));
                item.figure.save(&path)?;
            }
        }
        for item in &self.tables {
            if let Some(name) = name(&item.names) {
                let (path, csv) = (folder.join(name + ".csv"), item.table.csv());
                remove_temporaries(folder_of(&path));
                write_atomically(&path, |file| file.write_all(csv.as_bytes()))?;
            }
        }
        Ok(())
    }

    /// For a terminal: sentences and tables.
    pub fn text(&self) -> String {
        let lines =
            |sentences: &[String]| sentences.iter().map(|line| format!("{line}\n")).collect::<String>();
        let printed = self.tables.iter().filter(|item| item.is_printed);
        let tables: Vec<String> = printed.map(|item| item.table.text()).collect();
        format!("{}{}{}", lines(&self.lead), tables.join("\n"), lines(&self.notes))
    }
}

impl FigureItem {
    /// A figure and its files.
    pub fn new(names: FileNames, figure: impl Into<Drawing>) -> Self {
        Self { names, figure: figure.into(), facets: Vec::new() }
    }

    /// The same figure, told from others of its kind by a facet.
    pub fn of(mut self, facet: &'static str, value: impl Into<String>) -> Self {
        self.facets.push((facet, value.into()));
        self
    }
}
