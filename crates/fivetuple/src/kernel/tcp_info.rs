//! `TCP_INFO`: what Linux knows about one TCP socket, by the names of tcp(7) and of
//! `linux/tcp.h`, from any kernel: a field that it does not return is `None`.

use std::fmt;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::io::Errno;

use super::{field, socket_option};

/// Room for the structure: 248 bytes in 2025, and it grows at its end.
const LENGTH_MAX: usize = 512;

/// The state of a TCP socket, the eleven names of RFC 9293.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TcpState {
    /// Waiting for a connection request from anybody.
    Listen,
    /// Our SYN is out, nothing came back yet.
    SynSent,
    /// A SYN came and ours is out; the last ACK of the handshake is missing.
    SynReceived,
    /// Both directions are open.
    Established,
    /// Our FIN is out and not acknowledged; the peer is still sending.
    FinWait1,
    /// Our FIN is acknowledged; the peer is still sending.
    FinWait2,
    /// The peer has finished, we have not.
    CloseWait,
    /// Both sides finished at the same time; our FIN is not acknowledged.
    Closing,
    /// The peer finished first, then we; our FIN is not acknowledged.
    LastAck,
    /// Both finished; the five-tuple is kept for 60 s in case segments come late.
    TimeWait,
    /// No connection: not begun, released or reset. A socket that is only bound has it, too.
    Closed,
}

