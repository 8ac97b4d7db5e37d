//! `ft demo`: the whole diagram on loopback with real sockets, one step after the other, narrated.
//!
//! The phases are put together by hand here, so that every step can be told when it happens.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use fivetuple::bind::NameError;
use fivetuple::call::{AcceptError, ConnectError, ListenError};
use fivetuple::event::Observers;
use fivetuple::socket::OpenError;
use fivetuple::{Close, Connection, Family, Listener, Socket, SocketOptions};
use tokio::time::timeout;

use super::status;
use crate::plan;
use crate::plan::Typed;
use crate::report::error::explain_error;

/// Nothing here takes long; if it does, something is wrong, and that is said.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn demo(report: plan::Report) -> u8 {
    let mut story = Story {
        color: report.color,
        writer: io::stdout(),
    };
    match timeout(PATIENCE, tell(&mut story)).await {
        Ok(Ok(())) => status::DONE,
        Ok(Err(error)) => match error.downcast_ref::<io::Error>() {
            // The reader of the story has gone.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => status::DONE,
            Some(error) => super::fail(&super::stdout_failed(error)),
            None => failed(&*error),
        },
        Err(_) => super::fail("the demonstration did not go on for 10 s"),
    }
}

/// A call that failed, with what is known and what to try.
fn failed(error: &(dyn Error + Send + Sync + 'static)) -> u8 {
    let open = error.downcast_ref::<OpenError>().map(OpenError::explained);
    let name = error.downcast_ref::<NameError>().map(NameError::explained);
    let listen = error.downcast_ref().map(|error: &ListenError| error as _);
    let accept = error.downcast_ref().map(|error: &AcceptError| error as _);
    let connect = error.downcast_ref().map(|error: &ConnectError| error as _);
    let Some(call) = open.or(name).or(listen).or(accept).or(connect) else {
        return super::fail(&format!("the demonstration failed: {error}"));
    };
    // Nobody is left to be told when stderr is closed.
    let text = explain_error(call, &Typed::verb("connect"));
    let _ = writeln!(io::stderr(), "{text}");
    status::FAILED
}

type Told = Result<(), Box<dyn Error + Send + Sync>>;

async fn tell(story: &mut Story) -> Told {
    let listener = passive_open(story)?;
    let mut clients = Vec::new();
    for number in 1..=3 {
        clients.push(connect(story, &listener, number).await?);
    }
    story.note(format_args!(
        "one port, {} sockets on the server: the listening one and one for each client; \
         the five-tuples tell them apart",
        clients.len() + 1
    ))?;
    for pair in &mut clients {
        exchange(story, pair).await?;
    }
    let mut clients = clients.into_iter();
    if let (Some(first), Some(second), Some(third)) =
        (clients.next(), clients.next(), clients.next())
    {
        client_finishes(story, first).await?;
        server_finishes(story, second).await?;
        client_aborts(story, third).await?;
    }
    story.head("the listening socket is still there")?;
    let mut fourth = connect(story, &listener, 4).await?;
    exchange(story, &mut fourth).await?;
    client_finishes(story, fourth).await?;
    stop_listening(story, listener).await
}

/// Steps 1 to 3.
fn passive_open(story: &mut Story) -> Result<Listener, Box<dyn Error + Send + Sync>> {
    story.head("the server: passive open")?;
    let socket = Socket::open(Family::Inet, &SocketOptions::default(), &Observers::none())?;
    story.step(
        1,
        "socket",
        format_args!(
            "descriptor {}: an empty endpoint, a phone not yet connected to anything",
            fd(&socket)
        ),
    )?;
    let bound = socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    story.step(
        2,
        "bind",
        format_args!(
            "it gets an address and port: {} (port 0 let the system choose)",
            bound.local()
        ),
    )?;
    let listener = bound.listen(16)?;
    story.step(
        3,
        "listen",
        format_args!("it waits; it never carries data (clients may queue here, up to 16)"),
    )?;
    Ok(listener)
}

/// Both ends of one connection.
struct Pair {
    number: u32,
    client: Connection,
    accepted: Connection,
}

/// Step 4, at both ends.
async fn connect(
    story: &mut Story,
    listener: &Listener,
    number: u32,
) -> Result<Pair, Box<dyn Error + Send + Sync>> {
    story.head(format_args!("client {number}: active open"))?;
    let socket = Socket::open(Family::Inet, &SocketOptions::default(), &Observers::none())?;
    story.step(1, "socket", format_args!("descriptor {}", fd(&socket)))?;
    let client = socket.connect(listener.local()).await?;
    story.step(
        4,
        "connect",
        format_args!(
            "to {}; the system chose port {} as the source",
            listener.local(),
            client.five_tuple().map_or(0, |name| name.source.port())
        ),
    )?;
    let accepted = listener.accept().await?;
    story.step(
        4,
        "accept",
        format_args!(
            "on {} gives a new socket, descriptor {}, for this client alone",
            fd(listener),
            fd(&accepted)
        ),
    )?;
    story.step(5, "established", format_args!("{}", accepted.name()))?;
    Ok(Pair {
        number,
        client,
        accepted,
    })
}

/// Step 6: a question and its answer.
async fn exchange(story: &mut Story, pair: &mut Pair) -> Told {
    let Pair {
        number,
        client,
        accepted,
    } = pair;
    let question = format!("hello from client {number}");
    client.send(question.as_bytes()).await?;
    let heard = receive(accepted).await?;
    accepted.send(heard.to_uppercase().as_bytes()).await?;
    let answer = receive(client).await?;
    story.step(
        6,
        "send/recv",
        format_args!("client {number} sent “{question}” and received “{answer}”"),
    )?;
    Ok(())
}

/// Step 7, begun by the client: both directions end in order.
async fn client_finishes(story: &mut Story, pair: Pair) -> Told {
    let Pair {
        number,
        mut client,
        mut accepted,
    } = pair;
    story.head(format_args!(
        "client {number} finishes first: orderly release"
    ))?;
    client.half_close()?;
    receive(&mut accepted).await?;
    story.step(
        7,
        "shutdown",
        format_args!(
            "client {number} finished sending: it is in {}, the server in {}",
            client.tcp_info()?.state,
            accepted.tcp_info()?.state
        ),
    )?;
    accepted.send(b"one last answer").await?;
    let last = receive(&mut client).await?;
    story.note(format_args!(
        "a half-close ends one direction only: the server still sent “{last}”"
    ))?;
    let server = accepted.close(Close::Release).await;
    receive(&mut client).await?;
    let closed = client.close(Close::Release).await;
    story.step(
        7,
        "close",
        format_args!(
            "{} at both ends; first: {} (seen by the client); sent {} B, received {} B",
            server.reason, closed.first, closed.totals.bytes_sent, closed.totals.bytes_received
        ),
    )?;
    Ok(())
}

/// Step 7, begun by the server.
async fn server_finishes(story: &mut Story, pair: Pair) -> Told {
    let Pair {
        number,
        mut client,
        mut accepted,
    } = pair;
    story.head(format_args!(
        "the server closes the connection of client {number}: either side may"
    ))?;
    accepted.half_close()?;
    let end = receive(&mut client).await?;
    story.step(
        7,
        "recv",
        format_args!(
            "client {number} received {} bytes: the end of the stream, not an error",
            end.len()
        ),
    )?;
    client.half_close()?;
    receive(&mut accepted).await?;
    let server = accepted.close(Close::Release).await;
    let closed = client.close(Close::Release).await;
    story.step(
        7,
        "close",
        format_args!(
            "{} at both ends; first: {} (seen by the client)",
            server.reason, closed.first
        ),
    )?;
    Ok(())
}

/// Step 7, without order.
async fn client_aborts(story: &mut Story, pair: Pair) -> Told {
    let Pair {
        number,
        client,
        mut accepted,
    } = pair;
    story.head(format_args!(
        "client {number} aborts: the other kind of close"
    ))?;
    let closed = client.close(Close::Abort).await;
    story.step(
        7,
        "close",
        format_args!(
            "client {number} {} its connection: RST instead of FIN",
            closed.reason
        ),
    )?;
    let mut buffer = [0; 16];
    if let Err(error) = accepted.receive(&mut buffer).await {
        story.step(
            7,
            "recv",
            format_args!("the server is told: {}", error.code),
        )?;
    }
    accepted.close(Close::Reset).await;
    Ok(())
}

async fn stop_listening(story: &mut Story, listener: Listener) -> Told {
    let local = listener.local().clone();
    story.head("the server closes its listening socket")?;
    drop(listener);
    let socket = Socket::open(Family::Inet, &SocketOptions::default(), &Observers::none())?;
    if let Err(refused) = socket.connect(local).await {
        story.step(4, "connect", format_args!("client 5: {refused}"))?;
    }
    story.note(format_args!(
        "now yourself: ft listen 8080 echo · ft connect 8080 · ft explain"
    ))?;
    Ok(())
}

/// What is there, up to 64 bytes; empty at the end of the stream.
async fn receive(connection: &mut Connection) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut buffer = [0; 64];
    let count = connection.receive(&mut buffer).await?;
    let bytes = buffer.get(..count).unwrap_or_default();
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn fd(socket: &impl AsFd) -> i32 {
    socket.as_fd().as_raw_fd()
}

/// The narrator.
struct Story {
    color: bool,
    writer: io::Stdout,
}

impl Story {
    fn head(&mut self, text: impl fmt::Display) -> io::Result<()> {
        let (on, off) = self.style("\x1b[1m");
        writeln!(self.writer, "\n{on}{text}{off}")
    }

    fn step(&mut self, step: u32, call: &str, text: fmt::Arguments<'_>) -> io::Result<()> {
        let (on, off) = self.style("\x1b[36m");
        writeln!(self.writer, "  {step} {on}{call:<11}{off} {text}")
    }

    fn note(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let (on, off) = self.style("\x1b[2m");
        writeln!(self.writer, "  {on}{text}{off}")
    }

    fn style(&self, on: &'static str) -> (&'static str, &'static str) {
        if self.color {
            (on, "\x1b[0m")
        } else {
            ("", "")
        }
    }
}
