//! A program on its way: what `ft code` has written, in a folder of its own.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use super::tongue::Tongue;
use crate::rig::{Folder, ft, number, run};

pub(crate) struct Source {
    pub(crate) folder: Folder,
    /// The name of the file in it.
    pub(crate) file: String,
}

impl Source {
    /// What `ft code` writes for this command, or its sentence where it refuses.
    pub(crate) fn of(
        tongue: &Tongue,
        style: &[&str],
        stem: &str,
        words: &[OsString],
    ) -> Result<Self, String> {
        let file = file_name(tongue.language, stem);
        let mut command = ft();
        command.args(["code", tongue.language, "--model", tongue.model]);
        command.args(style).args(words);
        let output = run(&mut command, b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match number(output.status) {
            0 => assert_eq!(said, "", "{command:?}"),
            2 => return Err(said),
            status => panic!("{command:?}: status {status}: {said}"),
        }
        let folder = Folder::new();
        folder.write(&file, &output.stdout);
        Ok(Self { folder, file })
    }

    /// Checks its form and compiles it.
    pub(crate) fn build(self, tongue: &'static Tongue) -> Program {
        for mut step in (tongue.steps)(&self) {
            let output = run(&mut step, b"");
            let said = [output.stdout, output.stderr].concat();
            assert!(
                output.status.success() && said.is_empty(),
                "{step:?}: status {}:\n{}",
                number(output.status),
                String::from_utf8_lossy(&said)
            );
        }
        Program {
            source: self,
            tongue,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// The name of the file without what tells the language.
    pub(crate) fn stem(&self) -> &str {
        self.file.split('.').next().unwrap_or_default()
    }

    /// A tool, at work in the folder.
    pub(crate) fn command(&self, tool: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(tool);
        command.current_dir(self.folder.as_path());
        command
    }

    pub(crate) fn text(&self) -> String {
        let bytes = std::fs::read(self.path(&self.file)).expect("it was written");
        String::from_utf8(bytes).expect("a program is text")
    }
}

/// As the language has them: a class of Java stands in a file of its name.
fn file_name(language: &str, stem: &str) -> String {
    let ending = match language {
        "javascript" => "mjs",
        "python" => "py",
        "rust" => "rs",
        other => other,
    };
    if language == "java" {
        let (first, rest) = stem.split_at(1);
        return format!("{}{rest}.java", first.to_uppercase());
    }
    format!("{stem}.{ending}")
}

/// A program that can be started.
pub(crate) struct Program {
    source: Source,
    tongue: &'static Tongue,
}

impl Program {
    pub(crate) fn command(&self) -> Command {
        let mut command = (self.tongue.start)(&self.source);
        command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }
}
