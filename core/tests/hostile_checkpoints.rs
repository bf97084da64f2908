//! Files that are damaged or made to do harm are errors: never a crash, a hang, or memory far beyond the file's size.
//!
//! `BASIN_CASES=3000000 cargo test --release --test hostile_checkpoints` damages files that often.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use basin_core::checkpoint::{Checkpoint, Reader, Selection, inspect};
use basin_core::random::{Keyed, Purpose};

/// Damaged files of a usual run; several seconds.
const CASES: u64 = 10_000;
/// Time for one file, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes that a file of the corpus may ask for at once.
const MOST_MEMORY: usize = 64 << 20;

/// The system's allocator, which remembers the largest request.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().unwrap() != "py").collect();
    files.sort();
    assert!(files.len() > 40, "{files:?}");
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Loads a file within the limits; the message if it is refused.
#[track_caller]
fn load(path: &Path) -> Result<Checkpoint, String> {
    let result = Checkpoint::load(path);
    assert!(LARGEST.load(Ordering::Relaxed) < MOST_MEMORY, "{} asks for too much memory", path.display());
    result.map_err(|error| {
        let message = error.to_string();
        assert_eq!(error.exit_code(), 3, "{message}");
        assert!(message.contains(name(path)) && !message.contains('\n') && message.len() < 1000, "{message}");
        message
    })
}

#[test]
fn good_files_open_and_hostile_ones_are_errors() {
    for path in corpus() {
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
    let cases = std::env::var("BASIN_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let files: Vec<(PathBuf, Vec<u8>)> =
        corpus().into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    let (done, news) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let here = tempfile::tempdir().unwrap();
        for case in 0..cases {
            let mut random = Keyed::new(0, Purpose::Draw, 0, case);
            // Half of them begin with a good file.
            let good: Vec<_> = files.iter().filter(|(path, _)| name(path).starts_with("good")).collect();
            let (path, bytes) = if random.below(2) == 0 {
                good[random.below(good.len())]
            } else {
                &files[random.below(files.len())]
            };
            let mut bytes = bytes.clone();
            damage(&mut bytes, &files[random.below(files.len())].1, &mut random);
            let copy = here.path().join(name(path));
            // A new file each time, since file systems flush one that is emptied and written again.
            std::fs::remove_file(&copy).ok();
            std::fs::write(&copy, bytes).unwrap();
            done.send(format!("case {case}, {}", name(path))).unwrap();
            load(&copy).ok();
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
    worker.join().unwrap_or_else(|_| panic!("{last} failed"));
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
