//! Pictures of samples, prepared beside the window's thread.

use basin_core::analysis::mistakes::class_names;
use basin_core::config::Data;
use basin_core::data::{Augment, Dataset, Labelling, Pipeline, RgbImage, Split};
use basin_core::error::Result;
use egui::Context;

use super::permutation::Permutation;
use crate::widget::picture::Picture;
use crate::widget::source::check_folder;

/// A split that is open.
pub struct Opened {
    /// Its samples.
    pub dataset: Dataset,
    /// Names of classes, or of findings.
    pub classes: Vec<String>,
    /// The samples of each class, or with each finding.
    members: Vec<Vec<usize>>,
    all: Vec<usize>,
}

impl Opened {
    /// Opens a split; images that are missing are only noticed when they are shown.
    ///
    /// # Errors
    /// Those of [`check_folder`] and [`Dataset::list`].
    pub fn read(data: &Data, split: Split) -> Result<Self> {
        check_folder(data)?;
        let dataset = Dataset::list(data, split)?;
        let all: Vec<usize> = (0..dataset.len()).collect();
        let labels: Vec<usize> = all.iter().map(|sample| dataset.label(*sample)).collect();
        let classes = match dataset.labelling() {
            Labelling::Class => {
                let ids: Vec<&str> = all.iter().map(|sample| dataset.id(*sample)).collect();
                class_names(&ids, &labels, dataset.outputs())
            }
            Labelling::Findings(names) => names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let members = |class: usize| {
            let is_in = |sample: &usize| has(dataset.labelling(), labels[*sample], class);
            all.iter().copied().filter(is_in).collect()
        };
        let members = (0..classes.len()).map(members).collect();
        Ok(Self { dataset, classes, members, all })
    }

    /// The samples of a class, or all.
    pub fn samples(&self, class: Option<usize>) -> &[usize] {
        class.and_then(|class| self.members.get(class)).unwrap_or(&self.all)
    }

    /// The label of a sample in words.
    fn label(&self, sample: usize) -> String {
        let label = self.dataset.label(sample);
        let is_its = |(class, _): &(usize, &String)| has(self.dataset.labelling(), label, *class);
        let names: Vec<&str> =
            self.classes.iter().enumerate().filter(is_its).map(|(_, name)| name.as_str()).collect();
        if names.is_empty() { "no finding".to_owned() } else { names.join(", ") }
    }
}

/// Whether a label holds a class or finding.
fn has(labelling: Labelling, label: usize, class: usize) -> bool {
    match labelling {
        Labelling::Class => label == class,
        Labelling::Findings(_) => label >> class & 1 == 1,
    }
}

/// Which samples are prepared, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The data set and its preparation.
    pub data: Data,
    /// As in training, or as in evaluation.
    pub augment: Augment,
    /// The epoch of training.
    pub epoch: u64,
    /// Their indices in the split.
    pub samples: Vec<usize>,
}

/// Prepared samples.
pub struct Seen {
    pub samples: Vec<Shown>,
    /// The shuffle, if there is one.
    pub permutation: Option<Permutation>,
}

/// One sample.
pub struct Shown {
    /// Its position in the split.
    pub sample: usize,
    /// Its name.
    pub id: String,
    /// Its file.
    pub path: String,
    /// Its class, or findings.
    pub label: String,
    /// The image, or why there is none.
    pub stages: std::result::Result<Stages, String>,
}

/// The stages of one image.
pub struct Stages {
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// As it is stored, made smaller if it is large.
    pub original: Picture,
    /// After crop, flip and resizing.
    pub crop: Picture,
    /// The input of the network, with its normalisation undone.
    pub input: Picture,
}

/// Prepares samples as training and evaluation do.
///
/// # Errors
/// [`basin_core::error::Error::Usage`] for settings that do not fit together; an image that is broken says so itself.
pub fn look(opened: &Opened, look: &Look, context: &Context) -> Result<Seen> {
    let pipeline = Pipeline::new(&look.data, look.augment)?;
    let mut data = look.data.clone();
    (data.configs.shuffle_block_config, data.configs.shuffle_pixel_config) = (None, None);
    let plain = Pipeline::new(&data, look.augment)?;
    let stages = |sample: usize| -> Result<Stages> {
        let image = opened.dataset.image(sample)?;
        let prepared = |pipeline: &Pipeline, name: &str| -> Result<Picture> {
            let image = input(pipeline, &image, look.epoch, sample)?;
            Ok(Picture::exact(context, name, image))
        };
        Ok(Stages {
            size: image.dimensions(),
            original: Picture::photograph(context, "original", &image)?,
            crop: prepared(&plain, "crop")?,
            input: prepared(&pipeline, "input")?,
        })
    };
    let shown = |sample: usize| Shown {
        sample,
        id: opened.dataset.id(sample).to_owned(),
        path: opened.dataset.path(sample).display().to_string(),
        label: opened.label(sample),
        stages: stages(sample).map_err(|error| error.to_string()),
    };
    let samples = look.samples.iter().copied().filter(|sample| *sample < opened.dataset.len());
    Ok(Seen { samples: samples.map(shown).collect(), permutation: Permutation::of(&look.data, context)? })
}

/// The pixels of what a pipeline makes of an image.
fn input(pipeline: &Pipeline, image: &RgbImage, epoch: u64, sample: usize) -> Result<RgbImage> {
    let mut values = vec![0.0; pipeline.values()];
    pipeline.apply(image, epoch, sample, &mut values)?;
    Ok(pipeline.pixels(&values))
}
