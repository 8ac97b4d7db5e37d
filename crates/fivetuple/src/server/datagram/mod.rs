//! The passive road for datagrams: socket → bind, and then one socket for everybody.

mod options;
mod peers;
mod serving;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::opening::open_each;
use super::{Control, NotListening, Order, Table};
use crate::address::{Address, AddressError, SocketName};
use crate::connect::NoAddresses;
use crate::event::{Observers, Reason, Side};
use crate::listen::DatagramSocket;
use crate::service::DatagramService;
use crate::socket::{OpenError, Socket};

pub use options::{DatagramOptions, DatagramSummary, WhenFull};
use serving::Serving;

/// A server of datagrams: they are received from now on.
#[derive(Debug)]
pub struct DatagramServer {
    sockets: Vec<Arc<DatagramSocket>>,
    options: DatagramOptions,
    observers: Observers,
    table: Arc<Table>,
    orders: watch::Sender<Order>,
}

impl DatagramServer {
    /// Makes and binds one socket for each address: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`NotListening`], for the first address that could not be had.
    pub async fn open(
        address: &Address,
        options: DatagramOptions,
        observers: &Observers,
    ) -> Result<Self, NotListening> {
        if !matches!(address, Address::Udp(_)) {
            return Err(NoAddresses::from(AddressError::NotDatagrams).into());
        }
        let bind = |name: SocketName| {
            let socket = Socket::open_datagram(name.family(), &options.socket, observers)?;
            Ok(socket.bind(name)?)
        };
        let sockets = open_each((address, options.family), bind, |bound| {
            let socket = bound.datagrams().map_err(OpenError::from)?;
            Ok(Arc::new(socket))
        });
        Ok(Self {
            sockets: sockets.await?,
            options,
            observers: observers.clone(),
            table: Arc::default(),
            orders: watch::Sender::new(Order::Serve),
        })
    }

    /// The addresses that datagrams are sent to.
    pub fn local(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|socket| socket.local())
    }

    /// Stops it from elsewhere.
    pub fn control(&self) -> Control {
        Control(self.orders.clone())
    }

    /// The peers that are known.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }

    /// Gives each datagram to the exchange of its peer until told to stop; then ends at once.
    pub async fn serve<S: DatagramService>(self, service: S) -> DatagramSummary {
        let mut order = self.orders.subscribe();
        let mut serving = Serving::new(self, service);
        tokio::select! {
            biased;
            _ = order.wait_for(|order| *order > Order::Serve) => {}
            never = poll_fn(|cx| serving.poll_work(cx)) => match never {},
        }
        while let Some(peer) = serving.peers.pop_first() {
            serving.end(peer, Reason::Released, Side::Us);
        }
        serving.service.finished().await;
        serving.summary
    }
}
