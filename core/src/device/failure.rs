//! Failures of a device as errors. A kernel panics when its GPU is lost; a failed allocation shows only when the values are read.

use std::any::Any;
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::error::{Error, Remedy, Result};

thread_local! {
    /// Whether a panic of this thread becomes an error, so that it is not printed too.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work on a device, and turns a panic into an error.
///
/// # Errors
/// Those of `work`; [`Error::Memory`] or [`Error::Run`] for a panic.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                report(panic);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    let ended = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    ended.unwrap_or_else(|panic| Err(failure(words(&*panic), words(&*panic))))
}

/// The error for values that could not be read from a device.
pub(crate) fn unreadable(error: impl Debug + Display) -> Error {
    failure(&format!("{error:?}"), &error.to_string())
}

/// An error with the message `said`. Whether the device is out of memory is looked for in `known`, which may hold more details.
fn failure(known: &str, said: &str) -> Error {
    let known = known.to_lowercase();
    if ["outofmemory", "out of memory", "out_of_memory"].iter().any(|words| known.contains(words)) {
        return Error::Memory(
            "the device is out of memory; choose one that has more, or end what else computes there"
                .to_owned(),
        );
    }
    let reason = said.lines().next().unwrap_or("no reason was given");
    Error::run(format!("the device failed ({reason})")).with(Remedy::LookAtDevice)
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors_that_tell_memory_from_the_rest() {
        let lost = guarded::<()>(|| panic!("device lost\nbacktrace")).unwrap_err();
        assert_eq!((lost.remedy(), lost.exit_code()), (Some(&Remedy::LookAtDevice), 1));
        assert_eq!(lost.to_string(), "the device failed (device lost)");
        let full = guarded::<()>(|| panic!("IoError: OutOfMemory {{ size: 1 }}")).unwrap_err();
        assert!(matches!(full, Error::Memory(_)), "{full}");
        assert_eq!(guarded(|| Ok(3)).unwrap(), 3);
        assert!(matches!(guarded::<()>(|| Err(Error::usage("no"))), Err(Error::Usage(_))));
    }
}