impl TcpState {
    /// The state by Linux's number (`include/net/tcp_states.h`).
    ///
    /// `None` for a number that is none. Number 12, a request that waits for the last ACK of its
    /// handshake, is SYN-RECEIVED; number 13, bound and nothing more, is CLOSED.
    pub const fn from_linux(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 | 13 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// The name as RFC 9293 writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The answer to `TCP_INFO`. All but the state is `None` where the kernel does not return it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The TCP state.
    pub state: TcpState,
    /// Unanswered retransmissions of the oldest segment, now.
    pub retransmits: Option<u8>,
    /// Unanswered probes: keepalive or zero window, now.
    pub probes: Option<u8>,
    /// Retransmission timeout.
    pub rto: Option<Duration>,
    /// Bytes in one segment that we send.
    pub snd_mss: Option<u32>,
    /// Bytes in one segment that we receive.
    pub rcv_mss: Option<u32>,
    /// Segments sent and not acknowledged. Listening socket: connections in the accept queue.
    pub unacked: Option<u32>,
    /// Segments acknowledged out of order. Listening socket: the backlog in force.
    pub sacked: Option<u32>,
    /// Segments taken for lost, now.
    pub lost: Option<u32>,
    /// Retransmitted segments that are out, now.
    pub retrans: Option<u32>,
    /// Time since we last sent data.
    pub last_data_sent: Option<Duration>,
    /// Time since data last came.
    pub last_data_recv: Option<Duration>,
    /// Time since an ACK last came.
    pub last_ack_recv: Option<Duration>,
    /// Bytes in one packet of the path.
    pub pmtu: Option<u32>,
    /// Smoothed round-trip time.
    pub rtt: Option<Duration>,
    /// Its mean deviation.
    pub rttvar: Option<Duration>,
    /// Segments that the congestion window allows to be out.
    pub snd_cwnd: Option<u32>,
    /// Retransmitted segments over the connection's life.
    pub total_retrans: Option<u32>,
    /// Rate at which the kernel spreads what it sends, bytes per second.
    pub pacing_rate: Option<u64>,
    /// Sequence numbers acknowledged (Linux 4.1): our bytes, our SYN and, at the end, our FIN.
    pub bytes_acked: Option<u64>,
    /// Sequence numbers received in order (Linux 4.1): the peer's bytes and, at the end, its FIN.
    pub bytes_received: Option<u64>,
    /// Segments sent (Linux 4.2).
    pub segs_out: Option<u32>,
    /// Segments received (Linux 4.2).
    pub segs_in: Option<u32>,
    /// Bytes given to the kernel and not sent yet (Linux 4.6); a waiting FIN counts as one.
    pub notsent_bytes: Option<u32>,
    /// The smallest round-trip time of the last minutes (Linux 4.6).
    pub min_rtt: Option<Duration>,
    /// Bytes per second that arrived lately (Linux 4.9).
    pub delivery_rate: Option<u64>,
    /// Time with data to send (Linux 4.10).
    pub busy_time: Option<Duration>,
    /// Part of it in which the peer's window was full (Linux 4.10).
    pub rwnd_limited: Option<Duration>,
    /// Part of it in which our send buffer was the limit (Linux 4.10).
    pub sndbuf_limited: Option<Duration>,
    /// Data bytes sent, repetitions included (Linux 4.19).
    pub bytes_sent: Option<u64>,
    /// Data bytes sent again (Linux 4.19).
    pub bytes_retrans: Option<u64>,
    /// The peer's window, bytes (Linux 5.4).
    pub snd_wnd: Option<u32>,
}

impl TcpInfo {
    /// Reads the structure, of whatever length; `None` without a state that Linux has.
    pub fn parse(from: &[u8]) -> Option<Self> {
        let state = TcpState::from_linux(field::u8(from, 0)?)?;
        let number = |offset| field::u32(from, offset);
        let long = |offset| field::u64(from, offset);
        let micros = |offset| number(offset).map(|n| Duration::from_micros(n.into()));
        let millis = |offset| number(offset).map(|n| Duration::from_millis(n.into()));
        let long_micros = |offset| long(offset).map(Duration::from_micros);
        Some(Self {
            state,
            retransmits: field::u8(from, 2),
            probes: field::u8(from, 3),
            rto: micros(8),
            snd_mss: number(16),
            rcv_mss: number(20),
            unacked: number(24),
            sacked: number(28),
            lost: number(32),
            retrans: number(36),
            last_data_sent: millis(44),
            last_data_recv: millis(52),
            last_ack_recv: millis(56),
            pmtu: number(60),
            rtt: micros(68),
            rttvar: micros(72),
            snd_cwnd: number(80),
            total_retrans: number(100),
            pacing_rate: long(104),
            bytes_acked: long(120),
            bytes_received: long(128),
            segs_out: number(136),
            segs_in: number(140),
            notsent_bytes: number(144),
            min_rtt: micros(148).filter(|_| number(148) != Some(u32::MAX)),
            delivery_rate: long(160),
            busy_time: long_micros(168),
            rwnd_limited: long_micros(176),
            sndbuf_limited: long_micros(184),
            bytes_sent: long(200),
            bytes_retrans: long(208),
            snd_wnd: number(228),
        })
    }
}

/// Asks for the `TCP_INFO` of a socket (tcp(7)).
///
/// # Errors
///
/// EOPNOTSUPP or ENOPROTOOPT for what is not a TCP socket; EPROTO if the answer has no state.
pub fn tcp_info(fd: impl AsFd) -> Result<TcpInfo, Errno> {
    let mut into = [0; LENGTH_MAX];
    let filled = socket_option::get(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut into)?;
    TcpInfo::parse(filled).ok_or(Errno::PROTO)
}

/// The TCP state alone: one byte of `TCP_INFO`.
///
/// # Errors
///
/// As [`tcp_info`].
pub fn tcp_state(fd: impl AsFd) -> Result<TcpState, Errno> {
    let mut into = [0; 1];
    let filled = socket_option::get(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut into)?;
    field::u8(filled, 0)
        .and_then(TcpState::from_linux)
        .ok_or(Errno::PROTO)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn states_have_the_names_of_the_standard() {
        let names: Vec<&str> = (0..=14)
            .filter_map(TcpState::from_linux)
            .map(TcpState::name)
            .collect();
        let expected = "ESTABLISHED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED \
            CLOSE-WAIT LAST-ACK LISTEN CLOSING SYN-RECEIVED CLOSED";
        assert_eq!(names.join(" "), expected);
        assert_eq!(format!("{:>6}|", TcpState::Listen), "LISTEN|");
    }

    #[test]
    fn an_answer_of_any_length_is_read_as_far_as_it_goes() {
        let whole: Vec<u8> = (0..=255).map(|n: u8| if n == 0 { 1 } else { n }).collect();
        assert_eq!(TcpInfo::parse(&[]), None);
        assert_eq!(TcpInfo::parse(&[99]), None);
        let mut fields_before = 0;
        for length in 1..=whole.len() {
            let info = TcpInfo::parse(&whole[..length]).unwrap();
            let fields = format!("{info:?}").matches("Some(").count();
            assert!(fields >= fields_before, "{length}");
            fields_before = fields;
            assert_eq!(info.snd_mss.is_some(), length >= 20);
            assert_eq!(info.rtt.is_some(), length >= 72);
            assert_eq!(info.total_retrans.is_some(), length >= 104);
            assert_eq!(info.bytes_received.is_some(), length >= 136);
            assert_eq!(info.snd_wnd.is_some(), length >= 232);
        }
        let info = TcpInfo::parse(&whole).unwrap();
        assert_eq!(info.snd_mss, Some(u32::from_ne_bytes([16, 17, 18, 19])));
        let mut unknown_rtt = whole;
        unknown_rtt[148..152].fill(0xff);
        assert_eq!(TcpInfo::parse(&unknown_rtt).unwrap().min_rtt, None);
    }

    #[test]
    fn a_real_connection_counts_its_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(tcp_info(&listener).unwrap().state, TcpState::Listen);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut client, &[7; 1000]).unwrap();
        std::io::Read::read_exact(&mut accepted, &mut [0; 1000]).unwrap();
        let info = tcp_info(&accepted).unwrap();
        assert_eq!(
            (info.state, info.bytes_received),
            (TcpState::Established, Some(1000))
        );
        assert!(
            tcp_info(&client)
                .unwrap()
                .rtt
                .is_some_and(|rtt| !rtt.is_zero())
        );
        drop(client);
        while tcp_state(&accepted).unwrap() != TcpState::CloseWait {
            std::thread::yield_now();
        }
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(matches!(
            tcp_info(other),
            Err(Errno::OPNOTSUPP | Errno::NOPROTOOPT)
        ));
    }
}
