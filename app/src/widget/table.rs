//! A table of the library. A click on a column's title sorts by it; a button copies the table.

use basin_core::figure::{Table, number_of};
use egui::{Align, Button, Label, Layout, Ui};
use egui_extras::{Column, TableBuilder};

/// Width of a character as a fraction of the height of a line, about.
const CHARACTER: f32 = 0.42;
/// Largest width that the longest cell alone gives to a column, points.
const WIDEST: f32 = 240.0;

/// Draws a table, and returns the index in `table.rows` of a row that was clicked.
pub fn table(ui: &mut Ui, name: &str, table: &Table, height: f32) -> Option<usize> {
    if ui.button("Copy table").on_hover_text("Copies it as comma-separated values").clicked() {
        ui.ctx().copy_text(table.csv());
    }
    let id = ui.scope_id().with(("sorted", name));
    let sorted = ui.data(|data| data.get_temp::<Option<(usize, bool)>>(id)).flatten();
    let order = order(table, sorted);
    let is_number: Vec<bool> = (0..table.columns.len()).map(|column| table.is_number(column)).collect();
    let layout = |column: usize| match is_number[column] {
        true => Layout::right_to_left(Align::Center),
        false => Layout::left_to_right(Align::Center),
    };
    let line = ui.text_style_height(&egui::TextStyle::Body) + 4.0;
    let (mut clicked, mut sort) = (None, sorted);
    ui.push_id(name, |ui| {
        let columns = table.columns.len();
        let builder = TableBuilder::new(ui).striped(true).resizable(true).sense(egui::Sense::click());
        let builder = (0..columns).fold(builder.max_scroll_height(height), |builder, column| {
            let least = (longest(table, column) as f32 * line * CHARACTER).clamp(40.0, WIDEST);
            builder.column(Column::auto().at_least(least).clip(true))
        });
        builder
            .header(line + 2.0, |mut header| {
                for (column, title) in table.columns.iter().enumerate() {
                    header.col(|ui| {
                        let arrow = match sorted {
                            Some((by, false)) if by == column => " ⏶",
                            Some((by, true)) if by == column => " ⏷",
                            _ => "",
                        };
                        let button = Button::new(format!("{title}{arrow}")).frame(false);
                        if ui.add(button).on_hover_text("Sorts by this column").clicked() {
                            sort = match sorted {
                                Some((by, false)) if by == column => Some((column, true)),
                                Some((by, true)) if by == column => None,
                                _ => Some((column, false)),
                            };
                        }
                    });
                }
            })
            .body(|body| {
                body.rows(line, order.len(), |mut row| {
                    let number = order[row.index()];
                    for (column, cell) in table.rows[number].iter().enumerate() {
                        row.col(|ui| {
                            // Text that can be selected would keep a click from its row.
                            let label = Label::new(cell).selectable(false);
                            ui.with_layout(layout(column), |ui| ui.add(label));
                        });
                    }
                    if row.response().clicked() {
                        clicked = Some(number);
                    }
                });
            });
    });
    ui.data_mut(|data| data.insert_temp(id, sort));
    clicked
}

/// Characters of the longest cell of a column.
fn longest(table: &Table, column: usize) -> usize {
    let cells = table.rows.iter().chain([&table.columns]).filter_map(|row| row.get(column));
    cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
}

/// Indices of the rows in the order in which they are shown.
fn order(table: &Table, sorted: Option<(usize, bool)>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..table.rows.len()).collect();
    if let Some((column, is_descending)) = sorted {
        let is_number = table.is_number(column);
        let cell = |row: usize| table.rows[row].get(column).map_or("", String::as_str);
        // Cells without a number come first.
        let number = |row| number_of(cell(row)).unwrap_or(f64::NEG_INFINITY);
        order.sort_by(|&a, &b| {
            let ordering = match is_number {
                true => number(a).total_cmp(&number(b)),
                false => cell(a).cmp(cell(b)),
            };
            if is_descending { ordering.reverse() } else { ordering }
        });
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value_and_words_by_letter() {
        let rows = [["b", "10"], ["a", "9 ± 1"], ["c", "-"]];
        let table = Table {
            columns: ["name", "accuracy"].map(str::to_owned).to_vec(),
            rows: rows.map(|row| row.map(str::to_owned).to_vec()).to_vec(),
        };
        assert_eq!(order(&table, None), [0, 1, 2]);
        assert_eq!(order(&table, Some((0, false))), [1, 0, 2]);
        assert_eq!(order(&table, Some((1, true))), [0, 1, 2]);
        assert_eq!(order(&table, Some((1, false))), [2, 1, 0]);
    }
}
