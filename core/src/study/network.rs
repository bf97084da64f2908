//! How a study names networks: a run's name, and which of its checkpoints.

use std::path::Path;

use super::Run;
use crate::checkpoint::Location;
use crate::error::{Error, Result};
use crate::train::start::find_pretrained;

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// After the last epoch; `P-T 1`.
    Last,
    /// The best on the test split; `P-T 1@best`.
    Best,
    /// After an epoch; `P-T 1@0`.
    Epoch(usize),
    /// What the run was fine-tuned from; `P-T 1@pretrained`.
    Pretrained,
}

/// The run's name and the checkpoint that a network's name asks for; `None` if it asks for none that there is.
fn parse(network: &str) -> Option<(&str, Which)> {
    let Some((run, which)) = network.split_once('@') else { return Some((network, Which::Last)) };
    let which = match which {
        "best" => Which::Best,
        "pretrained" => Which::Pretrained,
        epoch => Which::Epoch(epoch.parse().ok()?),
    };
    Some((run, which))
}

/// Says what is wrong with a network's name.
pub(super) fn check(network: &str, is_run: impl Fn(&str) -> bool) -> std::result::Result<(), String> {
    match parse(network) {
        None => Err(format!("{network} must end in @best, @pretrained or @ and an epoch")),
        Some((run, _)) if !is_run(run) => Err(format!("{run} is none of the runs")),
        Some(_) => Ok(()),
    }
}

/// The run of a network, and the checkpoint. Its name was checked when the study was read.
pub(super) fn find<'a>(network: &str, runs: &'a [Run], base: &Path) -> Result<(&'a Run, Location)> {
    let unknown = || Error::usage(format!("the study has no run {network}"));
    let (name, which) = parse(network).ok_or_else(unknown)?;
    let run = runs.iter().find(|run| run.member.name == name).ok_or_else(unknown)?;
    let (folder, train) = (run.request.run_dir(), &run.request.experiment.train);
    let location = match which {
        Which::Last => folder.found_checkpoint(train.epochs).into(),
        Which::Best => folder.found_best().into(),
        Which::Epoch(epoch) => folder.found_checkpoint(epoch).into(),
        Which::Pretrained => match &train.finetune_from {
            Some(source) => find_pretrained(source, base)?,
            None => return Err(Error::usage(format!("{network}: {name} was not fine-tuned"))),
        },
    };
    Ok((run, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_run_and_one_of_its_checkpoints() {
        assert_eq!(parse("P-T 1"), Some(("P-T 1", Which::Last)));
        assert_eq!(parse("P-T 1@best"), Some(("P-T 1", Which::Best)));
        assert_eq!(parse("P-T 1@12"), Some(("P-T 1", Which::Epoch(12))));
        assert_eq!(parse("P-T 1@pretrained"), Some(("P-T 1", Which::Pretrained)));
        assert!(check("A@worst", |_| true).is_err_and(|what| what.contains("@best")));
        assert!(check("B@best", |run| run == "A").is_err_and(|what| what == "B is none of the runs"));
    }
}
