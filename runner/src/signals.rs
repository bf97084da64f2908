//! Signals that ask a command to stop.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use basin_core::error::{Error, Result};
use basin_core::job::Stop;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::exit;

/// Within this time a signal that comes again is the same request: a terminal and Slurm tell every process of a group, and a
/// parent may pass on what its children have been told.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// From now on the first SIGINT, SIGTERM or SIGUSR1 asks to stop, and a later SIGINT or SIGTERM ends the program at once.
/// SIGUSR1, a notice that time runs out, never does; a SIGINT or SIGTERM after it still asks.
///
/// # Errors
/// [`Error::Run`] with the system's reason.
pub fn listen() -> Result<Stop> {
    let wrong = |error| Error::run(format!("signals cannot be handled: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).map_err(wrong)?;
    let stop = Stop::default();
    let flag = stop.flag();
    let handle = move || {
        let mut asked: Option<Instant> = None;
        for signal in signals.forever() {
            if signal == SIGUSR1 {
                flag.compare_exchange(0, SIGUSR1 as usize, Relaxed, Relaxed).ok();
                continue;
            }
            if asked.is_some_and(|first| first.elapsed() > SAME_REQUEST) {
                exit(128 + signal);
            }
            asked.get_or_insert_with(Instant::now);
            flag.store(signal as usize, Relaxed);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(handle).map_err(wrong)?;
    Ok(stop)
}
