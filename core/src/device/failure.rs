//! Failures of a device as errors. A kernel panics when its GPU is lost; a failed allocation shows only when the values are read.

use std::any::Any;
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use crate::error::{Error, Remedy, Result};

thread_local! {
    /// Whether a panic of this thread becomes an error, so that it is not printed too.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Where the last panic began, file and line.
static PLACE: Mutex<String> = Mutex::new(String::new());
/// In the paths of the files of other crates, and of the standard library.
const OTHERS: [&str; 2] = ["registry", "rustc"];

/// Does work on a device, and turns a panic into an error: of the device, or of this program where it began in its own code.
///
/// # Errors
/// Those of `work`; [`Error::Memory`] or [`Error::Run`] for a panic.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            let place = panic.location().map_or(String::new(), |at| format!("{}:{}", at.file(), at.line()));
            *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
            if !IS_GUARDED.get() {
                report(panic);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    let ended = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    ended.unwrap_or_else(|panic| {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(match of_device(words(&*panic), &place) {
            true => failure(words(&*panic), words(&*panic)),
            false => Error::run(format!(
                "this program has a fault at {place} ({}); please report it with the command that you typed",
                first_line(words(&*panic))
            )),
        })
    })
}

/// Whether a panic with this message, which began at a place, comes from what computes on a device.
fn of_device(message: &str, place: &str) -> bool {
    is_about_memory(message) || OTHERS.iter().any(|part| Path::new(place).iter().any(|name| name == *part))
}

fn is_about_memory(message: &str) -> bool {
    let message = message.to_lowercase();
    ["outofmemory", "out of memory", "out_of_memory"].iter().any(|words| message.contains(words))
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or("no reason was given")
}

/// The error for values that could not be read from a device.
pub(crate) fn unreadable(error: impl Debug + Display) -> Error {
    failure(&format!("{error:?}"), &error.to_string())
}

/// An error with the message `said`. Whether the device is out of memory is looked for in `known`, which may hold more details.
fn failure(known: &str, said: &str) -> Error {
    if is_about_memory(known) {
        return Error::Memory(
            "the device is out of memory; choose one that has more, or end what else computes there"
                .to_owned(),
        );
    }
    Error::run(format!("the device failed ({})", first_line(said))).with(Remedy::LookAtDevice)
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
        let lost = failure("device lost", "device lost\nbacktrace");
        assert_eq!((lost.remedy(), lost.exit_code()), (Some(&Remedy::LookAtDevice), 1));
        assert_eq!(lost.to_string(), "the device failed (device lost)");
        let cuda =
            "/home/me/.cargo/registry/src/index.crates.io-1/cubecl-cuda-0.11.0/src/compute/server.rs:1";
        assert!(
            of_device("device lost", cuda) && of_device("unwrap", "/rustc/1/library/core/src/option.rs:1")
        );
        let own = guarded::<()>(|| panic!("index out of bounds\nbacktrace")).unwrap_err();
        assert!(own.remedy().is_none() && own.exit_code() == 1);
        let text = own.to_string();
        assert!(text.contains("failure.rs:") && text.contains("(index out of bounds)"), "{text}");
        let full = guarded::<()>(|| panic!("IoError: OutOfMemory {{ size: 1 }}")).unwrap_err();
        assert!(matches!(full, Error::Memory(_)), "{full}");
        assert_eq!(guarded(|| Ok(3)).unwrap(), 3);
        assert!(matches!(guarded::<()>(|| Err(Error::usage("no"))), Err(Error::Usage(_))));
    }
}
