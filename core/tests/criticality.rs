//! Modules that are rewound, moved along their path and perturbed, against networks that are put together by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::analysis::analyse;
use basin_core::analysis::coefficients::Coefficients;
use basin_core::analysis::criticality::{
    self, Criticality, CriticalitySettings, Grid, ModuleCriticality, Objective, PathKind,
};
use basin_core::analysis::measures::Measures;
use basin_core::analysis::named::Named;
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::rewinding::{ModuleRewinding, Origin, Rewinding, RewindingSettings};
use basin_core::analysis::selection::Selection;
use basin_core::analysis::settings::{Commas, Repeated};
use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::config::{Experiment, Registry, apply_overrides};
use basin_core::data::Split;
use basin_core::device::Choice;
use basin_core::evaluate::evaluate;
use basin_core::job::{Job, Stop};
use basin_core::model::arch::{Spec, Start};
use basin_core::model::{Arch, Network, initial_state};
use tempfile::TempDir;

const CLASSES: usize = 10;
const ALL: Selection = Selection { split: Split::EvalTrain, samples: None };
const MEMORY: usize = 1 << 30;

const KEY: &str = "demo/Shapes_line/fixup_resnet18/scratch";

/// Seventy images are two batches.
fn changes(arch: &str) -> Vec<String> {
    let settings = [
        "data.configs.image_size=16",
        "data.configs.pre_crop_size=20",
        "data.configs.train_per_class=7",
        "data.configs.test_per_class=1",
    ];
    settings.map(str::to_owned).into_iter().chain([format!("model.arch={arch}")]).collect()
}

fn experiment(arch: &str) -> Experiment {
    apply_overrides(Registry::load().unwrap().get(KEY).unwrap(), &changes(arch)).unwrap()
}

fn with_job<T>(work: impl FnOnce(&Job) -> T) -> T {
    work(&Job { device: Choice::Cpu.open().unwrap(), others: &[], emit: &|_| {}, stop: &Stop::default() })
}

