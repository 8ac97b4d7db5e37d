//! The relay service: each client gets a connection of its own to the destination, and the two are
//! joined.
//!
//! While the destination is called nothing is read from the client, so what it sends early waits
//! in the kernel; only its reset is looked for. A client whose destination does not answer is
//! reset: a FIN would tell it that an empty answer was all there is.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Service;
use crate::address::{Address, Resolution, SocketName};
use crate::call::{ConnectError, Errno, ReceiveError};
use crate::close::{Close, Closed, Expired};
use crate::connect::{ConnectOptions, Tries, once};
use crate::connection::Connection;
use crate::kernel::interface::is_of_this_machine;
use crate::transfer::{Joined, Terms, Timer, close_for, tell};

/// How long a destination that has failed is called only after all others: long enough that not
/// every client waits for one that is down, short enough that one that is up again is soon used.
pub const REST: Duration = Duration::from_secs(5);

/// Joins each client to one of the destinations, each of which has its turn.
#[derive(Clone, Debug)]
pub struct Relay {
    destinations: Arc<Destinations>,
    options: Arc<ConnectOptions>,
}

impl Relay {
    /// A relay to these destinations, called in this way; each of them has the connect timeout for
    /// itself, and a new try calls all of them again. Without a destination every client is reset.
    pub fn new(destinations: Vec<Address>, options: ConnectOptions) -> Self {
        Self {
            destinations: Arc::new(Destinations::new(destinations)),
            options: Arc::new(options),
        }
    }

    /// The destination that is one of these listening addresses: a relay to it would call itself,
    /// over and over. What a name stands for is not asked.
    pub fn leads_back(&self, listening: &[SocketName]) -> Option<&Address> {
        let is_ours = |address: &SocketAddr| {
            listening.iter().filter_map(SocketName::inet).any(|local| {
                let every = local.ip().is_unspecified() && local.is_ipv4() == address.is_ipv4();
                let covers = || is_of_this_machine(address.ip()).unwrap_or(false);
                local.port() == address.port()
                    && (local.ip() == address.ip() || (every && covers()))
            })
        };
        let mut addresses = self.destinations.all.iter().map(|one| &one.address);
        addresses.find(|address| match address {
            Address::Tcp(place) | Address::Udp(place) => {
                match place.calling_addresses(self.options.family) {
                    Ok(Resolution::Known(addresses)) => addresses.iter().any(is_ours),
                    _ => false,
                }
            }
            Address::Unix(address) => listening.contains(&address.clone().into()),
        })
    }

    /// Calls the destinations until one answers; the failures are told as the client's.
    async fn connect(&self, client: &Connection) -> Option<Connection> {
        let mut tries = Tries::new(self.options.retry);
        loop {
            let mut may_pass = false;
            for destination in self.destinations.in_turn() {
                match once(&destination.address, &self.options, client.observers()).await {
                    Ok(connected) if connected.identity().peer() == client.identity().local() => {
                        tell(client, &ConnectError::of_itself(client.identity().local()));
                        connected.close(Close::Abort).await;
                    }
                    Ok(connected) => {
                        destination.note(None);
                        return Some(connected);
                    }
                    Err(failure) => {
                        if failure.may_pass() {
                            may_pass = true;
                            destination.note(Some(Instant::now()));
                        }
                        for error in failure.explained() {
                            tell(client, error);
                        }
                    }
                }
            }
            sleep(tries.next_pause().filter(|_| may_pass)?).await;
        }
    }

    /// The connected side for this client, unless it goes or its time is up before.
    async fn connected_side(
        &self,
        client: &Connection,
        terms: &Arc<Terms>,
    ) -> Result<Connection, (Close, Option<Expired>)> {
        let mut timer = Timer::new(client.identity().since, terms);
        let mut connecting = pin!(self.connect(client));
        poll_fn(|cx| {
            if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
                return Poll::Ready(connected.ok_or((Close::Fail, None)));
            }
            if let Poll::Ready(errno) = client.poll_broken(cx) {
                // EPIPE is the RST of a client that had finished sending.
                let errno = if errno == Errno::PIPE {
                    Errno::CONNRESET
                } else {
                    errno
                };
                tell(client, &ReceiveError::new(client.name(), errno));
                return Poll::Ready(Err((close_for(errno), None)));
            }
            if timer.poll(cx, 0, false).is_ready() {
                client.reset_on_close();
                return Poll::Ready(Err((Close::TimeOut, timer.expired())));
            }
            Poll::Pending
        })
        .await
    }

    async fn relay(self, client: Connection, terms: Arc<Terms>) -> Closed {
        // On the heap, so that a pair at work does not carry the room that connecting took.
        match Box::pin(self.connected_side(&client, &terms)).await {
            Ok(connected) => {
                client.identity().join(connected.identity());
                connected.live().announce(client.observers());
                Joined::new(client, connected, &terms).await
            }
            Err((how, expired)) => {
                let closed = client.close(how).await;
                Closed { expired, ..closed }
            }
        }
    }
}

