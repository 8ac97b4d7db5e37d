//! The languages and models of `ft code`, and what each needs to become a running program.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::source::Source;
use crate::rig::{has, run};

/// A language with one of its models.
pub(crate) struct Tongue {
    pub(crate) language: &'static str,
    pub(crate) model: &'static str,
    /// Whether its toolchain is here; skipped as the rig does.
    pub(crate) is_here: fn() -> bool,
    /// What must succeed, and say nothing, before the program runs.
    pub(crate) steps: fn(&Source) -> Vec<Command>,
    pub(crate) start: fn(&Source) -> Command,
    /// The cells that it refuses.
    pub(crate) lacks: &'static [&'static str],
    /// Scripts, by their cell and place, whose outcome is on the list in the first comment.
    pub(crate) differs: &'static [(&'static str, usize)],
}

pub(crate) static TONGUES: [Tongue; 12] = [
    c("poll"),
    Tongue {
        differs: CALLS_FIRST,
        ..c("threads")
    },
    c("epoll"),
    go(),
    java("pool", || jdk(17).is_some(), java_17, java_17_starts),
    java("virtual", || jdk(21).is_some(), java_21, java_21_starts),
    javascript(),
    python("asyncio"),
    Tongue {
        differs: CALLS_FIRST,
        ..python("threads")
    },
    python("selectors"),
    rust("threads", || has("rustc"), rust_steps),
    Tongue {
        lacks: &[
            "echo udp",
            "discard udp",
            "chargen udp",
            "daytime udp",
            "time udp",
            "client udp",
            "client-refused udp",
        ],
        ..rust("tokio", || has("rustc") && tokio().is_some(), tokio_steps)
    },
];

/// A client's time does not end the call of its destination.
const CALLS_FIRST: &[(&str, usize)] = &[("relay-to-silence", 0)];

/// The one of this name.
pub(crate) fn tongue(language: &str, model: &str) -> &'static Tongue {
    let found = TONGUES
        .iter()
        .find(|tongue| tongue.language == language && tongue.model == model);
    found.unwrap_or_else(|| panic!("there is no {language} with {model}"))
}

const fn c(model: &'static str) -> Tongue {
    Tongue {
        language: "c",
        model,
        is_here: || has("gcc"),
        steps: |source| {
            let strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
            let mut plain = source.command("gcc");
            plain
                .args(strict)
                .args(["-O2", "-c", "-o", "strict.o"])
                .arg(&source.file);
            let mut watched = source.command("gcc");
            watched
                .args(strict)
                .args(["-O1", "-g", "-fno-omit-frame-pointer", "-pthread"]);
            watched.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
            watched.args(["-o", "program"]).arg(&source.file);
            vec![plain, watched]
        },
        start: |source| {
            let mut command = Command::new(source.path("program"));
            command
                .env("ASAN_OPTIONS", "exitcode=99")
                .env("UBSAN_OPTIONS", "exitcode=98");
            command
        },
        lacks: &[],
        differs: &[],
    }
}

const fn go() -> Tongue {
    Tongue {
        language: "go",
        model: "goroutines",
        is_here: || has("go") && has("gofmt"),
        steps: |source| {
            let mut format = source.command("gofmt");
            format.arg("-l").arg(&source.file);
            let mut vet = source.command("go");
            vet.args(["vet", &source.file]);
            let mut build = source.command("go");
            build.args(["build", "-o", "program", &source.file]);
            vec![format, vet, build]
        },
        start: |source| Command::new(source.path("program")),
        lacks: &[],
        differs: CALLS_FIRST,
    }
}

const fn java(
    model: &'static str,
    is_here: fn() -> bool,
    steps: fn(&Source) -> Vec<Command>,
    start: fn(&Source) -> Command,
) -> Tongue {
    Tongue {
        language: "java",
        model,
        is_here,
        steps,
        start,
        lacks: &["receive-many unix"],
        // A second signal changes nothing.
        differs: &[
            ("echo tcp", 2),
            ("echo tcp bounded", 2),
            ("echo unix", 2),
            // The call of its destination outlives a client whose time is up.
            ("relay-to-silence", 0),
        ],
    }
}

fn java_17(source: &Source) -> Vec<Command> {
    vec![javac(source, 17)]
}

fn java_21(source: &Source) -> Vec<Command> {
    vec![javac(source, 21)]
}

fn java_17_starts(source: &Source) -> Command {
    java_starts(source, 17)
}

fn java_21_starts(source: &Source) -> Command {
    java_starts(source, 21)
}

fn javac(source: &Source, version: u32) -> Command {
    let mut command = source.command(jdk(version).expect("it is here").join("bin/javac"));
    command.args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]);
    command.args([
        "-Xlint:all",
        "-Werror",
        "--release",
        &version.to_string(),
        &source.file,
    ]);
    command
}

