//! The passive road on one page: socket → bind → listen → accept, a task for each client, close.
//!
//! Before it: everything. Whoever wants another road puts the phases together himself; this one
//! keeps limits, access rules, drain and the table of living connections.

mod datagram;
mod not_listening;
mod opening;
mod table;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::accept::{Acceptor, Access, Admitted, Limits, Loops, Places};
use crate::address::{Address, AddressError, Family, SocketName};
use crate::close::Closed;
use crate::connect::NoAddresses;
use crate::event::Observers;
use crate::listen::{BACKLOG, Listener};
use crate::service::Service;
use crate::socket::{Socket, SocketOptions};
use crate::transfer::Terms;

pub use datagram::{DatagramOptions, DatagramServer, DatagramSummary, WhenFull};
pub use not_listening::NotListening;
use opening::open_each;
pub use table::Table;
use work::Work;

/// How to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// The options of the listening sockets, which accepted sockets inherit.
    pub socket: SocketOptions,
    /// Only this family.
    pub family: Option<Family>,
    /// Clients that may wait in the accept queue.
    pub backlog: u32,
    /// How many connections there may be.
    pub limits: Limits,
    /// Who may connect.
    pub access: Access,
    /// When connections end.
    pub terms: Terms,
    /// Serve one connection, then end.
    pub once: bool,
    /// How long connections may go on after the server was told to stop.
    pub drain: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            socket: SocketOptions::default(),
            family: None,
            backlog: BACKLOG,
            limits: Limits::default(),
            access: Access::default(),
            terms: Terms::SERVER,
            once: false,
            drain: Duration::from_secs(30),
        }
    }
}

/// A server that listens: clients can connect from now on.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    options: ServerOptions,
    observers: Observers,
    table: Arc<Table>,
    orders: watch::Sender<Order>,
    loops: Option<Loops>,
}

/// What a server was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Serve,
    Drain,
    Cut,
}

/// Tells a server to stop; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control(watch::Sender<Order>);

impl Control {
    /// Accept what is queued, close the listening sockets, let the connections end.
    pub fn drain(&self) {
        self.0.send_if_modified(|order| raise(order, Order::Drain));
    }

    /// Abort what is left.
    pub fn cut(&self) {
        self.0.send_if_modified(|order| raise(order, Order::Cut));
    }
}

fn raise(order: &mut Order, to: Order) -> bool {
    let higher = *order < to;
    *order = to.max(*order);
    higher
}

/// What a server did, at its end.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of those, the ones that ended in order with everything acknowledged.
    pub complete: u64,
    /// Those that were cut because the drain was over.
    pub cut: u64,
    /// Services that panicked.
    pub panicked: u64,
    /// Bytes sent by the connections that were not cut and did not panic.
    pub bytes_sent: u64,
    /// See `bytes_sent`.
    pub bytes_received: u64,
    /// The last connection that ended.
    pub last: Option<Closed>,
}

impl Server {
    /// Makes, binds and listens on one socket for each address: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`NotListening`], for the first address that could not be had.
    pub async fn open(
        address: &Address,
        options: ServerOptions,
        observers: &Observers,
    ) -> Result<Self, NotListening> {
        if let Address::Udp(_) = address {
            return Err(NoAddresses::from(AddressError::NotAStream).into());
        }
        let bind = |name: SocketName| {
            let socket = Socket::open(name.family(), &options.socket, observers)?;
            Ok(socket.bind(name)?)
        };
        let listeners = open_each((address, options.family), bind, |bound| {
            Ok(bound.listen(options.backlog)?)
        });
        let listeners = listeners.await?;
        Ok(Self::of(listeners, options, observers))
    }

    /// A server on sockets that listen already: [adopted](Listener::adopt) ones, or made by hand.
    pub fn of(listeners: Vec<Listener>, options: ServerOptions, observers: &Observers) -> Self {
        Self {
            listeners,
            options,
            observers: observers.clone(),
            table: Arc::default(),
            orders: watch::Sender::new(Order::Serve),
            loops: None,
        }
    }

    /// Spreads the connections over these event loops, in place of serving them on the one that
    /// [serves](Self::serve). For services whose connections have nothing to do with one another.
    #[must_use]
    pub fn on(mut self, loops: Loops) -> Self {
        self.loops = Some(loops);
        self
    }

