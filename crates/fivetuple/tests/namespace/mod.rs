//! Tests that run again in namespaces of their own, in which they may change what they like.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::env;
use std::io::{ErrorKind, Write};
use std::process::Command;

const IN_NAMESPACE: &str = "FIVETUPLE_TEST_IN_NAMESPACE";

/// Runs a test again in network and mount namespaces of its own, loopback up.
///
/// True in the test that started the other one: it is done. False inside.
pub(crate) fn in_namespace(test: &str) -> bool {
    if env::var_os(IN_NAMESPACE).is_some() {
        run("ip", &["link", "set", "lo", "up"]);
        return false;
    }
    let possible = Command::new("unshare").args(["-rnm", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        skip("cannot make namespaces");
        return true;
    }
    let mut command = Command::new("unshare");
    command.arg("-rnm").arg(env::current_exe().unwrap());
    run_again(command, test, &[(IN_NAMESPACE, "1".to_owned())]);
    true
}

pub(crate) fn run_again(mut command: Command, test: &str, environment: &[(&str, String)]) {
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.envs(environment.iter().map(|(name, value)| (*name, value)));
    let output = loop {
        match command.output() {
            // Another test forked while the copy was open for writing; its exec closes it.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
            }
            output => break output.unwrap(),
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
}

/// Whether packets can be dropped.
pub(crate) fn has_nft() -> bool {
    let found = Command::new("nft").arg("--version").output();
    let has_it = found.is_ok_and(|output| output.status.success());
    if !has_it {
        skip("there is no nft");
    }
    has_it
}

/// Under CI a skipped test is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(env::var_os("CI").is_none(), "skipped: {reason}");
    // Nobody may read it; that is no reason to fail.
    _ = std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
}
