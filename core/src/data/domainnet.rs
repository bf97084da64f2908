//! DomainNet (Peng et al. 2019): six domains of images in folders by class, with a list file for each split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::{Files, Index, ListedSample, Sample, check_files, subset, visible};
use super::lists::{read_text, with_forward_slashes};
use super::photograph::{Photograph, RandomCrop, Statistics};
use super::pixels::Pixels;
use super::source::{DataSource, Download, missing};
use super::split::Split;
use super::transform::{Input, Transform};
use crate::config::Data;
use crate::error::{Error, Result};

/// The domains.
pub(super) const ALL: [&dyn DataSource; 6] = [
    &DomainNet("DomainNet_clipart"),
    &DomainNet("DomainNet_infograph"),
    &DomainNet("DomainNet_painting"),
    &DomainNet("DomainNet_quickdraw"),
    &DomainNet("DomainNet_real"),
    &DomainNet("DomainNet_sketch"),
];
const PREFIX: &str = "DomainNet_";

/// One domain, by its full name.
struct DomainNet(&'static str);

impl DataSource for DomainNet {
    fn name(&self) -> &'static str {
        self.0
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::IMAGENET)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        // As in the reference, also for sketches.
        Arc::new(Photograph::new(&input, RandomCrop::Resized, Statistics::IMAGENET))
    }

    fn needs(&self) -> Option<String> {
        let domain = domain(self.0);
        Some(format!(
            "`runner prepare domainnet FOLDER --domains {domain}` fetches it, and --download does so before training; it is laid out as <data_dir>/DomainNet/{domain}/<class>/<image> with \
             <data_dir>/DomainNet/{domain}_train.txt and {domain}_test.txt beside it"
        ))
    }

    fn download(&self) -> Option<Download> {
        Some(Download::DomainNet(domain(self.0)))
    }

    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index> {
        let domain = domain(self.0);
        let folder = Path::new(&data.configs.data_dir).join("DomainNet");
        let (images, list) = (folder.join(domain), folder.join(format!("{domain}_{}.txt", split.half())));
        let there = [(&folder, folder.is_dir()), (&images, images.is_dir()), (&list, list.is_file())];
        if let Some((path, _)) = there.into_iter().find(|(_, is_there)| !is_there) {
            return Err(Error::data(missing(self, path)));
        }
        let outputs = count_folders(&images)?;
        let listed = subset(read_list(&list, outputs)?, data.configs.subsample);
        check_files(files, &folder, &list, &listed)?;
        let samples = listed.into_iter().map(|listed| listed.sample).collect();
        Ok(Index { samples, outputs, pixels: Pixels::files(folder) })
    }
}

/// The domain that a data set of that name is.
fn domain(name: &'static str) -> &'static str {
    name.trim_start_matches(PREFIX)
}

/// Names of the domains.
pub(crate) fn domain_names() -> [&'static str; 6] {
    ALL.map(|source| domain(source.name()))
}

/// The folders of a domain, which the reference counts for the classes, not the labels of its lists. What is hidden is no class.
///
/// # Errors
/// [`Error::Data`] naming a folder without a file: it would be an output of the network that no image has.
fn count_folders(images: &Path) -> Result<usize> {
    let paths: Vec<PathBuf> = visible(images)?.collect::<Result<_>>()?;
    let classes: Vec<PathBuf> = paths.into_iter().filter(|path| path.is_dir()).collect();
    for class in &classes {
        if visible(class)?.next().transpose()?.is_none() {
            return Err(Error::data(format!(
                "{} is a folder of a class without an image; fetch its images, or remove it",
                class.display()
            )));
        }
    }
    Ok(classes.len())
}

/// The images that a list names, whatever their labels.
pub(crate) fn listed_images(list: &Path) -> Result<Vec<String>> {
    Ok(read_list(list, usize::MAX)?.into_iter().map(|listed| listed.sample.id).collect())
}

fn read_list(list: &Path, classes: usize) -> Result<Vec<ListedSample>> {
    let text = read_text(list)?;
    let mut listed = Vec::new();
    for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let (line, place) = (at + 1, format!("{}:{}", list.display(), at + 1));
        let Some((id, label)) = parse(text) else {
            return Err(Error::data(format!(
                "{place} must be an image's path, a space and a label, such as `real/dog/1.jpg 0`: {text}"
            )));
        };
        if label >= classes {
            return Err(Error::data(format!(
                "{place} has a label outside of the {classes} classes that the domain's folder holds (0 to {}); \
                 complete the folder or correct the list: {label}",
                classes.saturating_sub(1)
            )));
        }
        let id = with_forward_slashes(id.trim_start_matches("./"));
        listed.push(ListedSample { line, sample: Sample { id, label } });
    }
    if listed.is_empty() {
        return Err(Error::data(format!("{} lists no image; fetch it again", list.display())));
    }
    Ok(listed)
}

fn parse(line: &str) -> Option<(&str, usize)> {
    let (id, label) = line.trim().rsplit_once(char::is_whitespace)?;
    Some((id.trim_end(), label.parse().ok()?))
}
