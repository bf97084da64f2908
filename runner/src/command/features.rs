//! `runner features`: features of a checkpoint's modules as a file for other programs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use basin_core::analysis::features::{FeatureSource, ModuleFeatures, export, feature_modules, pooling};
use basin_core::analysis::request::Surroundings;
use basin_core::analysis::subject::Subject;
use basin_core::checkpoint::Location;
use basin_core::evaluate::features::Pooling;
use serde_json::json;

use super::{check_new, print, working};
use crate::args::{Data, Images, location};

#[derive(Debug, clap::Args)]
pub struct Features {
    /// The checkpoint.
    #[arg(value_parser = location())]
    checkpoint: Location,
    /// The new file: FILE.npz, which numpy.load opens, or FILE.safetensors. Each module is a float32 array [samples, width] of its
    /// name; beside them are the labels and the ids of the images.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Overwrites the new file if it is there.
    #[arg(long)]
    force: bool,
    /// Modules with commas, such as layer3,layer4,avgpool; a stage is its last block. The input of the head unless set. Maps of
    /// features are averaged over their positions (global average pooling).
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    modules: Vec<String>,
    /// Which tokens of a transformer stand for an image: class or mean; those that the head reads unless set.
    #[arg(long, value_name = "TOKENS")]
    tokens: Option<Pooling>,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    data: Data,
}

impl Features {
    /// Computes the features that are not on disk yet, and writes the file.
    pub fn run(&self) -> Result<()> {
        let Self { checkpoint, output, images, data, .. } = self;
        check_new(output, self.force)?;
        let selection = images.selection();
        let mut surroundings = Surroundings::new(Arc::new(data.settings.families.registry()?), selection);
        (surroundings.key, surroundings.set) = (data.config_key.clone(), data.settings.set.clone());
        let experiment = surroundings.experiment(checkpoint)?;
        let features: Vec<ModuleFeatures> = working(&data.device, |job| {
            let dataset = selection.open(&experiment)?;
            let subject = Subject::load_as_it_is(checkpoint, &experiment, job)?;
            let arch = &subject.network.arch;
            let modules = feature_modules(arch, &self.modules)?;
            let pooling = pooling(arch, self.tokens)?;
            let base = &data.base_dir;
            let source = FeatureSource { subject: &subject, experiment: &experiment, pooling, base };
            export(output, &dataset, || source.features(&modules, &dataset, selection.split, job))
        })?;
        if data.json {
            let module = |of: &ModuleFeatures| json!({ "name": of.module, "shape": [of.samples, of.width] });
            let modules: Vec<_> = features.iter().map(module).collect();
            return print(&format!("{}\n", json!({ "file": output, "modules": modules })));
        }
        let line =
            |of: &ModuleFeatures| format!("{}: {} images x {} features\n", of.module, of.samples, of.width);
        let lines: String = features.iter().map(line).collect();
        print(&format!("{lines}written to {}\n", output.display()))
    }
}
