//! A script in network, mount and process namespaces of its own, and the whole of what is said on
//! stderr, compared with the text on file.

use crate::rig::{can_make_namespaces, namespaces, number, run};

/// What every script begins with: loopback is up, `peer` starts a Python program and waits until
/// it has said so, `until` waits for a command to succeed.
const PRELUDE: &str = r#"
export PATH=$PATH:/usr/sbin:/sbin TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
ip link set lo up
mount -t tmpfs tmpfs /mnt && cd /mnt && chmod 755 /mnt
peer() {
    exec {out}< <(exec python3 -c "
import os, select, socket, sys, time
def ready(): print(flush=True)
def open_socket(address, reuse=False, family=socket.AF_INET):
    s = socket.socket(family)
    if reuse: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    return s
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0'); s.close()
$1
select.select([], [], [])")
    read -r <&$out
}
wait_for() { until "$@" > /dev/null 2>&1; do :; done; }
open_end() { exec tail -f /dev/null; }
"#;

/// The script's stderr with what differs from run to run replaced, and its status.
fn said(script: &str) -> Option<String> {
    if !can_make_namespaces() {
        return None;
    }
    let mut command = namespaces();
    command
        .args(["bash", "-c", &format!("{PRELUDE}{script}")])
        .env("FT", env!("CARGO_BIN_EXE_ft"));
    let output = run(&mut command, b"");
    let stderr = String::from_utf8(output.stderr).expect("the text is UTF-8");
    Some(format!("{stderr}status {}", number(output.status)))
}

/// Compares all that a script says with the text on file.
pub(crate) fn check(name: &str, script: &str) {
    let Some(text) = said(script) else { return };
    let mut settings = insta::Settings::clone_current();
    for (pattern, instead) in [
        (r"\bpid \d+", "pid PID"),
        (r"\bkill \d+", "kill PID"),
        (r"(process is|raise it to) \d+", "$1 N"),
        (r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "since DATE TIME"),
        (r"held by python3[.0-9]*", "held by python3"),
        (r":(3[2-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b", ":PORT"),
        (
            r"(for at most|wait|, |in) \d+(\.\d+)?( (µs|ms|s|min)|s)\b",
            "$1 DURATION",
        ),
    ] {
        settings.add_filter(pattern, instead);
    }
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(format!("errors__{name}"), text));
}
