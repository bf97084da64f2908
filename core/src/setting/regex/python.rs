//! Python's regular expressions in the words of `fancy_regex`. Where the two read an expression differently, it is rewritten, or
//! refused as Python 3.11 refuses it.

mod groups;

use std::iter::Peekable;
use std::str::Chars;

use self::groups::Groups;

/// Letters that Python knows after a backslash outside sets, and that mean the same here.
const ESCAPES: &str = "AbBdDsSwWafnrtv";
/// Letters that stand for a class of characters after a backslash inside sets.
const CLASSES: &str = "dDsSwW";
/// Letters that stand for a control character there, and its code.
const CONTROLS: [(char, u32); 6] = [('a', 7), ('f', 12), ('n', 10), ('r', 13), ('t', 9), ('v', 11)];

/// The same expression for `fancy_regex`.
///
/// # Errors
/// What Python would say, in words.
pub fn translated(pattern: &str) -> Result<String, String> {
    let mut translation = Translation {
        rest: pattern.chars().peekable(),
        output: String::new(),
        is_verbose: false,
        groups: Groups::default(),
    };
    translation.all()?;
    translation.groups.check()?;
    Ok(translation.output)
}

/// What stands before, as far as a repetition can follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The beginning of an expression, a group or an alternative, or a place without width such as `^`.
    Nothing,
    /// What can be repeated.
    Item,
    /// A repetition, which may still be made lazy or possessive.
    Repetition,
    /// One that was.
    Modified,
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    output: String,
    /// Whether blanks do not count (`(?x)`).
    is_verbose: bool,
    groups: Groups,
}

