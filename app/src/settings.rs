//! What the program remembers between starts.

use std::path::PathBuf;

use egui::ThemePreference;
use serde::{Deserialize, Serialize};

use crate::panel::Tab;

/// Remembered settings of the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The folder of runs.
    pub base: PathBuf,
    /// The panel that is shown.
    pub tab: Tab,
    /// Regular expression that keys are filtered by.
    pub filter: String,
    /// Where to compute, as `--device` names it.
    pub device: String,
    /// Light, dark, or as the system is.
    pub theme: ThemePreference,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: PathBuf::from("experiments"),
            tab: Tab::default(),
            filter: String::new(),
            device: "auto".to_owned(),
            theme: ThemePreference::System,
        }
    }
}
