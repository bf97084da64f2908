//! Interpolation, similarity, rewinding, criticality and spectra in their panels: computed, stopped, gone on with, and opened from
//! disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use basin_core::analysis::coefficients::Coefficients;
use basin_core::analysis::criticality::ModuleCriticality;
use basin_core::analysis::interpolation::{LineSettings, LinearInterpolation};
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::rewinding::ModuleRewinding;
use basin_core::analysis::selection::Selection;
use basin_core::analysis::similarity::FeatureSimilarity;
use basin_core::analysis::spectrum::LayerSpectra;
use basin_core::analysis::{Analysis, analyse};
use basin_core::checkpoint::Checkpoint;
use basin_core::config::Registry;
use basin_core::device::Choice;
use basin_core::event::Event;
use basin_core::figure::Drawing;
use basin_core::job::{Job, Stop};
use basin_core::model::{Arch, initial_state};
use basin_core::run::RunDir;
use egui::{Key, Modifiers, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::{AnalysisPanel, Extra};
use crate::panel::Panel;
use crate::panel::rewinding::Origins;
use crate::testing::{Stage, experiment, stage, stage_of_all, until, until_panel, write_run};
use crate::widget::picker::short;

const KEY: &str = "demo/Shapes_line/fixup_resnet18/scratch";

/// A base folder with one run, whose checkpoints no training has made.
struct Folder {
    folder: TempDir,
    run: RunDir,
}

impl Folder {
    fn new(epochs: usize) -> Self {
        let (folder, experiment) = (tempfile::tempdir().unwrap(), experiment(KEY));
        let run = write_run(folder.path(), &experiment, 0);
        let here = Self { folder, run };
        for epoch in 0..epochs {
            here.save(&here.checkpoint(epoch), "fixup_resnet18", epoch);
        }
        here
    }

    fn checkpoint(&self, epoch: usize) -> PathBuf {
        self.run.checkpoint(epoch)
    }

    fn save(&self, path: &Path, arch: &str, epoch: usize) {
        let state = initial_state(&Arch::new(arch, 10).unwrap(), epoch as u64);
        let metadata = [("epoch".to_owned(), epoch.to_string())].into();
        Checkpoint { state, metadata }.save(path).unwrap();
    }

    /// The only result of a kind.
    fn result(&self, kind: &str) -> PathBuf {
        let mut folders = std::fs::read_dir(self.run.analysis().join(kind)).unwrap();
        let folder = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none(), "{kind} has more than one result");
        folder
    }

    /// A panel over the folder, in which the run is selected.
    fn window<P: Panel>(&self, panel: P) -> Window<P> {
        stage_of_all(panel, self.folder.path())
    }

    fn choose<P>(&self, window: &mut Window<P>, picker: &str, checkpoint: &Path) {
        window.get_by_role_and_label(Role::ComboBox, picker).click();
        let name = short(self.folder.path(), checkpoint);
        until(window, |window| window.query_by_label(&name).is_some());
        window.get_by_label(&name).click();
        window.run_steps(3);
    }

    fn open_stored<P>(&self, window: &mut Window<P>, folder: &Path) {
        window.get_by_role_and_label(Role::ComboBox, "Stored results").click();
        let kind_and_name = folder.strip_prefix(self.run.analysis()).unwrap();
        let name = format!("{KEY} · {}", kind_and_name.display());
        until(window, |window| window.query_by_label(&name).is_some());
        window.get_by_label(&name).click();
        window.run_steps(3);
    }
}

type Window<P> = Harness<'static, Stage<P>>;

fn click<P>(window: &mut Window<P>, button: &str) {
    window.get_by_label(button).click();
    window.run_steps(2);
}

fn set<P>(window: &mut Window<P>, field: &str, value: f64) {
    window.get_by_role_and_label(Role::SpinButton, field).set_value_accesskit(value);
    window.run_steps(2);
}