/// A network that no training has made; none of its tensors is constant. Quicker than Gaussian draws.
fn state(arch: &Arch, seed: u64) -> StateDict {
    let tensor = |spec: &Spec| {
        let (middle, radius) = match spec.start {
            Start::Constant(value) => (value + 0.02, 0.02),
            Start::Normal(deviation) => (0.0, 1.7 * deviation as f32),
            Start::Uniform(bound) => (0.0, bound as f32),
        };
        let mixed = |i: u64| (i + (seed << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let unit = |i| mixed(i) as f32 / (1 << 23) as f32 - 1.0;
        let length = spec.shape.iter().product::<usize>() as u64;
        let data = (0..length).map(|i| middle + radius * unit(i)).collect();
        NamedTensor { name: spec.name.clone(), shape: spec.shape.clone(), data }
    };
    StateDict { tensors: arch.parameters.iter().map(tensor).collect() }
}

/// Checkpoints of three epochs; returns the last.
fn checkpoints(folder: &TempDir, arch: &str) -> PathBuf {
    let arch = Arch::new(arch, CLASSES).unwrap();
    let path = |epoch: u64| folder.path().join(format!("ckpt-E{epoch:03}.safetensors"));
    for epoch in 0..3 {
        let metadata = BTreeMap::from([("epoch".to_owned(), epoch.to_string())]);
        Checkpoint { state: state(&arch, epoch), metadata }.save(&path(epoch)).unwrap();
    }
    path(2)
}

/// A request for the analysis of one checkpoint with results in a folder of their own.
fn request<S>(end: &Path, settings: S, arch: &str, memory_bytes: usize, output: &TempDir) -> Request<S> {
    let mut surroundings = Surroundings::new(Arc::new(Registry::load().unwrap()), ALL);
    surroundings.key = Some(KEY.to_owned());
    surroundings.set = changes(arch);
    surroundings.memory_bytes = memory_bytes;
    surroundings.output = Some(output.path().to_owned());
    Request { networks: vec![end.into()], settings, surroundings }
}

fn rewound(end: &Path, arch: &str, to: &[Named], memory_bytes: usize) -> Rewinding {
    let output = tempfile::tempdir().unwrap();
    let settings = RewindingSettings {
        to: Repeated(to.to_vec()),
        rerandomise: Repeated(vec![3]),
        ..RewindingSettings::default()
    };
    let request = request(end, settings, arch, memory_bytes, &output);
    with_job(|job| analyse::<ModuleRewinding>(&request, None, job)).unwrap().each.remove(0).output
}

fn surfaces(end: &Path, path: PathKind, grid: &Grid, modules: &[&str], memory_bytes: usize) -> Criticality {
    let output = tempfile::tempdir().unwrap();
    let settings = CriticalitySettings {
        paths: Commas(vec![path]),
        modules: Commas(modules.iter().map(|name| (*name).to_owned()).collect()),
        alphas: Coefficients(grid.alphas.clone()),
        sigmas: Coefficients(grid.sigmas.clone()),
        draws: grid.draws,
        seed: grid.seed,
        objective: Objective::Loss,
        ..CriticalitySettings::default()
    };
    let request = request(end, settings, "fixup_resnet18", memory_bytes, &output);
    with_job(|job| analyse::<ModuleCriticality>(&request, None, job)).unwrap().each.remove(0).output
}

#[test]
fn a_rewound_module_is_that_of_the_origin_but_for_its_counters() {
    for name in ["fixup_resnet18", "torchvision/resnet18"] {
        let folder = tempfile::tempdir().unwrap();
        let end = checkpoints(&folder, name);
        let arch = Arch::new(name, CLASSES).unwrap();
        let to = [Named::Epoch(1), Named::File(end.clone().into())];
        let result = rewound(&end, name, &to, MEMORY);
        assert_eq!(result.modules, arch.modules().iter().map(|m| m.name).collect::<Vec<_>>());
        assert!(matches!(result.rewound[2].origin, Origin::Drawn { seed: 3 }));
        assert!(result.rewound[1].measures.iter().all(|same| *same == result.none), "set to what it is");
        let fresh = initial_state(&arch, 3);
        let by_hand = |origin: &StateDict, module: usize| -> Measures {
            let mut tensors = state(&arch, 2).tensors;
            for &index in arch.modules()[module].parameters {
                if !tensors[index].is_count() {
                    tensors[index] = origin.tensors[index].clone();
                }
            }
            with_job(|job| {
                let network = Network::new(arch.clone(), &StateDict { tensors }, &job.device).unwrap();
                let experiment = experiment(name);
                let images = ALL.decode(&ALL.open(&experiment).unwrap(), &experiment, job).unwrap();
                Measures::from(&evaluate(&network, &images, job).unwrap())
            })
        };
        for module in [0, 3] {
            for (origin, number) in [(state(&arch, 1), 0), (fresh.clone(), 2)] {
                assert_eq!(
                    result.rewound[number].measures[module],
                    by_hand(&origin, module),
                    "{name} {module}"
                );
                assert_ne!(result.rewound[number].measures[module], result.none, "{name} {module}");
            }
        }
    }
}

#[test]
fn surfaces_begin_at_the_rewound_module_and_end_at_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let end = checkpoints(&folder, "fixup_resnet18");
    let grid = Grid { alphas: vec![1.0, 0.0], sigmas: vec![0.0], draws: 2, seed: 0 };
    let result = surfaces(&end, PathKind::Direct, &grid, &[], MEMORY);
    let rewound = rewound(&end, "fixup_resnet18", &[Named::Epoch(0), Named::Epoch(1)], MEMORY);
    assert_eq!(result.end, rewound.none);
    let steps = surfaces(&end, PathKind::Optimisation, &grid, &[], MEMORY);
    assert_eq!((steps.between.len(), result.between.len()), (1, 0));
    for (module, (surface, stepped)) in result.modules.iter().zip(&steps.modules).enumerate() {
        let [first, last] = [surface.points[0], surface.points[1]];
        assert_eq!((first.position, first.distance, last.position), (0.0, 0.0, 1.0));
        assert_eq!(last.distance, surface.distance);
        assert_eq!((first.mean, last.mean), (rewound.rewound[0].measures[module], result.end));
        assert_eq!(surface.score.mu, f64::INFINITY, "nothing without noise is scored");
        let means: Vec<Measures> = stepped.points.iter().map(|point| point.mean).collect();
        assert_eq!(means, [first.mean, rewound.rewound[1].measures[module], result.end]);
        let epochs: Vec<f64> = stepped.points.iter().map(|point| point.position).collect();
        assert_eq!(epochs, [0.0, 1.0, 2.0]);
        assert_eq!((stepped.distance, stepped.points[2].distance), (surface.distance, surface.distance));
    }
}

/// Memory for nothing, for what some modules are given and a few networks at once, and for all.
#[test]
fn numbers_depend_neither_on_memory_nor_on_other_modules_and_points() {
    let folder = tempfile::tempdir().unwrap();
    let end = checkpoints(&folder, "fixup_resnet18");
    let grid = Grid { alphas: vec![0.0, 0.5, 1.0], sigmas: vec![0.0, 0.01, 0.02], draws: 2, seed: 4 };
    let modules = ["conv1", "layer2.1", "fc"];
    let all = surfaces(&end, PathKind::Direct, &grid, &modules, MEMORY);
    for memory in [0, 100_000] {
        assert_eq!(surfaces(&end, PathKind::Direct, &grid, &modules, memory), all);
    }
    let alone = Grid { alphas: vec![0.5], sigmas: vec![0.02], ..grid.clone() };
    let surface = &surfaces(&end, PathKind::Direct, &alone, &["layer2.1"], MEMORY).modules[0];
    let point = |surface: &criticality::Surface| {
        *surface.points.iter().find(|point| (point.position, point.sigma) == (0.5, 0.02)).unwrap()
    };
    assert_eq!(point(surface), point(&all.modules[1]));
    let other = surfaces(&end, PathKind::Direct, &Grid { seed: 5, ..alone }, &["layer2.1"], MEMORY);
    assert_ne!(point(&other.modules[0]), point(surface), "another seed draws other noise");
}
