//! The settings of an analysis: typed for whoever computes, words for a command line, and one list of what there is, from which
//! the runner makes its options and a study the command that computes a result again.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Words for some settings, by the names of their options.
pub type Values = BTreeMap<String, Vec<String>>;

/// What a user can choose of an analysis; [`settings!`] declares one.
pub trait Settings: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The options, in the order in which they are shown.
    fn options() -> Vec<SettingOption>;

    /// The default settings with those that are named taken from words.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the option whose word is no value of it.
    fn from_values(values: &Values) -> Result<Self>;

    /// The settings that differ from the default.
    fn values(&self) -> Values;
}

/// An option of the command line.
#[derive(Debug, Clone)]
pub struct SettingOption {
    /// Its name, without dashes.
    pub name: String,
    /// What stands for a value in a synopsis.
    pub value_name: &'static str,
    /// What it means, in sentences.
    pub help: String,
    /// How many words it takes.
    pub arity: Arity,
    /// What each of its words is.
    pub kind: Kind,
    /// Whether it is known by its place and has no name.
    pub is_positional: bool,
    /// The words of the default; none if it has no value unless it is set.
    pub default: Vec<String>,
    /// Says what is wrong with a word.
    pub check: fn(&str) -> std::result::Result<(), String>,
}

/// How many words an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// One.
    One,
    /// Several with commas between them.
    Commas,
    /// One each time that it is named.
    Repeated,
}

/// What a word is, for forms that offer more than a field of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text, or a number.
    Text,
    /// A whole number from 0.
    WholeNumber,
    /// Numbers: `first:last:count`, or with commas.
    Range,
    /// A file or a folder.
    Path,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A type that settings are made of.
pub trait SettingValue: Sized + PartialEq {
    /// How many words make one.
    const ARITY: Arity;
    /// What each word is.
    const KIND: Kind = Kind::Text;

    /// From words.
    ///
    /// # Errors
    /// What is wrong with the words.
    fn read(words: &[String]) -> std::result::Result<Self, String>;

    /// Words that are read as the same value; none for no value.
    fn words(&self) -> Vec<String>;

    /// Says what is wrong with one word.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(word: &str) -> std::result::Result<(), String> {
        Self::read(&[word.to_owned()]).map(drop)
    }
}

/// The value of one word.
///
/// # Errors
/// What is wrong with it, or that there is more than one.
pub(crate) fn one<T: FromStr<Err: Display>>(words: &[String]) -> std::result::Result<T, String> {
    match words {
        [word] => word.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err(format!("{} values are given, and one is needed", words.len())),
    }
}

/// Makes types settings that one word is read as and written from; a word is text unless a [`Kind`] is named.
macro_rules! single {
    ($($type:ty $(= $kind:expr)?),*) => {$(
        impl $crate::analysis::settings::SettingValue for $type {
            const ARITY: $crate::analysis::settings::Arity = $crate::analysis::settings::Arity::One;
            $(const KIND: $crate::analysis::settings::Kind = $kind;)?

            fn read(words: &[String]) -> std::result::Result<Self, String> {
                $crate::analysis::settings::one(words)
            }

            fn words(&self) -> Vec<String> {
                vec![self.to_string()]
            }
        }
    )*};
}
pub(crate) use single;

single!(usize = Kind::WholeNumber, u64 = Kind::WholeNumber, f64, String);

impl SettingValue for PathBuf {
    const ARITY: Arity = Arity::One;
    const KIND: Kind = Kind::Path;

    fn read(words: &[String]) -> std::result::Result<Self, String> {
        one(words)
    }

    fn words(&self) -> Vec<String> {
        vec![self.display().to_string()]
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const ARITY: Arity = T::ARITY;
    const KIND: Kind = T::KIND;

    fn read(words: &[String]) -> std::result::Result<Self, String> {
        T::read(words).map(Some)
    }

    fn words(&self) -> Vec<String> {
        self.as_ref().map(T::words).unwrap_or_default()
    }
}

/// Values with commas between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commas<T>(pub Vec<T>);

/// Values of an option that is named several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeated<T>(pub Vec<T>);

/// Each word as a value of its own.
fn read_each<T: SettingValue>(words: &[String]) -> std::result::Result<Vec<T>, String> {
    words.iter().map(|word| T::read(std::slice::from_ref(word))).collect()
}

impl<T: SettingValue> SettingValue for Commas<T> {
    const ARITY: Arity = Arity::Commas;
    const KIND: Kind = T::KIND;

