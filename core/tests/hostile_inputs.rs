//! Files that are damaged or made to do harm are errors: never a crash, a hang, or memory far beyond the file's size. Every reader of
//! the library is here.
//!
//! `BASIN_CASES=10000000 cargo test --release --test hostile_inputs -- --nocapture` damages files that often, and prints which took
//! longest. Processes share the cases where each gets its `BASIN_FIRST_CASE`; `TMPDIR=/dev/shm` spares the disk.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use basin_core::analysis::{
    Analysis, accuracy, basin, criticality, curves, distance, interpolation, mistakes, open, probe,
    rewinding, similarity, spectrum,
};
use basin_core::checkpoint::{Checkpoint, Reader, Selection, inspect, read_pickle};
use basin_core::config::Registry;
use basin_core::data::{Dataset, Preparation, Split, decode};
use basin_core::error::Error;
use basin_core::evaluate::predictions;
use basin_core::figure::Figure as _;
use basin_core::random::{Keyed, Purpose};
use basin_core::run::{RunDir, epoch_times, read_events, read_metrics};
use basin_core::study::Study;
use serde_json::Value;

/// Damaged files of a usual run; a minute.
const CASES: u64 = 10_000;
/// Time for one file, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of memory that a file may take, beside four times its own.
const ALWAYS: usize = 64 << 20;
/// The folder of a file that is read.
const CASE: &str = "the-case";
/// Faults that are told at once.
const MOST_FAULTS: usize = 20;
/// Pixels that an image may have here, so that the same bound holds for images.
const PIXELS: &str = "1000000";

