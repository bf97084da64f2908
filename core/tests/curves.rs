//! Learning curves and sweeps over folders of runs with known numbers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use basin_core::analysis::analyse;
use basin_core::analysis::curves::{
    Block, Choice as Bars, CurveSettings, LearningCurveSummary, SHUFFLE_KEYS, Statistic, Summary as _,
    TUNED_KEYS, learning_curves, pretraining, relative_drop, shuffles,
};
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::selection::Selection;
use basin_core::config::{Experiment, Registry};
use basin_core::device::Choice;
use basin_core::figure::Figure as _;
use basin_core::job::{Job, Stop};
use basin_core::run::{EventWriter, MetricsLog, RunDir, RunRecord, replicate_base};

/// Test and training accuracy by epoch, from 0.
type Numbers<'a> = &'a [(f64, f64)];

/// A folder as ours leave it.
fn ours(base: &Path, replicate: u64, key: &str, numbers: Numbers, change: impl FnOnce(&mut Experiment)) {
    let run = RunDir::new(&replicate_base(base, replicate), key);
    std::fs::create_dir_all(run.root()).unwrap();
    let mut experiment = Registry::load().unwrap().get(key).unwrap();
    experiment.train.epochs = 2;
    experiment.seed.order = replicate;
    change(&mut experiment);
    let record = RunRecord {
        experiment,
        replicate,
        device: String::new(),
        earlier_devices: Vec::new(),
        versions: BTreeMap::new(),
        data_digests: BTreeMap::new(),
        pretrained_sha256: None,
    };
    run.write_record(&record).unwrap();
    let mut log = MetricsLog::open(&run.metrics(), 0).unwrap();
    for (epoch, (test, train)) in numbers.iter().enumerate() {
        // Training and evaluation of an epoch are a line each.
        log.append(epoch, &[("train/loss".to_owned(), 1.0)]).unwrap();
        log.append(epoch, &[("eval/test_acc".to_owned(), *test), ("eval/train_acc".to_owned(), *train)])
            .unwrap();
    }
}

/// A folder as the reference leaves it: event files, and no `run.ron`.
fn reference(base: &Path, key: &str, values: impl Iterator<Item = (f32, f32)>) {
    let run = RunDir::new(base, key);
    let mut events = EventWriter::open(&run.events()).unwrap();
    for (epoch, (test, train)) in values.enumerate() {
        events.scalar("eval/test_acc", epoch as i64, test).unwrap();
        events.scalar("eval/train_acc", epoch as i64, train).unwrap();
    }
    events.flush().unwrap();
}

fn statistic(values: &[f64]) -> Option<Statistic> {
    Statistic::of(values.iter().copied())
}

const REAL: &str = "DomainNet_real/fixup_resnet50_nzfc";

#[test]
fn curves_of_replicates_are_one_line_with_a_band() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("runs");
    let registry = Registry::load().unwrap();
    let [tuned, scratch] =
        ["finetune-lr0.02", "randinit-lr0.1"].map(|start| format!("train/{REAL}/{start}-MstepLR"));
    for (replicate, last) in [(0, 70.0), (1, 74.0), (10, 78.0)] {
        ours(&base, replicate, &tuned, &[(1.0, 1.0), (50.0, 60.0), (last, 80.0)], |_| {});
    }
    // The reference trains for 100 epochs.
    reference(&base, &scratch, (0..=100).map(|epoch| (epoch as f32 / 2.0, 0.0)));
    // Half a run does not count, and neither does one that was set aside.
    ours(&base, 1, &scratch, &[(1.0, 1.0), (2.0, 2.0)], |_| {});
    std::fs::rename(base.join(&tuned), base.join(format!("{tuned}.old-1"))).unwrap();
    ours(&base, 0, &tuned, &[(1.0, 1.0), (50.0, 60.0), (70.0, 80.0)], |_| {});

    let keys = format!("^train/{REAL}/");
    let result = learning_curves(&base, &keys, "eval/test_acc", &registry).unwrap();
    let lines: Vec<(&str, usize)> =
        result.curves.iter().map(|curve| (curve.label.as_str(), curve.runs)).collect();
    assert_eq!(lines, [("finetune-lr0.02-MstepLR", 3), ("randinit-lr0.1-MstepLR", 1)]);
    let points = &result.curves[0].points;
    assert_eq!(points[&2], Statistic { mean: 74.0, deviation: Some(4.0), count: 3 });
    assert_eq!(points[&1].deviation, Some(0.0));
    assert_eq!(result.curves[1].points[&100], Statistic { mean: 50.0, deviation: None, count: 1 });
    assert_eq!(result.missing.len(), 3, "{:?}", result.missing);
    assert!(result.missing[0].ends_with("randinit-lr0.1-MstepLR (at epoch 1 of 2)"), "{:?}", result.missing);
    assert_eq!(result.table().rows[0][1..4], ["3", "74.00 ± 4.00", "74.00 ± 4.00"]);

    assert_eq!(result.chart().y, "test accuracy, %");

    let output = folder.path().join("out");
    let mut surroundings = Surroundings::new(Arc::new(Registry::load().unwrap()), Selection::TEST);
    (surroundings.base, surroundings.output) = (base.clone(), Some(output.clone()));
    let settings = CurveSettings { regex: keys.clone(), ..CurveSettings::default() };
    let request = Request { networks: Vec::new(), settings, surroundings };
    let device = Choice::Cpu.open().unwrap();
    let job = Job { device, others: &[], emit: &|_| {}, stop: &Stop::default() };
    let again = analyse::<LearningCurveSummary>(&request, None, &job).unwrap();
    assert_eq!(again.each[0].output, result);
    for file in ["result.json", "table.csv", "curves.svg", "curves.png", "curves.csv"] {
        assert!(output.join(file).is_file(), "{file}");
    }

    let wrong = |keys: &str, tag: &str| learning_curves(&base, keys, tag, &registry).unwrap_err();
    let error = wrong(&keys, "eval/test_auc");
    assert!(error.exit_code() == 3 && error.to_string().contains("eval/test_acc, eval/train_acc"), "{error}");
    let error = wrong("^finetune_ckpt/.*_real/.*ckpt005", "eval/test_acc");
    assert!(
        error.exit_code() == 3 && error.to_string().contains("runs-repN; missing are finetune_ckpt/"),
        "{error}"
    );
    assert_eq!(wrong("(", "eval/test_acc").exit_code(), 2);
    let error = learning_curves(&folder.path().join("none"), &keys, "eval/test_acc", &registry).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("there is no folder"), "{error}");
}

