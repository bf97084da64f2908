//! The one queue of long work: one job at a time, on a thread of its own, in the order asked for. Tensors never leave that
//! thread; what comes back is plain data.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use basin_core::device::{Choice, Hardware, describe, guarded, memory_held};
use basin_core::error::{Error, Result};
use basin_core::event::Event;
use basin_core::job::{Job, Stop};
use egui::Context;

/// The stop flag of a job that is cancelled in the window: the number of SIGINT.
const CANCEL: usize = 2;
/// Least time between two frames that are drawn because of a job's events.
const REDRAW: Duration = Duration::from_millis(30);
/// Least time between two questions to a device about its memory; each waits until the device has ended its work.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long a closing window waits for a job to stop.
const FAREWELL: Duration = Duration::from_secs(3);

/// The state of a job in the queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// It has not begun.
    Waiting,
    /// It is computing.
    Running,
    /// It has ended with a result.
    Done,
    /// It has ended with this error.
    Failed(String),
    /// The user has stopped it.
    Cancelled,
}

/// How much of a job's present stage is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub what: String,
    /// How much of it is done, as a fraction.
    pub share: f32,
    /// When this stage began.
    pub since: Instant,
    /// The fraction that was done when it began; above 0 for a job that goes on.
    pub from: f32,
}

impl Progress {
    /// Time left of this stage at its speed so far; `None` until that can be told.
    pub fn left(&self) -> Option<Duration> {
        let (elapsed, done) = (self.since.elapsed(), self.share - self.from);
        (done > 0.002 && elapsed > Duration::from_millis(500))
            .then(|| elapsed.mul_f32((1.0 - self.share) / done))
    }
}

/// What the window knows of a job, shared with the job's thread.
#[derive(Debug)]
pub struct JobHandle {
    /// Its name in the list of jobs.
    pub title: String,
    stop: Stop,
    state: Mutex<JobState>,
}

/// The part of it that changes.
#[derive(Debug)]
struct JobState {
    phase: Phase,
    progress: Option<Progress>,
    /// Points measured, and points in all, once the job has measured one.
    points: Option<(usize, usize)>,
    events: Vec<Event>,
}

impl JobHandle {
    /// Whether it waits, computes, or has ended.
    pub fn phase(&self) -> Phase {
        self.state().phase.clone()
    }

    /// Its present stage; `None` before its first event.
    pub fn progress(&self) -> Option<Progress> {
        self.state().progress.clone()
    }

    /// Whether it waits or computes.
    pub fn is_open(&self) -> bool {
        matches!(self.state().phase, Phase::Waiting | Phase::Running)
    }

    /// Asks it to stop. What it has written to disk stays.
    pub fn cancel(&self) {
        self.stop.flag().store(CANCEL, std::sync::atomic::Ordering::Relaxed);
        let mut state = self.state();
        if state.phase == Phase::Waiting {
            state.phase = Phase::Cancelled;
        }
    }

    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        let (what, done, total) = match &event {
            Event::Decoding { split, done, total } => (format!("decoding {split}"), *done, *total),
            Event::Evaluating { done, total } => match self.state().points {
                Some((known, points)) => ("points".to_owned(), known * total + done, points * total),
                None => ("evaluating".to_owned(), *done, *total),
            },
            Event::Progress { what, done, total, .. } => (what.clone(), *done as usize, *total as usize),
            Event::Step { epoch, epochs, done, total, .. } => {
                (format!("epoch {epoch} of {epochs}"), (epoch - 1) * total + done, epochs * total)
            }
            Event::Point { done, total, .. } => {
                self.state().points = Some((*done, *total));
                ("points".to_owned(), *done, *total)
            }
            Event::Note(_) | Event::Epoch { .. } => return self.state().events.push(event),
        };
        let share = done as f32 / total.max(1) as f32;
        let mut state = self.state();
        let (since, from) = match &state.progress {
            Some(known) if known.what == what && known.share <= share => (known.since, known.from),
            _ => (Instant::now(), share),
        };
        state.progress = Some(Progress { what, share, since, from });
        if matches!(event, Event::Point { .. }) {
            state.events.push(event);
        }
    }
}

/// A claim on the result of a job.
pub struct Ticket<T> {
    /// The job.
    pub job: Arc<JobHandle>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> Ticket<T> {
    /// The result once it is there; `None` when it was taken already.
    pub fn take(&self) -> Option<T> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes, epochs and points since the last call.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.job.state().events)
    }
}