fn java_starts(source: &Source, version: u32) -> Command {
    let mut command = Command::new(jdk(version).expect("it is here").join("bin/java"));
    // Quick to start, and small: many of them run at once.
    command.args([
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xshare:auto",
        "-Xmx256m",
        // A machine that does not start says why where it is looked for.
        "-XX:+DisplayVMOutputToStderr",
    ]);
    command
        .arg("-cp")
        .arg(source.folder.as_path())
        .arg(source.stem());
    command
}

const fn javascript() -> Tongue {
    Tongue {
        language: "javascript",
        model: "events",
        is_here: || has("node"),
        steps: |source| {
            let mut check = source.command("node");
            check.args(["--check", &source.file]);
            vec![check]
        },
        start: |source| {
            let mut command = Command::new("node");
            command.arg(source.path(&source.file));
            command
        },
        lacks: &["receive-many unix"],
        differs: &[],
    }
}

const fn python(model: &'static str) -> Tongue {
    Tongue {
        language: "python",
        model,
        is_here: || has("python3"),
        steps: |source| {
            let mut names = source.command(python_itself());
            names.args(["-W", "error", "-c", include_str!("names.py")]);
            names.arg(&source.file);
            vec![names]
        },
        start: |source| {
            let mut command = Command::new(python_itself());
            command.args(["-W", "error"]).arg(source.path(&source.file));
            command
        },
        lacks: &[],
        differs: &[],
    }
}

/// What `python3` is behind the scripts that choose a version of it.
fn python_itself() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let output = run(
            Command::new("python3").args(["-c", "import sys; print(sys.executable, end='')"]),
            b"",
        );
        PathBuf::from(String::from_utf8(output.stdout).expect("a path"))
    })
}

const fn rust(
    model: &'static str,
    is_here: fn() -> bool,
    steps: fn(&Source) -> Vec<Command>,
) -> Tongue {
    Tongue {
        language: "rust",
        model,
        is_here,
        steps,
        start: |source| Command::new(source.path("program")),
        lacks: &[],
        differs: CALLS_FIRST,
    }
}

fn rust_steps(source: &Source) -> Vec<Command> {
    let mut format = source.command("rustfmt");
    format.args(["--edition", "2024", "--check", &source.file]);
    let mut lint = source.command("clippy-driver");
    lint.args(["--edition", "2024", "-D", "warnings", "-D", "clippy::all"]);
    lint.args(["--emit", "metadata", "-o", "lint.rmeta", &source.file]);
    let mut build = source.command("rustc");
    build.args([
        "--edition",
        "2024",
        "-D",
        "warnings",
        "-o",
        "program",
        &source.file,
    ]);
    vec![format, lint, build]
}

fn tokio_steps(source: &Source) -> Vec<Command> {
    let library = tokio().expect("it is here");
    let mut steps = rust_steps(source);
    for step in &mut steps[1..] {
        step.arg("-L").arg(library.parent().expect("a folder"));
        step.arg("--extern")
            .arg(format!("tokio={}", library.display()));
    }
    steps
}

/// The tokio that these tests were built with: it lies beside them.
fn tokio() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let folder = env::current_exe().ok()?.parent()?.to_owned();
        let entries = fs::read_dir(folder).ok()?.flatten();
        let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
        let mut libraries: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                name(path).is_some_and(|n| n.starts_with("libtokio-") && n.ends_with(".rlib"))
            })
            .collect();
        // There may be several, with fewer features.
        libraries.sort_by_key(|path| fs::metadata(path).map(|file| file.len()).unwrap_or(0));
        libraries.pop()
    };
    FOUND.get_or_init(find).as_deref()
}

/// The oldest development kit that compiles for this version of Java.
fn jdk(version: u32) -> Option<PathBuf> {
    static FOUND: OnceLock<Vec<(u32, PathBuf)>> = OnceLock::new();
    let kits = FOUND.get_or_init(|| {
        let mut homes: Vec<PathBuf> = fs::read_dir("/usr/lib/jvm")
            .into_iter()
            .flat_map(Iterator::flatten)
            .map(|entry| entry.path())
            .collect();
        homes.extend(env::var_os("JAVA_HOME").map(PathBuf::from));
        let mut kits: Vec<(u32, PathBuf)> = homes
            .into_iter()
            .filter(|home| home.join("bin/javac").exists())
            .filter_map(|home| Some((major(&home)?, home)))
            .collect();
        kits.sort();
        kits
    });
    let kit = kits.iter().find(|(major, _)| *major >= version);
    match (kit, version) {
        (Some(_), _) => {}
        // It says so, or fails.
        (None, 17) => assert!(!has("JDK 17")),
        (None, _) => {
            let _ = writeln!(std::io::stderr(), "skipped: there is no JDK {version}");
        }
    }
    kit.map(|(_, home)| home.clone())
}

/// The version of Java that a development kit says it is.
fn major(home: &Path) -> Option<u32> {
    let release = fs::read_to_string(home.join("release")).ok()?;
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION=\""))?;
    line.split(['.', '"']).next()?.parse().ok()
}
