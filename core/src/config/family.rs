//! Families: one template for many experiments, as written in RON.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Experiment;
use super::arithmetic::evaluate;
use super::overrides::{self, set};
use crate::error::{Error, Result};
use crate::setting::Kind;

/// A file of families.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it lies, for messages.
    #[serde(skip)]
    name: String,
    /// What it says, to find places in it for messages.
    #[serde(skip)]
    text: String,
    /// Settings that families start from, by name.
    #[serde(default)]
    bases: BTreeMap<String, Settings>,
    /// The families, in the order of their keys.
    pub families: Vec<Family>,
}

type Settings = BTreeMap<SettingPath, Setting>;

/// In the name of a run's folder that was set aside: no key has it.
pub(crate) const SET_ASIDE: &str = ".old-";
/// Keys that may start from one another, one after the other.
const MOST_EARLIER: usize = 100;
/// Longest text that templates make, bytes.
const LONGEST: usize = 4096;

/// All combinations of the options of some axes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Template of the keys: `{axis}` stands for the label of that axis' option.
    key: String,
    /// Name of the settings to start from: a base of this file or of an earlier one, or an earlier key; a template too.
    base: String,
    /// Whether the learning rate grows with the batch where `--set` changes the batch alone; as of the key that the family starts from
    /// unless it is said here, and no where the family sets a learning rate itself.
    #[serde(default, deserialize_with = "said")]
    lr_follows_batch: Option<bool>,
    /// Settings of all members, templates too.
    #[serde(default)]
    set: Settings,
    /// The axes; the first changes slowest.
    #[serde(default)]
    axes: Vec<Axis>,
}

/// `true` in place of RON's `Some(true)`.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<bool>, D::Error> {
    bool::deserialize(deserializer).map(Some)
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Axis {
    name: String,
    options: Vec<AxisOption>,
}

/// One value of an axis: just its label, or a label with what else it stands for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AxisOption {
    label: String,
    /// Further names that templates can use.
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default)]
    set: Settings,
}

/// A dotted path into [`Experiment`], checked where it is read so that the error has a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SettingPath(String);

impl<'de> Deserialize<'de> for SettingPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        overrides::setting(&path).map_err(D::Error::custom)?;
        Ok(Self(path))
    }
}

/// A value that is no map, so that every name in a family is a checked path.
#[derive(Debug, Clone)]
struct Setting(Value);

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(_) => Err(D::Error::custom("a map; write its fields as dotted paths")),
            value => Ok(Self(value)),
        }
    }
}

