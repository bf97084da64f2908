//! Self-contained HTML pages: everything is in the one file, nothing is loaded, no script runs.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::style::{FONTS, GRID, INK, PALE_INK, PAPER, SHADE, TEXT};
use super::{Figure, Table, escape};
use crate::error::Result;

/// Looks of a page, in the colours and the font of figures; a font that is not there is not fetched.
const STYLE: &str = include_str!("page.css");

/// The figures' colours, font and size as properties that [`STYLE`] names.
fn properties() -> String {
    format!(
        ":root {{ --fonts: {FONTS}; --text: {TEXT}px; --ink: {INK}; --pale-ink: {PALE_INK}; --grid: {GRID}; --shade: {SHADE}; \
         --paper: {PAPER}; }}\n"
    )
}

/// A page in the making, top to bottom.
#[derive(Debug)]
pub struct Page {
    title: String,
    body: String,
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

    /// Figures beside each other where there is room, one caption for all.
    ///
    /// # Errors
    /// Those of [`Figure::svg`].
    pub fn charts(&mut self, figures: &[&dyn Figure], caption: &str) -> Result<()> {
        let drawn = figures.iter().map(|figure| figure.svg()).collect::<Result<Vec<String>>>()?;
        self.figure(&drawn.concat(), caption);
        Ok(())
    }

    /// A PNG inside the page, with a caption.
    pub fn image(&mut self, png: &[u8], caption: &str) {
        let (data, alt) = (BASE64_STANDARD.encode(png), escape(caption));
        self.figure(&format!("<img src=\"data:image/png;base64,{data}\" alt=\"{alt}\">"), caption);
    }

    fn figure(&mut self, content: &str, caption: &str) {
        let caption = escape(caption);
        self.add(format!("<figure><div>{content}</div>\n<figcaption>{caption}</figcaption></figure>\n"));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        let numbers: Vec<bool> = (0..table.columns.len()).map(|column| table.is_number(column)).collect();
        let cells = |tag: &str, row: &[String]| -> String {
            let cell = |(text, number): (&String, &bool)| {
                let class = if *number { " class=\"number\"" } else { "" };
                format!("<{tag}{class}>{}</{tag}>", escape(text))
            };
            row.iter().zip(&numbers).map(cell).collect()
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
        write!(html, "<title>{}</title>\n<style>\n", escape(&self.title)).ok();
        html += &properties();
        html += STYLE;
        html.push_str("</style></head>\n<body>\n");
        html + &self.body + "</body></html>\n"
    }

    fn add(&mut self, html: String) {
        self.body.push_str(&html);
    }
}
