//! The main job: one command, one page, one basin.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::*;

/// The orderings of the paper, with margins that three seeds keep (configs/studies/demo.ron has their numbers).
#[test]
fn the_demo_shows_what_the_paper_found() {
    let here = folder();
    // What a shell would split, and would read as the begin of a string.
    let base = "the runs' folder";
    let study = |more: &[&str]| {
        let mut command = runner(here.path());
        command.args(["study", "demo", "-b", base]).args(more);
        command
    };
    let plan = success(study(&["--dry-run"]));
    assert!(plan.contains("0 of 11 runs are done") && plan.contains("costs: 5 to 8 minutes"), "{plan}");
    assert!(!here.path().join(base).exists(), "a dry run leaves nothing");

    let results = here.path().join(base).join("studies/demo");
    let report = results.join("report.html");
    assert_eq!(success(study(&[])).trim(), format!("{base}/studies/demo/report.html"));
    let found: Value = serde_json::from_slice(&std::fs::read(results.join("results.json")).unwrap()).unwrap();
    let verdicts = found["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 6);
    assert!(verdicts.iter().all(|verdict| verdict["holds"] == true), "{verdicts:#?}");

    let html = std::fs::read_to_string(&report).unwrap();
    for part in
        ["runner interpolate", "P-T 1 to P-T 2", "CKA", "criticality", "singular value", "block", "kappa"]
    {
        assert!(html.contains(part), "no {part} in the report");
    }
    for outside in ["http-equiv", "src=\"http", "href=", "<script", "url(http"] {
        assert!(!html.contains(outside), "the page must need nothing else: {outside}");
    }
    for figure in [
        "02-interpolation-accuracy",
        "06-mistakes",
        "08-criticality-conv1-0",
        "09-spectrum-conv1",
        "10-shuffles-drop",
    ] {
        for ending in ["svg", "pdf", "png", "csv"] {
            assert!(results.join(format!("{figure}.{ending}")).is_file(), "no {figure}.{ending}");
        }
    }
    assert!(success(study(&["--dry-run"])).contains("11 of 11 runs are done"));

    // One of each kind, and all trainings: what a line means is the business of another test.
    let mut kinds = BTreeSet::new();
    for line in commands(&html) {
        let kind = line.split_whitespace().nth(1).unwrap().to_owned();
        if kind != "-k" && !kinds.insert(kind) {
            continue;
        }
        let mut shell = Command::new("sh");
        shell.current_dir(here.path()).args(["-c", &line]).env("PATH", path_with_runner());
        success(shell);
    }

    assert!(kinds.len() > 5, "{kinds:?}");

    let before = std::fs::metadata(&report).unwrap().modified().unwrap();
    let output = study(&[]).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("done already"), "{}", stderr(&output));
    assert_eq!(std::fs::metadata(&report).unwrap().modified().unwrap(), before);
}

/// The lines for a shell at the end of a report.
fn commands(html: &str) -> Vec<String> {
    let (_, lines) = html.rsplit_once("<pre>").unwrap();
    let (lines, _) = lines.split_once("</pre>").unwrap();
    let lines = lines.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    lines.lines().map(str::to_owned).collect()
}

/// Where a shell looks for programs, the tested one first.
fn path_with_runner() -> OsString {
    let known = std::env::var_os("PATH").unwrap();
    let ours = Path::new(env!("CARGO_BIN_EXE_runner")).parent().unwrap().to_owned();
    std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&known))).unwrap()
}

#[test]
fn each_figure_and_table_of_the_paper_is_a_study() {
    let here = folder();
    let runs = [
        ("fig2", 16),
        ("fig3", 444),
        ("fig4", 18),
        ("fig5", 3),
        ("fig6", 2),
        ("fig7", 79),
        ("table1", 4),
        ("table2", 16),
    ];
    for (name, runs) in runs {
        let mut command = runner(here.path());
        command.args(["study", &format!("paper/{name}"), "--dry-run"]);
        let plan = success(command);
        assert!(plan.contains(&format!("0 of {runs} runs are done")) && plan.contains("ImageNet"), "{plan}");
    }
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
    let study = |part: &str| {
        format!(
            r#"(title: "", about: "", costs: "", runs: [(name: "A", key: "{KEY}")], parts: [(title: "Lines", analysis: {part})])"#
        )
    };
    let line = r#"Interpolation(pairs: [("A", "B")], coefficients: (first: 0, last: 1, count: 3))"#;
    failure(run(&study(line)), 2, &["mine.ron: Lines: B is none of the runs"]);
    let which = r#"Rewinding(networks: ["A@worst"])"#;
    failure(run(&study(which)), 2, &["mine.ron: Lines: A@worst must end in @best"]);
}
