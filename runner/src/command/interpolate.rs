//! `runner interpolate`: linear mode connectivity.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::interpolation::{Request, all_pairs, barrier_table, interpolate, point_table};

use super::{analyse, print, working};
use crate::args::{Coefficients, Data, Images, coefficients};

/// Checkpoints, and where to measure between and beyond them.
#[derive(Debug, clap::Args)]
pub struct Interpolate {
    /// Two checkpoints, or more for the lines between all pairs; the first of each pair is at coefficient 0, the second at 1.
    #[arg(required = true, num_args = 2.., value_name = "CHECKPOINT")]
    checkpoints: Vec<PathBuf>,
    /// Coefficients c of (1 - c) first + c second: first:last:count, or numbers with commas. Below 0 and above 1 extrapolates. The
    /// barrier is the largest drop below the chord, and needs 0 and 1.
    #[arg(long, default_value = "0:1:50", value_name = "RANGE", value_parser = coefficients, allow_hyphen_values = true)]
    coefficients: Coefficients,
    /// Folder for the results, instead of one in the run of each pair's first checkpoint.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    data: Data,
}

impl Interpolate {
    /// Measures the lines, and prints their points and barriers.
    pub fn run(&self) -> Result<()> {
        let experiment = analyse::experiment(&self.checkpoints[0], &self.data)?;
        let request = Request {
            coefficients: &self.coefficients.0,
            experiment: &experiment,
            selection: self.images.selection(),
            base: &self.data.base_dir,
            output: self.output.as_deref(),
            watch: None,
        };
        let [one, two] = self.checkpoints.as_slice() else { return self.run_all(&request) };
        let (line, folder) = working(&self.data.device, |job| interpolate(one, two, &request, job))?;
        if self.data.json {
            return print(&format!("{}\n", serde_json::to_string(&line)?));
        }
        let label = line.inputs.networks.iter().map(|source| source.stem()).collect::<Vec<_>>().join(" to ");
        let (points, barrier) = (point_table(&line).text(), barrier_table(&[(&label, &line)]).text());
        print(&format!("{points}\n{barrier}written to {}\n", folder.display()))
    }

    fn run_all(&self, request: &Request) -> Result<()> {
        let pairs = working(&self.data.device, |job| all_pairs(&self.checkpoints, request, job))?;
        if self.data.json {
            let lines: Vec<_> = pairs.lines.iter().map(|line| &line.result).collect();
            return print(&format!("{}\n", serde_json::to_string(&lines)?));
        }
        let labelled: Vec<_> = pairs.lines.iter().map(|line| (line.label.as_str(), &line.result)).collect();
        let folders: String =
            pairs.lines.iter().map(|line| format!("{}: {}\n", line.label, line.folder.display())).collect();
        let together = pairs.folder.display();
        print(&format!("{}{folders}together: {together}\n", barrier_table(&labelled).text()))
    }
}
