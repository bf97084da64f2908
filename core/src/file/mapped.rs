//! Files in memory as the system reads them. A file that another process cuts off or writes anew while it is read is told: its bytes
//! that are gone read as zero, and [`Mapped::is_changed`] says so.

use std::fs::{File, Metadata};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

use super::open::open;
use crate::error::{Error, Result};

/// The bytes of a file that was opened to be read.
#[derive(Debug)]
pub(crate) struct Mapped {
    bytes: Mmap,
    file: File,
    opened: Metadata,
}

/// A file's bytes, which the system reads as they are asked for.
///
/// # Errors
/// Those of [`open`].
pub(crate) fn map(path: &Path) -> Result<Mapped> {
    let file = open(path)?;
    let opened = file.metadata().map_err(Error::io("read", path))?;
    // SAFETY: nobody may write into a file while it is mapped. This program never does: it gives a new file the old one's name.
    // Others may; then the bytes are not used, see `is_changed`.
    let bytes = unsafe { Mmap::map(&file) }.map_err(Error::io("read", path))?;
    #[cfg(unix)]
    gone::watch(&bytes);
    Ok(Mapped { bytes, file, opened })
}

impl Mapped {
    /// Whether another process has written into the file since it was opened. Ask after the bytes were used.
    pub fn is_changed(&self) -> bool {
        self.file.metadata().map_or(true, |now| {
            now.len() != self.opened.len() || now.modified().ok() != self.opened.modified().ok()
        })
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(unix)]
impl Drop for Mapped {
    fn drop(&mut self) {
        gone::leave(&self.bytes);
    }
}

/// What happens where the pages of a mapped file are gone: the system sends SIGBUS, which ends a program that does not expect it.
#[cfg(unix)]
mod gone {
    use std::mem::zeroed;
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::{Once, OnceLock};

    use libc::{c_int, c_void, siginfo_t};

    /// Files that may be mapped at once and still be cut off without harm.
    const FILES: usize = 512;

    /// Where mapped files begin and end in memory; 0 and 0 where a place is free. A signal's handler may take no lock.
    static PLACES: [[AtomicUsize; 2]; FILES] = [const { [const { AtomicUsize::new(0) }; 2] }; FILES];
    /// What handled the signal before.
    static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

    /// Expects that the pages behind these bytes vanish.
    pub fn watch(bytes: &[u8]) {
        static HANDLING: Once = Once::new();
        HANDLING.call_once(|| {
            // SAFETY: the handler is a function of the form that SA_SIGINFO asks for, and calls nothing that may not be called there.
            unsafe {
                let mut action: libc::sigaction = zeroed();
                action.sa_sigaction = refill as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                let mut before: libc::sigaction = zeroed();
                if libc::sigaction(libc::SIGBUS, &action, &mut before) == 0 {
                    BEFORE.set(before).ok();
                }
            }
        });
        let start = bytes.as_ptr() as usize;
        let free = PLACES.iter().find(|[from, _]| from.compare_exchange(0, start, SeqCst, SeqCst).is_ok());
        if let Some([_, to]) = free {
            to.store(start + bytes.len(), SeqCst);
        }
    }

    /// Expects it no longer.
    pub fn leave(bytes: &[u8]) {
        let start = bytes.as_ptr() as usize;
        if let Some([from, to]) = PLACES.iter().find(|[from, _]| from.load(SeqCst) == start) {
            to.store(0, SeqCst);
            from.store(0, SeqCst);
        }
    }

    /// Puts zeros in the place of a page that is gone; leaves all else to what handled the signal before.
    extern "C" fn refill(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the system gives the address of the fault; the page around it belongs to a mapped file, which keeps its length.
        unsafe {
            let address = (*info).si_addr() as usize;
            let is_ours = PLACES.iter().any(|[from, to]| {
                let from = from.load(SeqCst);
                from != 0 && (from..to.load(SeqCst)).contains(&address)
            });
            if is_ours {
                let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
                let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                let start = (address / page * page) as *mut c_void;
                if libc::mmap(start, page, libc::PROT_READ, flags, -1, 0) == start {
                    return;
                }
            }
            match BEFORE.get() {
                Some(before) if before.sa_sigaction > libc::SIG_IGN => {
                    if before.sa_flags & libc::SA_SIGINFO != 0 {
                        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                            std::mem::transmute(before.sa_sigaction);
                        handler(signal, info, context);
                    } else {
                        let handler: extern "C" fn(c_int) = std::mem::transmute(before.sa_sigaction);
                        handler(signal);
                    }
                }
                // The fault comes again, and ends the program.
                _ => _ = libc::sigaction(signal, &zeroed::<libc::sigaction>(), null_mut()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_off_while_it_is_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, vec![7; 1 << 20]).unwrap();
        let mapped = map(&path).unwrap();
        assert!(mapped[5] == 7 && !mapped.is_changed());
        File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
        assert_eq!(mapped[1 << 19], 0);
        assert!(mapped.is_changed());
        drop(mapped);
        assert!(!map(&path).unwrap().is_changed());
    }
}
