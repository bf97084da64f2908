//! The window without its panels: finding runs, selecting them, keys, what is remembered, what goes wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::run::RunDir;
use egui::{DroppedFile, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use crate::app::App;
use crate::testing::{experiment, until, write_run};

/// A base folder.
struct Base(TempDir);

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("experiments")).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("experiments")
    }

    /// A run with these test accuracies, of so many epochs.
    fn run(&self, key: &str, replicate: u64, accuracies: &[f64], epochs: usize) -> RunDir {
        let mut experiment = experiment("demo/Shapes_clipart/fixup_resnet18/scratch");
        (experiment.key, experiment.train.epochs) = (key.to_owned(), epochs);
        (experiment.seed.init, experiment.seed.order) = (replicate, replicate);
        let run = write_run(&self.path(), &experiment, replicate);
        let line =
            |(epoch, value): (usize, &f64)| format!("{{\"epoch\":{epoch},\"eval/test_acc\":{value}}}\n");
        std::fs::write(run.metrics(), accuracies.iter().enumerate().map(line).collect::<String>()).unwrap();
        run
    }

    /// A run whose metrics are none.
    fn broken(&self, key: &str) {
        std::fs::write(self.run(key, 0, &[], 1).metrics(), "no metrics\n").unwrap();
    }

    /// A run with an event file that holds nothing that can be read.
    fn empty(&self, key: &str) {
        let run = self.run(key, 0, &[], 1);
        std::fs::remove_file(run.metrics()).unwrap();
        std::fs::create_dir(run.events()).unwrap();
        std::fs::write(run.events().join("events.out.tfevents.1.host"), [1, 2, 3]).unwrap();
    }
}

/// The window over a folder.
fn window(base: PathBuf) -> Harness<'static, App> {
    crate::testing::window(&base, "Runs")
}

#[test]
fn runs_are_listed_filtered_selected_and_compared() {
    let base = Base::new();
    for (key, accuracy) in [("demo/a/finetune", 71.5), ("demo/a/scratch", 60.25), ("demo/b/scratch", 44.0)] {
        base.run(key, 0, &[10.0, accuracy], 1);
    }
    base.run("demo/a/scratch", 1, &[10.0, 62.25], 1);
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label_contains("of 4 runs").is_some());

    window.get_by_label("Filter").focus();
    window.get_by_label("Filter").type_text("scratch");
    until(&mut window, |window| window.query_by_label_contains("3 of 4 runs").is_some());
    assert!(window.query_by_label("finetune").is_none());
    window.get_by_label_contains("scratch  ×2").click();
    until(&mut window, |window| window.query_by_label("2 runs selected").is_some());
    // The best of each replicate.
    until(&mut window, |window| window.query_by_label("60.25").is_some());
    assert!(window.query_by_label("62.25").is_some() && window.query_by_label("44.00").is_none());
    // Replicates differ in their seeds.
    assert!(window.query_by_label("seed.init").is_some());

    window.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
    until(&mut window, |window| window.query_by_label("44.00").is_some());
    let selected: Vec<String> =
        window.state().workspace.runs.selected().into_iter().map(|run| run.key).collect();
    assert_eq!(selected, ["demo/b/scratch"]);

    window.get_by_label("Filter").focus();
    window.get_by_label("Filter").type_text("(");
    until(&mut window, |window| window.query_by_label_contains("regular expression").is_some());
}

#[test]
fn new_epochs_and_new_runs_appear_by_themselves() {
    let base = Base::new();
    base.run("demo/one", 0, &[10.0, 20.0], 5);
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label("one").is_some());
    window.get_by_label("one").click();
    until(&mut window, |window| window.query_by_label("20.00").is_some());
    assert!(window.query_by_label("stopped").is_some());

    base.run("demo/one", 0, &[10.0, 20.0, 30.0, 40.0, 50.0, 61.5], 5);
    until(&mut window, |window| window.query_by_label("61.50").is_some());
    assert!(window.query_by_label("done").is_some());
    base.run("demo/two", 0, &[10.0], 5);
    until(&mut window, |window| window.query_by_label("two").is_some());
}

#[test]
fn keys_go_to_panels_and_to_the_filter() {
    let base = Base::new();
    base.run("demo/one", 0, &[10.0], 1);
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label("one").is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.run_steps(2);
    assert_eq!(window.state().workspace.settings.panel, "Curves");
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.run_steps(2);
    assert!(window.get_by_label("Filter").is_focused());
}

#[test]
fn curves_show_what_the_runs_have_and_say_when_there_is_nothing() {
    let base = Base::new();
    base.run("demo/one", 0, &[10.0, 20.0], 1);
    base.broken("demo/broken");
    base.empty("demo/empty");
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label("one").is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.get_by_label("one").click();
    until(&mut window, |window| window.query_by_label("Export eval/test_acc").is_some());
    window.get_by_label("broken").click();
    until(&mut window, |window| window.query_by_label_contains("is not a line of metrics").is_some());
    window.get_by_label("empty").click();
    until(&mut window, |window| window.query_by_label_contains("have no numbers yet").is_some());
}

#[test]
fn a_chart_is_exported_by_keys_and_files_are_where_the_window_says() {
    let base = Base::new();
    base.run("demo/one", 0, &[10.0, 20.0], 1);
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label("one").is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.get_by_label("one").click();
    until(&mut window, |window| window.query_by_label("Export eval/test_acc").is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    until(&mut window, |window| window.query_by_label("Save SVG, PNG and CSV").is_some());
    window.get_by_label("Save SVG, PNG and CSV").click();
    until(&mut window, |window| window.query_by_label_contains("wrote").is_some());
    let csv = std::fs::read_to_string(base.path().join("figures/eval-test_acc.csv")).unwrap();
    assert_eq!(csv, "series,epoch,eval/test_acc\ndemo/one,0,10\ndemo/one,1,20\n");
    for ending in ["svg", "png"] {
        assert!(base.path().join(format!("figures/eval-test_acc.{ending}")).is_file());
    }
}

#[test]
fn an_empty_folder_offers_what_can_be_done() {
    let base = Base::new();
    let mut window = window(base.path());
    until(&mut window, |window| window.query_by_label("No runs yet").is_some());
    for button in ["Choose a folder of runs…", "Open the sample folder", "Run the demo study"] {
        assert!(window.query_by_label(button).is_some(), "{button}");
    }
    let mut window = self::window(base.path().join("missing"));
    until(&mut window, |window| window.query_by_label_contains("there is no folder").is_some());
}

/// A file or folder that is dropped on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn a_checkpoint_and_a_folder_of_runs_can_be_dropped() {
    let (base, other) = (Base::new(), Base::new());
    other.run("demo/there", 0, &[10.0], 1);
    let checkpoint = base.0.path().join("dropped.safetensors");
    let tensor = NamedTensor { name: "conv1.weight".to_owned(), shape: vec![2], data: vec![3.0, 4.0] };
    let state = StateDict { tensors: vec![tensor] };
    Checkpoint { state, metadata: [].into() }.save(&checkpoint).unwrap();
    let mut window = window(base.path());
    window.input_mut().dropped_files.push(Arc::new(Dropped(checkpoint)));
    until(&mut window, |window| window.query_by_label("conv1.weight").is_some());
    assert_eq!(window.state().workspace.settings.panel, "Checkpoint");
    window.input_mut().dropped_files.push(Arc::new(Dropped(other.path())));
    until(&mut window, |window| window.query_by_label("there").is_some());
}
