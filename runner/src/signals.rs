//! Signals that ask a command to stop. While nothing listens, a signal does what it does to any program.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use basin_core::error::{Error, Result};
use basin_core::job::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::Signals;
use signal_hook::low_level::exit;

/// The signals that ask to stop.
pub const ASKS: [i32; 4] = [SIGHUP, SIGINT, SIGTERM, SIGUSR1];

/// Within this time a signal that comes again is the same request: a terminal and Slurm tell every process of a group, and a
/// parent may pass on what its children have been told.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// Who is told of a signal.
static LISTENER: Mutex<Option<Arc<AtomicUsize>>> = Mutex::new(None);

/// Listens until it is dropped.
pub struct Listening {
    /// Says which signal has asked.
    pub stop: Stop,
    deaf: Arc<AtomicBool>,
}

/// From now on the first SIGHUP, SIGINT, SIGTERM or SIGUSR1 asks to stop, and a later SIGHUP, SIGINT or SIGTERM ends the program at
/// once. SIGUSR1, a notice that time runs out, never does; another signal after it still asks. SIGHUP counts for nothing where it was
/// ignored when the program started, as `nohup` arranges.
///
/// # Errors
/// [`Error::Run`] with the system's reason.
pub fn listen() -> Result<Listening> {
    static HANDLING: Once = Once::new();
    static DEAF: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);
    let mut result = Ok(());
    let mut shared = DEAF.lock().unwrap_or_else(PoisonError::into_inner);
    let deaf = Arc::clone(shared.get_or_insert_default());
    HANDLING.call_once(|| result = handle(&deaf));
    result.map_err(|error| Error::run(format!("signals cannot be handled: {error}")))?;
    let stop = Stop::default();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.flag());
    deaf.store(false, SeqCst);
    Ok(Listening { stop, deaf })
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.deaf.store(true, SeqCst);
        *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Passes signals on to the listener, and leaves them to the system while there is none.
fn handle(deaf: &Arc<AtomicBool>) -> std::io::Result<()> {
    deaf.store(true, SeqCst);
    let heard: Vec<i32> =
        ASKS.into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP)).collect();
    for signal in &heard {
        register_conditional_default(*signal, Arc::clone(deaf))?;
    }
    let mut signals = Signals::new(heard)?;
    let pass_on = move || {
        let mut asked: Option<(Instant, Arc<AtomicUsize>)> = None;
        for signal in signals.forever() {
            let Some(flag) = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
                continue;
            };
            if signal == SIGUSR1 {
                flag.compare_exchange(0, SIGUSR1 as usize, SeqCst, SeqCst).ok();
                continue;
            }
            let earlier = asked.as_ref().filter(|(_, told)| Arc::ptr_eq(told, &flag));
            match earlier {
                Some((first, _)) if first.elapsed() > SAME_REQUEST => exit(128 + signal),
                Some(_) => {}
                None => asked = Some((Instant::now(), Arc::clone(&flag))),
            }
            flag.store(signal as usize, SeqCst);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(pass_on).map(drop)
}

/// Whether a signal is ignored, as the one who started the program may have wished.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: asks for the handler alone, into a structure of the right type.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