impl Service for Relay {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        self.clone().relay(connection, Arc::clone(terms))
    }

    fn descriptors(&self) -> u64 {
        2
    }
}

/// Where a relay leads.
#[derive(Debug)]
struct Destinations {
    all: Vec<Destination>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Destination {
    address: Address,
    /// When it last failed, unless it has answered since.
    failed: Mutex<Option<Instant>>,
}

impl Destination {
    fn note(&self, failed: Option<Instant>) {
        *self.failed() = failed;
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destinations {
    fn new(addresses: Vec<Address>) -> Self {
        let destination = |address| Destination {
            address,
            failed: Mutex::default(),
        };
        Self {
            all: addresses.into_iter().map(destination).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// All of them in the order in which the next client tries them: first those that do not
    /// rest, beginning with the one whose turn it is, then the others, the one that has rested
    /// longest first.
    fn in_turn(&self) -> impl Iterator<Item = &Destination> {
        let now = Instant::now();
        let mut ready = Vec::with_capacity(self.all.len());
        let mut resting = Vec::new();
        for destination in &self.all {
            let failed = *destination.failed();
            match failed {
                Some(at) if now.saturating_duration_since(at) < REST => {
                    resting.push((at, destination));
                }
                _ => ready.push(destination),
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn % ready.len().max(1);
        ready.rotate_left(first);
        resting.sort_by_key(|(at, _)| *at);
        let resting = resting.into_iter().map(|(_, destination)| destination);
        ready.into_iter().chain(resting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(ports: &[u16]) -> Destinations {
        let address = |port: &u16| port.to_string().parse().unwrap();
        Destinations::new(ports.iter().map(address).collect())
    }

    fn turns(destinations: &Destinations) -> Vec<u16> {
        let turn = destinations.in_turn();
        turn.map(|destination| destination.address.host_port().unwrap().port)
            .collect()
    }

    fn ago(seconds: u64) -> Option<Instant> {
        Instant::now().checked_sub(Duration::from_secs(seconds))
    }

    #[test]
    fn each_has_its_turn_and_the_others_stand_behind_it() {
        let destinations = destinations(&[1, 2, 3]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
        assert_eq!(turns(&destinations), [2, 3, 1]);
        assert_eq!(turns(&destinations), [3, 1, 2]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
    }

    #[test]
    fn one_that_failed_comes_last_until_it_has_rested_or_answered() {
        let destinations = destinations(&[1, 2, 3]);
        destinations.all[1].note(ago(1));
        assert_eq!(turns(&destinations), [1, 3, 2]);
        assert_eq!(turns(&destinations), [3, 1, 2]);
        destinations.all[1].note(ago(REST.as_secs() + 1));
        assert_eq!(turns(&destinations), [3, 1, 2]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
        destinations.all[1].note(ago(1));
        destinations.all[1].note(None);
        assert_eq!(turns(&destinations), [2, 3, 1]);
    }

    #[test]
    fn when_all_have_failed_the_one_that_failed_first_is_tried_first() {
        let destinations = destinations(&[1, 2, 3]);
        for (at, seconds) in [(0, 1), (1, 3), (2, 2)] {
            destinations.all[at].note(ago(seconds));
        }
        assert_eq!(turns(&destinations), [2, 3, 1]);
        assert!(turns(&Destinations::new(Vec::new())).is_empty());
    }

    #[test]
    fn a_relay_to_itself_is_seen() {
        let leads_back = |listening: &str, destination: &str| {
            let relay = Relay::new(
                vec!["192.0.2.1:9".parse().unwrap(), destination.parse().unwrap()],
                ConnectOptions::default(),
            );
            let found = relay.leads_back(&[listening.parse().unwrap()]);
            found.map(ToString::to_string)
        };
        let seen = |text: &str| Some(text.to_owned());
        assert_eq!(leads_back("127.0.0.1:80", "80"), seen("80"));
        assert_eq!(leads_back("[::1]:80", "localhost:80"), seen("localhost:80"));
        assert_eq!(
            leads_back("0.0.0.0:80", "127.0.0.9:80"),
            seen("127.0.0.9:80")
        );
        assert_eq!(leads_back("[::]:80", "127.0.0.1:80"), None);
        assert_eq!(leads_back("0.0.0.0:80", "192.0.2.7:80"), None);
        assert_eq!(leads_back("127.0.0.1:80", "127.0.0.1:81"), None);
        assert_eq!(leads_back("127.0.0.2:80", "127.0.0.1:80"), None);
    }
}
