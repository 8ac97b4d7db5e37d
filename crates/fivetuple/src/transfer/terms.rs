//! When and how late a connection ends, as its owner wants it.

use std::time::Duration;

use super::Eof;

/// When the directions of a connection end, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What an end of one direction means for the other.
    pub eof: Eof,
    /// Throw away what the peer sends, and close when our input has ended and is sent.
    pub send_only: bool,
    /// Longest time without a byte either way.
    pub idle: Option<Duration>,
    /// Longest time in all.
    pub deadline: Option<Duration>,
    /// Longest time without a byte once one direction has ended. Of datagrams it is how long to
    /// wait for one more, and no failure.
    pub half_closed: Option<Duration>,
}

impl Terms {
    /// What a server does unless something else is asked for.
    pub const SERVER: Self = Self {
        eof: Eof::Half,
        send_only: false,
        idle: None,
        deadline: None,
        half_closed: Some(Duration::from_secs(300)),
    };

    /// What a client does unless something else is asked for.
    pub const CLIENT: Self = Self {
        half_closed: None,
        ..Self::SERVER
    };

    /// What a client of datagrams does unless something else is asked for: nobody says over UDP
    /// that he has finished, so this much silence after the end of our input is the end.
    pub const DATAGRAMS: Self = Self {
        half_closed: Some(Duration::from_secs(1)),
        ..Self::SERVER
    };
}
