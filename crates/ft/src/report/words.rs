//! What connections and their ends are called in lines for people; the log and the trace share it.

use std::fmt;
use std::time::Duration;

use fivetuple::event::{FellBehind, Pause, Role, TurnedAway};
use fivetuple::{Direction, Identity, Protocol, Reason, Side, Totals};

/// `#1 127.0.0.1:51312 → 127.0.0.1:8080 tcp`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a>(pub(crate) &'a Identity);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.0.number, self.0.name())
    }
}

/// `connected`, of a relay `connected for #1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connected<'a>(pub(crate) &'a Identity);

impl fmt::Display for Connected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.pair() {
            Some(pair) => write!(f, "connected for #{pair}"),
            None => f.write_str("connected"),
        }
    }
}

/// `closed: released by peer first, 1.204 s, sent 5 B, received 5 B`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) reason: Reason,
    pub(crate) first: Side,
    pub(crate) totals: &'a Totals,
}

impl fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Released => write!(f, "closed: released by {} first", self.first)?,
            Reason::Reset => f.write_str("closed: reset by peer")?,
            Reason::Aborted => f.write_str("closed: aborted by us")?,
            Reason::TimedOut => f.write_str("closed: timed out")?,
            Reason::Failed => f.write_str("closed: failed")?,
        }
        let totals = self.totals;
        write!(
            f,
            ", {}, sent {}, received {}",
            Lasted(totals.duration),
            Bytes(totals.bytes_sent),
            Bytes(totals.bytes_received)
        )?;
        if totals.bytes_unacknowledged > 0 {
            write!(f, ", {} unacknowledged", Bytes(totals.bytes_unacknowledged))?;
        }
        if totals.datagrams_dropped > 0 {
            write!(f, ", {} datagrams lost here", totals.datagrams_dropped)?;
        }
        Ok(())
    }
}

/// The exact number, and from 10,000 on what it is about: `1234567 B (1.23 MB)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROUNDED_FROM: u64 = 10_000;
        write!(f, "{} B", self.0)?;
        if self.0 < ROUNDED_FROM {
            return Ok(());
        }
        let units = [("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
        // To the nearest, and 999,999 is 1.00 MB rather than 1000.00 kB.
        let rounded =
            |unit: u64| (u128::from(self.0) * 100 + u128::from(unit / 2)) / u128::from(unit);
        let fits = units.into_iter().find(|(_, unit)| rounded(*unit) < 100_000);
        let (name, unit) = fits.unwrap_or(("GB", 1_000_000_000));
        let hundredths = rounded(unit);
        write!(f, " ({}.{:02} {name})", hundredths / 100, hundredths % 100)
    }
}

/// `was too slow: 262144 B (262.14 kB) behind (sent), so it is closed (--slow close)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind<'a>(pub(crate) &'a FellBehind<'a>);

impl fmt::Display for Behind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, direction) = (Bytes(self.0.bytes), self.0.direction);
        let policy = self.0.policy;
        write!(
            f,
            "was too slow: {bytes} behind ({direction}), so it is closed (--slow {policy})"
        )
    }
}

/// `312 µs`, `45.120 ms`, `1.204 s`, `2 min 03.500 s`, `26 h 00 min 01.000 s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasted(pub(crate) Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        if seconds == 0 && micros < 1000 {
            return write!(f, "{micros} µs");
        }
        if seconds == 0 {
            return write!(f, "{}.{:03} ms", micros / 1000, micros % 1000);
        }
        let (millis, second, minute) = (micros / 1000, seconds % 60, seconds / 60 % 60);
        match (seconds / 3600, minute) {
            (0, 0) => write!(f, "{second}.{millis:03} s"),
            (0, _) => write!(f, "{minute} min {second:02}.{millis:03} s"),
            (hours, _) => write!(f, "{hours} h {minute:02} min {second:02}.{millis:03} s"),
        }
    }
}

/// `was too slow: 7 B dropped (sent)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    pub(crate) protocol: Protocol,
    pub(crate) role: Role,
    pub(crate) direction: Direction,
    pub(crate) bytes: u64,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Bytes(self.bytes);
        match (self.protocol, self.role, self.direction) {
            (Protocol::Udp, Role::Accepted, Direction::Sent) => {
                write!(f, "{bytes} not sent: over 3 times what came, or no room")
            }
            (Protocol::Udp, Role::Connected, Direction::Sent) => {
                write!(f, "{bytes} not sent: no room, or refused")
            }
            (Protocol::Udp, Role::Accepted, Direction::Received) => write!(
                f,
                "{bytes} dropped: a datagram longer than the buffer, or no destination in time"
            ),
            (Protocol::Udp, Role::Connected, Direction::Received) => {
                write!(f, "{bytes} dropped: a datagram longer than the buffer")
            }
            (_, _, direction) => write!(f, "was too slow: {bytes} dropped ({direction})"),
        }
    }
}

/// Why a client was turned away.
pub(crate) const fn turned_away(why: TurnedAway) -> &'static str {
    match why {
        TurnedAway::Limit => "the limit of connections is reached",
        TurnedAway::PerIpLimit => "its address has as many connections as it may have",
        TurnedAway::Rule => "a rule does not let it in",
    }
}

/// Why accepting rests.
pub(crate) const fn paused(why: Pause) -> &'static str {
    match why {
        Pause::Limit => "the limit of connections is reached",
        Pause::Descriptors => "no descriptor is left",
        Pause::Memory => "the kernel has no memory for more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_readable() {
        for (micros, text) in [
            (0, "0 µs"),
            (312, "312 µs"),
            (45_120, "45.120 ms"),
            (1_204_900, "1.204 s"),
            (123_500_000, "2 min 03.500 s"),
            (93_601_000_000, "26 h 00 min 01.000 s"),
        ] {
            assert_eq!(Lasted(Duration::from_micros(micros)).to_string(), text);
        }
    }

    #[test]
    fn bytes_are_exact_and_readable() {
        for (bytes, text) in [
            (0, "0 B"),
            (9999, "9999 B"),
            (12_344, "12344 B (12.34 kB)"),
            (12_345, "12345 B (12.35 kB)"),
            (65_536, "65536 B (65.54 kB)"),
            (999_994, "999994 B (999.99 kB)"),
            (999_999, "999999 B (1.00 MB)"),
            (999_999_999, "999999999 B (1.00 GB)"),
            (1_234_567, "1234567 B (1.23 MB)"),
            (u64::MAX, "18446744073709551615 B (18446744073.71 GB)"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
