//! `peers`: starts the contenders, has each do the same work in turns, checks every reply, prints
//! what came out, and writes `docs/comparison.md`.

mod build;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, process, thread};

use clap::{Parser, Subcommand, ValueEnum};
use peers::contender::Program;
use peers::group::Group;
use peers::harness::Harness;
use peers::pairs::Form;
use peers::{Doing, Trouble, floor, machine, report};
use tokio::signal::unix::{SignalKind, signal};

/// The same work done by ft and by the programs that it stands beside
#[derive(Debug, Parser)]
#[command(name = "peers", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    floor: Option<Floor>,
    /// What is compared
    #[arg(value_enum, required = true)]
    group: Option<Word>,
    /// 3 pairs of short slices and a smaller file: minutes, for a look at where things stand
    #[arg(long)]
    quick: bool,
    /// A release build of ft [default: built here]
    #[arg(long, value_name = "PATH")]
    ft: Option<PathBuf>,
    /// Where the report goes
    #[arg(long, value_name = "PATH", default_value = "docs/comparison.md")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    All,
    Echo,
    Rate,
    Idle,
    Relay,
    File,
    Hub,
    Bench,
    Start,
}

#[derive(Debug, Subcommand)]
enum Floor {
    /// Be one of the floors; the harness starts these itself
    #[command(hide = true, subcommand)]
    Floor(Kind),
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// The bare epoll echo
    Echo(Place),
    /// The bare epoll relay
    Relay(Place),
    /// The plain tokio echo
    TokioEcho(Place),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The port of loopback to listen on
    port: u16,
    /// The port of loopback that a relay calls
    #[arg(long, default_value_t = 0)]
    destination: u16,
    /// How many loops or workers there are
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

impl Word {
    fn groups(self) -> Vec<Group> {
        let is_meant = |group: &Group| {
            let word = self.to_possible_value();
            word.is_some_and(|word| {
                matches!(word.get_name(), "all") || word.get_name() == group.name()
            })
        };
        Group::ALL.into_iter().filter(is_meant).collect()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    machine::raise_descriptors();
    let done = match (&arguments.floor, arguments.group) {
        (Some(Floor::Floor(kind)), _) => be_a_floor(kind).doing("serve"),
        (None, Some(word)) => {
            end_all_when_interrupted();
            compare(&arguments, &word.groups())
        }
        (None, None) => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // A closed stderr is a quiet end.
            let _ = writeln!(io::stderr(), "peers: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn be_a_floor(kind: &Kind) -> io::Result<()> {
    match kind {
        Kind::Echo(place) => floor::epoll_echo(place.port, place.threads),
        Kind::Relay(place) => floor::epoll_relay(place.port, place.destination, place.threads),
        Kind::TokioEcho(place) => floor::tokio_echo(place.port, place.threads),
    }
}

fn compare(arguments: &Arguments, groups: &[Group]) -> Result<(), Trouble> {
    let form = if arguments.quick {
        Form::QUICK
    } else {
        Form::FULL
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ft = match &arguments.ft {
        Some(ft) => ft.clone(),
        None => build::ft(&workspace)?,
    };
    let own = env::current_exe().doing("find this program")?;
    let harness = Harness::new(form, ft, own)?;
    name_missing();
    let rows: Vec<_> = groups
        .iter()
        .map(|group| (*group, group.rows(&harness)))
        .collect();
    let output = workspace.join(&arguments.output);
    let before = fs::read_to_string(&output).unwrap_or_default();
    let text = report::document(&before, &harness, &rows);
    fs::write(&output, text).doing("write the report")
}

/// Names every program that is not here, and how it comes.
fn name_missing() {
    let missing = Program::OTHERS
        .into_iter()
        .filter(|program| program.find().is_err());
    let (names, packages): (Vec<_>, Vec<_>) = missing
        .map(|program| (program.name(), program.package()))
        .unzip();
    if !names.is_empty() {
        let (names, packages) = (names.join(", "), packages.join(" "));
        // Who closes stderr still gets the report, which names them, too.
        let _ = writeln!(
            io::stderr(),
            "missing, so their rows are not measured: {names}\nto install them: apt-get install {packages}"
        );
    }
}

/// INT and TERM end the contenders, then the harness.
fn end_all_when_interrupted() {
    let wait = || -> io::Result<i32> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let mut interrupted = signal(SignalKind::interrupt())?;
            let mut terminated = signal(SignalKind::terminate())?;
            Ok(tokio::select! {
                _ = interrupted.recv() => 130,
                _ = terminated.recv() => 143,
            })
        })
    };
    thread::spawn(move || {
        // Where signals cannot be waited for they end the harness alone.
        if let Ok(status) = wait() {
            peers::harness::leave_nothing_behind();
            process::exit(status);
        }
    });
}
