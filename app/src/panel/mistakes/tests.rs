use std::path::Path;

use basin_core::analysis::mistakes::MistakeSettings;
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::selection::Selection;
use basin_core::analysis::{Analysed, analyse};
use basin_core::config::{Experiment, Registry};
use basin_core::data::{Dataset, Split};
use basin_core::device::Choice as Device;
use basin_core::evaluate::Evaluation;
use basin_core::evaluate::predictions;
use basin_core::job::{Job, Stop};
use egui_kittest::kittest::Queryable as _;

use super::gallery::{Order, samples};
use super::*;
use crate::panel::analysis::AnalysisPanel;
use crate::testing::{experiment, panel, panel_mut, until_app, window_of_all, write_run};

type MistakesPanel = AnalysisPanel<SharedMistakes, MistakenImages>;

const KEY: &str = "demo/Shapes_line/fixup_resnet18/scratch";

/// Predictions of twenty samples; `is_wrong` says where the network takes the next class.
fn predict(path: &Path, experiment: &Experiment, is_wrong: fn(usize) -> bool) {
    let dataset = Dataset::open(&experiment.data, Split::Test).unwrap();
    let mut evaluation = Evaluation::empty(dataset.labelling());
    for sample in 0..dataset.len() {
        let label = dataset.label(sample);
        let answer = (label + usize::from(is_wrong(sample))) % 10;
        // Later samples are surer.
        evaluation
            .logits
            .extend((0..10).map(|class| if class == answer { 2.0 + sample as f32 } else { 0.0 }));
        evaluation.losses.push(1.0);
        evaluation.labels.push(label);
    }
    let about = [("data", experiment.data.name.as_str()), ("split", "test")];
    predictions::save(path, &dataset, &evaluation, &about).unwrap();
}

/// A run with predictions of two networks: of each four samples both are wrong about the first, one about each of the next two.
fn run(base: &Path) -> [PathBuf; 2] {
    let experiment = experiment(KEY);
    let run = write_run(base, &experiment, 0);
    let files = ["one", "two"].map(|name| run.predictions(name));
    predict(&files[0], &experiment, |sample| sample % 4 < 2);
    predict(&files[1], &experiment, |sample| sample % 4 == 0 || sample % 4 == 2);
    files
}

#[test]
fn mistakes_are_cores_and_a_click_shows_both_answers() {
    let folder = tempfile::tempdir().unwrap();
    let files = run(folder.path());
    let mut harness = window_of_all(folder.path(), "Mistakes");
    for file in files.clone() {
        panel_mut::<MistakesPanel>(harness.state_mut()).add_network(file);
    }
    harness.step();
    harness.step();
    harness.get_by_label("Compare mistakes").click();
    until_app(&mut harness, |app| images(app).opened.value().is_some());
    until_app(&mut harness, |app| images(app).gallery.is_there());

    let Analysed { output: expected, folder: place, .. } = counted(files, folder.path());
    let opened = images(harness.state()).opened.value().unwrap().clone();
    assert_eq!(opened.result, expected);
    assert!(place.join("examples-1-2-class.png").is_file());
    let counts = opened.result.pairs[0].all.counts;
    assert_eq!([counts.both_right, counts.only_one_wrong, counts.only_two_wrong, counts.both_wrong], [5; 4]);

    // Sample 17 is the surest of those that only the first network is wrong about: 1, 5, 9, 13 and 17.
    let [first, id] = [1, 17].map(|sample: usize| opened.answers.first().ids[sample].clone());
    assert_eq!(images(harness.state()).gallery.samples(), [17, 13, 9, 5, 1]);
    harness.get_by_label(&first);
    harness.get_by_label(&id).click_accesskit();
    harness.step();
    harness.step();
    let classes = opened.answers.classes();
    harness.get_by_label(&format!("true: {}", classes[7]));
    harness.get_by_label(&format!("1st says {}", classes[8]));
    harness.get_by_label(&format!("2nd says {}", classes[7]));

    harness.get_by_label("both wrong: 5 (25.00 %)").click_accesskit();
    until_app(&mut harness, |app| images(app).gallery.samples() == [16, 12, 8, 4, 0]);
    // Of the samples of class 4, 4 and 14, both networks are wrong about the first.
    panel_mut::<MistakesPanel>(harness.state_mut()).extra_mut().choice.part = Some(4);
    until_app(&mut harness, |app| images(app).gallery.samples() == [4]);
}

