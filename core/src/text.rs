//! Names that others chose, made fit to be shown.

use std::borrow::Cow;

/// A text with a mark in place of every control character: they steer terminals, and XML has no place for them.
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, char::is_control)
}

/// The same of a text of several lines, whose ends of lines and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |char| char.is_control() && !['\n', '\t'].contains(&char))
}

fn replaced(text: &str, is_steering: impl Fn(char) -> bool) -> Cow<'_, str> {
    match text.chars().any(&is_steering) {
        true => text
            .chars()
            .map(|char| if is_steering(char) { char::REPLACEMENT_CHARACTER } else { char })
            .collect(),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_steers_a_terminal() {
        assert_eq!(printable("Ω dog"), "Ω dog");
        assert_eq!(printable("a\x1b[31m\u{9b}2J\nb\x07"), "a�[31m�2J�b�");
        assert_eq!(printable_lines("a\tb\r\n\x1bc\n"), "a\tb�\n�c\n");
    }
}