    /// The addresses that clients connect to.
    pub fn local(&self) -> impl Iterator<Item = &SocketName> {
        self.listeners.iter().map(Listener::local)
    }

    /// Stops it from elsewhere.
    pub fn control(&self) -> Control {
        Control(self.orders.clone())
    }

    /// The living connections.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }

    /// Accepts until told to stop (or once), each connection on a task of its own; then drains.
    pub async fn serve<S: Service>(self, service: S) -> Summary {
        let Self {
            listeners,
            options,
            observers,
            table,
            orders,
            loops,
        } = self;
        let max = options.limits.connections(service.descriptors());
        let places = Places::new(max, &options.limits);
        let mut acceptor =
            Acceptor::new(listeners, options.access, Arc::clone(&places), &observers)
                .on(loops.clone());
        let mut serving = Serving {
            service: Arc::new(service),
            terms: Arc::new(options.terms),
            observers,
            table,
            work: Arc::default(),
        };
        let mut order = orders.subscribe();
        let told_to_stop = loop {
            tokio::select! {
                biased;
                _ = order.wait_for(|order| *order > Order::Serve) => break true,
                admitted = acceptor.next() => {
                    serving.start(admitted);
                    if options.once {
                        break false;
                    }
                }
            }
        };
        if told_to_stop {
            serving.service.drain();
            serving
                .take_queued((&mut acceptor, &places), &mut order, options.drain)
                .await;
        }
        drop(acceptor);
        serving.drain(&mut order, options.drain).await;
        // Not before the last connection has ended.
        drop(loops);
        serving.work.summary()
    }
}

struct Serving<S> {
    service: Arc<S>,
    terms: Arc<Terms>,
    observers: Observers,
    table: Arc<Table>,
    work: Arc<Work>,
}

impl<S: Service> Serving<S> {
    fn start(&mut self, admitted: Admitted) {
        let Admitted {
            mut connection,
            place,
            home,
        } = admitted;
        let live = Arc::clone(connection.live());
        let loop_of_its_own = home.as_ref().map(|home| home.handle().clone());
        let entry = Table::enter(&self.table, Arc::clone(&live), (Some(place), home));
        connection.attach(Box::new(entry));
        let entered = loop_of_its_own.as_ref().map(Handle::enter);
        let serve = || self.service.serve(connection, &self.terms);
        // A service that panics at the door ends this connection only, like one that does later.
        let serving = catch_unwind(AssertUnwindSafe(serve));
        drop(entered);
        match serving {
            Ok(serving) => {
                // Said when the service has it: what happens from here on reaches this client.
                live.announce(&self.observers);
                let number = live.identity.number;
                self.work.start(number, serving, loop_of_its_own.as_ref());
            }
            Err(_) => self.work.count_panicked(),
        }
    }

    /// Serves whoever had reached us before we were told to stop; at the limit as places are
    /// given back, for as long as the drain lasts.
    async fn take_queued(
        &mut self,
        (acceptor, places): (&mut Acceptor, &Places),
        order: &mut watch::Receiver<Order>,
        drain: Duration,
    ) {
        let mut until = pin!(sleep(drain));
        loop {
            while let Some(admitted) = acceptor.take_queued() {
                self.start(admitted);
            }
            if !places.is_full() {
                return;
            }
            tokio::select! {
                biased;
                () = places.free() => {}
                () = &mut until => return,
                _ = order.wait_for(|order| *order >= Order::Cut) => return,
            }
        }
    }

    /// Lets the connections end, for so long, then aborts them.
    async fn drain(&mut self, order: &mut watch::Receiver<Order>, drain: Duration) {
        let service = Arc::clone(&self.service);
        let time_up = async {
            // After `once` nobody has said yet that it shall stop.
            let _ = order.wait_for(|order| *order >= Order::Drain).await;
            service.drain();
            tokio::select! {
                () = sleep(drain) => {}
                _ = order.wait_for(|order| *order >= Order::Cut) => {}
            }
        };
        let mut time_up = pin!(time_up);
        let mut cut = false;
        loop {
            tokio::select! {
                biased;
                () = self.work.none_left() => return,
                () = &mut time_up, if !cut => {
                    cut = true;
                    self.work.abort_all();
                }
            }
        }
    }
}