/// The system's allocator, which counts what is held, and the most that was.
struct Watched;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// Reading it takes longer than a list.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::load().unwrap());
/// One file at a time is measured.
static MEASURING: Mutex<()> = Mutex::new(());

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(held, Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// What reads files of a kind.
struct Kind {
    name: &'static str,
    /// Folder of the corpus below `core/tests`, and which of its files.
    corpus: &'static str,
    has: fn(&str) -> bool,
    /// Whether the other files of that folder lie beside it.
    takes_others: bool,
    /// Where the reader looks for the file in a folder of its own.
    place: fn(&str) -> String,
    /// Reads it, and makes of it what a user would.
    read: fn(&Path) -> Result<(), Error>,
}

/// Reads a result with its tables and figures.
fn result<A: Analysis>(folder: &Path) -> Result<(), Error> {
    let report = A::report(&[open::<A>(folder)?], &[])?;
    report.text();
    report.figures().try_for_each(|item| item.figure.svg().map(drop))
}

/// Opens the data set of a key whose lists are in a folder.
fn list(folder: &Path, key: &str) -> Result<(), Error> {
    for class in ["cat", "dog"] {
        let class = folder.join("DomainNet/real").join(class);
        std::fs::create_dir_all(&class).unwrap();
        std::fs::write(class.join("real_000001.jpg"), "").unwrap();
    }
    let set = [format!("data.configs.data_dir={}", folder.display())];
    let data = REGISTRY.changed(key, &set)?.data;
    Dataset::list(&data, Split::Train).map(drop)
}

const KINDS: [Kind; 24] = [
    Kind {
        name: "checkpoint",
        corpus: "corpus",
        has: |_| true,
        takes_others: false,
        place: str::to_owned,
        read: |folder| {
            let file = only_file(folder);
            inspect(&file, Selection::default())?;
            Checkpoint::load(&file).map(drop)
        },
    },
    Kind {
        name: "pickle",
        corpus: "hostile/pickles",
        has: |_| true,
        takes_others: false,
        place: str::to_owned,
        read: |folder| read_pickle(&only_file(folder)).map(drop),
    },
    Kind {
        name: "image",
        corpus: "images",
        has: |name| !name.ends_with(".safetensors"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| decode(&only_file(folder)).map(drop),
    },
    Kind {
        name: "event file",
        corpus: "events/tensors",
        has: |name| name.contains("tfevents"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| {
            epoch_times(folder)?;
            read_events(folder).map(drop)
        },
    },
    Kind {
        name: "metrics",
        corpus: "hostile/run",
        has: |name| name.contains("metrics"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| read_metrics(&folder.join("metrics.jsonl")).map(drop),
    },
    Kind {
        name: "run's record",
        corpus: "hostile/run",
        has: |name| name.contains("run.ron"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| RunDir::at(folder.to_owned()).read_record().map(drop),
    },
    Kind {
        name: "predictions",
        corpus: "hostile/run",
        has: |name| name.contains("last"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| predictions::load(&folder.join("last.safetensors")).map(drop),
    },
    Kind {
        name: "list of DomainNet",
        corpus: "hostile/lists",
        has: |name| name.contains("real_train"),
        takes_others: false,
        place: |name| format!("DomainNet/{name}"),
        read: |folder| list(folder, "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR"),
    },
    Kind {
        name: "list of CheXpert",
        corpus: "hostile/lists",
        has: |name| name.contains("0-50k"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| list(folder, "train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256"),
    },
    Kind {
        name: "families",
        corpus: "hostile/ron",
        has: |name| name.contains("families"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| REGISTRY.clone().with_folder(folder).map(drop),
    },
    Kind {
        name: "study",
        corpus: "hostile/ron",
        has: |name| name.contains("study"),
        takes_others: false,
        place: str::to_owned,
        read: |folder| Study::open(&folder.join("study.ron").to_string_lossy()).map(drop),
    },
    Kind {
        name: "timm's config.json",
        corpus: "hostile/config",
        has: |_| true,
        takes_others: false,
        place: str::to_owned,
        read: |folder| Preparation::beside(&folder.join("model.safetensors")).map(drop),
    },
    of_result::<interpolation::LinearInterpolation>("interpolation", "hostile/results/interpolation"),
    of_result::<basin::BasinSearch>("basin", "hostile/results/basin"),
    of_result::<rewinding::ModuleRewinding>("rewinding", "hostile/results/rewinding"),
    of_result::<criticality::ModuleCriticality>("criticality", "hostile/results/criticality"),
    of_result::<mistakes::SharedMistakes>("mistakes", "hostile/results/mistakes"),
    of_result::<similarity::FeatureSimilarity>("similarity", "hostile/results/similarity"),
    of_result::<curves::LearningCurveSummary>("curves", "hostile/results/curves"),
    of_result::<distance::ParameterDistance>("distance", "hostile/results/distance"),
    of_result::<spectrum::LayerSpectra>("spectrum", "hostile/results/spectrum"),
    of_result::<accuracy::DomainAccuracy>("accuracy", "hostile/results/accuracy"),
    of_result::<probe::FeatureProbe>("probe", "hostile/results/probe"),
    Kind {
        name: "journal",
        has: |name| name == "points.jsonl",
        ..of_result::<basin::BasinSearch>("basin", "hostile/results/basin")
    },
];

const fn of_result<A: Analysis>(name: &'static str, corpus: &'static str) -> Kind {
    Kind {
        name,
        corpus,
        has: |name| name == "result.json",
        takes_others: true,
        place: str::to_owned,
        read: result::<A>,
    }
}

fn only_file(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// The files of a kind; a program that makes some is none of them.
fn corpus(kind: &Kind) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind.corpus);
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let is_of_kind = |path: &PathBuf| {
        let made = path.extension().is_some_and(|ending| ending == "py" || ending == "sh");
        (kind.has)(name(path)) && !made && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter(is_of_kind).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", kind.name);
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Reads a file within the limits.
#[track_caller]
fn within_bounds<T>(bytes: usize, what: &str, read: impl FnOnce() -> T) -> T {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    let read = read();
    let taken = MOST.load(Relaxed).saturating_sub(before);
    assert!(taken <= 4 * bytes + ALWAYS, "{what} of {bytes} bytes takes {taken} bytes of memory");
    read
}

/// That an error is a sentence which names the file, or another of its folder.
#[track_caller]
fn check_message(error: &Error, name: &str) {
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 2000, "{message}");
    assert!([2, 3, 4].contains(&error.exit_code()), "{message}");
    assert!(message.contains(name) || message.contains(CASE), "{name}: {message}");
}

/// The message of a panic.
fn words(panic: Box<dyn Any + Send>) -> String {
    panic.downcast::<String>().map_or_else(|_| "a panic".to_owned(), |text| *text)
}

/// Loads a checkpoint within the limits; the message if it is refused.
#[track_caller]
fn load(path: &Path) -> Result<Checkpoint, String> {
    let bytes = std::fs::metadata(path).unwrap().len() as usize;
    let result = within_bounds(bytes, name(path), || Checkpoint::load(path));
    result.map_err(|error| {
        check_message(&error, name(path));
        error.to_string()
    })
}

#[test]
fn good_files_open_and_hostile_ones_are_errors() {
    for path in corpus(&KINDS[0]) {
        if !name(&path).starts_with("good") {
            let message = load(&path).map(|checkpoint| checkpoint.metadata).unwrap_err();
            println!("{message}");
            inspect(&path, Selection::default()).unwrap_err();
            continue;
        }
        let Checkpoint { state, metadata } = load(&path).unwrap();
        let tied = state.get("tied").unwrap();
        assert_eq!((tied.shape.as_slice(), tied.data.len()), ([4, 6].as_slice(), 24));
        assert_eq!(state.get("tied.row").unwrap().data, tied.data[13..16]);
        let transposed: Vec<f32> = (0..24).map(|index| tied.data[index % 4 * 6 + index / 4]).collect();
        assert_eq!(state.get("tied.transposed").unwrap().data, transposed);
        assert_eq!(state.get("bn.num_batches_tracked").unwrap().data, [7.0]);
        assert_eq!(state.get("empty").unwrap().shape, [0, 3]);
        assert_eq!(state.tensors.len(), 7);
        assert_eq!(metadata.get("epoch").is_some_and(|epoch| epoch == "3"), !name(&path).contains("bare"));
        let types = Reader::open(&path).unwrap().tensors;
        let dtype = |name| &types.iter().find(|tensor| tensor.name == name).unwrap().dtype;
        assert_eq!(
            [dtype("half"), dtype("tied"), dtype("bn.num_batches_tracked")],
            ["float16", "float32", "int64"]
        );
    }
}

#[test]
fn damaged_files_are_errors_or_other_numbers() {
    // SAFETY: no other thread reads the environment before the first image is decoded.
    unsafe { std::env::set_var("BASIN_MAX_IMAGE_PIXELS", PIXELS) };
    let number = |name, usual| std::env::var(name).map_or(usual, |number| number.parse().unwrap());
    let (first, cases) = (number("BASIN_FIRST_CASE", 0), number("BASIN_CASES", CASES));
    let files: Vec<Vec<(PathBuf, Vec<u8>)>> = KINDS
        .iter()
        .map(|kind| {
            corpus(kind).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
        })
        .collect();
    // What is whole is read.
    let here = tempfile::tempdir().unwrap();
    for (kind, files) in KINDS.iter().zip(&files).skip(1) {
        for (path, bytes) in files {
            let folder = placed(kind, path, bytes, here.path());
            (kind.read)(&folder).unwrap_or_else(|error| panic!("{} {}: {error}", kind.name, path.display()));
        }
    }

    let (done, news) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let here = tempfile::tempdir().unwrap();
        let mut faults: Vec<String> = Vec::new();
        let mut slowest = vec![(Duration::ZERO, 0); KINDS.len()];
        let mut counts = vec![(0u32, Duration::ZERO); KINDS.len()];
        for case in first..first + cases {
            let mut random = Keyed::new(0, Purpose::Draw, 0, case);
            let at = random.below(KINDS.len());
            let (kind, files) = (&KINDS[at], &files[at]);
            // Half of them begin with a good file.
            let good: Vec<_> =
                files.iter().filter(|(path, _)| at > 0 || name(path).starts_with("good")).collect();
            let (path, bytes) = if random.below(2) == 0 {
                good[random.below(good.len())]
            } else {
                &files[random.below(files.len())]
            };
            let mut bytes = bytes.clone();
            damage(&mut bytes, &files[random.below(files.len())].1, &mut random);
            let folder = placed(kind, path, &bytes, here.path());
            let what = format!("case {case}, {} {}", kind.name, name(path));
            done.send(what.clone()).unwrap();
            let start = Instant::now();
            let look = || {
                if let Err(error) = within_bounds(bytes.len(), &what, || (kind.read)(&folder)) {
                    check_message(&error, name(Path::new(&(kind.place)(name(path)))));
                }
            };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(look)) {
                faults.push(format!("{what}: {}", words(panic)));
            }
            slowest[at] = slowest[at].max((start.elapsed(), case));
            counts[at].0 += 1;
            counts[at].1 += start.elapsed();
            if faults.len() > MOST_FAULTS {
                break;
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        for ((kind, (time, case)), (count, total)) in KINDS.iter().zip(slowest).zip(counts) {
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let mean = ms(total) / f64::from(count.max(1));
            println!(
                "{}: {count} files, {mean:.2} ms each, at most {:.1} ms (case {case})",
                kind.name,
                ms(time)
            );
        }
    });
    let mut last = String::new();
    loop {
        match news.recv_timeout(PATIENCE) {
            Ok(case) => last = case,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{last} hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().unwrap_or_else(|panic| panic!("{}", words(panic)));
}

/// Results whose lists were shortened, emptied or lengthened by hand are errors, or shown as they are.
#[test]
fn lists_of_another_length_in_results_do_no_harm() {
    let here = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.corpus.contains("results") && kind.name != "journal") {
        for path in corpus(kind) {
            let whole: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let mut lists = Vec::new();
            find_lists(&whole, String::new(), &mut lists);
            for (list, change) in lists.iter().flat_map(|list| (0..3).map(move |change| (list, change))) {
                let mut changed = whole.clone();
                let items = changed.pointer_mut(list).unwrap().as_array_mut().unwrap();
                match change {
                    0 => items.clear(),
                    1 => drop(items.pop()),
                    _ => items.extend(items.last().cloned()),
                }
                let folder = placed(kind, &path, changed.to_string().as_bytes(), here.path());
                let read = catch_unwind(AssertUnwindSafe(|| {
                    (kind.read)(&folder).unwrap_or_else(|error| check_message(&error, name(&path)));
                }));
                if let Err(panic) = read {
                    faults.push(format!("{} {list} {change}: {}", kind.name, words(panic)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The places of all lists in a value, as JSON pointers; of a list's items, the first and the last are looked into.
fn find_lists(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| find_lists(value, format!("{place}/{name}"), found));
        }
        Value::Array(items) => {
            found.push(place.clone());
            let ends = items.iter().enumerate().filter(|(at, _)| *at == 0 || at + 1 == items.len());
            ends.for_each(|(at, item)| find_lists(item, format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(name(&path));
        if path.is_dir() {
            std::fs::create_dir(&copy).unwrap();
            copy_all(&path, &copy);
        } else {
            std::fs::copy(&path, copy).unwrap();
        }
    }
}

/// Puts a file where its reader looks for it, in a folder that has no other.
fn placed(kind: &Kind, path: &Path, bytes: &[u8], here: &Path) -> PathBuf {
    let folder = here.join(CASE);
    // A new file each time, since file systems flush one that is emptied and written again.
    std::fs::remove_dir_all(&folder).ok();
    let file = folder.join((kind.place)(name(path)));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    if kind.takes_others {
        copy_all(path.parent().unwrap(), &folder);
    }
    std::fs::write(&file, bytes).unwrap();
    folder
}

/// Changes one to four places: a bit, a byte, a length, a piece of another file, a cut.
fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Keyed) {
    const EXTREMES: [u64; 6] = [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 62, u64::MAX];
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let place = random.below(bytes.len());
        let end = bytes.len().min(place + 1 + random.below(24));
        match random.below(8) {
            0 => bytes[place] ^= 1 << random.below(8),
            1 | 2 => bytes[place] = random.next_u32() as u8,
            3 => {
                let size = [2, 4, 8][random.below(3)].min(bytes.len() - place);
                let extreme = EXTREMES[random.below(EXTREMES.len())].to_le_bytes();
                bytes[place..place + size].copy_from_slice(&extreme[..size]);
            }
            4 => bytes.truncate(place),
            5 => {
                bytes.drain(place..end);
            }
            6 => {
                let piece = bytes[place..end].to_vec();
                (0..random.below(40)).for_each(|_| drop(bytes.splice(place..place, piece.iter().copied())));
            }
            _ => {
                let from = random.below(other.len());
                let piece = &other[from..other.len().min(from + 1 + random.below(64))];
                bytes.splice(place..end, piece.iter().copied());
            }
        }
    }
}
