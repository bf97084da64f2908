//! What the program remembers between starts.

use std::path::PathBuf;

use basin_core::device::Choice;
use egui::ThemePreference;
use serde::{Deserialize, Serialize};

/// Remembered settings of the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The folder of runs.
    pub base: PathBuf,
    /// The title of the panel that is shown; the first panel is shown where none has it.
    pub panel: String,
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
            panel: String::new(),
            filter: String::new(),
            device: "auto".to_owned(),
            theme: ThemePreference::System,
        }
    }
}

impl Settings {
    /// Where jobs compute; the best there is if the name is none of a device.
    pub fn device(&self) -> Choice {
        self.device.parse().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use eframe::{APP_KEY, Storage, get_value, set_value};

    use super::*;

    /// What eframe keeps on disk.
    #[derive(Default)]
    struct Disk(HashMap<String, String>);

    impl Storage for Disk {
        fn get_string(&self, key: &str) -> Option<String> {
            self.0.get(key).cloned()
        }

        fn set_string(&mut self, key: &str, value: String) {
            self.0.insert(key.to_owned(), value);
        }

        fn remove_string(&mut self, key: &str) {
            self.0.remove(key);
        }

        fn flush(&mut self) {}
    }

    #[test]
    fn settings_are_remembered_also_those_of_an_earlier_version() {
        let mut disk = Disk::default();
        let settings =
            Settings { base: "/data/runs".into(), device: "cpu".to_owned(), ..Settings::default() };
        set_value(&mut disk, APP_KEY, &settings);
        assert_eq!(get_value(&disk, APP_KEY), Some(settings.clone()));
        // It named the panel in an enumeration.
        let text = r#"(base:"/data/runs",tab:Curves,filter:"",device:"cpu",theme:System)"#;
        disk.set_string(APP_KEY, text.to_owned());
        assert_eq!(get_value(&disk, APP_KEY), Some(settings));
    }
}