#[test]
fn runs_that_differ_in_more_than_chance_are_not_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("runs");
    let key = format!("train/{REAL}/finetune-lr0.02-MstepLR");
    ours(&base, 0, &key, &[(1.0, 1.0), (50.0, 60.0), (70.0, 80.0)], |_| {});
    let more_epochs = |experiment: &mut Experiment| experiment.train.epochs = 3;
    ours(&base, 1, &key, &[(1.0, 1.0), (50.0, 60.0), (70.0, 80.0), (71.0, 81.0)], more_epochs);
    let error = learning_curves(&base, &key, "eval/test_acc", &Registry::load().unwrap()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("train.epochs: 3 -> 2"), "{error}");
}

#[test]
fn shuffles_have_the_drop_over_seeds_at_the_best_rate_and_name_the_identity() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("runs");
    let key = |start: &str, rate: &str, seed: u32| {
        format!("blk112_shuffle/{REAL}_noaug/{start}-lr{rate}-MstepLR/seed{seed}")
    };
    let numbers = |test: f64, train: f64| [(0.0, 0.0), (10.0, train - 10.0), (test, train + 10.0)];
    for (seed, tuned, scratch) in [(0, 80.0, 40.0), (1, 70.0, 42.0), (2, 60.0, 48.0)] {
        ours(&base, 0, &key("finetune", "0.02", seed), &numbers(tuned, 90.0), |_| {});
        ours(&base, 0, &key("finetune", "0.1", seed), &numbers(tuned - 20.0, 50.0), |_| {});
        ours(&base, 0, &key("randinit", "0.1", seed), &numbers(scratch, 80.0), |_| {});
    }
    ours(
        &base,
        0,
        &format!("pix_shuffle/{REAL}_noaug/randinit-lr0.1-MstepLR/seed0"),
        &numbers(9.0, 50.0),
        |_| {},
    );
    for (start, rate, test) in [("finetune", "0.02", 75.0), ("randinit", "0.1", 45.0)] {
        ours(&base, 0, &format!("train/{REAL}_noaug/{start}-lr{rate}-MstepLR"), &numbers(test, 70.0), |_| {});
    }
    let registry = Registry::load().unwrap();
    let result = shuffles(&base, SHUFFLE_KEYS, Bars::default(), &registry).unwrap();
    assert_eq!(
        result.points.iter().map(|point| point.block).collect::<Vec<_>>(),
        [Block::Pixels, Block::Side(112), Block::Side(224)]
    );
    let [pixels, blocks, plain] = result.points.as_slice() else { panic!("{:?}", result.points) };
    assert!(pixels.pretrained.is_none() && pixels.drop.is_none());
    let tuned = blocks.pretrained.as_ref().unwrap();
    assert_eq!((tuned.rate, Some(tuned.test)), (0.0025, statistic(&[80.0, 70.0, 60.0])));
    assert_eq!(tuned.train, statistic(&[90.0; 3]), "epoch 0 is left out");
    assert_eq!(blocks.drop, statistic(&[50.0, 40.0, 20.0]));
    assert_eq!(plain.drop, statistic(&[40.0]));
    assert_eq!(
        result.identities,
        [
            "with seed 1234, blocks of 112 pixels stay where they are: RandomState(1234).permutation(4) is the identity"
        ]
    );
    // The sweep has 432 keys, and 12 of whole images.
    assert_eq!(result.missing.len(), 432 + 12 - 12);
    let names: Vec<String> = result.figures().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["drop", "DomainNet_real-test", "DomainNet_real-train"]);
    let csv = result.figures()[0].1.csv();
    assert!(csv.contains("DomainNet_real,*,,,\nDomainNet_real,112,36.66"), "{csv}");

    let fixed = Bars { rate: Some(0.0125), first_epoch: 0 };
    let result = shuffles(&base, SHUFFLE_KEYS, fixed, &registry).unwrap();
    let tuned = result.points[1].pretrained.as_ref().unwrap();
    assert_eq!((tuned.test.mean, tuned.train.unwrap().mean), (50.0, 100.0 / 3.0));
    let error =
        shuffles(&base, SHUFFLE_KEYS, Bars { rate: Some(0.5), first_epoch: 1 }, &registry).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().ends_with("there are 0.0025, 0.0125"), "{error}");
}

