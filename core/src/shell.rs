//! Words for a shell.

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Words as a line that a shell reads as the same words.
pub fn line(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    words.into_iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("train.epochs=5"), "train.epochs=5");
        assert_eq!(quoted("optimizer.custom_lrs=[[\"a\",1]]"), "'optimizer.custom_lrs=[[\"a\",1]]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        let words =
            ["printf", "%s\n", "a b", "$(touch x)", "`x`", "~", "*", "it's", "two\nlines", "#", "é", "!!"];
        let said = std::process::Command::new("sh").arg("-c").arg(line(words)).output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), words[2..].join("\n") + "\n");
    }
}