fn images(app: &crate::app::App) -> &MistakenImages {
    panel::<MistakesPanel>(app).extra()
}

/// Counts the mistakes of two files of predictions.
fn counted(files: [PathBuf; 2], base: &Path) -> Analysed<Mistakes> {
    let (stop, device) = (Stop::default(), "cpu".parse::<Device>().unwrap().open().unwrap());
    let job = Job { device, others: &[], emit: &|_| {}, stop: &stop };
    let registry = Arc::new(Registry::load().unwrap());
    let surroundings = Surroundings { base: base.to_owned(), ..Surroundings::new(registry, Selection::TEST) };
    let settings = MistakeSettings { examples: 0 };
    let request =
        Request { networks: files.iter().cloned().map(Into::into).collect(), settings, surroundings };
    analyse::<SharedMistakes>(&request, None, &job).unwrap().each.remove(0)
}

#[test]
fn quadrants_of_findings_are_those_of_the_finding_that_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = experiment(KEY);
    let run = write_run(folder.path(), &experiment, 0);
    let dataset = Dataset::open(&experiment.data, Split::Test).unwrap();
    // Classes from 0 to 9 are read as bits of findings.
    let files = [3, 7].map(|factor: usize| {
        let file = run.predictions(&format!("of-{factor}"));
        let mut evaluation = Evaluation::empty(dataset.labelling());
        for sample in 0..dataset.len() {
            evaluation.logits.extend((0..5).map(|bit| ((sample + bit) * factor % 11) as f32 - 5.5));
            evaluation.losses.push(1.0);
            evaluation.labels.push(dataset.label(sample));
        }
        predictions::save(&file, &dataset, &evaluation, &[("data", "CheXpert"), ("split", "test")]).unwrap();
        file
    });
    let Analysed { output: result, folder: place, .. } = counted(files, folder.path());
    let opened =
        Opened::read(result.clone(), &place, &Source::default(), &Registry::load().unwrap()).unwrap();
    assert_eq!(opened.question(Choice::default()), None);
    for part in 0..5 {
        let choice = Choice { pair: 0, part: Some(part) };
        let counts = result.pairs[0].parts[part].counts;
        assert_eq!(opened.question(choice).unwrap().name(), result.pairs[0].parts[part].name);
        for quadrant in Quadrant::ALL {
            let samples = samples(&opened, choice, quadrant, Order::Surest(1)).unwrap();
            assert_eq!(samples.len(), counts.quadrant(quadrant));
        }
    }
}

#[test]
fn predictions_that_changed_and_images_that_moved_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = run(folder.path());
    let Analysed { output, folder: place, .. } = counted(files.clone(), folder.path());
    let registry = Registry::load().unwrap();
    let read = |source: &Source| Opened::read(output.clone(), &place, source, &registry);
    assert!(read(&Source::default()).unwrap().images.is_ok());

    // Of other data than the predictions: the numbers stay, the images do not.
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR".to_owned();
    let opened = read(&Source { key, ..Source::default() }).unwrap();
    assert_eq!(
        opened.images.err().unwrap(),
        "name a key whose images are those of Shapes_line under Key, to see them"
    );
    predict(&files[1], &experiment(KEY), |_| true);
    let error = read(&Source::default()).err().unwrap().to_string();
    assert!(error.contains("two.safetensors is not what it was when its mistakes were counted"), "{error}");
}
