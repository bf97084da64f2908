//! The commands of all analyses, made from what each says of itself.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::selection::Selection;
use basin_core::analysis::settings::{Arity, SettingOption, Values};
use basin_core::analysis::{ANALYSES, Entry, Networks};
use basin_core::checkpoint::Location;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, Error, FromArgMatches, Subcommand};

use super::{print, working};
use crate::args::{Data, Device, Families, FinishedRuns, Images, Memory, Names, Output, location};

/// The argument of the checkpoints.
const NETWORKS: &str = "networks";

/// An analysis that was asked for.
pub struct Analyse {
    entry: &'static dyn Entry,
    networks: Vec<Location>,
    settings: Values,
    selection: Selection,
    key: Option<String>,
    set: Vec<String>,
    families: Families,
    names: Vec<String>,
    memory_bytes: Option<usize>,
    base_dir: PathBuf,
    output: Option<PathBuf>,
    device: Device,
    json: bool,
}

impl Analyse {
    /// Computes, and prints what was found.
    pub fn run(&self) -> Result<()> {
        let request = self.request()?;
        let printed = working(&self.device, |job| self.entry.run(&request, job))?;
        print(if self.json { &printed.json } else { &printed.text })
    }

    /// What was asked.
    fn request(&self) -> Result<Request<Values>> {
        let mut surroundings = Surroundings::new(Arc::new(self.families.registry()?), self.selection);
        (surroundings.key, surroundings.set) = (self.key.clone(), self.set.clone());
        surroundings.names = self.names.clone();
        surroundings.memory_bytes = self.memory_bytes.unwrap_or(surroundings.memory_bytes);
        (surroundings.base, surroundings.output) = (self.base_dir.clone(), self.output.clone());
        Ok(Request { networks: self.networks.clone(), settings: self.settings.clone(), surroundings })
    }

    fn from_matches(entry: &'static dyn Entry, matches: &ArgMatches) -> Result<Self, Error> {
        let about = entry.about();
        let mut settings = Values::new();
        for option in entry.options() {
            if matches.value_source(&option.name) == Some(ValueSource::CommandLine) {
                let words = matches.get_many::<String>(&option.name).into_iter().flatten().cloned();
                settings.insert(option.name, words.collect());
            }
        }
        let selection = match about.split {
            Some(_) => Images::from_arg_matches(matches)?.selection(),
            None => Selection::TEST,
        };
        let names = if about.takes_names { Names::from_arg_matches(matches)?.names } else { Vec::new() };
        let memory_bytes =
            if about.takes_memory { Some(Memory::from_arg_matches(matches)?.bytes) } else { None };
        let output = Output::from_arg_matches(matches)?.output;
        if about.networks.is_none() {
            let FinishedRuns { base_dir, families, json } = FinishedRuns::from_arg_matches(matches)?;
            return Ok(Self {
                entry,
                networks: Vec::new(),
                settings,
                selection,
                key: None,
                set: Vec::new(),
                families,
                names,
                memory_bytes,
                base_dir,
                output,
                device: Device::cpu(),
                json,
            });
        }
        let networks = matches.get_many::<Location>(NETWORKS).into_iter().flatten().cloned().collect();
        let Data { config_key: key, settings: known, base_dir, device, json } =
            Data::from_arg_matches(matches)?;
        let (families, set) = (known.families, known.set);
        Ok(Self {
            entry,
            networks,
            settings,
            selection,
            key,
            set,
            families,
            names,
            memory_bytes,
            base_dir,
            output,
            device,
            json,
        })
    }
}

impl fmt::Debug for Analyse {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_tuple("Analyse")
            .field(&self.entry.about().command)
            .field(&self.settings)
            .finish_non_exhaustive()
    }
}