type Work = Box<dyn FnOnce(&Job) -> Result<()> + Send>;

/// A job that is not in the queue yet.
pub struct Task {
    job: Arc<JobHandle>,
    work: Work,
}

impl Task {
    /// Makes a job of some work, with the ticket for its result.
    pub fn new<T: Send + 'static>(
        title: impl Into<String>,
        work: impl FnOnce(&Job) -> Result<T> + Send + 'static,
    ) -> (Self, Ticket<T>) {
        let state = JobState { phase: Phase::Waiting, progress: None, points: None, events: Vec::new() };
        let job =
            Arc::new(JobHandle { title: title.into(), stop: Stop::default(), state: Mutex::new(state) });
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        let work: Work = Box::new(move |job| {
            let value = work(job)?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(())
        });
        (Self { job: Arc::clone(&job), work }, Ticket { job, result })
    }
}

/// The jobs of this window, and the thread that works them off.
pub struct Queue {
    context: Context,
    tasks: Option<Sender<(Task, Choice)>>,
    worker: Option<JoinHandle<()>>,
    jobs: Vec<Arc<JobHandle>>,
    used: Arc<Mutex<Option<Used>>>,
}

/// A device that is in use.
#[derive(Clone)]
pub struct Used {
    /// The device.
    pub hardware: Hardware,
    /// Memory on it that this program holds, in bytes; `None` where the driver does not tell.
    pub held: Option<u64>,
}

impl Queue {
    /// Starts the thread.
    pub fn new(context: &Context) -> Self {
        let (tasks, received) = channel();
        let redraw = context.clone();
        let used = Arc::new(Mutex::new(None));
        let told = Arc::clone(&used);
        let worker = std::thread::Builder::new().name("jobs".to_owned());
        let worker = worker.spawn(move || work_off(&received, &told, &redraw)).ok();
        Self { context: context.clone(), tasks: Some(tasks), worker, jobs: Vec::new(), used }
    }

    /// Adds a job, which computes on that device.
    pub fn add(&mut self, task: Task, device: Choice) {
        let job = Arc::clone(&task.job);
        let sent = self.tasks.as_ref().map(|tasks| tasks.send((task, device)));
        if !matches!(sent, Some(Ok(()))) {
            job.state().phase =
                Phase::Failed("no thread for jobs could be started; restart the program".into());
        }
        self.jobs.push(job);
        self.context.request_repaint();
    }

    /// All jobs of this window, the newest last.
    pub fn jobs(&self) -> &[Arc<JobHandle>] {
        &self.jobs
    }

    /// The device of the last job, once a job has run.
    pub fn used(&self) -> Option<Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The job that computes now.
    pub fn running(&self) -> Option<&Arc<JobHandle>> {
        self.jobs.iter().find(|job| job.phase() == Phase::Running)
    }

    /// Stops all jobs, and waits a moment so that they can write what they have.
    pub fn close(&mut self) {
        self.tasks = None;
        self.jobs.iter().for_each(|job| job.cancel());
        let deadline = Instant::now() + FAREWELL;
        if let Some(worker) = self.worker.take() {
            while !worker.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Works off the queue, on its own thread, until the queue is closed.
fn work_off(tasks: &Receiver<(Task, Choice)>, used: &Mutex<Option<Used>>, context: &Context) {
    while let Ok((Task { job, work }, device)) = tasks.recv() {
        {
            let mut state = job.state();
            if state.phase != Phase::Waiting {
                continue;
            }
            state.phase = Phase::Running;
        }
        context.request_repaint();
        // A device may be lost or short of memory; the window must outlive that.
        let ended = guarded(|| {
            let device = device.open()?;
            let hardware = describe(&device);
            let look = || {
                let held = memory_held(&device);
                let now = Used { hardware: hardware.clone(), held };
                *used.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            };
            look();
            let looked = Mutex::new(Instant::now());
            let emit = |event: Event| {
                job.tell(event);
                context.request_repaint_after(REDRAW);
                let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
                if looked.elapsed() > LOOK_AGAIN {
                    *looked = Instant::now();
                    look();
                }
            };
            work(&Job { device: device.clone(), others: &[], emit: &emit, stop: &job.stop })?;
            look();
            Ok(())
        });
        job.state().phase = match ended {
            Ok(()) => Phase::Done,
            Err(Error::Interrupted { .. }) => Phase::Cancelled,
            Err(error) => Phase::Failed(error.to_string()),
        };
        context.request_repaint();
    }
}
