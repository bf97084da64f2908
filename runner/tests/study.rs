//! The main job: one command, one page, one basin.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::*;
use serde_json::Value;

/// Barrier in accuracy, percentage points, of the line whose folder lies in the run of its first network.
fn barrier(base: &std::path::Path, one: &str, two: &str) -> f64 {
    let analyses = base.join(one).join("analysis/interpolation");
    let results = std::fs::read_dir(analyses).unwrap().map(|entry| {
        let text = std::fs::read(entry.unwrap().path().join("result.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    });
    let key =
        |result: &Value| result["inputs"]["networks"][1]["metadata"]["key"].as_str().unwrap().to_owned();
    let line = results.into_iter().find(|result| key(result).ends_with(two)).unwrap();
    line["barrier"]["accuracy"]["value"].as_f64().unwrap()
}

#[test]
fn the_demo_shows_one_basin_for_the_tuned_pair_and_a_barrier_for_the_other() {
    let here = folder();
    let study = || {
        let mut command = runner(here.path());
        command.args(["study", "demo"]);
        command
    };
    let report = here.path().join("experiments/studies/demo/report.html");
    assert_eq!(success(study()).trim(), "experiments/studies/demo/report.html");
    let clipart = "demo/Shapes_clipart/fixup_resnet18";
    let base = here.path().join("experiments-rep1");
    let tuned = barrier(&base, &format!("{clipart}/finetune"), "finetune");
    let scratch = barrier(&base, &format!("{clipart}/scratch"), "scratch");
    assert!(tuned <= 3.0, "the tuned pair falls {tuned} points below its chord");
    assert!(scratch >= 20.0, "the scratch pair falls only {scratch} points below its chord");

    let html = std::fs::read_to_string(&report).unwrap();
    assert!(
        html.matches("<svg").count() == 4
            && html.contains("runner interpolate")
            && html.contains("P-T 1 to P-T 2")
    );
    for outside in ["http-equiv", "src=", "href=", "<script", "url("] {
        assert!(!html.contains(outside), "the page must need nothing else: {outside}");
    }

    let before = std::fs::metadata(&report).unwrap().modified().unwrap();
    let output = study().output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("done already"), "{}", stderr(&output));
    assert_eq!(std::fs::metadata(&report).unwrap().modified().unwrap(), before);
}

#[test]
fn a_study_of_ones_own_is_a_file_and_its_mistakes_have_a_line() {
    let here = folder();
    let run = |text: &str| {
        std::fs::write(here.path().join("mine.ron"), text).unwrap();
        let mut command = runner(here.path());
        command.args(["study", "mine.ron"]);
        command
    };
    failure(run("(\n    title: \"Mine\",\n    abuot: \"\",\n)"), 2, &["mine.ron:3:", "abuot"]);
    let pair = r#"(title: "", about: "", runs: [], pairs: [("A", "B")], coefficients: (first: 0, last: 1, count: 3))"#;
    failure(run(pair), 2, &["mine.ron: a pair names A"]);
}
