//! DomainNet from its official site, laid out as the loader reads it.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::download::download;
use super::unpack::unpack_zip;
use crate::data::{Split, domain_names, listed_images};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{
    file_digest, lock_folder, remove_if_there, remove_temporaries, sync_all_below, sync_folder,
    write_atomically,
};
use crate::job::Job;

/// Where the archives and lists come from unless a mirror is named; what comes has to have the digests below.
pub const DOMAINNET_SITE: &str = "http://csr.bu.edu/ftp/visda/2019/multi-source";
/// The domains whose archives were cleaned of duplicates after publication, and lie in a folder of their own.
const CLEANED: [&str; 2] = ["clipart", "painting"];

/// SHA-256 of the official files, as TensorFlow Datasets 4.9 records them.
const DIGESTS: [(&str, &str); 18] = [
    ("clipart_test.txt", "62c8e36aaba1c41ad9e249099739707220a44c08f167b37ef420f34a31628a6b"),
    ("clipart_train.txt", "affdadf5f95a7583e6b98030a3d35007e2613ee4dd942393c5a705ec2b429312"),
    ("infograph_test.txt", "413cfa54ac92e7e6b242f4f09fbd9c8ace85c4deaf3cb6c81ff6b68264460136"),
    ("infograph_train.txt", "36b44cbd41a2915e0dc73b4f4be8862a6f3c220f93c8d63fb2439beeae3aefda"),
    ("painting_test.txt", "11472b13b5188e09f06918b12eebb660588c97a20e43e268d9b02e3e37eb8f97"),
    ("painting_train.txt", "f1da38d50a702fddf1329f85bc607d7a2abcae7e6aec75e1fd49cc1bd340d47b"),
    ("quickdraw_test.txt", "2a00a60650a453c65c356da748fec54084a197272137c440e7d52d08947357bf"),
    ("quickdraw_train.txt", "3a5edd3bc215772010eebc87f158707703dd7e48091d13b816af81326a9d1c0f"),
    ("real_test.txt", "2b3f75bcde309aeb5931292084b2162e936b5f189e3bb1ad716f0f74c460864c"),
    ("real_train.txt", "19d483256d24aef19e581b65eda8333fd918aef3eb733fe499ff384120e3a289"),
    ("sketch_test.txt", "3fb48fca18c507c4321f007c3f62b308ec232ff6928cbfe2af64e76ec366e840"),
    ("sketch_train.txt", "72f4bc6afa5702a1ccba800d0053c1427de87439dfaf246dbc9a2e71abfec54f"),
    ("clipart.zip", "f8f248a3e8bbc9868c523ae24e6601b4c2ad102afc60c0efeb4f3255df22354d"),
    ("infograph.zip", "891e14f476317e97b6f06d6498c11d0a5b8d0c8b57210765ed9beb072da611fa"),
    ("painting.zip", "fa47e6d405503ea0286cabd767f176bd30e988b63ddd7b9db16cf030c9770015"),
    ("quickdraw.zip", "9f37df2a8c3733703dbb35ad9964202a65f675ca30137756457537536b485d84"),
    ("real.zip", "d7fe010b430c5b510f85d657d38c4a1924822695fabea4fef57bd00dba251d63"),
    ("sketch.zip", "23a7dbae7016b343e934399beaa8a68728fb5e570ebe2c71df9b75cf91c499fc"),
];

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
    remove_temporaries(&folder);
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
    /// What the official site gives is known; a copy may be of another version.
    fn fetch(&self, name: &str, path: &Path) -> Result<()> {
        let is_official = self.address == DOMAINNET_SITE;
        let file = name.rsplit('/').next().unwrap_or(name);
        let known = DIGESTS.iter().find(|(known, _)| is_official && *known == file);
        download(&format!("{}/{name}", self.address), path, known.map(|(_, sha256)| *sha256), self.job)
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
                // A kill may have come just before.
                if archives == Archives::Remove {
                    remove_if_there(&domain.archive())?;
                }
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
    // The lists say that the images are there.
    sync_all_below(domain.folder)?;
    write_atomically(&record, |out| writeln!(out, "{digest}  {}.zip", domain.name))?;
    if !has_lists {
        for (new, split) in lists.iter().zip(SPLITS) {
            let list = domain.list(split);
            std::fs::rename(new, &list).map_err(Error::io("write", &list))?;
        }
        sync_folder(domain.folder).map_err(Error::io("write", domain.folder))?;
    }
    if archives == Archives::Remove {
        remove_if_there(&archive)?;
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
