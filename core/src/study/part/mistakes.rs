//! Mistakes that networks share, and that only one makes (PAPER section 6).

use std::path::Path;

use super::{Context, Pair};
use crate::analysis::mistakes::{Candidate, Mistakes, Request, mistakes, pairs_figure, pairs_table};
use crate::error::{Error, Result};
use crate::study::claim::{Measure, Quantity};
use crate::study::section::Section;

/// Images of each quadrant on a contact sheet.
const EXAMPLES: usize = 8;

/// Compares all networks with all, and shows images of one pair.
pub(super) fn measure(names: &[String], shown: &Pair, context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let candidate = |name: &String| {
        let (path, experiment) = context.network(name)?;
        Ok(Candidate { path, experiment: Some(experiment.clone()) })
    };
    let networks = names.iter().map(candidate).collect::<Result<Vec<_>>>()?;
    let request = Request { networks: &networks, names, examples: EXAMPLES, base: context.base };
    let (result, folder) = mistakes(&request, context.job)?;
    let paths: Vec<String> = networks.iter().map(|network| network.path.display().to_string()).collect();
    section.commands.push(format!("runner mistakes {} --names '{}'", paths.join(" "), names.join(",")));
    for pair in &result.pairs {
        let networks = result.names(pair).map(str::to_owned).to_vec();
        if let Some(uncommon) = pair.all.uncommon {
            section.measures.push(Measure {
                quantity: Quantity::UncommonMistakes,
                networks,
                value: uncommon.value,
            });
        }
    }
    section.row(
        vec![super::figure("mistakes", pairs_figure(&result))],
        "Test images that both networks of a pair tell wrongly, and that only one does.",
    );
    section.table("mistakes", pairs_table(&result), &result.definitions);
    for png in sheets(&result, shown, &folder)? {
        let caption = format!("Test images by who is wrong: 1 is {}, 2 is {}.", shown.0, shown.1);
        section.images.push((png, caption));
    }
    Ok(section)
}

/// The contact sheets of a pair.
fn sheets(result: &Mistakes, shown: &Pair, folder: &Path) -> Result<Vec<Vec<u8>>> {
    let is_shown = |names: [&str; 2]| names == [shown.0.as_str(), shown.1.as_str()];
    let Some(pair) = result.pairs.iter().find(|pair| is_shown(result.names(pair))) else {
        return Err(Error::usage(format!(
            "{} and {} are no pair of the networks, in this order",
            shown.0, shown.1
        )));
    };
    let start = format!("examples-{}-", pair.stem());
    let mut sheets = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(".png") {
            sheets.push(path);
        }
    }
    sheets.sort();
    sheets.iter().map(|path| std::fs::read(path).map_err(Error::io("read", path))).collect()
}
