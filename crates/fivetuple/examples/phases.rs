//! The passive open by hand, a phase a line, with every call that it makes on standard error:
//! socket, bind, listen, accept, receive and send, close.
//!
//! `cargo run --example phases 127.0.0.1:8080`, then talk to it with `nc 127.0.0.1 8080`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use fivetuple::{Close, Event, Family, Observer, Observers, Socket, SocketOptions, Wants};

struct Trace;

impl Observer for Trace {
    fn wants(&self) -> Wants {
        Wants {
            calls: true,
            ..Wants::default()
        }
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::Called(called) = event {
            let _ = writeln!(std::io::stderr(), "{called}");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let local = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let local: SocketAddr = local.parse()?;
    let observers = Observers::new(vec![Arc::new(Trace)]);

    let socket = Socket::open(Family::of(&local), &SocketOptions::default(), &observers)?;
    let bound = socket.bind(local)?;
    let listener = bound.listen(16)?;
    writeln!(std::io::stdout(), "listening on {}", listener.local())?;

    let mut connection = listener.accept().await?;
    let mut buffer = [0; 4096];
    while let count @ 1.. = connection.receive(&mut buffer).await? {
        connection.send(&buffer[..count]).await?;
    }
    let closed = connection.close(Close::Release).await;
    writeln!(
        std::io::stdout(),
        "{} {}",
        closed.identity.name(),
        closed.reason
    )?;
    Ok(())
}
