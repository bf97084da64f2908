//! A folder of images for each class, as ImageNet ships and as torchvision's `ImageFolder` reads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::index::{Files, Index, Sample, subset, visible};
use super::photograph::{Photograph, RandomCrop, Statistics};
use super::pixels::Pixels;
use super::source::DataSource;
use super::split::Split;
use super::transform::{Input, Transform};
use crate::config::{Data, DataConfigs};
use crate::error::{Error, Result};

/// What must be on disk.
pub(super) const LAYOUT: &str =
    "images are laid out as <data_dir>/train/<class>/<image> with <data_dir>/val/<class>/<image> beside it";
/// Endings of image files, without regard to case: torchvision's, and `gif`.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "gif"];

/// A folder of one's own.
pub(super) struct ImageFolder;

impl DataSource for ImageFolder {
    fn name(&self) -> &'static str {
        "ImageFolder"
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::IMAGENET)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        // As in the reference, for all photographs but those of CIFAR-10.
        Arc::new(Photograph::new(&input, RandomCrop::Resized, Statistics::IMAGENET))
    }

    fn needs(&self) -> Option<String> {
        Some(LAYOUT.to_owned())
    }

    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index> {
        open(&data.configs, split, files)
    }
}

/// Lists `<data_dir>/<split>/<class>/**/<image>` in the order of the names, and draws the subset that the settings ask for.
///
/// Classes are the sorted folders of `train`, so both splits number them alike. What is hidden (its name begins with a dot) is neither
/// class nor image: file managers and notebooks leave such files.
pub(super) fn open(configs: &DataConfigs, split: Split, files: Files) -> Result<Index> {
    let folder = PathBuf::from(&configs.data_dir);
    let classes = folders(&folder.join("train"), &folder)?;
    let (name, own) = match split {
        Split::Train | Split::EvalTrain => ("train", classes.clone()),
        Split::Test | Split::Dev => {
            let name = if folder.join("val").is_dir() { "val" } else { "test" };
            (name, folders(&folder.join(name), &folder)?)
        }
    };
    let images = |split: &str, class: &str| {
        let (mut ids, relative) = (Vec::new(), format!("{split}/{class}"));
        walk(&folder, &relative, files, &mut ids)?;
        if ids.is_empty() {
            return Err(Error::data(format!(
                "{} is a folder of a class without an image (images end in .{}); add its images, or remove it",
                folder.join(relative).display(),
                ENDINGS.join(", .")
            )));
        }
        Ok(ids)
    };
    if name != "train" {
        // A folder that was left empty would give all classes after it another number.
        classes.par_iter().try_for_each(|class| images("train", class).map(drop))?;
    }
    let of_class = |class: &String| -> Result<Vec<Sample>> {
        let label = classes.binary_search(class).map_err(|_| {
            let stranger = folder.join(name).join(class);
            Error::data(format!("{} is a class that train does not have; move it away", stranger.display()))
        })?;
        Ok(images(name, class)?.into_iter().map(|id| Sample { id, label }).collect())
    };
    let samples = own.par_iter().map(of_class).collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>>>()?;
    let samples = subset(samples.concat(), configs.subsample);
    Ok(Index { samples, outputs: classes.len(), pixels: Pixels::files(folder) })
}

/// Names of the folders in a folder, sorted.
fn folders(path: &Path, data_dir: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    if path.is_dir() {
        names = entries(path)?.into_iter().filter(|name| path.join(name).is_dir()).collect();
    }
    if names.is_empty() {
        return Err(Error::data(format!(
            "{} holds no folder of a class; {LAYOUT}, so set the folder with --set data.configs.data_dir=FOLDER (now {})",
            path.display(),
            data_dir.display()
        )));
    }
    Ok(names)
}

/// Collects the images below `relative`: files of a folder before what lies in its folders.
fn walk(root: &Path, relative: &str, files: Files, ids: &mut Vec<String>) -> Result<()> {
    let mut deeper = Vec::new();
    for name in entries(&root.join(relative))? {
        let id = format!("{relative}/{name}");
        let path = root.join(&id);
        let metadata = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
        let ending = Path::new(&name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if metadata.is_dir() {
            deeper.push(id);
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            if metadata.len() == 0 && files == Files::Checked {
                return Err(Error::data(format!(
                    "the image {} is empty (0 bytes); fetch it again or remove it",
                    path.display()
                )));
            }
            ids.push(id);
        }
    }
    deeper.iter().try_for_each(|folder| walk(root, folder, files, ids))
}

/// Names in a folder without the hidden ones, sorted; those that are no Unicode could not be written into an index.
fn entries(path: &Path) -> Result<Vec<String>> {
    let names = visible(path)?.map(|entry| {
        let entry = entry?;
        match entry.file_name().and_then(|name| name.to_str()) {
            None => Err(Error::data(format!("{} has a name that is no Unicode; rename it", entry.display()))),
            // Files of predictions name an image in each line.
            Some(name) if name.contains(['\n', '\r']) => {
                Err(Error::data(format!("{} has a name with a line break; rename it", entry.display())))
            }
            Some(name) => Ok(name.to_owned()),
        }
    });
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
