//! How far each module can go back to its start, and how much noise it bears (paper section 3.5 and Figure 6).

use serde::{Deserialize, Serialize};

use super::{Coefficients, Context, MEMORY};
use crate::analysis::criticality::{
    Bound, Criticality, Grid, PathKind, Request, Rule, criticality, heat_map, score_bars, score_table,
};
use crate::analysis::interpolation::linspace;
use crate::analysis::measures::Metric;
use crate::analysis::named::Named;
use crate::analysis::selection::Selection;
use crate::data::Split;
use crate::error::Result;
use crate::study::section::Section;

/// Which surfaces a study measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surfaces {
    /// The networks at the ends of the paths.
    pub networks: Vec<String>,
    /// Names of the modules; all if there are none.
    #[serde(default)]
    pub modules: Vec<String>,
    /// The modules whose surfaces are drawn; of all others only the score.
    pub drawn: Vec<String>,
    /// The paths from the start to each end.
    pub paths: Vec<PathKind>,
    /// Training images, evenly spaced over their list; all unless set.
    #[serde(default)]
    pub samples: Option<usize>,
    /// Coefficients on the direct path, from 0 to 1.
    pub alphas: usize,
    /// Standard deviations of the noise.
    pub sigmas: Coefficients,
    /// Draws of noise for each point.
    pub draws: usize,
    /// When a point is as good as the end.
    #[serde(default)]
    pub rule: Rule,
}

/// Measures the surfaces that are not measured yet.
pub(super) fn measure(wanted: &Surfaces, context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let Surfaces { alphas, sigmas, draws, .. } = wanted;
    let grid = Grid { alphas: linspace(0.0, 1.0, *alphas), sigmas: sigmas.values(), draws: *draws, seed: 0 };
    let mut results: Vec<(String, Criticality)> = Vec::new();
    for name in &wanted.networks {
        let (end, experiment) = context.network(name)?;
        for &path in &wanted.paths {
            let request = Request {
                end: &end,
                start: &Named::Epoch(0),
                path,
                grid: &grid,
                rule: wanted.rule,
                modules: &wanted.modules,
                selection: Selection { split: Split::EvalTrain, samples: wanted.samples },
                experiment,
                memory_bytes: MEMORY,
                base: context.base,
                output: None,
                watch: None,
            };
            let (result, folder) = criticality(&request, context.job)?;
            section.commands.push(wanted.command(
                &end.display().to_string(),
                path,
                &folder.display().to_string(),
            ));
            let label =
                if wanted.paths.len() > 1 { format!("{name}, {}", path.name()) } else { name.clone() };
            results.push((label, result));
        }
    }
    let labelled: Vec<(&str, &Criticality)> =
        results.iter().map(|(label, result)| (label.as_str(), result)).collect();
    let mut maps = Vec::new();
    for module in &wanted.drawn {
        for (number, (label, result)) in results.iter().enumerate() {
            let Some(surface) = result.modules.iter().find(|surface| surface.module == *module) else {
                continue;
            };
            let mut map = heat_map(result, surface, Metric::of_network(&result.end)[0]);
            map.title = format!("{label}: {module}");
            maps.push(super::figure(&format!("criticality-{module}-{number}"), map));
        }
    }
    section.row(
        vec![super::figure("criticality", score_bars(&labelled))],
        "The criticality of each module; where a bar is missing, no point with noise is as good as the end.",
    );
    section.row(
        maps,
        "Training images in evaluation mode: from left to right from the module's start to its end, from bottom to top more noise.",
    );
    let epsilons = labelled.iter().map(|(label, result)| format!("{label}: {}.", result.epsilon_in_words()));
    let note = "The smallest (distance from the start / noise)^2 of a place that is as good as the end.";
    let note = format!("{note} {}", epsilons.collect::<Vec<_>>().join(" "));
    section.table("criticality", score_table(&labelled), &note);
    Ok(section)
}

impl Surfaces {
    fn command(&self, end: &str, path: PathKind, folder: &str) -> String {
        let Coefficients { first, last, count } = self.sigmas;
        let modules = match self.modules.as_slice() {
            [] => String::new(),
            modules => format!(" --modules {}", modules.join(",")),
        };
        let samples = self.samples.map_or(String::new(), |samples| format!(" --samples {samples}"));
        let (path, objective) = (path.name(), self.rule.objective.name());
        let bound = match self.rule.bound {
            Bound::Relative(factor) => format!("--within {factor}"),
            Bound::Absolute(epsilon) => format!("--epsilon {epsilon}"),
        };
        format!(
            "runner criticality {end} --paths {path} --alphas 0:1:{} --sigmas {first}:{last}:{count} --draws {}{modules}{samples} \
             --objective {objective} {bound} -o {folder}",
            self.alphas, self.draws
        )
    }
}
