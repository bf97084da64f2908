//! Keyboard shortcuts that work in every panel.

use egui::{Context, Id, Key, KeyboardShortcut, Modifiers};

use super::{FILTER, OPEN};
use crate::command::Command;

/// Opens a folder of runs.
pub const OPEN_FOLDER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::O);
/// Moves the cursor to the filter.
const FOCUS_FILTER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
/// Selects the next key of the list.
const NEXT_RUN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowDown);
/// Selects the key before.
const PREVIOUS_RUN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowUp);
/// Keys of the first ten tabs.
const TABS: [Key; 10] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
    Key::Num8,
    Key::Num9,
    Key::Num0,
];

/// Shows the tab of that number, counted from 0.
pub fn tab(number: usize) -> Option<KeyboardShortcut> {
    TABS.get(number).map(|key| KeyboardShortcut::new(Modifiers::COMMAND, *key))
}

/// Pushes the commands of the shortcuts that were pressed since the last frame.
pub fn read(context: &Context, titles: &[&'static str], commands: &mut Vec<Command>) {
    let pressed = |shortcut: &KeyboardShortcut| context.input_mut(|input| input.consume_shortcut(shortcut));
    if pressed(&OPEN_FOLDER) {
        commands.push(Command::PickFolder(Id::unique(OPEN)));
    }
    if pressed(&FOCUS_FILTER) {
        context.memory_mut(|memory| memory.request_focus(Id::unique(FILTER)));
    }
    for (shortcut, by) in [(NEXT_RUN, 1), (PREVIOUS_RUN, -1)] {
        if pressed(&shortcut) {
            commands.push(Command::StepSelection(by));
        }
    }
    for (number, &title) in titles.iter().enumerate() {
        if tab(number).is_some_and(|shortcut| pressed(&shortcut)) {
            commands.push(Command::ShowPanel(title));
        }
    }
}
