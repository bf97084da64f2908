//! Python's regular expressions in the words of `fancy_regex`. Where the two read an expression differently, it is rewritten, or
//! refused as Python 3.11 refuses it.

use std::iter::Peekable;
use std::str::Chars;

/// Letters that Python knows after a backslash outside sets, and that mean the same here.
const ESCAPES: &str = "AbBdDsSwWafnrtv";
/// The same inside sets.
const ESCAPES_IN_SETS: &str = "dDsSwWafnrtv";

/// The same expression for `fancy_regex`.
///
/// # Errors
/// What Python would say, in words.
pub fn translated(pattern: &str) -> Result<String, String> {
    let mut translation =
        Translation { rest: pattern.chars().peekable(), output: String::new(), is_verbose: false };
    translation.all()?;
    Ok(translation.output)
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    output: String,
    /// Whether blanks do not count (`(?x)`).
    is_verbose: bool,
}

impl Translation<'_> {
    fn all(&mut self) -> Result<(), String> {
        let mut is_start = true;
        while let Some(char) = self.rest.next() {
            let was_start = std::mem::take(&mut is_start);
            match char {
                '\\' => self.escape()?,
                '[' => self.set()?,
                '(' if self.rest.peek() == Some(&'?') => is_start = self.group(was_start)?,
                '{' => self.braces()?,
                '#' if self.is_verbose => {
                    // A comment up to the end of the line.
                    while self.rest.next_if(|char| *char != '\n').is_some() {}
                    is_start = was_start;
                }
                // Braces that end nothing are themselves.
                '}' => self.output.push_str("\\}"),
                char => self.output.push(char),
            }
        }
        Ok(())
    }

    /// What stands after a backslash, outside sets.
    fn escape(&mut self) -> Result<(), String> {
        let Some(char) = self.rest.next() else { return Err("a backslash at the end".to_owned()) };
        match char {
            'Z' => self.output.push_str("\\z"),
            'x' | 'u' | 'U' => self.code(char)?,
            '0' => self.octal(0, 2),
            '1'..='9' => self.reference(char),
            char if ESCAPES.contains(char) => self.output.extend(['\\', char]),
            'N' => return Err("\\N{...} is not supported; write the character itself".to_owned()),
            char if char.is_ascii_alphabetic() => return Err(format!("\\{char} is not known in Python")),
            char => self.literal(char),
        }
        Ok(())
    }

    /// A number after a backslash: a group, or a character if it has three octal digits.
    fn reference(&mut self, first: char) {
        let mut digits = String::from(first);
        let ahead: String = self.rest.clone().take(2).collect();
        let is_octal = first < '4'
            && ahead.len() == 2
            && (digits.clone() + &ahead).chars().all(|digit| digit.is_digit(8));
        if is_octal {
            self.octal(first.to_digit(8).unwrap_or(0), 2);
            return;
        }
        digits.extend(self.rest.next_if(char::is_ascii_digit));
        // Parentheses keep digits that follow from becoming a part of the number.
        self.output.push_str(&format!("(?:\\{digits})"));
    }

    /// A character by up to so many more octal digits.
    fn octal(&mut self, first: u32, more: usize) {
        let mut code = first;
        for _ in 0..more {
            let Some(digit) = self.rest.next_if(|char| char.is_digit(8)) else { break };
            code = code * 8 + digit.to_digit(8).unwrap_or(0);
        }
        self.output.push_str(&format!("\\x{{{code:x}}}"));
    }

    /// A character by two, four or eight hexadecimal digits.
    fn code(&mut self, kind: char) -> Result<(), String> {
        let length = match kind {
            'x' => 2,
            'u' => 4,
            _ => 8,
        };
        let digits: String = (0..length).map_while(|_| self.rest.next_if(char::is_ascii_hexdigit)).collect();
        if digits.len() < length {
            return Err(format!("\\{kind} takes {length} hexadecimal digits"));
        }
        self.output.push_str(&format!("\\x{{{digits}}}"));
        Ok(())
    }

    /// A character that stands for itself.
    fn literal(&mut self, char: char) {
        if char.is_ascii_punctuation() {
            // `\<` and `\>` are the ends of words here.
            if char == '<' || char == '>' { self.output.push(char) } else { self.output.extend(['\\', char]) }
        } else if char.is_whitespace() || char.is_ascii() {
            self.output.push_str(&format!("\\x{{{:x}}}", u32::from(char)));
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
        loop {
            let Some(char) = self.rest.next() else { return Err("a set without its end ]".to_owned()) };
            match char {
                ']' if !is_first => break,
                '\\' => match self.rest.next() {
                    None => return Err("a backslash at the end".to_owned()),
                    Some('b') => self.output.push_str("\\x{8}"),
                    Some(kind @ ('x' | 'u' | 'U')) => self.code(kind)?,
                    Some(digit @ '0'..='7') => self.octal(digit.to_digit(8).unwrap_or(0), 2),
                    Some(char) if ESCAPES_IN_SETS.contains(char) => self.output.extend(['\\', char]),
                    Some(char) if char.is_ascii_alphanumeric() => {
                        return Err(format!("\\{char} is not known in a set in Python"));
                    }
                    Some(char) => self.literal(char),
                },
                // Sets inside sets and their operators are no more than these characters in Python.
                ']' | '[' | '&' | '~' => self.output.extend(['\\', char]),
                '-' if self.output.ends_with('-') && !self.output.ends_with("\\-") => {
                    self.output.push_str("\\-")
                }
                char if char.is_whitespace() || char == '#' => self.literal(char),
                char => self.output.push(char),
            }
            is_first = false;
        }
        self.output.push(']');
        Ok(())
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
            'P' => self.output.push_str("(?P"),
            '(' => {
                let group: String = self.rest.by_ref().take_while(|char| *char != ')').collect();
                match group.bytes().all(|byte| byte.is_ascii_digit()) {
                    true => self.output.push_str(&format!("(?({group})")),
                    false => self.output.push_str(&format!("(?(<{group}>)")),
                }
            }
            flag => return self.flags(flag, is_start),
        }
        Ok(false)
    }

    /// `(?i)`, or `(?i:` and `(?-i:`; returns whether it is the first. Names and keys are ASCII, so that `a`, `u` and `L` change nothing.
    fn flags(&mut self, first: char, is_start: bool) -> Result<bool, String> {
        if matches!(first, ')' | ':') {
            return Err("a group of flags without a flag".to_owned());
        }
        let mut flags = String::new();
        let mut next = Some(first);
        loop {
            match next {
                Some('a' | 'u' | 'L') => {}
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
                    return Ok(end == ')');
                }
                Some(other) => return Err(format!("(?{other} is not known in Python")),
                None => return Err("a group without its end )".to_owned()),
            }
            next = self.rest.next();
        }
    }

    /// A number of repetitions, or a brace that stands for itself.
    fn braces(&mut self) -> Result<(), String> {
        let inside: String = self.rest.clone().take_while(|char| *char != '}').collect();
        let is_closed = self.rest.clone().nth(inside.chars().count()) == Some('}');
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_empty = least.is_empty() && (most.is_empty() && !inside.contains(',') || inside.is_empty());
        if !is_closed || is_empty || !is_number(least) || !is_number(most) {
            self.output.push_str("\\{");
            return Ok(());
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_rewritten_or_refused_as_python_reads_them() {
        for (pattern, expected) in [
            (r"^train/(?!a).*[a-z]+$", Ok(r"^train/(?!a).*[a-z]+$")),
            ("[[:alpha:]]", Ok(r"[\[:alpha:]]")),
            ("[a&&b]", Ok(r"[a\&\&b]")),
            ("[]a]", Ok(r"[\]a]")),
            (r"\<demo\>", Ok("<demo>")),
            (r"\144emo", Ok(r"\x{64}emo")),
            (r"(a)\1", Ok(r"(a)(?:\1)")),
            (r"\0", Ok(r"\x{0}")),
            (r"a\Z", Ok(r"a\z")),
            (r"[\b]", Ok(r"[\x{8}]")),
            ("(?a)demo", Ok("demo")),
            ("(?ai)demo", Ok("(?i)demo")),
            ("(?i:a)b", Ok("(?i:a)b")),
            ("(?# note)a", Ok("a")),
            ("(?P<a>x)?(?(a)1|2)", Ok("(?P<a>x)?(?(<a>)1|2)")),
            ("(x)?(?(1)1|2)", Ok("(x)?(?(1)1|2)")),
            ("(?x:a)#b", Ok("(?x:a)#b")),
            ("(?", Err("end")),
            ("(?)", Err("flag")),
            ("a{2,3}b{4}c{,5}", Ok("a{2,3}b{4}c{0,5}")),
            ("a{b}{", Ok(r"a\{b\}\{")),
            (r"\.", Ok(r"\.")),
            (r"\é", Ok("é")),
            (r"\N{LATIN SMALL LETTER D}", Err("\\N")),
            (r"\p{L}", Err("\\p")),
            (r"\h", Err("\\h")),
            (r"\K", Err("\\K")),
            (r"\z", Err("\\z")),
            ("(?U)d", Err("(?U")),
            ("(?<name>demo)", Err("(?P<name>")),
            ("d{2,1}", Err("{2,1}")),
            ("a(?i)b", Err("start")),
            ("(?=a)(?i)b", Err("start")),
            ("(?s)(?# note)(?i)b", Ok("(?s)(?i)b")),
            ("[a", Err("]")),
            ("a\\", Err("backslash")),
            (r"\x1", Err("\\x")),
        ] {
            match (translated(pattern), expected) {
                (Ok(ours), Ok(expected)) => assert_eq!(ours, expected, "{pattern}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{pattern}: {message}"),
                (ours, expected) => panic!("{pattern}: {ours:?} instead of {expected:?}"),
            }
        }
    }
}
