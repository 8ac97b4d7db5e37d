//! Programs that make the work themselves, and say what they have done: iperf3, wrk, `ft bench`. Each
//! is run anew for every slice.

use std::convert::identity;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::contender::Recipe;
use crate::harness::{Around, Harness};
use crate::pairs::{Calls, Meter, Side, Slice};
use crate::process::{Ended, Running, spawn, wait_for};
use crate::trouble::{Doing, Trouble};

/// So much longer than it is to work may a program need.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that makes work for a server.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The harness that runs it.
    pub harness: &'a Harness,
    /// How it is started.
    pub recipe: &'a Recipe,
    /// The core that it has to itself, if any.
    pub core: Option<usize>,
    /// How its words are understood.
    pub read: fn(&str) -> Option<Done>,
}

/// What a program says that it has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done {
    /// Messages, bytes or requests.
    pub units: f64,
    /// The time in which it did them.
    pub elapsed: Duration,
}

impl<'a> Client<'a> {
    /// Slices of work for this server.
    pub fn side(self, server: &'a Running) -> Side<'a> {
        Box::new(move |_| self.run(server, &identity))
    }

    /// Who it is and which calls it makes for a unit of work.
    pub fn calls(self, server: &Running) -> (String, Calls) {
        let calls = self.harness.calls_of(|around| self.run(server, around));
        (self.recipe.name.to_owned(), calls)
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// It is missing, fails, or does not say what it has done.
    pub fn run(self, server: &Running, around: Around<'_>) -> Result<Slice, Trouble> {
        let command = self.harness.command(self.recipe, server.port(), 0)?;
        let meter = Meter::start(server);
        let seconds = self.harness.form.slice.as_secs().max(1);
        let within = Duration::from_secs(seconds) + PATIENCE;
        let (ended, text) = output(around(command), self.core, within)?;
        let slice = meter.stop(server, 0.0);
        match (self.read)(&text) {
            Some(done) if done.units > 0.0 && ended.status.success() => Ok(Slice {
                units: done.units,
                elapsed: done.elapsed,
                client: ended.cpu,
                ..slice
            }),
            _ => Err(Trouble::wrong(self.recipe.name, said(&text))),
        }
    }
}

/// Runs a program to its end; what it cost, and what it wrote.
fn output(
    mut command: Command,
    core: Option<usize>,
    within: Duration,
) -> Result<(Ended, String), Trouble> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = spawn(&mut command, core).doing("start a program")?;
    let mut output = child.stdout.take();
    // What these programs write fits into the pipe.
    let ended = wait_for(&mut child, within)?;
    let mut text = String::new();
    if let Some(output) = &mut output {
        output
            .read_to_string(&mut text)
            .doing("read what a program writes")?;
    }
    Ok((ended, text))
}

/// The words of a program that has not done what it was asked to.
fn said(text: &str) -> String {
    let error = serde_json::from_str::<Value>(text);
    let error = error.map(|report| report["error"].clone());
    match error {
        Ok(Value::String(error)) => error,
        _ => format!("does not say what it has done: {text}"),
    }
}

/// The bytes that iperf3 has sent.
pub fn iperf3(text: &str) -> Option<Done> {
    let report: Value = serde_json::from_str(text).ok()?;
    let sent = &report["end"]["sum_sent"];
    Some(Done {
        units: sent["bytes"].as_f64()?,
        elapsed: seconds(sent["seconds"].as_f64()?)?,
    })
}

/// The requests that were answered to wrk; nothing if some were answered wrongly.
pub fn wrk(text: &str) -> Option<Done> {
    if text.contains("Socket errors") || text.contains("Non-2xx") {
        return None;
    }
    let mut lines = text.lines();
    let (requests, rest) = lines.find_map(|line| line.trim().split_once(" requests in "))?;
    let (elapsed, _) = rest.split_once("s,")?;
    Some(Done {
        units: requests.parse().ok()?,
        elapsed: seconds(elapsed.parse().ok()?)?,
    })
}

/// The messages that came back to `ft bench`; nothing if some failed.
pub fn ft_messages(text: &str) -> Option<Done> {
    ft(text, "messages")
}

/// The bytes that `ft bench` has sent; nothing if something failed.
pub fn ft_bytes_sent(text: &str) -> Option<Done> {
    ft(text, "bytes_sent")
}

fn ft(text: &str, counted: &str) -> Option<Done> {
    let report: Value = serde_json::from_str(text).ok()?;
    let result = &report["results"][0];
    (result["failures"]["total"] == 0).then_some(())?;
    Some(Done {
        units: result[counted].as_f64()?,
        elapsed: Duration::from_nanos(result["elapsed_ns"].as_u64()?),
    })
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(units: f64, milliseconds: u64) -> Option<Done> {
        let elapsed = Duration::from_millis(milliseconds);
        Some(Done { units, elapsed })
    }

    #[test]
    fn what_wrk_says_is_read_unless_something_failed() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  \
                    98113 requests in 1.10s, 21.43MB read\nRequests/sec:  89193.64\n";
        assert_eq!(wrk(text), done(98_113.0, 1100));
        let failed = format!("{text}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
        assert_eq!(wrk(&failed), None);
        let refused = format!("{text}  Non-2xx or 3xx responses: 7\n");
        assert_eq!(wrk(&refused), None);
        assert_eq!(wrk(""), None);
    }

    #[test]
    fn what_iperf3_says_is_read() {
        let text = r#"{"end":{"sum_sent":{"bytes":5000,"seconds":0.5}}}"#;
        assert_eq!(iperf3(text), done(5000.0, 500));
        let text = r#"{"end":{},"error":"unable to connect to server"}"#;
        assert_eq!(iperf3(text), None);
        assert_eq!(said(text), "unable to connect to server");
    }

    #[test]
    fn what_ft_bench_says_is_read_unless_something_failed() {
        let text = |failures: u32| {
            format!(
                r#"{{"results":[{{"messages":7,"bytes_sent":64,"elapsed_ns":2000000,
                "failures":{{"total":{failures}}}}}]}}"#
            )
        };
        assert_eq!(ft_messages(&text(0)), done(7.0, 2));
        assert_eq!(ft_bytes_sent(&text(0)), done(64.0, 2));
        assert_eq!(ft_messages(&text(1)), None);
        assert_eq!(ft_messages("ft: connect: refused"), None);
    }
}
