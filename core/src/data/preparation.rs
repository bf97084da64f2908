//! How the images of a pre-trained network were prepared in its training, as timm says it in the `config.json` beside the weights.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::photograph::Statistics;
use super::table::source;
use super::torchvision::{SIDE, torchvision_resized};
use crate::checkpoint::Location;
use crate::config::{Data, Interpolation};
use crate::error::{Error, Result};
use crate::file::{self, folder_of};

/// The file beside the weights.
const FILE: &str = "config.json";

/// How images were prepared: timm's `pretrained_cfg`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Mean of red, green and blue, as fractions of full brightness.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue.
    pub std: [f32; 3],
    /// `[3, height, width]` of the network's input.
    pub input_size: Option<[usize; 3]>,
    /// Name of the filter that resizes: `bicubic`, `bilinear`.
    pub interpolation: Option<String>,
    /// Side of the evaluation crop as a share of the shorter side that is resized before.
    pub crop_pct: Option<f64>,
    /// `center` where the crop is the middle of the resized image.
    pub crop_mode: Option<String>,
}

impl Preparation {
    /// What the `config.json` beside a checkpoint says; `None` if there is none, or if it is no timm's.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is timm's and broken, or without mean and deviation; [`Error::Io`] if it cannot be read.
    pub fn beside(checkpoint: &Path) -> Result<Option<Self>> {
        let Some(config) = config_beside(checkpoint)? else { return Ok(None) };
        // Older versions of timm have no part of their own.
        let old = config.get("mean").and(config.get("input_size")).map(|_| &config);
        let own = config.get("pretrained_cfg").filter(|own| !own.is_null());
        let Some(pretrained) = own.or(old) else { return Ok(None) };
        let wrong = |reason: &dyn fmt::Display| {
            Error::data(format!(
                "{} does not say how images are prepared ({reason}); correct it, or take the file away and set data.configs.photo",
                folder_of(checkpoint).join(FILE).display()
            ))
        };
        let preparation = Self::deserialize(pretrained).map_err(|error| wrong(&error))?;
        match preparation.impossible() {
            Some(reason) => Err(wrong(&reason)),
            None => Ok(Some(preparation)),
        }
    }

