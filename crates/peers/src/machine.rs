//! The machine: what it is, how it is set, and whose time it spends.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The time that this process has had on a core.
pub fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The times of all cores together, from /proc/stat.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    all: u64,
    stolen: u64,
}

/// Where the time that other machines had stands.
const STOLEN: usize = 7;

impl Times {
    /// Up to now.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let times: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .flat_map(str::parse)
            .collect();
        Self {
            // Behind it are the guests' times, which are in the others already.
            all: times.iter().take(STOLEN + 1).sum(),
            stolen: times.get(STOLEN).copied().unwrap_or(0),
        }
    }

    /// The part that other machines have had since then, from 0 to 1. The times are ticks of 10 ms,
    /// and one of them is no sign: in a short slice it would be more than what is tolerated.
    pub fn stolen_since(self) -> f64 {
        let now = Self::now();
        let all = now.all.saturating_sub(self.all).max(1);
        now.stolen.saturating_sub(self.stolen + 1) as f64 / all as f64
    }
}

/// How many cores this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the limit of descriptors as far as it goes, for this process and all that it starts.
pub fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // What is too few is told by the row that needs more.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// What the machine is and how it is set: name and value, for the report.
pub fn settings() -> Vec<(&'static str, String)> {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let processor = read("/proc/cpuinfo");
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let processor = processor
        .unwrap_or_default()
        .trim_start_matches(['\t', ' ', ':']);
    let memory = read("/proc/meminfo");
    let memory = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
    let network = "/proc/sys/net/";
    vec![
        ("kernel", format!("Linux {}", kernel())),
        ("processor", format!("{processor}, {} cores", cores())),
        ("memory", format!("{} MiB", memory.unwrap_or(0) / 1024)),
        ("tcp_congestion_control", congestion_control()),
        (
            "tcp_rmem",
            read(&format!("{network}ipv4/tcp_rmem")).replace('\t', " "),
        ),
        (
            "tcp_wmem",
            read(&format!("{network}ipv4/tcp_wmem")).replace('\t', " "),
        ),
        ("somaxconn", read(&format!("{network}core/somaxconn"))),
        (
            "ip_local_port_range",
            read(&format!("{network}ipv4/ip_local_port_range")).replace('\t', " "),
        ),
        ("MTU of lo", read("/sys/class/net/lo/mtu")),
        ("descriptors", descriptors),
    ]
}

/// What a connection over loopback has: a route may say something else than the machine's setting.
fn congestion_control() -> String {
    let ask = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        Ok::<_, io::Error>(sockopt::tcp_congestion(&stream)?)
    };
    ask().unwrap_or_else(|error| error.to_string())
}

/// The kernel's version, without what a builder has added to it.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.trim().split('-').next().unwrap_or_default();
    version.to_owned()
}
