//! CheXpert (Irvin et al. 2019): chest X-rays, each with any of five findings.
//!
//! Trained on 50,000 images of the official training split, tested on 50,000 others of it, with the official validation
//! images beside them (PAPER section 2.4).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::{Files, Index, ListedSample, Sample, check_files, subset};
use super::lists::{Table, with_forward_slashes};
use super::pixels::Pixels;
use super::source::{DataSource, missing};
use super::split::{Labelling, Split};
use super::transform::{Input, Transform};
use super::xray::Xray;
use crate::config::{Data, IndexPaths, XraySettings};
use crate::error::{Error, Result};

/// The findings in the lists' order, and whether an uncertain one counts as there.
const FINDINGS: [(&str, bool); 5] = [
    ("Cardiomegaly", false),
    ("Edema", true),
    ("Consolidation", false),
    ("Atelectasis", true),
    ("Pleural Effusion", false),
];
/// Names of the findings; bit k of a label stands for the k-th.
const NAMES: [&str; 5] = [FINDINGS[0].0, FINDINGS[1].0, FINDINGS[2].0, FINDINGS[3].0, FINDINGS[4].0];

/// The data set.
pub(super) struct Chexpert;

impl DataSource for Chexpert {
    fn name(&self) -> &'static str {
        "CheXpert"
    }

    fn splits(&self) -> &'static [Split] {
        &[Split::Train, Split::Test, Split::Dev]
    }

    fn evaluated(&self) -> &'static [Split] {
        &[Split::Dev, Split::EvalTrain]
    }

    fn labelling(&self) -> Labelling {
        Labelling::Findings(&NAMES)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        Arc::new(Xray::new(input))
    }

    fn needs(&self) -> Option<String> {
        Some("`runner prepare chexpert` makes CheXpert's folder with its lists".to_owned())
    }

    fn takes_lists(&self) -> bool {
        true
    }

    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index> {
        let folder = PathBuf::from(&data.configs.data_dir);
        let list = folder.join(list_name(data.index_paths.as_ref(), split));
        if !list.is_file() {
            return Err(Error::data(format!(
                "{} or the list with --set data.index_paths.{}=FILE",
                missing(self, &list),
                setting(split)
            )));
        }
        let listed = subset(read_list(&list)?, data.configs.subsample);
        check_files(files, &folder, &list, &listed)?;
        let xray = data.configs.xray.clone().unwrap_or_default();
        let bits = XraySettings::COLUMNS
            .iter()
            .enumerate()
            .filter(|(_, column)| xray.enhance_index.contains(column));
        let enhanced: usize = bits.map(|(bit, _)| 1 << bit).sum();
        let is_enhanced = |label: usize| split == Split::Train && label & enhanced != 0;
        let copies = |label: usize| if is_enhanced(label) { 1 + xray.enhance_times } else { 1 };
        let samples = listed.into_iter().map(|listed| listed.sample);
        let samples: Vec<Sample> =
            samples.flat_map(|sample| std::iter::repeat_n(sample.clone(), copies(sample.label))).collect();
        let pixels = match data.configs.cache_bitmap {
            Some(true) => Pixels::cached_files(folder, samples.len()),
            _ => Pixels::files(folder),
        };
        Ok(Index { samples, outputs: FINDINGS.len(), pixels })
    }
}

/// The setting below `data.index_paths` that names a split's list.
fn setting(split: Split) -> &'static str {
    match split {
        Split::Train | Split::EvalTrain => "train",
        Split::Test => "test",
        Split::Dev => "dev",
    }
}

fn list_name(paths: Option<&IndexPaths>, split: Split) -> &str {
    let of = |path: fn(&IndexPaths) -> &Option<String>| paths.and_then(|paths| path(paths).as_deref());
    match split {
        Split::Train | Split::EvalTrain => of(|paths| &paths.train).unwrap_or("train.0-50k.csv"),
        Split::Test => of(|paths| &paths.test).unwrap_or("train.50k-100k.csv"),
        Split::Dev => of(|paths| &paths.dev).unwrap_or("dev.csv"),
    }
}

/// A path of the official lists below the folder that they lie in.
pub(crate) fn without_official_folder(path: &str) -> &str {
    match path.split_once('/') {
        Some((first, rest)) if first.starts_with("CheXpert-v1.0") => rest,
        _ => path,
    }
}

fn read_list(list: &Path) -> Result<Vec<ListedSample>> {
    let table = Table::read(list)?;
    let path = table.column("Path", list)?;
    let findings = NAMES.iter().map(|name| table.column(name, list)).collect::<Result<Vec<usize>>>()?;
    let mut listed = Vec::new();
    for (line, row) in &table.rows {
        let line = *line;
        let wrong = |what: &str, value: &str| {
            Error::data(format!("{}:{line}: {what} is `{value}`; correct the line", list.display()))
        };
        let mut label = 0;
        for (bit, (column, (name, uncertain))) in findings.iter().zip(FINDINGS).enumerate() {
            let value = &row[*column];
            let is_there = is_there(value, uncertain).ok_or_else(|| wrong(name, value))?;
            label |= usize::from(is_there) << bit;
        }
        let id = with_forward_slashes(row[path].trim());
        let id = without_official_folder(&id).to_owned();
        if id.is_empty() {
            return Err(wrong("Path", ""));
        }
        listed.push(ListedSample { line, sample: Sample { id, label } });
    }
    if listed.is_empty() {
        return Err(Error::data(format!("{} lists no image; prepare it again", list.display())));
    }
    Ok(listed)
}

/// Whether a finding is there: a number as pandas reads it, where nothing and what pandas takes for nothing is absence.
fn is_there(value: &str, uncertain: bool) -> Option<bool> {
    const NOTHING: [&str; 19] = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
        "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    let value = value.trim();
    if NOTHING.contains(&value) {
        return Some(false);
    }
    match value.parse::<f64>().ok()? {
        1.0 => Some(true),
        0.0 => Some(false),
        -1.0 => Some(uncertain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_pandas_reads_them() {
        for (value, expected) in [
            ("1", Some(true)),
            ("1.00 ", Some(true)),
            (" 0.0", Some(false)),
            ("", Some(false)),
            ("nan", Some(false)),
            ("n/a", Some(false)),
            ("<NA>", Some(false)),
            ("-1.0", Some(true)),
            ("2", None),
            ("yes", None),
        ] {
            assert_eq!(is_there(value, true), expected, "{value}");
        }
        assert_eq!(is_there("-1", false), Some(false));
    }
}
