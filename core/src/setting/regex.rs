//! Regular expressions, as Python's `re` has them.

mod python;

use fancy_regex::RegexBuilder;

use crate::error::{Error, Result};

/// A regular expression, with look-around and backreferences as in Python's `re`.
#[derive(Debug, Clone)]
pub struct Regex(fancy_regex::Regex);

impl Regex {
    /// Whether it is found in a text, as `re.search` finds it.
    pub fn is_match(&self, text: &str) -> bool {
        // Only the number of steps could end a search early, and that has no limit here.
        self.0.is_match(text).unwrap_or(false)
    }
}

/// A regular expression, with what is wrong with it in one line.
///
/// # Errors
/// [`Error::Usage`] if it is none.
pub fn regex(pattern: &str) -> Result<Regex> {
    let wrong = |reason: &str| Error::usage(format!("{pattern} is not a regular expression: {reason}"));
    let translated = python::translated(pattern).map_err(|reason| wrong(&reason))?;
    let built = RegexBuilder::new(&translated).backtrack_limit(usize::MAX).build();
    built.map(Regex).map_err(|error| {
        let reason = error.to_string();
        wrong(reason.lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_expressions_find_what_python_finds() {
        let cases = [
            (r"finetune(?!-lr0\.1)", "finetune-lr0.02", true),
            (r"finetune(?!-lr0\.1)", "finetune-lr0.1", false),
            (r"(?<=real/).*nzfc$", "DomainNet_real/fixup_resnet50_nzfc", true),
            (r"(?P<digit>\d)(?P=digit)", "lr0.11", true),
            (r"(\w)\1", "abc", false),
            (r"(?i)DOMAINNET", "DomainNet_real", true),
            (r"^train/", "own/train/x", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(regex(pattern).unwrap().is_match(text), expected, "{pattern} in {text}");
        }
        let message = regex("layer(").unwrap_err().to_string();
        assert!(
            message.starts_with("layer( is not a regular expression: ") && !message.contains('\n'),
            "{message}"
        );
    }
}
