//! Opening the connections of a load, each from its source address, and all of them to the one
//! address that has answered first.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::samples::Shared;
use super::window::nanoseconds;
use super::{Failure, LoadOptions};
use crate::address::{Address, SocketName};
use crate::connect::{self, ConnectOptions, NotConnected};
use crate::connection::Connection;
use crate::event::Observers;
use crate::socket::Socket;

/// Connects under way at a time while a load is opened.
const TOGETHER: usize = 128;

/// Makes connections to one peer.
#[derive(Debug)]
pub(super) struct Opener {
    peer: SocketName,
    options: ConnectOptions,
    sources: Vec<IpAddr>,
    observers: Observers,
    times: Shared,
    /// Connects begun; the sources take turns by it.
    begun: AtomicU64,
}

impl Opener {
    /// Makes the first connection, which says where the others go.
    pub(super) async fn first(
        address: &Address,
        options: &LoadOptions,
        observers: &Observers,
        times: &Shared,
    ) -> Result<(Self, Connection), NotConnected> {
        let mut connect = options.connect.clone();
        if let Some(source) = options.sources.first() {
            connect.source = Some(SocketAddr::new(*source, 0));
        }
        // It is not timed: with it goes the lookup of the name, and the wait for a server that is
        // starting.
        let connection = connect::open(address, &connect, observers).await?;
        let opener = Self {
            peer: connection.identity().peer().clone(),
            options: options.connect.clone(),
            sources: options.sources.clone(),
            observers: observers.clone(),
            times: times.clone(),
            begun: AtomicU64::new(1),
        };
        Ok((opener, connection))
    }

    /// The peer.
    pub(super) fn peer(&self) -> &SocketName {
        &self.peer
    }

    /// One connection more, and its number.
    pub(super) async fn connect(&self) -> Result<(Connection, u64), Failure> {
        self.connect_within(self.options.connect_timeout).await
    }

    /// The same, with less patience.
    pub(super) async fn connect_within(
        &self,
        patience: Duration,
    ) -> Result<(Connection, u64), Failure> {
        let number = self.begun.fetch_add(1, Relaxed);
        let patience = patience.min(self.options.connect_timeout);
        let begin = Instant::now();
        match timeout(patience, self.attempt(number)).await {
            Ok(Ok(connection)) => {
                self.times.record(nanoseconds(begin.elapsed()));
                Ok((connection, number))
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    async fn attempt(&self, number: u64) -> Result<Connection, Failure> {
        let (options, observers) = (&self.options.socket, &self.observers);
        let opened = Socket::open(self.peer.family(), options, observers);
        let mut socket = opened.map_err(|error| Failure::from(&NotConnected::from(error)))?;
        if let Some(source) = self.source(number) {
            let bound = socket.bind_source(source);
            socket = bound
                .map_err(|error| Failure::from(&NotConnected::from(error)))?
                .socket;
        }
        let connected = socket.connect_bare(&self.peer).await;
        connected.map_err(Failure::of)
    }

    fn source(&self, number: u64) -> Option<SocketAddr> {
        let turn = number.checked_rem(self.sources.len() as u64);
        let turn = turn.and_then(|turn| usize::try_from(turn).ok());
        match turn.and_then(|turn| self.sources.get(turn)) {
            Some(source) => Some(SocketAddr::new(*source, 0)),
            None => self.options.source,
        }
    }

    /// So many connections more. When a wave of them got no answer, the rest is not tried: it
    /// would take as long again. When it is stopped, those that are out are unfinished, and the
    /// rest is not begun.
    pub(super) async fn connect_all(
        self: &Arc<Self>,
        count: usize,
        stopped: watch::Receiver<bool>,
    ) -> Vec<Result<(Connection, u64), Failure>> {
        let left = Arc::new(AtomicUsize::new(count));
        let silent = Arc::new(AtomicBool::new(false));
        let mut opening = JoinSet::new();
        for _ in 0..count.min(TOGETHER) {
            let (opener, left, silent) = (Arc::clone(self), Arc::clone(&left), Arc::clone(&silent));
            let mut stopped = stopped.clone();
            opening.spawn(async move {
                let mut opened = Vec::new();
                while !*stopped.borrow()
                    && left
                        .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                        .is_ok()
                {
                    opened.push(if silent.load(Relaxed) {
                        Err(Failure::TimedOut)
                    } else {
                        opener.connect_unless(&mut stopped).await
                    });
                    silent.fetch_or(
                        matches!(opened.last(), Some(Err(Failure::TimedOut))),
                        Relaxed,
                    );
                }
                opened
            });
        }
        opening.join_all().await.into_iter().flatten().collect()
    }

    async fn connect_unless(
        &self,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(Connection, u64), Failure> {
        tokio::select! {
            connected = self.connect() => connected,
            _ = stopped.wait_for(|stopped| *stopped) => Err(Failure::Unfinished),
        }
    }
}
