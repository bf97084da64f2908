//! The choice of what modules are rewound to: epochs beside the network, or another checkpoint.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use basin_core::analysis::rewinding::ModuleRewinding;
use basin_core::analysis::settings::Values;
use basin_core::run::epochs_beside;
use egui::Ui;

use super::analysis::Extra;
use crate::background::Slot;
use crate::context::Cx;
use crate::widget::{picker, problem};

/// The option that it chooses.
const OPTION: &str = "to";

/// What is chosen.
pub struct Origins {
    /// The network, and the epochs beside it.
    network: Option<PathBuf>,
    epochs: Slot<BTreeSet<usize>>,
    /// Those that modules are set to.
    to: BTreeSet<usize>,
    /// A checkpoint that they are set to as well.
    other: Option<PathBuf>,
}

impl Default for Origins {
    fn default() -> Self {
        Self { network: None, epochs: Slot::default(), to: [0].into(), other: None }
    }
}

impl Extra<ModuleRewinding> for Origins {
    fn control(
        &mut self,
        ui: &mut Ui,
        cx: &mut Cx,
        option: &str,
        words: &mut Values,
        network: Option<&Path>,
    ) -> bool {
        if option != OPTION {
            return false;
        }
        if self.network.as_deref() != network
            && let Some(network) = network.map(Path::to_owned)
        {
            self.network = Some(network.clone());
            self.epochs.start(ui.ctx(), move || Ok(epochs_beside(&network.into())?.into_keys().collect()));
        }
        self.choose(ui, cx);
        let epochs = self.to.iter().map(usize::to_string);
        let other = self.other.iter().map(|path| path.display().to_string());
        words.insert(OPTION.to_owned(), epochs.chain(other).collect());
        true
    }
}

impl Origins {
    fn choose(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if self.epochs.poll()
            && let Some(known) = self.epochs.value()
        {
            self.to.retain(|epoch| known.contains(epoch));
            if self.to.is_empty() {
                self.to.extend(known.first());
            }
        }
        if let Some(error) = self.epochs.error() {
            problem(ui, error);
        }
        ui.horizontal_wrapped(|ui| {
            ui.label("to epochs");
            for epoch in self.epochs.value().into_iter().flatten() {
                let mut is_chosen = self.to.contains(epoch);
                if ui.toggle_value(&mut is_chosen, format!("epoch {epoch}")).changed() {
                    match is_chosen {
                        true => self.to.insert(*epoch),
                        false => self.to.remove(epoch),
                    };
                }
            }
        });
        ui.horizontal(|ui| {
            picker::checkpoint(ui, cx, "and to a checkpoint", &mut self.other);
            if self.other.is_some() && ui.button("None").clicked() {
                self.other = None;
            }
        });
    }
}