    fn read(words: &[String]) -> std::result::Result<Self, String> {
        read_each(words).map(Self)
    }

    fn words(&self) -> Vec<String> {
        self.0.iter().flat_map(T::words).collect()
    }
}

impl<T: SettingValue> SettingValue for Repeated<T> {
    const ARITY: Arity = Arity::Repeated;
    const KIND: Kind = T::KIND;

    fn read(words: &[String]) -> std::result::Result<Self, String> {
        read_each(words).map(Self)
    }

    fn words(&self) -> Vec<String> {
        self.0.iter().flat_map(T::words).collect()
    }
}

impl SettingOption {
    /// The option of a field with that documentation, whose name has dashes for underscores.
    pub fn of<T: SettingValue>(
        field: &str,
        value_name: &'static str,
        documentation: &str,
        default: &T,
    ) -> Self {
        let sentences: Vec<&str> = documentation.split_whitespace().collect();
        Self {
            name: option_name(field),
            value_name,
            help: sentences.join(" ").trim_end_matches('.').to_owned(),
            arity: T::ARITY,
            kind: T::KIND,
            is_positional: false,
            default: default.words(),
            check: T::check,
        }
    }
}

/// The option of a field.
pub fn option_name(field: &str) -> String {
    field.replace('_', "-")
}

/// A field from the words for its option, if there are any.
///
/// # Errors
/// [`Error::Usage`] naming the option.
pub fn take<T: SettingValue>(field: &mut T, name: &str, values: &Values) -> Result<()> {
    let name = option_name(name);
    if let Some(words) = values.get(&name) {
        *field =
            T::read(words).map_err(|what| Error::usage(format!("--{name} {}: {what}", words.join(","))))?;
    }
    Ok(())
}

/// The error for a word that is none of some names.
pub fn no_choice(text: &str, what: &str, names: &[&str]) -> String {
    let (last, others) = names.split_last().map_or((&"", &[][..]), |(last, others)| (last, others));
    format!("{text} is no {what}; choose {} or {last}", others.join(", "))
}

/// Makes an enumeration a setting, each of its variants by a name.
macro_rules! choices {
    ($type:ty, $what:literal: $($variant:ident = $name:literal),*) => {
        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err($crate::analysis::settings::no_choice(text, $what, &[$($name),*])),
                }
            }
        }

        impl std::fmt::Display for $type {
            /// As it is typed.
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $name,)*
                })
            }
        }

        $crate::analysis::settings::single!($type = $crate::analysis::settings::Kind::OneOf(&[$($name),*]));
    };
}
pub(crate) use choices;

/// Declares the settings of an analysis: fields with documentation, a default, and what stands for their values in a synopsis.
/// `positional` makes a field that has no name on the command line.
macro_rules! settings {
    (
        $(#[$outer:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $documentation:literal])*
                $field:ident: $type:ty = $default:expr => $value_name:literal $($positional:ident)?;
            )*
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $documentation])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::analysis::settings::Settings for $name {
            fn options() -> Vec<$crate::analysis::settings::SettingOption> {
                let default = Self::default();
                vec![$(
                    $crate::analysis::settings::SettingOption {
                        is_positional: [$(stringify!($positional))?].contains(&"positional"),
                        ..$crate::analysis::settings::SettingOption::of(
                            stringify!($field),
                            $value_name,
                            concat!($($documentation, "\n"),*),
                            &default.$field,
                        )
                    },
                )*]
            }

            fn from_values(values: &$crate::analysis::settings::Values) -> $crate::error::Result<Self> {
                let mut settings = Self::default();
                $($crate::analysis::settings::take(&mut settings.$field, stringify!($field), values)?;)*
                Ok(settings)
            }

            fn values(&self) -> $crate::analysis::settings::Values {
                use $crate::analysis::settings::{SettingValue as _, option_name};
                let default = Self::default();
                let mut values = $crate::analysis::settings::Values::new();
                $(
                    if self.$field != default.$field {
                        values.insert(option_name(stringify!($field)), self.$field.words());
                    }
                )*
                values
            }
        }
    };
}
pub(crate) use settings;