    /// What no image can be prepared with.
    fn impossible(&self) -> Option<&'static str> {
        let is_finite = self.mean.iter().all(|mean| mean.is_finite());
        if !is_finite || !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Some("mean or std is no number, or a std is not above zero");
        }
        if self.crop_pct.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return Some("crop_pct is not between 0 and 1");
        }
        self.input_size.is_some_and(|size| size.contains(&0)).then_some("input_size has a zero")
    }

    /// What is known of a checkpoint's images, and who says it: timm's `config.json` beside `file`, its copy on this machine, or
    /// torchvision, whose downloads have names of their own.
    ///
    /// # Errors
    /// Those of [`Self::beside`].
    pub fn of(checkpoint: &Location, file: &Path) -> Result<Option<(Self, &'static str)>> {
        let resized = || torchvision_resized(&checkpoint.name());
        let of_torchvision = || resized().map(|resized| (Self::of_torchvision(resized), "torchvision"));
        Ok(Self::beside(file)?.map(|known| (known, "config.json beside it")).or_else(of_torchvision))
    }

    /// That of torchvision's downloads, whose shorter side was `resized` pixels before the crop.
    fn of_torchvision(resized: usize) -> Self {
        let Statistics { mean, deviation: std } = Statistics::IMAGENET;
        Self {
            mean,
            std,
            input_size: Some([3, SIDE, SIDE]),
            interpolation: Some("bilinear".to_owned()),
            crop_pct: Some(SIDE as f64 / resized as f64),
            crop_mode: Some("center".to_owned()),
        }
    }

    /// The settings in which `data` prepares its photographs otherwise, as `path=value`; none for images of another kind.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such data set.
    pub fn differences(&self, data: &Data) -> Result<Vec<String>> {
        let Some(statistics) = source(&data.name)?.statistics() else { return Ok(Vec::new()) };
        let (configs, photo) = (&data.configs, data.configs.photo.clone().unwrap_or_default());
        let differ =
            |one: [f32; 3], two: [f32; 3]| one.iter().zip(two).any(|(one, two)| (one - two).abs() > 1e-4);
        let mut settings = Vec::new();
        if differ(self.mean, photo.mean.unwrap_or(statistics.mean)) {
            settings.push(format!("data.configs.photo.mean={}", listed(self.mean)));
        }
        if differ(self.std, photo.std.unwrap_or(statistics.deviation)) {
            settings.push(format!("data.configs.photo.std={}", listed(self.std)));
        }
        let filter = match photo.interpolation {
            Interpolation::Bilinear => "bilinear",
            Interpolation::Bicubic => "bicubic",
        };
        match self.interpolation.as_deref() {
            Some(wanted) if wanted == filter => {}
            Some(wanted @ ("bilinear" | "bicubic")) => {
                settings.push(format!("data.configs.photo.interpolation={wanted}"));
            }
            Some(other) => settings.push(format!("interpolation {other}, which is not available here")),
            None => {}
        }
        if let Some([_, height, width]) = self.input_size.filter(|[_, height, width]| height != width) {
            settings.push(format!("images of {width} x {height} pixels, which are not available here"));
            return Ok(settings);
        }
        if let Some([_, _, side]) = self.input_size.filter(|[_, _, side]| *side != configs.image_size) {
            settings.push(format!("data.configs.image_size={side}"));
        }
        if let Some(mode) = self.crop_mode.as_deref().filter(|mode| *mode != "center") {
            settings.push(format!("crop_mode {mode}, which is not available here"));
            return Ok(settings);
        }
        let side = self.input_size.map_or(configs.image_size, |[_, _, side]| side);
        let resized = self.crop_pct.map(|share| (side as f64 / share) as usize);
        if let Some(resized) = resized.filter(|resized| *resized != configs.pre_crop_size) {
            settings.push(format!("data.configs.pre_crop_size={resized}"));
        }
        Ok(settings)
    }

    /// A sentence about [`Self::differences`] from what [`Self::of`] knows, or about what is wrong there; `None` where there is nothing
    /// to say.
    ///
    /// # Errors
    /// Those of [`Self::differences`].
    pub fn warning(checkpoint: &Location, file: &Path, data: &Data) -> Result<Option<String>> {
        let (preparation, source) = match Self::of(checkpoint, file) {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let settings = preparation.differences(data)?;
        Ok((!settings.is_empty()).then(|| {
            format!(
                "{checkpoint} was trained on images that were prepared otherwise; {source} says {}",
                settings.join(", ")
            )
        }))
    }
}

/// The architecture that the `config.json` beside a checkpoint names, as timm does; `None` where nothing names one.
pub fn timm_architecture(checkpoint: &Path) -> Option<String> {
    config_beside(checkpoint).ok()??.get("architecture")?.as_str().map(str::to_owned)
}

