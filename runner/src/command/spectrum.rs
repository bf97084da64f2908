//! Singular values of the layers of networks.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::spectrum::{ExactFor, Request, Spectra, spectrum};
use clap::Args;
use serde_json::json;

use super::analyse::experiment;
use super::{print, working};
use crate::args::{Data, Names};

#[derive(Debug, Args)]
pub struct Spectrum {
    /// The checkpoints; layers act on inputs as large as in the first one's run.
    #[arg(required = true, value_name = "CHECKPOINT")]
    checkpoints: Vec<PathBuf>,
    /// Decomposes only the layers in whose names a regular expression is found, such as 'conv2$'.
    #[arg(long, value_name = "REGEX")]
    layers: Option<String>,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    data: Data,
}

impl Spectrum {
    /// Decomposes, draws, and prints numbers of each layer.
    pub fn run(&self) -> Result<()> {
        self.names.check(self.checkpoints.len())?;
        let experiment = experiment(&self.checkpoints[0], &self.data)?;
        let (layers, base) = (self.layers.as_deref(), self.data.base_dir.as_path());
        working(&self.data.device, |job| {
            let request = |checkpoint| Request { checkpoint, experiment: &experiment, layers, base };
            let found = self.checkpoints.iter().map(|path| spectrum(&request(path), job));
            let found = found.collect::<basin_core::error::Result<Vec<_>>>()?;
            let sources: Vec<_> = found.iter().map(|(spectrum, _)| spectrum.network.clone()).collect();
            let labels = self.names.of(&sources);
            let networks = labels.iter().zip(&found);
            let networks =
                networks.map(|(label, (spectrum, folder))| (label.as_str(), spectrum, folder.as_path()));
            let spectra = Spectra(networks.collect());
            let folder = spectra.folder();
            spectra.save(&folder)?;
            Ok(if self.data.json {
                let result = json!({
                    "labels": labels, "folder": folder,
                    "spectra": spectra.0.iter().map(|(_, spectrum, _)| spectrum).collect::<Vec<_>>(),
                    "folders": spectra.0.iter().map(|(.., folder)| folder).collect::<Vec<_>>(),
                });
                format!("{result}\n")
            } else {
                format!("{}{}\nwritten to {}\n", spectra.table().text(), ExactFor::NOTE, folder.display())
            })
        })
        .and_then(|text| print(&text))
    }
}
