//! DomainNet: six domains of images in folders by class, with a list file for each split.

use std::path::Path;

use super::sample::{Files, Index, Line, Sample, Split, check_files, subset};
use crate::config::DataConfigs;
use crate::error::{Error, Result};

/// The domains there are.
pub(crate) const DOMAINS: [&str; 6] = ["clipart", "infograph", "painting", "quickdraw", "real", "sketch"];

/// Reads a domain's list, draws the subset that the settings ask for, and checks that its images are there if asked to.
pub(super) fn open(configs: &DataConfigs, domain: &str, split: Split, files: Files) -> Result<Index> {
    if !DOMAINS.contains(&domain) {
        return Err(Error::usage(format!(
            "DomainNet's domains are {}; set data.name to one of them, such as DomainNet_{}: {domain}",
            DOMAINS.join(", "),
            DOMAINS[0]
        )));
    }
    let folder = Path::new(&configs.data_dir).join("DomainNet");
    let list = folder.join(format!("{domain}_{}.txt", split.half()));
    let images = folder.join(domain);
    for (path, is_there) in [(&folder, folder.is_dir()), (&images, images.is_dir()), (&list, list.is_file())]
    {
        if !is_there {
            return Err(missing(path, domain, split));
        }
    }
    let classes = count_folders(&images)?;
    let lines = subset(read_list(&list, classes)?, configs.subsample);
    check_files(files, &folder, &list, &lines)?;
    Ok(Index { folder, samples: lines.into_iter().map(|line| line.sample).collect(), outputs: classes })
}

fn missing(path: &Path, domain: &str, split: Split) -> Error {
    Error::data(format!(
        "there is no {}; DomainNet is laid out as <data_dir>/DomainNet/{domain}/<class>/<image> with \
         <data_dir>/DomainNet/{domain}_{}.txt beside it, so set the folder with --set data.configs.data_dir=<data_dir>",
        path.display(),
        split.half()
    ))
}

/// The reference counts the folders of a domain, not the labels of its lists.
fn count_folders(images: &Path) -> Result<usize> {
    let entries = std::fs::read_dir(images).map_err(Error::io("read", images))?;
    let mut count = 0;
    for entry in entries {
        count += usize::from(entry.map_err(Error::io("read", images))?.path().is_dir());
    }
    Ok(count)
}

/// The images that a list names, whatever their labels.
pub(crate) fn listed_images(list: &Path) -> Result<Vec<String>> {
    Ok(read_list(list, usize::MAX)?.into_iter().map(|line| line.sample.id).collect())
}

fn read_list(list: &Path, classes: usize) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(list).map_err(Error::io("read", list))?;
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (number, place) = (at + 1, format!("{}:{}", list.display(), at + 1));
        let Some((id, label)) = parse(line) else {
            return Err(Error::data(format!(
                "{place} must be an image's path, a space and a label, such as `real/dog/1.jpg 0`: {line}"
            )));
        };
        if label >= classes {
            return Err(Error::data(format!(
                "{place} has a label outside of the {classes} classes that the domain's folder holds (0 to {}); \
                 complete the folder or correct the list: {label}",
                classes.saturating_sub(1)
            )));
        }
        lines.push(Line { number, sample: Sample { id: id.to_owned(), label } });
    }
    if lines.is_empty() {
        return Err(Error::data(format!("{} lists no image; fetch it again", list.display())));
    }
    Ok(lines)
}

fn parse(line: &str) -> Option<(&str, usize)> {
    let (id, label) = line.trim().rsplit_once(char::is_whitespace)?;
    Some((id.trim_end(), label.parse().ok()?))
}
