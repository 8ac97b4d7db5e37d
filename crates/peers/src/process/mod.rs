//! A contender that runs: started on a free port, waited for until it listens, measured with all its
//! children, and ended by its process id.

mod calls;
mod port;
mod started;
mod tree;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

pub use calls::{Counting, calls_in, counted};
pub use port::{free_port, is_listening};
pub use started::end_all;
pub use tree::{Ended, wait_for};

use crate::trouble::{Doing, Trouble};

/// A contender has so long until it listens.
const START_WITHIN: Duration = Duration::from_secs(10);

/// A contender has so long to end when it is asked to; then it is ended.
const END_WITHIN: Duration = Duration::from_secs(1);

/// How often something is looked at that will be so in a moment.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A contender that runs; dropped, it is ended with all its children.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
    port: u16,
    errors: PathBuf,
}

/// Where a contender runs.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The port that it is to listen on.
    pub port: u16,
    /// The core that it has to itself, if any.
    pub core: Option<usize>,
    /// The file that gets what it says.
    pub errors: PathBuf,
}

impl Running {
    /// Starts a command and waits until it listens on its port.
    ///
    /// # Errors
    ///
    /// It cannot be started, or it ends or is silent instead of listening.
    pub fn start(name: &str, command: &mut Command, spot: Spot) -> Result<Self, Trouble> {
        let said = File::create(&spot.errors).doing("create the file for what a contender says")?;
        command.stdout(said.try_clone().doing("duplicate a file")?);
        command.stdin(Stdio::null()).stderr(said);
        let child = spawn(command, spot.core).doing(&format!("start {name}"))?;
        let mut running = Self {
            child,
            name: name.to_owned(),
            port: spot.port,
            errors: spot.errors,
        };
        running.wait_until_it_listens()?;
        Ok(running)
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Trouble> {
        let until = Instant::now() + START_WITHIN;
        while !is_listening(self.port) {
            let ended = self.child.try_wait().doing("wait for a contender")?;
            if ended.is_some() || Instant::now() > until {
                let said = fs::read_to_string(&self.errors).unwrap_or_default();
                let folder = self.errors.parent().map(|folder| folder.to_string_lossy());
                // The report is read on other machines.
                let said = match folder {
                    Some(folder) => said.replace(&*folder, "{folder}"),
                    None => said,
                };
                let said = said.lines().last().unwrap_or("nothing").to_owned();
                return Err(self.wrong(&format!("does not listen; it says: {said}")));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its name, as rows have it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The time that it and its children have had on a core.
    pub fn cpu(&self) -> Duration {
        tree::cpu(self.pid())
    }

    /// The memory that it and its children have in user space, shared pages divided by who shares
    /// them.
    pub fn memory(&self) -> u64 {
        tree::memory(self.pid())
    }

    /// It did something else than its work.
    pub fn wrong(&self, what: &str) -> Trouble {
        Trouble::wrong(self.name.clone(), what)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.pid();
        let members = tree::members(pid);
        tree::ask(&members);
        let until = Instant::now() + END_WITHIN;
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        tree::end(&members);
        // It has been ended, so this does not wait for long.
        let _ = self.child.wait();
        started::leave(pid);
    }
}

/// Starts a command, on one core if it is to have one. Whoever gets it waits for it by [`wait_for`] or
/// ends it by [`end`].
///
/// # Errors
///
/// It cannot be started there.
pub fn spawn(command: &mut Command, core: Option<usize>) -> std::io::Result<Child> {
    let child = spawn_on(command, core)?;
    started::enter(Pid::from_child(&child));
    Ok(child)
}

/// Ends a child that was started, if it has not ended.
pub fn end(child: &mut Child) {
    // Who has ended already is not ended again, and is not waited for.
    let _ = child.kill();
    let _ = child.wait();
    started::leave(Pid::from_child(child));
}

/// Children inherit the cores of the thread that starts them.
fn spawn_on(command: &mut Command, core: Option<usize>) -> std::io::Result<Child> {
    let Some(core) = core else {
        return command.spawn();
    };
    thread::scope(|scope| {
        let starting = scope.spawn(|| {
            stay_on(core)?;
            command.spawn()
        });
        starting
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("starting panicked")))
    })
}

/// Keeps this thread, and those that it starts, on one core.
///
/// # Errors
///
/// There is no such core for this process.
pub fn stay_on(core: usize) -> std::io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}