impl File {
    /// Parses a file; `name` is for messages.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut file: Self = ron::from_str(text).map_err(|error| {
            let start = error.span.start;
            Error::usage(format!("{name}:{}:{}: {}", start.line, start.col, error.code))
        })?;
        (file.name, file.text) = (name.to_owned(), text.to_owned());
        Ok(file)
    }

    /// File, line and column of where a text first stands in quotes.
    pub(super) fn place(&self, quoted: &str) -> String {
        let Some(at) = self.text.find(&format!("\"{quoted}\"")) else { return self.name.clone() };
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// The settings of one member.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the family and the setting that is missing or of a wrong type.
    pub fn experiment(&self, family: &Family, member: usize, earlier: &Earlier) -> Result<Experiment> {
        serde_json::from_value(self.settings(family, member, earlier)?).map_err(|error| {
            let (place, error) = (self.place(&family.key), error.to_string());
            let is_text = error.starts_with("invalid type: string") && !error.contains("expected a string");
            let hint = if is_text {
                "; a text is computed where it is a finite sum, product or quotient of numbers, such as \"0.1 * 32 / 256\""
            } else {
                ""
            };
            Error::usage(format!("{place}: the family {} is wrong: {error}{hint}", family.key))
        })
    }

    /// The settings of one member with all templates filled, whether or not they are an experiment.
    ///
    /// # Errors
    /// [`Error::Usage`] with the place of a name that the family has not, or of a base that there is not.
    pub(super) fn settings(&self, family: &Family, member: usize, earlier: &Earlier) -> Result<Value> {
        let options = family.options(member);
        let names = names(&options);
        let grouped: Vec<(&str, String)> =
            names.iter().map(|(name, value)| (*name, in_parentheses(value))).collect();
        let grouped: Vec<(&str, &str)> =
            grouped.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let filled_by = |template: &str, names: &[(&str, &str)]| {
            let text = fill(template, names);
            if text.len() > LONGEST {
                return Err(Error::usage(format!(
                    "{}: a text of the family {} becomes longer than {LONGEST} bytes; let no value name another that names it again",
                    self.place(template),
                    family.key
                )));
            }
            let Some(unknown) = leftover(&text) else { return Ok(text) };
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
            Err(Error::usage(format!(
                "{}: {{{unknown}}} is no axis or value of the family {} ({known})",
                self.place(template),
                family.key
            )))
        };
        let filled = |template: &str| filled_by(template, &names);
        let computed = |template: &str| filled_by(template, &grouped);
        let (mut value, base) = self.start(family, &filled(&family.base)?, earlier)?;
        let layers =
            base.into_iter().chain([&family.set]).chain(options.iter().map(|(_, option)| &option.set));
        for layer in layers {
            // Another name takes other arguments, so names come first.
            let is_name = |path: &SettingPath| path.0.ends_with(".name");
            let named = layer.iter().filter(|(path, _)| is_name(path));
            for (path, setting) in named.chain(layer.iter().filter(|(path, _)| !is_name(path))) {
                overrides::replace(&mut value, &path.0, fill_setting(path, setting, &filled, &computed)?);
            }
        }
        set(&mut value, "key", Value::from(filled(&family.key)?));
        Ok(value)
    }

    /// What a family starts from: the settings of a key, or nothing and a base.
    fn start<'a>(
        &'a self,
        family: &Family,
        name: &str,
        earlier: &Earlier<'a>,
    ) -> Result<(Value, Option<&'a Settings>)> {
        let nothing = || Value::Object(serde_json::Map::new());
        let mut files = std::iter::once(self).chain(earlier.files().iter().rev());
        if let Some(base) = files.find_map(|file| file.bases.get(name)) {
            return Ok((nothing(), Some(base)));
        }
        if let Some(settings) = earlier.settings(name)? {
            return Ok((settings, None));
        }
        Err(Error::usage(format!(
            "{}: {} starts from an unknown base {name}; name a base of this file or an earlier one, or an earlier key",
            self.place(&family.base),
            family.key
        )))
    }
}

/// What stands before a family: whole files, and keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Earlier<'a> {
    /// All files.
    pub all: &'a [File],
    /// How many of them lie before the family's.
    pub files: usize,
    /// The keys before the member's, each with its file, family and member.
    pub keys: &'a [(String, [usize; 3])],
    /// Keys that start from one another, up to here.
    pub depth: usize,
}

impl<'a> Earlier<'a> {
    fn files(&self) -> &'a [File] {
        &self.all[..self.files]
    }

    /// The settings of an earlier key.
    fn settings(&self, key: &str) -> Result<Option<Value>> {
        let Some(at) = self.keys.iter().position(|(known, _)| known == key) else { return Ok(None) };
        let [file, family, member] = self.keys[at].1;
        if self.depth == MOST_EARLIER {
            return Err(Error::usage(format!(
                "the key {key} starts from more than {MOST_EARLIER} keys, one after the other; start from a base"
            )));
        }
        let earlier = Self { files: file, keys: &self.keys[..at], depth: self.depth + 1, ..*self };
        let file = &self.all[file];
        file.settings(&file.families[family], member, &earlier).map(Some)
    }
}

impl Family {
    /// Experiments in the family; the largest number where they are more.
    pub fn len(&self) -> usize {
        self.axes.iter().fold(1, |count, axis| count.saturating_mul(axis.options.len()))
    }

    /// The template of its keys.
    pub(super) fn template(&self) -> &str {
        &self.key
    }