impl FromArgMatches for Analyse {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let known = |name: &str| ANALYSES.iter().find(|entry| entry.about().command == name);
        let found = matches.subcommand().and_then(|(name, matches)| Some((known(name)?, matches)));
        let (entry, matches) = found.ok_or_else(|| Error::new(ErrorKind::InvalidSubcommand))?;
        Self::from_matches(*entry, matches)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Analyse {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(ANALYSES.iter().map(|entry| subcommand(*entry)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        ANALYSES.iter().any(|entry| entry.about().command == name)
    }
}

/// The command of an analysis: its networks, its own options, and what all have in common.
fn subcommand(entry: &dyn Entry) -> Command {
    let about = entry.about();
    let mut command = Command::new(about.command);
    if !about.details.is_empty() {
        command = command.after_help(about.details);
    }
    command = command.args(about.networks.as_ref().map(networks));
    command = command.args(entry.options().into_iter().map(argument));
    if let Some(default) = about.split {
        command =
            Images::augment_args(command).mut_arg("split", |split| split.default_value(default.title()));
    }
    if about.takes_names {
        command = Names::augment_args(command);
    }
    if about.takes_memory {
        command = Memory::augment_args(command);
    }
    command = Output::augment_args(command);
    command = match about.networks {
        Some(_) => Data::augment_args(command),
        None => FinishedRuns::augment_args(command),
    };
    // The groups of arguments bring sentences about themselves.
    command.about(about.summary).long_about(None)
}

fn networks(networks: &Networks) -> Arg {
    let argument = Arg::new(NETWORKS).value_name(networks.value_name).help(networks.help);
    let argument = argument.value_parser(location()).action(ArgAction::Append);
    let argument = match networks.most {
        usize::MAX => argument.num_args(networks.least..),
        most => argument.num_args(networks.least..=most),
    };
    match networks.unless {
        Some(option) => argument.required_unless_present(option).conflicts_with(option),
        None => argument.required(true),
    }
}

/// An option of the analysis itself.
fn argument(option: SettingOption) -> Arg {
    let SettingOption { name, value_name, help, arity, kind: _, is_positional, default, check } = option;
    let parse = move |word: &str| check(word).map(|()| word.to_owned());
    let argument = Arg::new(name.clone()).value_name(value_name).help(help).value_parser(parse);
    let argument = match arity {
        Arity::One => argument.allow_hyphen_values(true),
        Arity::Commas => argument.value_delimiter(','),
        Arity::Repeated => argument.action(ArgAction::Append),
    };
    let is_empty = default.iter().all(String::is_empty);
    match (is_positional, is_empty) {
        (true, true) => argument.required(true).allow_hyphen_values(false),
        (true, false) => argument.default_values(default).allow_hyphen_values(false),
        (false, true) => argument.long(name),
        (false, false) => argument.long(name).default_values(default),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use basin_core::analysis::settings::Settings;
    use basin_core::analysis::{Analysis, Asked, PartVisitor};
    use basin_core::config::Registry;
    use basin_core::data::Split;
    use basin_core::shell;
    use basin_core::study::Study;
    use clap::Parser as _;

    use super::*;
    use crate::command::{Arguments, Command as Typed};

    /// What a shell makes of a line, parsed as this program parses it.
    fn parsed(line: &str) -> Analyse {
        let arguments = Arguments::try_parse_from(shlex::split(line).unwrap())
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        match arguments.command {
            Some(Typed::Analyse(command)) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn round_trip<A: Analysis>(request: &Request<A::Settings>) {
        let words = request.command(&A::ABOUT);
        let line = shell::line(&words);
        let parsed = parsed(&line);
        assert_eq!(parsed.entry.about().command, A::ABOUT.command, "{line}");
        let again = parsed.request().unwrap();
        assert_eq!(A::Settings::from_values(&again.settings).unwrap(), request.settings, "{line}");
        assert_eq!(again.networks, request.networks, "{line}");
        let [one, two] = [&request.surroundings, &again.surroundings];
        assert_eq!(
            (&one.base, &one.output, &one.key, &one.set),
            (&two.base, &two.output, &two.key, &two.set),
            "{line}"
        );
        if A::ABOUT.split.is_some() {
            assert_eq!(one.selection, two.selection, "{line}");
        }
        if A::ABOUT.takes_names {
            assert_eq!(one.names, two.names, "{line}");
        }
        if A::ABOUT.takes_memory {
            assert_eq!(one.memory_bytes, two.memory_bytes, "{line}");
        }
        assert_eq!(again.typed::<A::Settings>().unwrap().command(&A::ABOUT), words, "{line}");
    }

    /// Every part of the shipped studies, in a folder that a shell would split and end early.
    struct Quoted;

    impl PartVisitor for Quoted {
        type Output = usize;

        fn visit<A: Analysis>(self, part: &A::Part) -> usize {
            let asked = A::asked(part).unwrap();
            for Asked { networks, settings, selection } in &asked {
                let mut surroundings = Surroundings::new(Arc::new(Registry::load().unwrap()), *selection);
                surroundings.base = PathBuf::from("it's a base");
                surroundings.names = networks.clone();
                let path = |name: &String| Path::new("it's a base/$HOME; `x`").join(name).into();
                let networks = networks.iter().map(path).collect();
                round_trip::<A>(&Request { networks, settings: settings.clone(), surroundings });
            }
            asked.len()
        }
    }

    #[test]
    fn the_commands_of_studies_are_read_back_as_the_same_settings() {
        let mut count = 0;
        for name in [
            "demo",
            "lpft",
            "lpft/domainnet",
            "paper/fig2",
            "paper/fig3",
            "paper/fig4",
            "paper/fig5",
            "paper/fig6",
            "paper/fig7",
            "paper/table1",
            "paper/table2",
        ] {
            for part in Study::open(name).unwrap().parts {
                count += part.analysis.visit(Quoted);
            }
        }
        assert!(count > 50, "{count}");
    }

    #[test]
    fn settings_that_look_like_options_are_read_back() {
        use basin_core::analysis::coefficients::Coefficients;
        use basin_core::analysis::interpolation::{LineSettings, LinearInterpolation};
        use basin_core::analysis::settings::Commas;
        use basin_core::analysis::statistics::RunningStatistics;
        let selection = Selection { split: Split::Dev, samples: Some(7) };
        let mut surroundings = Surroundings::new(Arc::new(Registry::load().unwrap()), selection);
        surroundings.key = Some("demo/Shapes_photo/fixup_resnet18/pretrain".to_owned());
        surroundings.set = vec!["data.configs.data_dir=/a b".to_owned(), "train.epochs=3".to_owned()];
        surroundings.output = Some(PathBuf::from("-o"));
        let networks = ["-k", "--set", "two words"].map(Location::parse).to_vec();
        let coefficients = Coefficients(vec![-0.5, 0.1 + 0.2, 1e-9]);
        round_trip::<LinearInterpolation>(&Request {
            networks,
            settings: LineSettings {
                coefficients,
                statistics: Commas(vec![RunningStatistics::Averaged]),
                results: None,
            },
            surroundings,
        });
    }

    #[test]
    fn every_analysis_explains_its_options() {
        for entry in ANALYSES {
            let about = entry.about();
            let help = subcommand(*entry).render_long_help().to_string();
            for option in entry.options() {
                assert!(
                    !option.help.is_empty()
                        && help.contains(&option.help.split(' ').next().unwrap_or_default().to_owned()),
                    "{}",
                    option.name
                );
            }
            assert!(help.contains("--json") && help.contains("--output"), "{}", about.command);
        }
    }
}
