//! The classic socket system, complete and visible: its types are the diagram.
//!
//! ```text
//!              ┌──────── passive open ────────┐
//!   Socket ─▶ Bound ─▶ Listener ─▶ accept ────┐
//!      └──────┴───────▶ connect ──────────────┴▶ Connection ─▶ transfer ─▶ close ─▶ Closed
//!              └ active open ┘                  every step ─▶ Event ─▶ observers
//! ```
//!
//! A server [opens a socket](Socket::open), [binds](Socket::bind) it to an address and port,
//! [listens](Bound::listen) and [accepts](Listener::accept); every accept gives a new socket for
//! that one client, a [`Connection`], while the listening socket goes on listening. A client opens
//! a socket and [connects](Socket::connect). The connection is named by its [`FiveTuple`], with the
//! same words at both ends. Both sides send and receive until one closes.
//!
//! The phases one by one:
//!
//! ```
//! use fivetuple::{Close, Family, Observers, Reason, Socket, SocketName, SocketOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (options, nobody) = (SocketOptions::default(), Observers::none());
//! let socket = Socket::open(Family::Inet, &options, &nobody)?;
//! let listener = socket.bind("127.0.0.1:0".parse::<SocketName>()?)?.listen(16)?;
//!
//! let caller = Socket::open(Family::Inet, &options, &nobody)?;
//! let mut client = caller.connect(listener.local()).await?;
//! let mut accepted = listener.accept().await?;
//! assert_eq!(client.five_tuple(), accepted.five_tuple());
//!
//! client.send(b"hello").await?;
//! client.half_close()?;
//! let mut buffer = [0; 16];
//! assert_eq!(accepted.receive(&mut buffer).await?, 5);
//! assert_eq!(accepted.receive(&mut buffer).await?, 0); // the peer has finished sending
//! assert_eq!(accepted.close(Close::Release).await.reason, Reason::Released);
//! # Ok(())
//! # }
//! ```
//!
//! A whole server with a service of your own is ten lines more; see [`service`].

pub mod address;
pub mod five_tuple;
pub mod kernel;
pub mod call;
pub mod event;
pub mod socket;
pub mod bind;
pub mod listen;
pub mod connection;
pub mod accept;
pub mod connect;
pub mod close;
pub mod transfer;
pub mod service;
#[cfg(feature = "load")]
pub mod load;
pub mod server;
pub mod client;

pub use accept::{Access, AtLimit, Limits, Loops};
pub use address::{Address, Family, HostPort, SocketName, UnixAddress};
pub use bind::{Bound, NameError};
pub use call::{Call, Explained};
pub use client::{Client, ClientOptions};
pub use close::{ACKNOWLEDGE_WAIT, Close, Closed, Expired, LINGER_MAX, LINGER_SILENCE};
pub use connect::{ConnectOptions, NotConnected, Retry};
pub use connection::{Connection, Live};
pub use event::{Direction, Event, Identity, Observer, Observers, Reason, Side, Totals, Wants};
pub use five_tuple::{ConnectionName, FiveTuple, Protocol};
pub use kernel::{TcpInfo, TcpState};
pub use listen::{BACKLOG, DatagramSocket, Listener, NotAdopted};
pub use server::{
    Control, DatagramOptions, DatagramServer, NotListening, Server, ServerOptions, Summary, Table,
};
pub use service::{DatagramService, Service};
pub use socket::{Keepalive, OpenError, Socket, SocketOptions};
pub use transfer::{Eof, Exchange, Outgoing, Terms};
