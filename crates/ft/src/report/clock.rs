//! The time of day, as it stands in front of lines for people.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// This machine's time zone, asked for once.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// The zone of this machine; UTC, and marked so, where it is not known.
    pub(crate) fn of_this_machine() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    /// Always UTC.
    #[cfg(test)]
    pub(crate) fn utc() -> Self {
        Self {
            zone: TimeZone::UTC,
        }
    }

    /// The local time of day.
    pub(crate) fn time(&self, at: Timestamp) -> TimeOfDay {
        let offset: Offset = self.zone.to_offset(at);
        let second = at.as_second() + i64::from(offset.seconds());
        let mut micros = at.subsec_microsecond();
        let mut second = second.rem_euclid(24 * 60 * 60);
        if micros < 0 {
            // Before 1970 the parts of a second count backwards.
            micros += 1_000_000;
            second = (second - 1).rem_euclid(24 * 60 * 60);
        }
        TimeOfDay {
            second,
            micros,
            marked: self.zone.is_unknown(),
        }
    }
}

/// Now. A clock that is set beyond what a calendar has reads as 1970.
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}

/// `HH:MM:SS.microseconds`, and a Z behind it where it is UTC for want of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeOfDay {
    second: i64,
    micros: i32,
    marked: bool,
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            second,
            micros,
            marked,
        } = *self;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{hour:02}:{minute:02}:{:02}.{micros:06}", second % 60)?;
        if marked { f.write_str("Z") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_day_has_six_digits_of_a_second() {
        let at = |text: &str| Clock::utc().time(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-11-23T00:04:14.000001999Z"), "00:04:14.000001");
        assert_eq!(at("1969-12-31T23:59:59.5Z"), "23:59:59.500000");
        let east = Clock {
            zone: TimeZone::fixed(jiff::tz::offset(2)),
        };
        let late: Timestamp = "2026-11-23T22:30:00Z".parse().unwrap();
        assert_eq!(east.time(late).to_string(), "00:30:00.000000");
        let nowhere = Clock {
            zone: TimeZone::unknown(),
        };
        assert_eq!(nowhere.time(late).to_string(), "22:30:00.000000Z");
    }
}
