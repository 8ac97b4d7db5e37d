//! What every group works with: the programs, a folder for files, the form of the run; and how a
//! contest is held.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::contender::{Places, Program, Recipe};
use crate::machine;
use crate::pairs::{Calls, Form, Measure, Pairs, Side, Slice, alternate};
use crate::process::{Counting, Running, Spot, calls_in, counted, end_all, free_port};
use crate::row::{Beside, Row, Target, Work};
use crate::trouble::{Doing, Trouble};

/// What every group works with.
#[derive(Debug)]
pub struct Harness {
    /// How long, and how often.
    pub form: Form,
    ft: PathBuf,
    floor: PathBuf,
    /// Where the programs of others are looked for.
    places: Vec<PathBuf>,
    folder: Folder,
}

/// Makes one side's work out of a contender that runs.
pub type Open<'a> = dyn for<'r> Fn(&'r Running) -> Result<Side<'r>, Trouble> + 'a;

/// Makes of a program's command the one that is run: the same, or strace with it.
pub type Around<'a> = &'a dyn Fn(Command) -> Command;

impl Harness {
    /// With `ft` and this program at these places.
    ///
    /// # Errors
    ///
    /// There is nowhere to put files.
    pub fn new(form: Form, ft: PathBuf, floor: PathBuf) -> Result<Self, Trouble> {
        let folder = Folder::new()?;
        Ok(Self {
            form,
            ft,
            floor,
            places: Program::places(),
            folder,
        })
    }

    /// Looks for the programs of others in these folders only.
    #[must_use]
    pub fn looking_in(self, places: Vec<PathBuf>) -> Self {
        Self { places, ..self }
    }

    /// Where a program is.
    ///
    /// # Errors
    ///
    /// It is not on this machine.
    pub fn find(&self, program: Program) -> Result<PathBuf, Trouble> {
        match program {
            Program::Ft => Ok(self.ft.clone()),
            Program::Floor => Ok(self.floor.clone()),
            other => other.find_in(&self.places),
        }
    }

    /// The folder for files of this run.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// The core of the server and that of the client, where there are two.
    pub fn apart() -> Option<[usize; 2]> {
        (machine::cores() > 1).then_some([0, 1])
    }

    /// The command of a recipe.
    ///
    /// # Errors
    ///
    /// The program is missing, or its configuration cannot be written.
    pub fn command(
        &self,
        recipe: &Recipe,
        port: u16,
        destination: u16,
    ) -> Result<Command, Trouble> {
        let places = Places {
            port,
            destination,
            cores: machine::cores(),
            // Some programs know no shorter times.
            seconds: self.form.slice.as_secs().max(1),
            folder: self.folder().to_owned(),
        };
        let mut command = Command::new(self.find(recipe.program)?);
        command.args(recipe.words(&places)?);
        Ok(command)
    }

    /// Starts a contender, on one core if it is to have one.
    ///
    /// # Errors
    ///
    /// It is missing or does not start.
    pub fn start(
        &self,
        recipe: &Recipe,
        destination: u16,
        core: Option<usize>,
    ) -> Result<Running, Trouble> {
        let port = free_port()?;
        let mut command = self.command(recipe, port, destination)?;
        let errors = self
            .folder()
            .join(format!("{}-{port}.said", recipe.program.name()));
        Running::start(recipe.name, &mut command, Spot { port, core, errors })
    }

    /// Has `ft` and each of the others do the same work, in turns, and judges.
    pub fn contest(&self, work: &Work, others: &[Beside], open: &Open<'_>) -> Vec<Row> {
        let against = |(other, target): &Beside| {
            let pairs = self.duel(work, other, open);
            self.row(work, (*other, *target), pairs)
        };
        others.iter().map(against).collect()
    }

    fn duel(&self, work: &Work, other: &Recipe, open: &Open<'_>) -> Result<Pairs, Trouble> {
        let core = work.apart.map(|[server, _]| server);
        let ft = self.start(&work.ft, work.destination, core)?;
        let other = self.start(other, work.destination, core)?;
        let (mut ft_side, mut other_side) = (open(&ft)?, open(&other)?);
        let mut pairs = alternate(&self.form, &mut ft_side, &mut other_side)?;
        let sides = [(&ft, ft_side), (&other, other_side)];
        pairs.calls = sides
            .map(|(server, side)| self.calls(server, side))
            .to_vec();
        Ok(pairs)
    }

    /// Counts the calls of a contender in one more slice, which that makes a slow one.
    pub fn calls(&self, server: &Running, mut side: Side<'_>) -> (String, Calls) {
        let mut count = || {
            let strace = self.find(Program::Strace)?;
            let counting = Counting::start(server, &strace, self.folder())?;
            let units = side(self.form.slice)?.units;
            Ok((counting.stop()?, units))
        };
        (server.name().to_owned(), per_unit(count()))
    }

    /// Counts the calls of a program in one more run, in which it is started with strace around it.
    pub fn calls_of(&self, run: impl FnOnce(Around<'_>) -> Result<Slice, Trouble>) -> Calls {
        let file = self.folder().join("calls");
        let count = || {
            let strace = self.find(Program::Strace)?;
            let units = run(&|command| counted(&command, &strace, &file))?.units;
            Ok((calls_in(&file)?, units))
        };
        per_unit(count())
    }

    /// A row out of what was measured; says it.
    pub fn row(&self, work: &Work, (other, target): Beside, pairs: Result<Pairs, Trouble>) -> Row {
        Self::say(Row {
            work: work.clone(),
            other,
            target,
            pairs,
            is_another_look: false,
        })
    }

    /// The pairs of a row held against something else; says it.
    pub fn look(&self, row: &Row, measure: Measure, target: Option<Target>) -> Row {
        Self::say(row.looked_at(measure, target))
    }

    /// Says a row to whoever waits.
    pub fn say(row: Row) -> Row {
        // Who closes stdout still gets the report.
        let _ = writeln!(io::stdout().lock(), "{row}");
        row
    }
}

/// What was counted, for one unit of work.
fn per_unit(counted: Result<(Vec<(String, u64)>, f64), Trouble>) -> Calls {
    let (calls, units) = match counted {
        Ok(counted) => counted,
        Err(trouble) => return Calls::Unknown(trouble.to_string()),
    };
    let calls = calls.into_iter();
    Calls::PerUnit(
        calls
            .map(|(name, count)| (name, count as f64 / units))
            .collect(),
    )
}

/// A folder that goes when the run ends.
#[derive(Debug)]
struct Folder(PathBuf);

/// Where the folder of this process is, for its end by a signal.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Ends everybody who was started and removes the files of this run: for an end by a signal.
pub fn leave_nothing_behind() {
    end_all();
    if let Some(folder) = FOLDER.get() {
        // A file that stays is in the folder for temporary files.
        let _ = fs::remove_dir_all(folder);
    }
}

/// How many folders there have been: tests have several harnesses in one process.
static FOLDERS: AtomicUsize = AtomicUsize::new(0);

impl Folder {
    fn new() -> Result<Self, Trouble> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("peers-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        // The first is the one of a run.
        FOLDER.get_or_init(|| folder.clone());
        fs::create_dir(&folder).doing("make a folder for the files of this run")?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A file that stays is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
