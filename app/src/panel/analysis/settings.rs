//! The form for the settings of an analysis, made from the options that it has.

use basin_core::analysis::settings::{Arity, Kind, SettingOption, Settings, Values};
use basin_core::error::Result;
use egui::{ComboBox, DragValue, TextEdit, Ui};

use crate::command::Command;
use crate::context::Cx;
use crate::widget::capitalised;
use crate::widget::form::Range;

/// What is typed and chosen: words, as on a command line.
pub struct SettingsForm {
    options: Vec<SettingOption>,
    words: Values,
}

impl SettingsForm {
    /// The defaults.
    pub fn of<S: Settings>() -> Self {
        let options = S::options();
        let default = |option: &SettingOption| (option.name.clone(), option.default.clone());
        Self { words: options.iter().map(default).collect(), options }
    }

    /// Chooses words for an option.
    pub fn set(&mut self, option: &str, words: Vec<String>) {
        self.words.insert(option.to_owned(), words);
    }

    /// Whether there are words for an option.
    pub fn is_set(&self, option: &str) -> bool {
        self.words.get(option).is_some_and(|words| words.iter().any(|word| !word.trim().is_empty()))
    }

    /// The settings.
    ///
    /// # Errors
    /// Those of [`Settings::from_values`].
    pub fn typed<S: Settings>(&self) -> Result<S> {
        let trimmed = |words: &Vec<String>| {
            words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let is_asked = |(option, words): &(&String, &Vec<String>)| {
            // An empty field of one word stands for the default.
            words.iter().any(|word| !word.trim().is_empty()) || self.arity(option) != Some(Arity::One)
        };
        let asked = self.words.iter().filter(is_asked);
        S::from_values(&asked.map(|(option, words)| (option.clone(), trimmed(words))).collect())
    }

    fn arity(&self, name: &str) -> Option<Arity> {
        self.options.iter().find(|option| option.name == name).map(|option| option.arity)
    }

    /// Draws a control for each option; `own` draws one in its place and says so, if there is one.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut Cx,
        mut own: impl FnMut(&mut Ui, &mut Cx, &str, &mut Values) -> bool,
    ) {
        let Self { options, words } = self;
        let rest: Vec<&SettingOption> =
            options.iter().filter(|option| !own(ui, cx, &option.name, words)).collect();
        let (ranges, fields): (Vec<&SettingOption>, Vec<_>) =
            rest.into_iter().partition(|option| option.kind == Kind::Range);
        ui.horizontal_wrapped(|ui| {
            for option in fields {
                control(ui, cx, option, words.entry(option.name.clone()).or_default());
            }
        });
        for option in ranges {
            control(ui, cx, option, words.entry(option.name.clone()).or_default());
        }
    }
}

/// Draws the control of an option.
fn control(ui: &mut Ui, cx: &mut Cx, option: &SettingOption, words: &mut Vec<String>) {
    match option.kind {
        Kind::Range => range(ui, option, words),
        Kind::OneOf(names) => choice(ui, option, names, words),
        Kind::WholeNumber if option.arity == Arity::One && !option.default.is_empty() => {
            let label = ui.label(title(option)).on_hover_text(&option.help);
            let mut number: u64 = words.first().and_then(|word| word.parse().ok()).unwrap_or_default();
            if ui.add(DragValue::new(&mut number)).labelled_by(label.id).changed() {
                *words = vec![number.to_string()];
            }
        }
        Kind::WholeNumber | Kind::Text => text(ui, option, words),
        Kind::Path => {
            text(ui, option, words);
            let id = ui.scope_id().with(&option.name);
            if ui.button("Folder…").clicked() {
                cx.commands.push(Command::PickFolder(id));
            }
            let runs = cx.runs.selected();
            if let Some(run) = runs.first()
                && ui.button("Selected run").clicked()
            {
                *words = vec![run.run.root().display().to_string()];
            }
            if let Some(folder) = cx.dialogs.picked(id) {
                *words = vec![folder.display().to_string()];
            }
        }
    }
}

/// A field of text, several words with commas between them.
fn text(ui: &mut Ui, option: &SettingOption, words: &mut Vec<String>) {
    let label = ui.label(title(option)).on_hover_text(&option.help);
    let mut text = words.join(",");
    let hint = if option.default.is_empty() { "unless set".to_owned() } else { option.default.join(",") };
    let edit = TextEdit::singleline(&mut text).hint_text(hint).desired_width(140.0);
    if ui.add(edit).labelled_by(label.id).on_hover_text(&option.help).changed() {
        *words = match option.arity {
            Arity::One => vec![text],
            Arity::Commas | Arity::Repeated => text.split(',').map(str::to_owned).collect(),
        };
    }
}

/// Evenly spaced numbers as three; others as text.
fn range(ui: &mut Ui, option: &SettingOption, words: &mut Vec<String>) {
    let typed = words.first().map_or(String::new(), Clone::clone);
    match Range::of(&typed) {
        Some(mut range) => {
            if range.ui(ui, &option.name, &option.help) {
                *words = vec![range.to_string()];
            }
        }
        None => _ = ui.horizontal(|ui| text(ui, option, words)),
    }
}

/// One of some names, or any of them.
fn choice(ui: &mut Ui, option: &SettingOption, names: &[&str], words: &mut Vec<String>) {
    let label = title(option);
    match option.arity {
        Arity::One => {
            let mut chosen = words.first().cloned().unwrap_or_default();
            let combo = ComboBox::new(&option.name, &label).selected_text(&chosen).show_ui(ui, |ui| {
                for name in names {
                    ui.selectable_value(&mut chosen, (*name).to_owned(), *name);
                }
            });
            combo.response.on_hover_text(&option.help);
            *words = vec![chosen];
        }
        Arity::Commas | Arity::Repeated => {
            ui.label(label).on_hover_text(&option.help);
            let is_chosen = |name: &str, words: &[String]| words.iter().any(|word| word == name);
            for name in names {
                let mut is_on = is_chosen(name, words);
                if ui.toggle_value(&mut is_on, *name).changed() {
                    match is_on {
                        true => words.push((*name).to_owned()),
                        false => words.retain(|word| word != name),
                    }
                }
            }
        }
    }
}

/// The name of an option in words.
fn title(option: &SettingOption) -> String {
    capitalised(&option.name.replace('-', " "))
}