    /// The key of one member.
    pub fn key(&self, member: usize) -> String {
        fill(&self.key, &names(&self.options(member)))
    }

    /// Whether the learning rate follows the batch, where the family itself decides that.
    pub(super) fn follows_batch(&self) -> Option<bool> {
        let sets_rate = self.set.keys().any(|path| path.0 == "optimizer.base_lr");
        self.lr_follows_batch.or(sets_rate.then_some(false))
    }

    /// What one member starts from.
    pub(super) fn base_key(&self, member: usize) -> String {
        fill(&self.base, &names(&self.options(member)))
    }

    fn options(&self, mut member: usize) -> Vec<(&str, &AxisOption)> {
        let mut options: Vec<_> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let option = &axis.options[member % axis.options.len()];
                member /= axis.options.len();
                (axis.name.as_str(), option)
            })
            .collect();
        options.reverse();
        options
    }
}

/// What stands for each name in the templates.
fn names<'a>(options: &[(&'a str, &'a AxisOption)]) -> Vec<(&'a str, &'a str)> {
    let labels = options.iter().map(|(axis, option)| (*axis, option.label.as_str()));
    let values = options.iter().flat_map(|(_, option)| &option.values);
    labels.chain(values.map(|(name, value)| (name.as_str(), value.as_str()))).collect()
}

/// Names that stand in the place of others again may make a text grow without end; beyond [`LONGEST`] bytes it is left as it is.
fn fill(template: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(template.to_owned(), |text, (name, value)| match text.len() > LONGEST {
        true => text,
        false => text.replace(&format!("{{{name}}}"), value),
    })
}

/// # Errors
/// What is wrong with a key, which becomes a path below the base folder.
pub(super) fn check_key(key: &str) -> std::result::Result<(), String> {
    /// Bytes that the name of a folder may have.
    const LONGEST_NAME: usize = 255;
    if key.len() > LONGEST {
        return Err(format!(
            "a key has more than {LONGEST} bytes: {}...",
            key.chars().take(50).collect::<String>()
        ));
    }
    for part in key.split('/') {
        if part.is_empty() || part == "." || part == ".." || part.contains(SET_ASIDE) {
            return Err(format!(
                "the key {key} is no path of a folder below another: it has the part \"{part}\""
            ));
        }
        if part.len() > LONGEST_NAME {
            return Err(format!("the key {key} has a part of more than {LONGEST_NAME} bytes"));
        }
    }
    match key.chars().find(|char| char.is_control() || *char == '\\') {
        Some(char) => Err(format!("the key {key:?} holds the character {char:?}")),
        None => Ok(()),
    }
}

/// The first name in braces, such as `foo` in `{foo}`; what else stands in braces belongs to a regular expression.
fn leftover(text: &str) -> Option<&str> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    let inside = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    inside.map(|(name, _)| name).find(|name| is_name(name))
}

/// Fills a setting. A text in place of a number may be a sum or a product.
fn fill_setting(
    path: &SettingPath,
    setting: &Setting,
    filled: &impl Fn(&str) -> Result<String>,
    in_computation: &impl Fn(&str) -> Result<String>,
) -> Result<Value> {
    let is_text = overrides::setting(&path.0).is_ok_and(|setting| setting.kind == Kind::Text);
    match is_text {
        true => fill_value(&setting.0, filled),
        false => computed(&setting.0, in_computation),
    }
}

/// A filled value with the number in place of each text that is a sum or a product. In lists, whose items may be texts, only what
/// names something or has an operator is computed.
fn computed(template: &Value, filled: &impl Fn(&str) -> Result<String>) -> Result<Value> {
    if let Value::Array(items) = template {
        let is_plain = |item: &Value| item.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        let items =
            items.iter().map(|item| if is_plain(item) { Ok(item.clone()) } else { computed(item, filled) });
        return items.collect();
    }
    let value = fill_value(template, filled)?;
    Ok(match value.as_str().and_then(evaluate) {
        Some(number) => overrides::whole(Value::from(number)),
        None => value,
    })
}