#[test]
fn pre_training_epochs_are_read_from_what_runs_were_tuned_from() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("runs");
    let key = |rate: &str, epoch: &str| format!("finetune_ckpt/{REAL}/finetune-lr{rate}-MstepLR-ckpt{epoch}");
    let numbers = |test: f64| [(0.0, 0.0), (10.0, 60.0), (test, 80.0)];
    for (replicate, test) in [(0, 62.0), (1, 60.0)] {
        ours(&base, replicate, &key("0.1", "000"), &numbers(test), |_| {});
    }
    ours(&base, 0, &key("0.02", "000"), &numbers(30.0), |_| {});
    ours(&base, 0, &key("0.02", "090"), &numbers(78.0), |_| {});
    // The pre-trained network's own accuracy.
    let pretraining_key = "pretrain/imagenet/fixup_resnet50/lr0.1";
    ours(&base, 0, pretraining_key, &[(0.1, 0.0), (40.0, 0.0), (56.0, 0.0)], |_| {});
    let checkpoint = RunDir::new(&base, pretraining_key).checkpoint(0);
    std::fs::create_dir_all(checkpoint.parent().unwrap()).unwrap();
    std::fs::write(checkpoint, []).unwrap();

    let result = pretraining(&base, TUNED_KEYS, Bars::default(), &Registry::load().unwrap()).unwrap();
    let points: Vec<_> = result.points.iter().map(|p| (p.epoch, p.tuned.rate, Some(p.tuned.test))).collect();
    assert_eq!(points, [(0, 0.0125, statistic(&[62.0, 60.0])), (90, 0.0025, statistic(&[78.0]))]);
    assert_eq!(result.points[0].tuned.train.unwrap().mean, 70.0);
    assert_eq!(result.pretrained, BTreeMap::from([(0, 0.1)]));
    assert_eq!(result.missing.len(), 78 - 3);
    let error = pretraining(&base, "^pretrain/", Bars::default(), &Registry::load().unwrap()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("numbered epoch"), "{error}");
}

/// Figure 3: accuracies as read off the figure (± 0.3), percentages as printed in it.
#[test]
fn the_papers_drops_follow_from_its_accuracies() {
    let check = |printed: [f64; 13], tuned: [f64; 13], scratch: [f64; 13]| {
        for ((printed, tuned), scratch) in printed.into_iter().zip(tuned).zip(scratch) {
            // What is read off is off by 0.3 at most, what is printed by half a point.
            let slack = 0.5 + 100.0 * 0.3 * (1.0 + scratch / tuned) / tuned;
            let drop = relative_drop(tuned, scratch);
            assert!((drop - printed).abs() <= slack, "{drop} for {printed}");
        }
    };
    check(
        [91.0, 69.0, 30.0, 23.0, 20.0, 23.0, 24.0, 20.0, 25.0, 18.0, 26.0, 24.0, 22.0],
        [10.6, 9.4, 16.6, 24.8, 26.5, 30.4, 34.0, 37.6, 41.4, 44.8, 50.6, 60.0, 64.3],
        [1.0, 2.9, 11.6, 19.0, 21.2, 23.6, 25.8, 30.1, 31.3, 36.6, 37.3, 45.5, 50.4],
    );
    check(
        [33.0, 22.0, 23.0, 22.0, 29.0, 33.0, 38.0, 41.0, 46.0, 45.0, 49.0, 43.0, 40.0],
        [10.6, 14.0, 17.6, 23.4, 28.0, 32.3, 41.0, 45.3, 52.5, 56.1, 62.4, 69.9, 73.3],
        [7.0, 10.8, 13.5, 18.3, 20.0, 21.4, 25.3, 26.7, 28.0, 30.8, 31.6, 39.5, 44.3],
    );
    check(
        [16.0, 9.0, 3.0, 12.0, 31.0, 34.0, 45.0, 45.0, 52.0, 45.0, 52.0, 45.0, 42.0],
        [8.9, 13.3, 18.8, 26.7, 33.0, 41.7, 52.0, 56.6, 62.9, 65.5, 69.9, 74.5, 76.9],
        [7.5, 12.3, 18.1, 23.6, 22.9, 27.7, 28.7, 30.8, 30.1, 35.9, 33.3, 41.2, 44.8],
    );
}
