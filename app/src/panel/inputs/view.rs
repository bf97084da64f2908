//! The controls: which samples are shown, and how they are prepared.

use std::hash::{BuildHasher as _, RandomState};

use basin_core::config::{Data, Experiment, ShuffleBlock, ShufflePixel};
use basin_core::data::{Augment, Split, source};
use egui::{ComboBox, DragValue, Slider, Ui};

use super::look::{Look, Opened};

/// Largest number of samples that are shown at once.
const MOST: usize = 8;

/// Length of the slider over all samples, points.
const SLIDER: f32 = 260.0;

/// The choices of the controls.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub split: Split,
    /// Shows only samples of this class.
    pub class: Option<usize>,
    /// Index of the first sample that is shown, among those of the class.
    pub first: usize,
    /// How many are shown.
    pub count: usize,
    /// Prepares images as training does; only for the training split.
    pub is_augmented: bool,
    pub epoch: u64,
    pub shuffle: Moves,
    pub blocks: ShuffleBlock,
    pub pixels: ShufflePixel,
}

/// What a shuffle moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// No shuffle.
    Nothing,
    /// Square blocks.
    Blocks,
    /// Every value of every channel.
    Pixels,
}

impl View {
    /// The first training sample as the settings prepare it.
    pub fn of(experiment: &Experiment) -> Self {
        let size = experiment.data.configs.image_size;
        // Sixteen blocks, where the size allows them.
        let block_size = divisors(size).into_iter().rfind(|block| 4 * block <= size).unwrap_or(size);
        let mut view = Self {
            split: Split::Train,
            class: None,
            first: 0,
            count: 1,
            is_augmented: true,
            epoch: 1,
            shuffle: Moves::Nothing,
            blocks: ShuffleBlock { seed: 1234, block_size },
            pixels: ShufflePixel { seed: 1234 },
        };
        view.shuffle_as(&experiment.data);
        view
    }

    fn shuffle_as(&mut self, data: &Data) {
        let configs = &data.configs;
        self.shuffle = match (configs.shuffle_block_config, configs.shuffle_pixel_config) {
            (Some(blocks), _) => {
                self.blocks = blocks;
                Moves::Blocks
            }
            (None, Some(pixels)) => {
                self.pixels = pixels;
                Moves::Pixels
            }
            (None, None) => Moves::Nothing,
        };
    }

    /// The samples of an open split, and how to prepare them.
    pub fn look(&self, experiment: &Experiment, opened: &Opened) -> Look {
        let mut data = experiment.data.clone();
        data.configs.shuffle_block_config = (self.shuffle == Moves::Blocks).then_some(self.blocks);
        data.configs.shuffle_pixel_config = (self.shuffle == Moves::Pixels).then_some(self.pixels);
        let is_training = self.split == Split::Train && self.is_augmented;
        let augment =
            if is_training { Augment::Train { seed: experiment.order_seed() } } else { Augment::Eval };
        let samples = opened.samples(self.class).iter().skip(self.first).take(self.count).copied().collect();
        Look { data, augment, epoch: self.epoch, samples }
    }

    /// Draws the choice of samples.
    pub fn samples_ui(&mut self, ui: &mut Ui, experiment: &Experiment, opened: Option<&Opened>) {
        let before = (self.split, self.class);
        ui.horizontal_wrapped(|ui| {
            ComboBox::new("split of inputs", "Split").selected_text(self.split.title()).show_ui(ui, |ui| {
                for split in source(&experiment.data.name).map(|source| source.splits()).unwrap_or_default() {
                    ui.selectable_value(&mut self.split, *split, split.title());
                }
            });
            if self.split == Split::Train {
                ui.checkbox(&mut self.is_augmented, "As training sees them");
                let label = ui.label("Epoch");
                let last = experiment.train.epochs.max(1) as u64;
                let epoch = DragValue::new(&mut self.epoch).range(1..=last);
                ui.add_enabled(self.is_augmented, epoch).labelled_by(label.id);
            }
            let label = ui.label("Images at once");
            ui.add(DragValue::new(&mut self.count).range(1..=MOST)).labelled_by(label.id);
            let Some(opened) = opened else { return };
            let name = self.class.and_then(|class| opened.classes.get(class));
            let combo = ComboBox::new("class of inputs", "Class").height(400.0);
            combo.selected_text(name.map_or("all", String::as_str)).show_ui(ui, |ui| {
                ui.selectable_value(&mut self.class, None, "all");
                for (class, name) in opened.classes.iter().enumerate() {
                    ui.selectable_value(&mut self.class, Some(class), name);
                }
            });
        });
        if before != (self.split, self.class) {
            self.first = 0;
        }
        if before.0 != self.split {
            self.class = None;
        }
        let Some(count) = opened.map(|opened| opened.samples(self.class).len()).filter(|count| *count > 0)
        else {
            return;
        };
        self.first = self.first.min(count - 1);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().slider_width = SLIDER;
            ui.add(Slider::new(&mut self.first, 0..=count - 1).text(format!("Image of {count}")));
            if ui.button("Previous").clicked() {
                self.first = self.first.saturating_sub(self.count);
            }
            if ui.button("Next").clicked() {
                self.first = (self.first + self.count).min(count - 1);
            }
            if ui.button("Random").clicked() {
                self.first = (RandomState::new().hash_one(self.first) % count as u64) as usize;
            }
        });
    }

    /// Draws the choice of a shuffle, which changes only what is shown.
    pub fn shuffle_ui(&mut self, ui: &mut Ui, experiment: &Experiment) {
        ui.horizontal_wrapped(|ui| {
            for (moves, title) in [
                (Moves::Nothing, "No shuffle"),
                (Moves::Blocks, "Shuffle blocks"),
                (Moves::Pixels, "Shuffle pixels"),
            ] {
                ui.radio_value(&mut self.shuffle, moves, title);
            }
            let seed_ui = |ui: &mut Ui, seed: &mut u32| {
                let label = ui.label("Seed");
                ui.add(DragValue::new(seed)).labelled_by(label.id);
            };
            match self.shuffle {
                Moves::Nothing => {}
                Moves::Blocks => {
                    let sizes = divisors(experiment.data.configs.image_size);
                    self.blocks.block_size = block_size_ui(ui, &sizes, self.blocks.block_size);
                    seed_ui(ui, &mut self.blocks.seed);
                }
                Moves::Pixels => seed_ui(ui, &mut self.pixels.seed),
            }
            if ui.button("As in the settings").clicked() {
                self.shuffle_as(&experiment.data);
            }
        });
    }
}

/// A slider over the sizes that blocks can have; returns the one that is chosen, which stays what it is until the slider moves.
fn block_size_ui(ui: &mut Ui, sizes: &[usize], now: usize) -> usize {
    let place = |size: usize| sizes.partition_point(|known| *known < size).min(sizes.len().saturating_sub(1));
    let at = |place: f64| sizes.get(place as usize).copied().unwrap_or(now);
    let mut chosen = place(now);
    let slider = Slider::new(&mut chosen, 0..=sizes.len().saturating_sub(1))
        .text("Block size")
        .custom_formatter(|place, _| at(place).to_string())
        .custom_parser(|text| text.trim().parse().ok().map(|size| place(size) as f64));
    match ui.add(slider).changed() {
        true => sizes.get(chosen).copied().unwrap_or(now),
        false => now,
    }
}

/// The numbers that divide a size, in order.
fn divisors(size: usize) -> Vec<usize> {
    (1..=size).filter(|divisor| size.is_multiple_of(*divisor)).collect()
}
