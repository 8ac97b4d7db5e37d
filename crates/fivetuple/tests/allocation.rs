//! The steady state allocates nothing: what is counted while many messages are served is the same
//! as while twice as many are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use fivetuple::service::{Echo, Relay};
use fivetuple::{
    Address, ConnectOptions, Identity, Observers, Server, ServerOptions, Service, SocketName,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

const CLIENTS: usize = 16;

/// A server on the thread that drives this runtime.
fn serve(runtime: &Runtime, service: impl Service) -> SocketAddr {
    runtime.block_on(async {
        let address: Address = "127.0.0.1:0".parse().unwrap();
        let observers = Observers::new(Vec::new());
        let server = Server::open(&address, ServerOptions::default(), &observers);
        let server = server.await.unwrap();
        let local = server.local().next().and_then(SocketName::inet).unwrap();
        tokio::spawn(server.serve(service));
        local
    })
}

/// Serves while `work` goes on in a thread of its own; how often this thread has allocated.
fn allocations(runtime: &Runtime, work: impl FnOnce() + Send + 'static) -> u64 {
    let (done, is_done) = oneshot::channel();
    let working = thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    let counted = measure(|| runtime.block_on(is_done).unwrap());
    working.join().unwrap();
    counted.count_total
}

/// Messages of this size there and back, so many times with each client.
fn talk(clients: &[TcpStream], rounds: usize, size: usize) -> impl FnOnce() + Send + 'static {
    let clients: Vec<TcpStream> = clients.iter().map(|one| one.try_clone().unwrap()).collect();
    move || {
        let (message, mut back) = (vec![7; size], vec![0; size]);
        for _ in 0..rounds {
            for mut client in &clients {
                client.write_all(&message).unwrap();
                client.read_exact(&mut back).unwrap();
            }
        }
    }
}

fn clients(address: SocketAddr) -> Vec<TcpStream> {
    let connect = |_| {
        let client = TcpStream::connect(address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        client
    };
    (0..CLIENTS).map(connect).collect()
}

#[test]
fn messages_that_are_served_in_the_steady_state_allocate_nothing() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let echo = serve(&runtime, |_: &Identity| Echo);
    let to = Address::from(echo);
    let relay = serve(&runtime, Relay::new(vec![to], ConnectOptions::default()));
    for address in [echo, relay] {
        let clients = clients(address);
        for (rounds, size) in [(50, 64), (50, 4096)] {
            allocations(&runtime, talk(&clients, rounds, size));
            let once = allocations(&runtime, talk(&clients, rounds, size));
            let twice = allocations(&runtime, talk(&clients, 2 * rounds, size));
            assert_eq!(once, twice, "{address}: {size} bytes");
        }
    }
}

/// Bulk goes through pipes that are lent again and again.
#[test]
fn bulk_through_a_relay_allocates_nothing() {
    const PIECE: usize = 16 << 20;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = Address::from(listener.local_addr().unwrap());
    let relay = serve(&runtime, Relay::new(vec![to], ConnectOptions::default()));
    let mut client = TcpStream::connect(relay).unwrap();
    let (accepted, accepts) = std::sync::mpsc::channel();
    allocations(&runtime, move || {
        accepted.send(listener.accept().unwrap().0).unwrap();
    });
    let server = accepts.recv().unwrap();
    let flow = |pieces: usize| {
        let mut from = client.try_clone().unwrap();
        let mut to = server.try_clone().unwrap();
        allocations(&runtime, move || {
            let sending = thread::spawn(move || {
                for _ in 0..pieces {
                    from.write_all(&vec![1; PIECE]).unwrap();
                }
            });
            let mut buffer = vec![0; PIECE];
            for _ in 0..pieces {
                to.read_exact(&mut buffer).unwrap();
            }
            sending.join().unwrap();
        })
    };
    flow(1);
    let (once, thrice) = (flow(1), flow(3));
    client.flush().unwrap();
    // A stall in between gives its pipe back, and takes a waker or two.
    assert!(thrice <= once + 8, "{once}, {thrice}");
}
