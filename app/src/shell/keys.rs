//! What can be done by keys from everywhere.

use egui::{Context, Id, Key, KeyboardShortcut, Modifiers};

use super::side::{FILTER, OPEN};
use crate::app::App;
use crate::panel::Tab;

/// Opens a folder of runs.
pub const OPEN_FOLDER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::O);
/// Goes to the filter.
pub const FOCUS_FILTER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
/// Selects the next key of the list, and the one before.
pub const NEXT_RUN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowDown);
/// See [`NEXT_RUN`].
pub const PREVIOUS_RUN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowUp);

/// Shows the tab of that number.
pub fn tab(number: usize) -> KeyboardShortcut {
    let keys =
        [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    KeyboardShortcut::new(Modifiers::COMMAND, keys[number % keys.len()])
}

/// Does what was pressed since the last frame.
pub fn obey(app: &mut App, context: &Context) {
    let pressed = |shortcut: &KeyboardShortcut| context.input_mut(|input| input.consume_shortcut(shortcut));
    if pressed(&OPEN_FOLDER) {
        app.dialogs.pick_folder(context, Id::unique(OPEN));
    }
    if pressed(&FOCUS_FILTER) {
        context.memory_mut(|memory| memory.request_focus(Id::unique(FILTER)));
    }
    for (shortcut, by) in [(NEXT_RUN, 1), (PREVIOUS_RUN, -1)] {
        if pressed(&shortcut) {
            app.runs.step(by);
        }
    }
    for (number, shown) in Tab::ALL.into_iter().enumerate() {
        if pressed(&tab(number)) {
            app.settings.tab = shown;
        }
    }
}