/// A sum or a product in parentheses, so that it stays one value where it stands in another; all else as it is.
fn in_parentheses(value: &str) -> String {
    match value.parse::<f64>().is_err() && evaluate(value).is_some() {
        true => format!("({value})"),
        false => value.to_owned(),
    }
}

/// Fills all texts of a value; one that is nothing but a name becomes the number it stands for, if it is one.
fn fill_value(value: &Value, filled: &impl Fn(&str) -> Result<String>) -> Result<Value> {
    Ok(match value {
        Value::String(template) => {
            let text = filled(template)?;
            let is_name = template.starts_with('{') && template.ends_with('}');
            let number = text.parse().map(serde_json::Number::from_f64);
            match (text.parse::<u64>(), number) {
                (Ok(number), _) if is_name => Value::from(number),
                (_, Ok(Some(number))) if is_name => Value::from(number),
                _ if is_name && text == "true" => Value::from(true),
                _ if is_name && text == "false" => Value::from(false),
                _ => Value::from(text),
            }
        }
        Value::Array(values) => {
            values.iter().map(|value| fill_value(value, filled)).collect::<Result<_>>()?
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), fill_value(value, filled)?)));
            Value::Object(fields.collect::<Result<_>>()?)
        }
        value => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(family: &str, parts: &[&str]) {
        let text = format!("(\n    bases: {{ \"none\": {{}} }},\n    families: [({family})],\n)");
        let result = File::parse("mine.ron", &text).and_then(|file| {
            let earlier = Earlier { all: &[], files: 0, keys: &[], depth: 0 };
            file.experiment(&file.families[0], 0, &earlier)
        });
        let message = result.unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)) && !message.contains('\n'), "{message}");
    }

    #[test]
    fn a_key_is_a_path_below_the_base_folder() {
        for key in ["a", "a/b c/d.1", "train/DomainNet_real/x-é"] {
            assert_eq!(check_key(key), Ok(()));
        }
        let long = format!("a/{}", "b".repeat(256));
        for key in
            ["", "/a", "a//b", "a/", "../evil", "a/./b", "a/../../b", "a\\b", "a/\nb", "a.old-1", &long]
        {
            assert!(check_key(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_family_has_a_file_and_a_place() {
        check(r#"key: "k", base: "none", sett: {}"#, &["mine.ron:3:", "sett"]);
        check(
            r#"key: "k", base: "none", set: { "train.epoch": 3 }"#,
            &["mine.ron:3:", "train.epoch;", "train.epochs"],
        );
        check(
            r#"key: "k", base: "none", set: { "model.kwargs": { "zero_fc": true } }"#,
            &["mine.ron:3:", "dotted"],
        );
        check(r#"key: "k", base: "nine""#, &["mine.ron:3:33", "nine"]);
        check(
            r#"key: "k", base: "none", set: { "train.epochs": "1 / 0" }"#,
            &["mine.ron:3:22", "1 / 0", "a text is computed"],
        );
        check(r#"key: "k", base: "none""#, &["mine.ron:3:22", "the family k", "script"]);
        let axes = r#"axes: [(name: "start", options: [(label: "a", values: { "seed": "1" })])]"#;
        check(
            &format!(r#"key: "k/{{strat}}", base: "none", {axes}"#),
            &["mine.ron:3:22", "{strat}", "start, seed"],
        );
        let doubled = |name: &str, next: &str| {
            format!(r#"(name: "{name}", options: [(label: "{{{next}}}{{{next}}}{{{next}}}{{{next}}}")])"#)
        };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let axes: Vec<String> = names.windows(2).map(|pair| doubled(pair[0], pair[1])).collect();
        check(
            &format!(r#"key: "{{a}}", base: "none", axes: [{}]"#, axes.join(",")),
            &["mine.ron:3:22", "4096 bytes"],
        );
        check(
            r#"key: "k", base: "none", set: { "optimizer.custom_lrs": [("layer{n}", 0.1)] }"#,
            &["mine.ron:3:", "{n}", "it has none"],
        );
    }
}
