//! Fields of the forms that start analyses.

use std::path::PathBuf;

use basin_core::analysis::interpolation::linspace;
use basin_core::analysis::measures::Metric;
use egui::{Button, ComboBox, DragValue, Response, TextEdit, Ui, WidgetInfo};

/// Default of the memory that an analysis may take, MiB; the runner has the same.
pub const MEMORY: usize = 2048;

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

impl Default for Range {
    fn default() -> Self {
        Self { first: 0.0, last: 1.0, count: 11 }
    }
}

impl Range {
    /// Draws three fields; `what` names the numbers.
    pub fn ui(&mut self, ui: &mut Ui, what: &str) {
        ui.horizontal(|ui| {
            ui.label(format!("{what} from"));
            real(ui, &format!("First of {what}"), &mut self.first);
            ui.label("to");
            real(ui, &format!("Last of {what}"), &mut self.last);
            ui.label("count");
            whole(ui, &format!("Count of {what}"), &mut self.count, 1..=10_000);
        });
    }

    /// The numbers.
    pub fn values(&self) -> Vec<f64> {
        linspace(self.first, self.last, self.count)
    }
}

/// A field for a number. `name` is for screen readers; the caller draws the visible label.
pub fn real(ui: &mut Ui, name: &str, value: &mut f64) {
    let response = ui.add(DragValue::new(value).speed(0.01).max_decimals(6));
    named(&response, name, *value);
}

/// A field for a whole number; see [`real`].
pub fn whole(ui: &mut Ui, name: &str, value: &mut usize, range: std::ops::RangeInclusive<usize>) {
    let response = ui.add(DragValue::new(value).range(range));
    named(&response, name, *value as f64);
}

fn named(response: &Response, name: &str, value: f64) {
    response
        .widget_info(|| WidgetInfo { label: Some(name.to_owned()), ..WidgetInfo::drag_value(true, value) });
}

/// A labelled text field; `hint` says what it may hold.
pub fn text(ui: &mut Ui, label: &str, hint: &str, text: &mut String) {
    let label = ui.label(label);
    ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(180.0)).labelled_by(label.id);
}

/// The names in a text that separates them by commas.
pub fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A combo box; returns whether the value changed.
pub fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    label: &str,
    value: &mut T,
    all: &[T],
    name: impl Fn(T) -> String,
) -> bool {
    let before = *value;
    ComboBox::new(label, label).selected_text(name(*value)).show_ui(ui, |ui| {
        for one in all {
            ui.selectable_value(value, *one, name(*one));
        }
    });
    before != *value
}

/// A combo box for the metric that is drawn. A value that is not among `all` becomes the first of them.
pub fn metric(ui: &mut Ui, value: &mut Metric, all: &[Metric]) {
    if let Some(first) = all.first().filter(|_| !all.contains(value)) {
        *value = *first;
    }
    choice(ui, "Metric", value, all, |metric| metric.name().to_owned());
}

/// A button that starts a computation; it is enabled when all checkpoints are chosen and the computation is not running. Returns
/// the checkpoints when it is clicked.
pub fn start<const N: usize>(
    ui: &mut Ui,
    text: &str,
    checkpoints: &[Option<PathBuf>; N],
    is_open: bool,
) -> Option<[PathBuf; N]> {
    let chosen: Vec<PathBuf> = checkpoints.iter().flatten().cloned().collect();
    let chosen: Option<[PathBuf; N]> = chosen.try_into().ok();
    let button = ui.add_enabled(chosen.is_some() && !is_open, Button::new(text));
    let button = button.on_disabled_hover_text(match is_open {
        true => "Cancel what computes, or wait for it.",
        false => "Choose the checkpoints first.",
    });
    chosen.filter(|_| button.clicked())
}
