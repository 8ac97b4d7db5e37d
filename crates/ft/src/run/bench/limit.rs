//! Whether the server set the pace, or somebody else.

use std::thread::available_parallelism;

use fivetuple::load::Measured;

/// What set the pace in place of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// The generator had every processor that it can use.
    Generator,
    /// It could have used more, and others had them: the server, if it is on this machine.
    Machine,
}

impl Limit {
    /// The sentence below a table.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Generator => {
                "the generator had every processor that it can use: it was the limit, not the server"
            }
            Self::Machine => {
                "the generator waited for a processor, and hardly ever for the server: this machine \
                 was the limit"
            }
        }
    }
}

/// From this share of the time on it is nearly all the time.
const NEARLY_ALL: f64 = 0.9;

/// A generator that waits for its server sleeps; so if it was running, or ready to run and waiting
/// for a processor, on nearly every processor that it can use and nearly all the time, then it was
/// not the server that it waited for.
pub(super) fn limit(measured: &Measured) -> Option<Limit> {
    // A connection is the work of one processor.
    let most = processors().min(measured.per_connection.len()).max(1);
    judge((used(measured), awaited(measured)), most as f64)
}

/// How many processors it had and how many it waited for, of so many that it can use.
fn judge((used, awaited): (f64, f64), most: f64) -> Option<Limit> {
    let enough = NEARLY_ALL * most;
    if used >= enough {
        Some(Limit::Generator)
    } else if used + awaited >= enough {
        Some(Limit::Machine)
    } else {
        None
    }
}

/// How many processors this program kept busy.
pub(super) fn used(measured: &Measured) -> f64 {
    share(measured.cpu.as_secs_f64(), measured)
}

/// How many more it would have kept busy.
fn awaited(measured: &Measured) -> f64 {
    share(measured.cpu_awaited.as_secs_f64(), measured)
}

fn share(seconds: f64, measured: &Measured) -> f64 {
    let elapsed = measured.elapsed.as_secs_f64();
    if elapsed > 0.0 {
        seconds / elapsed
    } else {
        0.0
    }
}

/// Processors that this program may use.
pub(super) fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_that_sleeps_is_no_limit() {
        for (used, awaited, most, expected) in [
            // It alone on two processors, and on the only one that one connection can use.
            (1.85, 0.0, 2.0, Some(Limit::Generator)),
            (0.95, 0.0, 1.0, Some(Limit::Generator)),
            // It and its server on two processors, neither with enough of them.
            (1.0, 0.95, 2.0, Some(Limit::Machine)),
            (0.3, 1.6, 2.0, Some(Limit::Machine)),
            // A server with one thread: the second processor is the generator's, and it rests.
            (0.7, 0.3, 2.0, None),
            // One message goes to and fro: each waits for the other.
            (0.5, 0.1, 1.0, None),
            (0.0, 0.0, 1.0, None),
        ] {
            let found = judge((used, awaited), most);
            assert_eq!(found, expected, "{used} {awaited} {most}");
        }
    }
}