impl Translation<'_> {
    fn all(&mut self) -> Result<(), String> {
        let mut is_start = true;
        let mut before = Before::Nothing;
        while let Some(char) = self.rest.next() {
            let was_start = std::mem::take(&mut is_start);
            before = match char {
                '\\' => {
                    let is_place = self.rest.peek().is_some_and(|char| "AbBZ".contains(*char));
                    self.escape()?;
                    if is_place { Before::Nothing } else { Before::Item }
                }
                '[' => {
                    self.set()?;
                    Before::Item
                }
                ')' => {
                    self.groups.close();
                    self.output.push(char);
                    Before::Item
                }
                '(' if self.rest.peek() == Some(&'?') => {
                    let ahead: String = self.rest.clone().take(3).collect();
                    is_start = self.group(was_start)?;
                    match &*ahead {
                        // A reference to a group by its name.
                        "?P=" => Before::Item,
                        ahead if ahead.starts_with("?#") => before,
                        _ => Before::Nothing,
                    }
                }
                '(' => {
                    self.groups.open(None)?;
                    self.output.push(char);
                    Before::Nothing
                }
                '{' if self.braces()? => repeated(before)?,
                '#' if self.is_verbose => {
                    // A comment up to the end of the line.
                    while self.rest.next_if(|char| *char != '\n').is_some() {}
                    is_start = was_start;
                    before
                }
                // Braces that end nothing are themselves.
                '{' | '}' => {
                    self.output.extend(['\\', char]);
                    Before::Item
                }
                '*' | '+' | '?' => {
                    self.output.push(char);
                    match before {
                        Before::Repetition if char != '*' => Before::Modified,
                        before => repeated(before)?,
                    }
                }
                char => {
                    self.output.push(char);
                    match char {
                        '|' | '^' | '$' => Before::Nothing,
                        char if self.is_verbose && char.is_whitespace() => before,
                        _ => Before::Item,
                    }
                }
            };
        }
        Ok(())
    }

    /// What stands after a backslash, outside sets.
    fn escape(&mut self) -> Result<(), String> {
        let Some(char) = self.rest.next() else { return Err("a backslash at the end".to_owned()) };
        match char {
            'Z' => self.output.push_str("\\z"),
            'x' | 'u' | 'U' => {
                let code = self.code(char)?;
                self.push_code(code);
            }
            '0' => {
                let code = self.octal(0, 2);
                self.push_code(code);
            }
            '1'..='9' => self.reference(char)?,
            char if ESCAPES.contains(char) => self.output.extend(['\\', char]),
            'N' => return Err("\\N{...} is not supported; write the character itself".to_owned()),
            char if char.is_ascii_alphabetic() => return Err(format!("\\{char} is not known in Python")),
            char => self.literal(char),
        }
        Ok(())
    }

    /// A number after a backslash: a group, or a character if it has three octal digits.
    fn reference(&mut self, first: char) -> Result<(), String> {
        let mut digits = String::from(first);
        let ahead: String = self.rest.clone().take(2).collect();
        let is_octal = first < '4'
            && ahead.len() == 2
            && (digits.clone() + &ahead).chars().all(|digit| digit.is_digit(8));
        if is_octal {
            let code = self.octal(first.to_digit(8).unwrap_or(0), 2);
            self.push_code(code);
            return Ok(());
        }
        digits.extend(self.rest.next_if(char::is_ascii_digit));
        self.groups.refer(digits.parse().unwrap_or(usize::MAX))?;
        // Parentheses keep digits that follow from becoming a part of the number.
        self.output.push_str(&format!("(?:\\{digits})"));
        Ok(())
    }

    fn push_code(&mut self, code: u32) {
        self.output.push_str(&format!("\\x{{{code:x}}}"));
    }

    /// The code of a character by up to so many more octal digits.
    fn octal(&mut self, first: u32, more: usize) -> u32 {
        let mut code = first;
        for _ in 0..more {
            let Some(digit) = self.rest.next_if(|char| char.is_digit(8)) else { break };
            code = code * 8 + digit.to_digit(8).unwrap_or(0);
        }
        code
    }

    /// The code of a character by two, four or eight hexadecimal digits.
    fn code(&mut self, kind: char) -> Result<u32, String> {
        let length = match kind {
            'x' => 2,
            'u' => 4,
            _ => 8,
        };
        let digits: String = (0..length).map_while(|_| self.rest.next_if(char::is_ascii_hexdigit)).collect();
        match u32::from_str_radix(&digits, 16) {
            Ok(code) if digits.len() == length => Ok(code),
            _ => Err(format!("\\{kind} takes {length} hexadecimal digits")),
        }
    }

    /// A character that stands for itself.
    fn literal(&mut self, char: char) {
        if char.is_ascii_punctuation() {
            // `\<` and `\>` are the ends of words here.
            if char == '<' || char == '>' { self.output.push(char) } else { self.output.extend(['\\', char]) }
        } else if char.is_whitespace() || char.is_ascii() {
            self.push_code(char.into());
        } else {
            self.output.push(char);
        }
    }

    /// A set of characters, after its bracket.
    fn set(&mut self) -> Result<(), String> {
        self.output.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.output.push('^');
        }
        let mut is_first = true;
        while is_first || self.rest.next_if_eq(&']').is_none() {
            is_first = false;
            let (first, from) = self.member()?;
            // A hyphen before the end stands for itself.
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next() != Some(']');
            if !is_range {
                self.output.push_str(&first);
                continue;
            }
            self.rest.next();
            let (last, to) = self.member()?;
            match (from, to) {
                (Some(from), Some(to)) if from <= to => self.output.push_str(&format!("{first}-{last}")),
                _ => return Err(format!("{first}-{last} is no range of characters")),
            }
        }
        self.output.push(']');
        Ok(())
    }

    /// A member of a set in the words of `fancy_regex`, and its code where it is one character.
    fn member(&mut self) -> Result<(String, Option<u32>), String> {
        let by_code = |code: u32| Ok((format!("\\x{{{code:x}}}"), Some(code)));
        let Some(char) = self.rest.next() else { return Err("a set without its end ]".to_owned()) };
        if char != '\\' {
            return by_code(char.into());
        }
        match self.rest.next() {
            None => Err("a backslash at the end".to_owned()),
            Some('b') => by_code(8),
            Some(kind @ ('x' | 'u' | 'U')) => by_code(self.code(kind)?),
            Some(digit @ '0'..='7') => by_code(self.octal(digit.to_digit(8).unwrap_or(0), 2)),
            Some(class) if CLASSES.contains(class) => Ok((format!("\\{class}"), None)),
            Some(char) => match CONTROLS.iter().find(|(letter, _)| *letter == char) {
                Some((_, code)) => by_code(*code),
                None if char.is_ascii_alphanumeric() => {
                    Err(format!("\\{char} is not known in a set in Python"))
                }
                None => by_code(char.into()),
            },
        }
    }

    /// What begins with `(?`, up to where its content begins. Returns whether the expression still begins after it: after comments and
    /// flags at its start.
    fn group(&mut self, is_start: bool) -> Result<bool, String> {
        self.rest.next();
        let Some(kind) = self.rest.next() else { return Err("a group without its end )".to_owned()) };
        match kind {
            ':' | '=' | '!' | '>' => self.output.extend(['(', '?', kind]),
            '#' => {
                if !self.rest.any(|char| char == ')') {
                    return Err("a comment without its end )".to_owned());
                }
                return Ok(is_start);
            }
            '<' => match self.rest.next_if(|char| matches!(char, '=' | '!')) {
                Some(sign) => self.output.extend(['(', '?', '<', sign]),
                None => return Err("a named group is (?P<name>...) in Python".to_owned()),
            },
            'P' => return self.named().map(|()| false),
            '(' => {
                let group: String = self.rest.by_ref().take_while(|char| *char != ')').collect();
                match group.parse() {
                    Ok(number) => {
                        self.groups.conditions.push(number);
                        self.output.push_str(&format!("(?({group})"));
                    }
                    Err(_) => {
                        self.groups.number(&group)?;
                        self.output.push_str(&format!("(?(<{group}>)"));
                    }
                }
            }
            flag => return self.flags(flag, is_start),
        }
        self.groups.open_without_number();
        Ok(false)
    }

    /// `(?P<name>`, or the whole of `(?P=name)`.
    fn named(&mut self) -> Result<(), String> {
        let (kind, end) = match self.rest.next() {
            Some('<') => ('<', '>'),
            Some('=') => ('=', ')'),
            _ => return Err("a named group is (?P<name>...) in Python".to_owned()),
        };
        let name: String = self.rest.by_ref().take_while(|char| *char != end).collect();
        let starts = name.starts_with(|char: char| char.is_alphabetic() || char == '_');
        if !starts || !name.chars().all(|char| char.is_alphanumeric() || char == '_') {
            return Err(format!("{name} is no name of a group"));
        }
        match kind {
            '<' => self.groups.open(Some(&name))?,
            _ => {
                let number = self.groups.number(&name)?;
                self.groups.refer(number)?;
            }
        }
        self.output.push_str(&format!("(?P{kind}{name}{end}"));
        Ok(())
    }

    /// `(?i)`, or `(?i:` and `(?-i:`; returns whether it is the first. Names and keys are ASCII, so that `a` and `u` change nothing.
    fn flags(&mut self, first: char, is_start: bool) -> Result<bool, String> {
        if matches!(first, ')' | ':') {
            return Err("a group of flags without a flag".to_owned());
        }
        let mut flags = String::new();
        let mut next = Some(first);
        loop {
            match next {
                Some('a' | 'u') => {}
                Some('L') => return Err("the flag L is for bytes".to_owned()),
                Some(flag @ ('i' | 'm' | 's' | 'x' | '-')) => flags.push(flag),
                Some(end @ (')' | ':')) => {
                    if end == ')' && !is_start {
                        return Err("flags for the whole expression stand at its start in Python".to_owned());
                    }
                    self.is_verbose |= end == ')' && flags.contains('x');
                    match (flags.is_empty(), end) {
                        (true, ')') => {}
                        (true, _) => self.output.push_str("(?:"),
                        (false, end) => self.output.push_str(&format!("(?{flags}{end}")),
                    }
                    if end == ':' {
                        self.groups.open_without_number();
                    }
                    return Ok(end == ')');
                }
                Some(other) => return Err(format!("(?{other} is not known in Python")),
                None => return Err("a group without its end )".to_owned()),
            }
            next = self.rest.next();
        }
    }

    /// A number of repetitions, after its brace; `false` if the brace stands for itself.
    fn braces(&mut self) -> Result<bool, String> {
        let inside: String = self.rest.clone().take_while(|char| *char != '}').collect();
        let is_closed = self.rest.clone().nth(inside.chars().count()) == Some('}');
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_empty = least.is_empty() && (most.is_empty() && !inside.contains(',') || inside.is_empty());
        if !is_closed || is_empty || !is_number(least) || !is_number(most) {
            return Ok(false);
        }
        let number = |text: &str| text.parse::<u64>().ok();
        if let (Some(least), Some(most)) = (number(least), number(most))
            && least > most
        {
            return Err(format!("{{{inside}}}: the least number of repetitions is larger than the most"));
        }
        self.rest.nth(inside.chars().count());
        let least = if least.is_empty() { "0" } else { least };
        match inside.contains(',') {
            true => self.output.push_str(&format!("{{{least},{most}}}")),
            false => self.output.push_str(&format!("{{{least}}}")),
        }
        Ok(true)
    }
}

/// A repetition of what stands before.
fn repeated(before: Before) -> Result<Before, String> {
    match before {
        Before::Nothing => Err("nothing to repeat".to_owned()),
        Before::Item => Ok(Before::Repetition),
        Before::Repetition | Before::Modified => Err("multiple repeat".to_owned()),
    }
}

#[cfg(test)]
mod tests;