fn shows<P>(window: &Window<P>, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

fn is_computing<P>(window: &Window<P>) -> bool {
    shows(window, "Cancel") && !shows(window, "Cancelled")
}

/// The numbers of points of the lines.
fn points(window: &Window<AnalysisPanel<LinearInterpolation>>) -> Vec<usize> {
    let results = window.state().panel.computations.iter().flat_map(|one| &one.results);
    results.map(|line| line.output.points.len()).collect()
}

/// Waits until no job computes, and figures show what there is.
fn until_done<A: Analysis, E: Extra<A>>(window: &mut Window<AnalysisPanel<A, E>>) {
    until(window, |window| !is_computing(window) && shows(window, "In "));
    until_panel(window, |panel| panel.shown.report().is_some());
}

/// How often a table says that.
fn rows<P>(window: &Window<P>, cell: &str) -> usize {
    window.query_all_by_role_and_label(Role::Label, cell).count()
}

fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

fn interpolation() -> AnalysisPanel<LinearInterpolation> {
    AnalysisPanel::new("Compute line")
}

fn rewinding() -> AnalysisPanel<ModuleRewinding, Origins> {
    AnalysisPanel::new("Rewind")
}

fn criticality() -> AnalysisPanel<ModuleCriticality> {
    AnalysisPanel::new("Measure")
}

#[test]
fn a_line_grows_is_stopped_goes_on_and_is_found_by_the_library() {
    let here = Folder::new(2);
    let mut window = here.window(interpolation());
    here.choose(&mut window, "From", &here.checkpoint(0));
    here.choose(&mut window, "To", &here.checkpoint(1));
    set(&mut window, "Count of coefficients", 5000.0);
    click(&mut window, "Compute line");
    until(&mut window, |window| points(window).first().is_some_and(|points| *points >= 2));
    assert!(is_computing(&window), "points are there before the line is done");
    click(&mut window, "Cancel");
    until(&mut window, |window| shows(window, "Cancelled"));
    window.run_steps(2);
    let kept = points(&window)[0];
    let folder = here.result("interpolation");
    assert_eq!(std::fs::read_dir(folder.join("points")).unwrap().count(), kept);
    assert!(window.query_by_label("Go on").is_some());

    set(&mut window, "Count of coefficients", 3.0);
    click(&mut window, "Compute line");
    until_done(&mut window);
    assert_eq!(points(&window), [kept + 2], "what was there is kept, and its ends are added");
    // The barrier's interval is there: accuracy and loss have a row each.
    until(&mut window, |window| rows(window, "ckpt-E000 to ckpt-E001") == 2);
    assert!(!shows(&window, "undefined"));

    let measured = AtomicUsize::new(0);
    let emit = |event: Event| {
        if matches!(event, Event::Point { .. }) {
            measured.fetch_add(1, Ordering::Relaxed);
        }
    };
    let registry = Arc::new(Registry::load().unwrap());
    let request = Request {
        networks: vec![here.checkpoint(0).into(), here.checkpoint(1).into()],
        settings: LineSettings { coefficients: Coefficients::even(0.0, 1.0, 3), ..LineSettings::default() },
        surroundings: Surroundings {
            base: here.folder.path().to_owned(),
            ..Surroundings::new(registry, Selection::TEST)
        },
    };
    let job = Job { device: Choice::Cpu.open().unwrap(), others: &[], emit: &emit, stop: &Stop::default() };
    let all = analyse::<LinearInterpolation>(&request, None, &job).unwrap();
    let (line, found) = (&all.each[0].output, &all.each[0].folder);
    assert_eq!((line.points.len(), measured.into_inner()), (kept + 2, 0));
    assert_eq!(std::fs::canonicalize(found).unwrap(), std::fs::canonicalize(&folder).unwrap());

    here.open_stored(&mut window, &folder);
    until(&mut window, |window| points(window) == [kept + 2, kept + 2]);
    // Both lines are in the table.
    until(&mut window, |window| rows(window, "ckpt-E000 to ckpt-E001") == 4);
    assert!(shows(&window, "Export interpolation-accuracy"));
    window.get_by_role_and_label(Role::ComboBox, "Metric").click();
    until(&mut window, |window| window.query_by_label("loss").is_some());
    click(&mut window, "loss");
    until(&mut window, |window| shows(window, "Export interpolation-loss"));
    window.get_all_by_label("Remove").next().unwrap().click();
    until(&mut window, |window| points(window) == [kept + 2]);
    window.run_steps(2);

    // A line is called as one likes.
    window.get_by_role_and_label(Role::TextInput, "Names").focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.get_by_role_and_label(Role::TextInput, "Names").type_text("before, after");
    until(&mut window, |window| rows(window, "before to after") == 2);
}

#[test]
fn a_checkpoint_of_another_architecture_is_named() {
    let here = Folder::new(1);
    let other = here.checkpoint(0).with_file_name("ckpt-other.safetensors");
    here.save(&other, "fixup_resnet34", 0);
    let mut window = here.window(interpolation());
    here.choose(&mut window, "From", &here.checkpoint(0));
    here.choose(&mut window, "To", &other);
    click(&mut window, "Compute line");
    until(&mut window, |window| shows(window, "ckpt-other.safetensors cannot be used"));
}

#[test]
fn modules_are_compared_and_a_cell_says_its_value() {
    let here = Folder::new(2);
    let mut window = here.window(AnalysisPanel::<FeatureSimilarity>::new("Compare"));
    here.choose(&mut window, "Network", &here.checkpoint(0));
    here.choose(&mut window, "Compared with", &here.checkpoint(1));
    click(&mut window, "Compare");
    until(&mut window, |window| shows(window, "passes over the images"));
    until_done(&mut window);
    assert!(shows(&window, "ckpt-E000 & ckpt-E001") && shows(&window, "features and their products take"));
    window.get_by_role_and_label(Role::Image, "similarity-modules").click();
    until(&mut window, |window| shows(window, "ckpt-E000: "));

    click(&mut window, "Compare");
    until(&mut window, |window| shows(window, "taken from"));
    let mut window = here.window(AnalysisPanel::<FeatureSimilarity>::new("Compare"));
    here.open_stored(&mut window, &here.result("similarity"));
    until(&mut window, |window| shows(window, "Export similarity-modules"));
}

#[test]
fn modules_are_rewound_to_the_epochs_beside_the_checkpoint() {
    let here = Folder::new(3);
    let mut window = here.window(rewinding());
    here.choose(&mut window, "Network to rewind", &here.checkpoint(2));
    until(&mut window, |window| window.query_by_label("epoch 1").is_some());
    click(&mut window, "epoch 1");
    click(&mut window, "Rewind");
    until(&mut window, |window| shows(window, "layer4.1"));
    until_done(&mut window);
    assert!(shows(&window, "epoch 0 test accuracy %") && shows(&window, "epoch 1 test accuracy %"));
    assert!(shows(&window, "Export rewinding-accuracy") && !shows(&window, "undefined"));
    let journal = here.result("rewinding").join("points.jsonl");
    // A heading, the network itself, and ten modules set to two epochs.
    assert_eq!(lines_of(&journal), 22);

    let mut window = here.window(rewinding());
    here.open_stored(&mut window, &here.result("rewinding"));
    until(&mut window, |window| shows(window, "layer4.1"));
}

#[test]
fn surfaces_appear_are_stopped_and_go_on() {
    let here = Folder::new(2);
    let mut window = here.window(criticality());
    here.choose(&mut window, "End of the paths", &here.checkpoint(1));
    window.get_by_label("Modules").focus();
    window.get_by_label("Modules").type_text("fc,conv1");
    window.run_steps(2);
    set(&mut window, "Draws", 50.0);
    click(&mut window, "Measure");
    let surface = |window: &mut Window<_>| {
        window.query_by_role_and_label(Role::Image, "criticality-conv1-accuracy").is_some()
    };
    until(&mut window, surface);
    assert!(is_computing(&window) && shows(&window, "epsilon is"), "points are there before all are");
    click(&mut window, "Cancel");
    until(&mut window, |window| shows(window, "Cancelled"));
    let journal = here.result("criticality").join("points.jsonl");
    let kept = lines_of(&journal);
    assert!(kept > 2, "what was measured is kept");

    for field in ["alphas", "sigmas"] {
        set(&mut window, &format!("Count of {field}"), 2.0);
    }
    set(&mut window, "Draws", 1.0);
    click(&mut window, "Measure");
    until(&mut window, |window| !is_computing(window) && shows(window, "In "));
    let whole = lines_of(&journal);
    assert!((kept..=kept + 8).contains(&whole), "{kept} {whole}: only what was missing is measured");
    click(&mut window, "Measure");
    until(&mut window, |window| !is_computing(window) && shows(window, "In "));
    assert_eq!(lines_of(&journal), whole);

    let mut window = here.window(criticality());
    here.open_stored(&mut window, &here.result("criticality"));
    until(&mut window, |window| shows(window, "epsilon is"));
}

#[test]
fn spectra_of_checkpoints_are_computed_stored_and_opened_again() {
    let base = tempfile::tempdir().unwrap();
    let mut panel = AnalysisPanel::<LayerSpectra>::new("Compute spectra");
    for (name, seed) in [("one.safetensors", 1), ("two.safetensors", 2)] {
        let (arch, path) = (Arch::new("fixup_resnet18", 3).unwrap(), base.path().join(name));
        let metadata = [("arch".to_owned(), arch.name.clone())].into();
        Checkpoint { state: initial_state(&arch, seed), metadata }.save(&path).unwrap();
        panel.networks.add(path);
    }
    let broken = base.path().join("broken.safetensors");
    std::fs::write(&broken, "no tensors").unwrap();
    panel.networks.add(broken);
    panel.settings.set("layers", vec!["^fc$|layer4.0.conv1".to_owned()]);
    let mut window = stage(panel, base.path());
    window.step();
    click(&mut window, "Compute spectra");
    until(&mut window, |window| shows(window, "lies in no run of Basin"));

    // Images of 32 pixels, and one of 7 x 7 convolution and pooling before it.
    window.state_mut().panel.surroundings.source.key =
        "demo/Shapes_clipart/fixup_resnet18/scratch".to_owned();
    click(&mut window, "Compute spectra");
    until(&mut window, |window| shows(window, "is a text file"));
    until_done(&mut window);
    assert!(
        rows(&window, "2 x 2") == 2
            && rows(&window, "circular padding, stride 1, kernel larger than its input") == 2
    );
    let ranks = |window: &Window<AnalysisPanel<LayerSpectra>>| {
        let report = window.state().panel.shown.report()?;
        let of_fc = |figure: &&basin_core::analysis::report::FigureItem| {
            figure.facets.iter().any(|(_, layer)| layer == "fc")
        };
        match &report.figures().find(of_fc)?.figure {
            Drawing::Chart(chart) => Some(chart.series.clone()),
            _ => None,
        }
    };
    let of_both = ranks(&window).unwrap();
    assert_eq!(of_both.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let folder = window.state().panel.computations.last().unwrap().results[0].folder.clone();
    assert!(folder.starts_with(base.path().join("analysis/spectrum")));

    // What is stored opens without computing.
    let open = || {
        let mut window = stage(AnalysisPanel::<LayerSpectra>::new("Compute spectra"), base.path());
        let context = window.ctx.clone();
        window.state_mut().panel.add(|one| one.open(&context, folder.clone()));
        window
    };
    let mut window = open();
    until(&mut window, |window| ranks(window).is_some());
    assert_eq!(ranks(&window).unwrap()[..], of_both[..1]);
    // A layer whose values are gone is a sentence.
    std::fs::remove_dir_all(folder.join("values")).unwrap();
    let mut window = open();
    until(&mut window, |window| shows(window, "layer4.0.conv1.safetensors"));
}
