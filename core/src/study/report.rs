//! The page of a study: what was asked, what was found, the figures, the numbers, and the commands that made them.

use std::path::Path;

use serde_json::Value;

use super::claim::Verdict;
use super::section::Section;
use super::{Options, Run, Study};
use crate::config::{Registry, flat_settings};
use crate::error::Result;
use crate::figure::{Figure, Page, Table};
use crate::file::write_atomically;
use crate::number;
use crate::run::{MetricsRecord, read_metrics, tag};
use crate::shell;

/// Writes `report.html` into the study's folder, and each figure as SVG, PNG and CSV and each table as CSV beside it.
pub(super) fn write(
    study: &Study,
    options: &Options,
    registry: &Registry,
    runs: &[Run],
    sections: &[Section],
    verdicts: &[Verdict],
    folder: &Path,
) -> Result<()> {
    let named = &runs[..study.runs.len()];
    let metrics = named
        .iter()
        .map(|run| read_metrics(&run.request.run_dir().metrics()))
        .collect::<Result<Vec<Vec<MetricsRecord>>>>()?;

    let mut page = Page::new(&study.title);
    page.text(&study.about);
    if !verdicts.is_empty() {
        page.heading("What the paper found, and whether it holds here");
        page.table(&found(verdicts));
    }
    for (number, (part, section)) in study.parts.iter().zip(sections).enumerate() {
        page.heading(&part.title);
        page.text(&part.about);
        let Section { report, .. } = section;
        for row in &report.rows {
            let shown = row.figures.iter().filter(|item| item.names.study.is_some());
            let figures: Vec<&dyn Figure> = shown.map(|item| &item.figure as &dyn Figure).collect();
            if !figures.is_empty() {
                page.charts(&figures, &row.caption)?;
            }
        }
        for image in &report.images {
            page.image(&image.png, &image.caption);
        }
        for item in report.tables.iter().filter(|item| item.names.study.is_some()) {
            page.text(&item.note);
            page.table(&item.table);
        }
        // Two parts may be of one kind.
        report.save(folder, |names| names.study.as_ref().map(|name| format!("{:02}-{name}", number + 1)))?;
        for numbers in &part.paper {
            page.text(&numbers.title);
            page.table(&numbers.table());
        }
    }
    if !named.is_empty() {
        page.heading("Runs and results");
        page.table(&results(named, &metrics));
        page.text("The best epoch is chosen on the test images, as in the paper.");
        page.heading("Settings");
        let (same, different) = settings(named);
        page.text("Where the runs differ:");
        page.table(&different);
        page.text(
            "Runs of one replicate have equal seeds unless seed.by_key is true: where their architectures are the same, they start from \
             the same weights, and where their data are, they see them in the same order.",
        );
        page.text("What they share:");
        page.table(&same);
    }
    page.heading("How to make each part again");
    page.commands(&commands(options, registry, runs, sections));
    write_atomically(&folder.join("report.html"), |file| file.write_all(page.html().as_bytes()))
}

fn found(verdicts: &[Verdict]) -> Table {
    let row = |verdict: &Verdict| {
        let holds = if verdict.holds { "holds" } else { "does not hold at this scale" };
        [verdict.says.clone(), verdict.found.clone(), verdict.required.clone(), holds.to_owned()]
    };
    table(["claim", "found", "required", "verdict"], verdicts.iter().map(row).collect())
}

fn table<const N: usize>(columns: [&str; N], rows: Vec<[String; N]>) -> Table {
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
}

/// What the best epoch is chosen by: the AUC of findings, else the accuracy.
const SCORES: [&str; 2] = [tag::TEST_AUC, tag::TEST_ACCURACY];

/// The first of two tags that a record has.
fn either(record: &MetricsRecord, tags: [&str; 2]) -> Option<f64> {
    tags.iter().find_map(|tag| record.value(tag))
}

fn results(runs: &[Run], metrics: &[Vec<MetricsRecord>]) -> Table {
    let rows = runs.iter().zip(metrics).map(|(run, records)| {
        let tests: Vec<(usize, f64)> =
            records.iter().filter_map(|record| Some((record.epoch, either(record, SCORES)?))).collect();
        let better = |best: (usize, f64), next: &(usize, f64)| if next.1 > best.1 { *next } else { best };
        let best = tests.iter().fold((0, f64::NEG_INFINITY), better);
        let has_auc = records.iter().any(|record| record.value(SCORES[0]).is_some());
        let score = if has_auc { number::fraction } else { number::percent };
        let last = |tags| records.iter().rev().find_map(|record| either(record, tags)).unwrap_or(f64::NAN);
        [
            run.member.name.clone(),
            run.member.key.clone(),
            run.member.replicate.to_string(),
            score(last(SCORES)),
            number::loss(last([tag::TEST_LOSS; 2])),
            score(last([tag::EVAL_TRAIN_AUC, tag::EVAL_TRAIN_ACCURACY])),
            score(best.1),
            best.0.to_string(),
            number::count(last([tag::TRAIN_SPEED; 2])),
        ]
    });
    let columns = [
        "run",
        "key",
        "replicate",
        "test accuracy % or AUC",
        "test loss",
        "train accuracy % or AUC",
        "best on test",
        "in epoch",
        "images/s",
    ];
    table(columns, rows.collect())
}

/// The settings that all runs share, and those in which they differ.
fn settings(runs: &[Run]) -> (Table, Table) {
    let all: Vec<Vec<(String, Value)>> =
        runs.iter().map(|run| flat_settings(&run.request.experiment)).collect();
    let mut paths: Vec<&str> = all.iter().flatten().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let text = |settings: &[(String, Value)], path: &str| {
        let value = settings.iter().find(|(known, _)| known == path).map(|(_, value)| value);
        match value {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    };
    let rows = paths.into_iter().map(|path| {
        let values: Vec<String> = all.iter().map(|settings| text(settings, path)).collect();
        (path.to_owned(), values)
    });
    let (same, different): (Vec<_>, Vec<_>) =
        rows.partition(|(_, values)| values.iter().all(|v| *v == values[0]));
    let names = runs.iter().map(|run| run.member.name.clone());
    let same = same.into_iter().map(|(path, values)| vec![path, values[0].clone()]).collect();
    let different = different.into_iter().map(|(path, values)| [vec![path], values].concat()).collect();
    (
        Table { columns: vec!["setting".to_owned(), "value".to_owned()], rows: same },
        Table { columns: std::iter::once("setting".to_owned()).chain(names).collect(), rows: different },
    )
}

/// The commands that train the runs and make the sections again, as lines for a shell.
fn commands(options: &Options, registry: &Registry, runs: &[Run], sections: &[Section]) -> Vec<String> {
    let families = registry.folder().map(|folder| folder.display().to_string());
    let train = runs.iter().map(|Run { member, request }| {
        let seed = request.experiment.seed;
        let seeds = [format!("seed.init={}", seed.init), format!("seed.order={}", seed.order)];
        let seeds = if seed.init == member.replicate { &[][..] } else { &seeds[..] };
        let base = request.base.display().to_string();
        let replicate = member.replicate.to_string();
        let mut words = vec!["runner", "-k", &member.key, "-b", &base];
        if member.replicate > 0 {
            words.extend(["--replicate", &replicate]);
        }
        words.extend(families.iter().flat_map(|folder| ["--configs", folder]));
        let sets = [seeds, member.set.as_slice(), options.set].concat();
        words.extend(sets.iter().flat_map(|setting| ["--set", setting]));
        shell::line(words)
    });
    train.chain(sections.iter().flat_map(|section| section.commands.iter().map(shell::line))).collect()
}