/// The `config.json` beside a checkpoint; `None` if there is none.
fn config_beside(checkpoint: &Path) -> Result<Option<Value>> {
    let path = folder_of(checkpoint).join(FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let config = serde_json::from_slice(&file::read(&path)?);
    config.map(Some).map_err(|error| {
        Error::data(format!("{} is no whole JSON ({error}); copy it again, or take it away", path.display()))
    })
}

/// `[0.5,0.5,0.5]`, as a setting is typed.
fn listed(values: [f32; 3]) -> String {
    format!("[{}]", values.map(|value| value.to_string()).join(","))
}

impl fmt::Display for Preparation {
    /// `mean [0.5, 0.5, 0.5], deviation [0.5, 0.5, 0.5], 224 pixels, bicubic, crop 0.9, center`, as far as it is known.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "mean {:?}, deviation {:?}", self.mean, self.std)?;
        if let Some([_, _, side]) = self.input_size {
            write!(formatter, ", {side} pixels")?;
        }
        if let Some(interpolation) = &self.interpolation {
            write!(formatter, ", {interpolation}")?;
        }
        if let Some(share) = self.crop_pct {
            write!(formatter, ", crop {share}")?;
        }
        self.crop_mode.as_ref().map_or(Ok(()), |mode| write!(formatter, ", {mode}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Registry;

    #[test]
    fn what_cannot_be_is_an_error_and_what_is_not_available_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("model.safetensors");
        let beside = |config: &str| {
            std::fs::write(folder.path().join(FILE), config).unwrap();
            Preparation::beside(&checkpoint)
        };
        let with = |more: &str| format!(r#"{{"pretrained_cfg": {{"mean": [0.5, 0.5, 0.5], {more}}}}}"#);
        for (config, part) in [
            (r#"{"pretrained_cfg": {"#.to_owned(), "no whole JSON"),
            (with(r#""std": [0.5, 0, 0.5]"#), "above zero"),
            (with(r#""std": [1, 1, 1], "crop_pct": 0"#), "crop_pct"),
            (with(r#""std": [1, 1, 1], "input_size": [3, 0, 0]"#), "input_size"),
        ] {
            let message = beside(&config).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(FILE), "{message}");
        }
        let odd = with(r#""std": [0.5, 0.5, 0.5], "input_size": [3, 32, 48], "interpolation": "lanczos""#);
        let preparation = beside(&odd).unwrap().unwrap();
        let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
        let data = Registry::load().unwrap().get(key).unwrap().data;
        let said = preparation.differences(&data).unwrap().join(", ");
        assert!(said.contains("lanczos, which is not available") && said.contains("48 x 32"), "{said}");
        assert!(!said.contains("image_size"), "{said}");
    }

    #[test]
    fn what_timm_says_is_compared_with_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, config) = (folder.path().join("model.safetensors"), folder.path().join(FILE));
        assert_eq!(Preparation::beside(&checkpoint).unwrap(), None);
        let timm = r#"{"architecture": "vit_tiny_patch16_224", "pretrained_cfg": {"tag": "augreg", "input_size": [3, 224, 224],
            "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#;
        std::fs::write(&config, timm).unwrap();
        let preparation = Preparation::beside(&checkpoint).unwrap().unwrap();
        let shown = "mean [0.5, 0.5, 0.5], deviation [0.5, 0.5, 0.5], 224 pixels, bicubic, crop 0.9, center";
        assert_eq!(preparation.to_string(), shown);
        assert_eq!(timm_architecture(&checkpoint).as_deref(), Some("vit_tiny_patch16_224"));

        let registry = Registry::load().unwrap();
        let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
        let of = |set: &[String]| registry.changed(key, set).unwrap().data;
        let settings = preparation.differences(&of(&[])).unwrap();
        assert_eq!(
            settings,
            [
                "data.configs.photo.mean=[0.5,0.5,0.5]",
                "data.configs.photo.std=[0.5,0.5,0.5]",
                "data.configs.photo.interpolation=bicubic",
                "data.configs.pre_crop_size=248",
            ]
        );
        assert!(preparation.differences(&of(&settings)).unwrap().is_empty());
        let location = Location::from(checkpoint.clone());
        assert_eq!(Preparation::warning(&location, &checkpoint, &of(&settings)).unwrap(), None);
        let warning = Preparation::warning(&location, &checkpoint, &of(&[])).unwrap().unwrap();
        assert!(warning.contains("prepared otherwise") && warning.contains("pre_crop_size=248"), "{warning}");

        let second = Location::parse("resnet50-11ad3fa6.pth");
        let warning =
            Preparation::warning(&second, Path::new("resnet50-11ad3fa6.pth"), &of(&[])).unwrap().unwrap();
        assert!(warning.contains("torchvision says data.configs.pre_crop_size=232"), "{warning}");

        let squashed = Preparation { crop_mode: Some("squash".to_owned()), ..preparation };
        let told = squashed.differences(&of(&settings)).unwrap();
        assert_eq!(told, ["crop_mode squash, which is not available here"]);

        // Older timm; a model of another library; one without a mean.
        std::fs::write(&config, r#"{"input_size": [3, 224, 224], "mean": [0, 0, 0], "std": [1, 1, 1]}"#)
            .unwrap();
        assert_eq!(Preparation::beside(&checkpoint).unwrap().unwrap().std, [1.0; 3]);
        assert_eq!(timm_architecture(&checkpoint), None);
        std::fs::write(&config, r#"{"model_type": "vit", "pretrained_cfg": null}"#).unwrap();
        assert_eq!(Preparation::beside(&checkpoint).unwrap(), None);
        std::fs::write(&config, r#"{"pretrained_cfg": {"std": [1, 1, 1]}}"#).unwrap();
        let message = Preparation::beside(&checkpoint).unwrap_err().to_string();
        assert!(message.contains("config.json") && message.contains("mean"), "{message}");
    }
}
