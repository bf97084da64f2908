//! Evenly spaced numbers in a form.

use std::fmt;

use egui::{DragValue, Response, Ui, WidgetInfo};

/// Evenly spaced numbers: first, last, count.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// How many.
    pub count: usize,
}

impl Range {
    /// From `first:last:count`.
    pub fn of(text: &str) -> Option<Self> {
        let [first, last, count] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, count: count.parse().ok()? })
    }

    /// Draws three fields, and returns whether one changed; `what` names the numbers.
    pub fn ui(&mut self, ui: &mut Ui, what: &str, help: &str) -> bool {
        let before = self.clone();
        ui.horizontal(|ui| {
            ui.label(format!("{what} from")).on_hover_text(help);
            real(ui, &format!("First of {what}"), &mut self.first);
            ui.label("to");
            real(ui, &format!("Last of {what}"), &mut self.last);
            ui.label("count");
            let count = ui.add(DragValue::new(&mut self.count).range(1..=10_000));
            named(&count, &format!("Count of {what}"), self.count as f64);
        });
        *self != before
    }
}

impl fmt::Display for Range {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}:{}", self.first, self.last, self.count)
    }
}

/// A field for a number. `name` is for screen readers; the caller draws the visible label.
fn real(ui: &mut Ui, name: &str, value: &mut f64) {
    let response = ui.add(DragValue::new(value).speed(0.01).max_decimals(6));
    named(&response, name, *value);
}

fn named(response: &Response, name: &str, value: f64) {
    response
        .widget_info(|| WidgetInfo { label: Some(name.to_owned()), ..WidgetInfo::drag_value(true, value) });
}
