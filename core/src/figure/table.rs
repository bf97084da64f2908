//! Tables, for a terminal, a page and other programs.

use super::csv_line;
use crate::number::{ABSENT, INFINITE, UNDEFINED};
use crate::text::printable;

/// Cells of a column of numbers that hold none.
const NOTHING: [&str; 4] = [ABSENT, "–", "none", UNDEFINED];

/// Rows under a heading row; all rows are as long as the heading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// What the columns hold, with units.
    pub columns: Vec<String>,
    /// The cells. Columns of numbers are set right.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Aligned for a terminal, a line a row.
    pub fn text(&self) -> String {
        let lines = || std::iter::once(&self.columns).chain(&self.rows);
        let width = |column: usize| {
            lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let columns: Vec<(usize, bool)> =
            (0..self.columns.len()).map(|column| (width(column), self.is_number(column))).collect();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&columns).map(|(cell, &(width, right))| {
                let cell = printable(cell);
                if right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
            });
            let line = cells.collect::<Vec<String>>().join("  ");
            format!("{}\n", line.trim_end())
        };
        lines().map(line).collect()
    }

    /// As comma-separated values.
    pub fn csv(&self) -> String {
        std::iter::once(&self.columns).chain(&self.rows).map(csv_line).collect()
    }

    /// Does a column hold numbers, such as `71.2`, `71.2 ± 0.3` or `12 %`? Cells without any, such as `-`, do not count.
    pub fn is_number(&self, column: usize) -> bool {
        let words = self.rows.iter().filter_map(|row| row.get(column)?.split_whitespace().next());
        let mut words = words.filter(|word| !NOTHING.contains(word)).peekable();
        words.peek().is_some() && words.all(|word| number_of(word).is_some())
    }
}

/// The number that a cell of a table begins with.
pub fn number_of(cell: &str) -> Option<f64> {
    match cell.split_whitespace().next()? {
        INFINITE => Some(f64::INFINITY),
        word => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let rows = [["P-T, real", "76.9 ± 0.3", "8"], ["RI-T", "none", "112"]];
        let table = Table {
            columns: ["run", "accuracy, %", "block"].map(str::to_owned).to_vec(),
            rows: rows.map(|row| row.map(str::to_owned).to_vec()).to_vec(),
        };
        let text =
            "run        accuracy, %  block\nP-T, real   76.9 ± 0.3      8\nRI-T              none    112\n";
        assert_eq!(table.text(), text);
        let evil = Table {
            columns: vec!["=1+2".to_owned(), "-".to_owned()],
            rows: vec![
                vec!["@x,\"y\"".to_owned(), "a\x1b[2J\nb".to_owned()],
                vec!["-1.5".to_owned(), "-dog".to_owned()],
            ],
        };
        assert_eq!(evil.csv(), "'=1+2,-\n\"'@x,\"\"y\"\"\",a�[2J�b\n-1.5,'-dog\n");
        assert!(!evil.text().contains('\x1b') && evil.text().lines().count() == 3);
        assert_eq!(table.csv(), "run,\"accuracy, %\",block\n\"P-T, real\",76.9 ± 0.3,8\nRI-T,none,112\n");
    }
}
