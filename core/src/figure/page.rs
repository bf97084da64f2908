//! Self-contained HTML pages: everything is in the one file, nothing is loaded, no script runs.

use std::fmt::Write as _;

use super::{Chart, escape};
use crate::error::Result;

/// Looks of a page; system fonts, so that nothing must be fetched.
const STYLE: &str = include_str!("page.css");

/// A page in the making, top to bottom.
#[derive(Debug)]
pub struct Page {
    title: String,
    body: String,
}

/// Rows under a heading row; all rows are as long as the heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the columns hold, with units.
    pub columns: Vec<String>,
    /// The cells. Columns of numbers are set right.
    pub rows: Vec<Vec<String>>,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), body: format!("<h1>{}</h1>\n", escape(title)) }
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.add(format!("<h2>{}</h2>\n", escape(text)));
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) {
        self.add(format!("<p>{}</p>\n", escape(text)));
    }

    /// Charts beside each other where there is room, one caption for all.
    ///
    /// # Errors
    /// Those of [`Chart::svg`].
    pub fn charts(&mut self, charts: &[Chart], caption: &str) -> Result<()> {
        let drawn = charts.iter().map(Chart::svg).collect::<Result<Vec<String>>>()?;
        let caption = escape(caption);
        self.add(format!(
            "<figure><div>{}</div>\n<figcaption>{caption}</figcaption></figure>\n",
            drawn.concat()
        ));
        Ok(())
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        let cells = |tag: &str, row: &[String]| -> String {
            let cell = |text: &String| {
                let class = if text.parse::<f64>().is_ok() { " class=\"number\"" } else { "" };
                format!("<{tag}{class}>{}</{tag}>", escape(text))
            };
            row.iter().map(cell).collect()
        };
        let rows: String = table.rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect();
        let head = cells("th", &table.columns);
        self.add(format!(
            "<div class=\"wide\"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
        ));
    }

    /// Commands to copy.
    pub fn commands(&mut self, lines: &[String]) {
        self.add(format!("<pre>{}</pre>\n", escape(&lines.join("\n"))));
    }

    /// The document.
    pub fn html(&self) -> String {
        let mut html = String::from("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
        html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        // Writing to a String cannot fail.
        write!(html, "<title>{}</title>\n<style>\n{STYLE}</style></head>\n<body>\n", escape(&self.title))
            .ok();
        html + &self.body + "</body></html>\n"
    }

    fn add(&mut self, html: String) {
        self.body.push_str(&html);
    }
}
