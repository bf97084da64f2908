//! Figures: charts as SVG, PNG and CSV, and HTML pages of them. Knows nothing of how numbers were made.

mod chart;
mod page;
mod png;

pub use chart::{Chart, Series};
pub use page::{Page, Table};
pub use png::png;

/// Characters that mean something in HTML and SVG, as text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
