//! mimalloc, told to keep what is freed for a while.

use std::ffi::{c_int, c_long};

/// Large tensors come and go with every step; the system's allocator would hand each back to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its crate does not name.
const PURGE_DELAY: c_int = 15;
/// A batch is freed one step and asked for the next. When the time is over, all that is free at that moment goes back, and the
/// kernel has to clear its pages anew: after the usual 10 ms that took a quarter of the time of preparing images, after a
/// second still a tenth.
const MILLISECONDS: c_long = 10_000;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Keeps freed memory for ten seconds before the kernel gets it back.
pub fn keep_freed_memory() {
    // SAFETY: the function stores a number; it is called before any other thread runs.
    unsafe { mi_option_set(PURGE_DELAY, MILLISECONDS) }
}
