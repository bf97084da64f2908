//! Basin's side of `checkpoint.py`: loads a checkpoint for each line on standard input, and answers with the seconds it took.

use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

use basin_core::checkpoint::Checkpoint;

#[path = "../runner/src/allocator.rs"]
mod allocator;

fn main() {
    allocator::keep_freed_memory();
    for path in std::io::stdin().lock().lines() {
        let path = path.expect("a line");
        let start = Instant::now();
        let checkpoint = Checkpoint::load(Path::new(&path)).expect("a checkpoint");
        println!("{}", start.elapsed().as_secs_f64());
        drop(checkpoint);
    }
}
