//! DomainNet from its official site, laid out as the loader reads it.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::download::download;
use super::unpack::unpack_zip;
use crate::data::{Split, domain_names, listed_images};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{file_digest, lock_folder, write_atomically};
use crate::job::Job;

/// Where the archives and lists come from unless a mirror is named.
pub const DOMAINNET_SITE: &str = "http://csr.bu.edu/ftp/visda/2019/multi-source";
/// The domains whose archives were cleaned of duplicates after publication, and lie in a folder of their own.
const CLEANED: [&str; 2] = ["clipart", "painting"];

/// What becomes of an archive once its images are unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archives {
    /// It stays.
    Keep,
    /// It is removed.
    Remove,
}

/// Downloads and unpacks domains into `dest/DomainNet/<domain>` with `<domain>_train.txt` and `<domain>_test.txt`.
///
/// The lists are put in place last: a domain that has them, and all images that they name, is done and costs no request.
/// `<domain>.zip.sha256` keeps the digest of the archive that the images came from; another archive is refused.
/// An archive that lies in `dest/DomainNet` already is unpacked as if it had been downloaded. Returns the files of the images.
///
/// # Errors
/// [`Error::Usage`] for a domain or a site that there is not, [`Error::Run`] if a download fails, [`Error::Data`] for an archive or list
/// that is broken or is not the one it was before, [`Error::Io`], [`Error::Interrupted`].
pub fn domainnet(
    dest: &Path,
    domains: &[String],
    site: &str,
    archives: Archives,
    job: &Job,
) -> Result<Vec<PathBuf>> {
    let known = domain_names();
    if let Some(domain) = domains.iter().find(|domain| !known.contains(&domain.as_str())) {
        return Err(Error::usage(format!("DomainNet's domains are {}: {domain}", known.join(", "))));
    }
    let folder = dest.join("DomainNet");
    let _lock = lock_folder(&folder)?;
    let site = Site { address: site.trim_end_matches('/'), job };
    let mut files = Vec::new();
    for domain in domains {
        let images = prepare(&Domain { folder: &folder, name: domain }, &site, archives)?;
        files.extend(images.iter().map(|image| folder.join(image)));
    }
    Ok(files)
}

/// Where files come from.
struct Site<'a> {
    address: &'a str,
    job: &'a Job<'a>,
}

impl Site<'_> {
    fn fetch(&self, name: &str, path: &Path) -> Result<()> {
        download(&format!("{}/{name}", self.address), path, self.job)
    }
}

/// The files of a domain.
struct Domain<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl Domain<'_> {
    fn archive(&self) -> PathBuf {
        self.folder.join(format!("{}.zip", self.name))
    }

    fn list(&self, split: Split) -> PathBuf {
        self.folder.join(format!("{}_{}.txt", self.name, split.name()))
    }

    /// A list before its images are there.
    fn new_list(&self, split: Split) -> PathBuf {
        self.folder.join(format!("{}_{}.txt.new", self.name, split.name()))
    }
}

const SPLITS: [Split; 2] = [Split::Train, Split::Test];

/// Prepares a domain, and returns its images as the lists name them.
fn prepare(domain: &Domain, site: &Site, archives: Archives) -> Result<Vec<String>> {
    let note = |text: String| site.job.emit(Event::Note(format!("{}: {text}", domain.name)));
    let mut lists = SPLITS.map(|split| domain.list(split));
    let has_lists = lists.iter().all(|list| list.is_file());
    if has_lists {
        let images = all_images(&lists)?;
        match absent(domain, &images).len() {
            0 => {
                note(format!("all {} images are there", images.len()));
                return Ok(images);
            }
            absent => note(format!("{absent} of {} images are missing or empty", images.len())),
        }
    } else {
        lists = SPLITS.map(|split| domain.new_list(split));
        for (list, split) in lists.iter().zip(SPLITS) {
            if !list.is_file() {
                site.fetch(&format!("domainnet/txt/{}_{}.txt", domain.name, split.name()), list)?;
                // A page that is no list must not be taken for one by the next run.
                listed_images(list).inspect_err(|_| drop(std::fs::remove_file(list)))?;
            }
        }
    }

    let archive = domain.archive();
    if !archive.is_file() {
        let subfolder = if CLEANED.contains(&domain.name) { "groundtruth/" } else { "" };
        site.fetch(&format!("{subfolder}{}.zip", domain.name), &archive)?;
    }
    let record = archive.with_extension("zip.sha256");
    let digest = check_digest(&archive, &record)?;
    unpack_zip(&archive, domain.folder, domain.name, site.job)?;
    let images = all_images(&lists)?;
    let absent = absent(domain, &images);
    if let Some(first) = absent.first() {
        return Err(Error::data(format!(
            "{} lacks {} of the {} images that the lists of {} name, such as {first}; remove it and run the same command again",
            archive.display(),
            absent.len(),
            images.len(),
            domain.name
        )));
    }
    write_atomically(&record, |out| writeln!(out, "{digest}  {}.zip", domain.name))?;
    if !has_lists {
        for (new, split) in lists.iter().zip(SPLITS) {
            let list = domain.list(split);
            std::fs::rename(new, &list).map_err(Error::io("write", &list))?;
        }
    }
    if archives == Archives::Remove {
        std::fs::remove_file(&archive).map_err(Error::io("remove", &archive))?;
    }
    note(format!("{} images are ready", images.len()));
    Ok(images)
}

/// The images that all lists name.
fn all_images(lists: &[PathBuf]) -> Result<Vec<String>> {
    let mut images = Vec::new();
    for list in lists {
        images.extend(listed_images(list)?);
    }
    Ok(images)
}

/// The images that are missing or empty.
fn absent<'a>(domain: &Domain, images: &'a [String]) -> Vec<&'a str> {
    let is_absent = |image: &&str| {
        std::fs::metadata(domain.folder.join(image)).map_or(true, |file| !file.is_file() || file.len() == 0)
    };
    images.par_iter().map(String::as_str).filter(is_absent).collect()
}

/// The SHA-256 of an archive, which must be the recorded one if there is a record.
fn check_digest(archive: &Path, record: &Path) -> Result<String> {
    let digest = file_digest(archive)?;
    let Ok(recorded) = std::fs::read_to_string(record) else { return Ok(digest) };
    let recorded = recorded.split_whitespace().next().unwrap_or_default();
    if !recorded.eq_ignore_ascii_case(&digest) {
        return Err(Error::data(format!(
            "{} has the SHA-256 {digest} and {} says {recorded}; remove the archive to fetch it again, or the record to \
             accept another archive",
            archive.display(),
            record.display()
        )));
    }
    Ok(digest)
}
