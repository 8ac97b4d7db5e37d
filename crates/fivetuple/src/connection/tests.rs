//! What the state of a socket says while the event loop knows less.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::task::{Context, Waker};
use std::thread;

use super::*;
use crate::address::Family;
use crate::event::Observers;
use crate::kernel::{TcpState, tcp_info};
use crate::socket::{Socket, SocketOptions};

/// A connection of ours, and the plain socket at its other end.
pub(crate) async fn pair() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let observers = Observers::default();
    let socket = Socket::open(Family::Inet, &SocketOptions::default(), &observers).unwrap();
    let address = listener.local_addr().unwrap();
    let ours = socket.connect(address).await.unwrap();
    let (peer, _) = listener.accept().unwrap();
    (ours, peer)
}

#[tokio::test]
async fn a_fin_behind_bytes_that_nobody_has_read_is_no_reset() {
    let (mut ours, mut peer) = pair().await;
    // From here on the loop takes the socket for writable, and nothing else.
    poll_fn(|cx| ours.poll_send(cx, b"x")).await.unwrap();
    ours.half_close().unwrap();
    assert_eq!(peer.read(&mut [0; 2]).unwrap(), 1);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    peer.write_all(b"unread").unwrap();
    drop(peer);
    while tcp_info::tcp_state(&ours).unwrap() != TcpState::Closed {
        thread::yield_now();
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(ours.poll_broken(&mut cx).is_pending());
}
