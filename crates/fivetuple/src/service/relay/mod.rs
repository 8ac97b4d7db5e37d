//! The relay service: each client gets a connection of its own to the destination, and the two are
//! joined.
//!
//! While the destination is called nothing is read from the client, so what it sends early waits
//! in the kernel; only its reset is looked for. A client whose destination does not answer is
//! reset: a FIN would tell it that an empty answer was all there is.

mod datagrams;
mod destinations;
mod names;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::time::sleep;

use super::Service;
use crate::address::{Address, Resolution, SocketName};
use crate::call::{ConnectError, Errno, ReceiveError};
use crate::close::{Close, Closed, Expired};
use crate::connect::{self, ConnectOptions, NotConnected, Tries};
use crate::connection::Connection;
use crate::event::{Identity, Observers};
use crate::kernel::interface::is_of_this_machine;
use crate::transfer::{Joined, Pipes, Terms, Timer, close_for, tell};

use datagrams::Sessions;
pub use destinations::REST;
use destinations::{Destination, Destinations};

/// Joins each client to one of the destinations, each of which has its turn. As a service of
/// datagrams one relay (and its clones) is for one server.
#[derive(Clone, Debug)]
pub struct Relay {
    destinations: Arc<Destinations>,
    options: Arc<ConnectOptions>,
    /// For bulk.
    pipes: Arc<Pipes>,
    /// Of datagrams.
    sessions: Arc<Sessions>,
}

impl Relay {
    /// A relay to these destinations, called in this way; each of them has the connect timeout for
    /// itself, and a new try calls all of them again. Without a destination every client is reset.
    pub fn new(destinations: Vec<Address>, options: ConnectOptions) -> Self {
        Self {
            destinations: Arc::new(Destinations::new(destinations)),
            options: Arc::new(options),
            pipes: Arc::default(),
            sessions: Arc::default(),
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
    async fn connect(
        &self,
        client: &Identity,
        observers: &Observers,
    ) -> Option<(Connection, &Destination)> {
        let mut tries = Tries::new(self.options.retry);
        loop {
            let mut may_pass = false;
            for destination in self.destinations.in_turn() {
                match self.call(destination, observers).await {
                    Ok(connected) => match goes_round(client, connected.identity().peer()) {
                        None => return Some((connected, destination)),
                        Some(error) => {
                            observers.failed(client, &error);
                            connected.close(Close::Abort).await;
                        }
                    },
                    Err(failure) => {
                        if failure.may_pass() {
                            may_pass = true;
                            destination.note(Some(Instant::now()));
                        }
                        for error in failure.explained() {
                            observers.failed(client, error);
                        }
                    }
                }
            }
            sleep(tries.next_pause().filter(|_| may_pass)?).await;
        }
    }

    async fn call(
        &self,
        destination: &Destination,
        observers: &Observers,
    ) -> Result<Connection, NotConnected> {
        if let Address::Udp(_) = destination.address {
            let names = destination.names.get(&destination.address, &self.options);
            let names = names.await?;
            return connect::datagrams(names, &self.options, observers).await;
        }
        let connected = connect::once(&destination.address, &self.options, observers).await?;
        destination.note(None);
        Ok(connected)
    }

    /// The connected side for this client, unless it goes or its time is up before.
    async fn connected_side(
        &self,
        client: &Connection,
        terms: &Arc<Terms>,
    ) -> Result<Connection, (Close, Option<Expired>)> {
        let mut timer = Timer::new(client.identity().since, terms);
        let mut connecting = pin!(self.connect(client.identity(), client.observers()));
        poll_fn(|cx| {
            if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
                let connected = connected.map(|(connected, _)| connected);
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
                Joined::new(client, connected, (&terms, &self.pipes)).await
            }
            Err((how, expired)) => {
                let closed = client.close(how).await;
                Closed { expired, ..closed }
            }
        }
    }
}

/// What is wrong with a destination that is this relay itself or, over UDP, its own client: whoever
/// writes the address of the destination on a datagram would have it talk to itself for ever.
fn goes_round(client: &Identity, called: &SocketName) -> Option<ConnectError> {
    if called == client.local() {
        Some(ConnectError::of_itself(called))
    } else if called == client.peer() {
        Some(ConnectError::of_its_client(called))
    } else {
        None
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(leads_back("127.0.0.1:80", "udp:80"), seen("udp:80"));
    }
}
