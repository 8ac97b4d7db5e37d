//! Descriptors: a shortage is survived, and none is lost. A file of its own, because the limit and
//! the count belong to the whole process.

mod recorder;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use fivetuple::event::Pause;
use fivetuple::kernel::limit::{descriptor_limit, open_descriptors, set_descriptor_limit};
use fivetuple::service::Echo;
use fivetuple::{AtLimit, Identity, Limits, ServerOptions};
use recorder::{Fact, Running, echo, read_all, reset};
use rustix::net::{AddressFamily, SocketType, socket};
use tokio::sync::Mutex;

/// One test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

fn echoes(_: &Identity) -> Echo {
    Echo
}

fn limited(limits: Limits) -> ServerOptions {
    ServerOptions {
        limits,
        ..ServerOptions::default()
    }
}

/// Takes descriptors until none is left, below a limit that is lowered for the purpose.
fn exhaust() -> Vec<OwnedFd> {
    let mut limit = descriptor_limit();
    limit.soft = Some(open_descriptors().unwrap() + 40);
    set_descriptor_limit(limit).unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(OwnedFd::from(file));
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortage_of_descriptors_is_survived() {
    let _alone = ALONE.lock().await;
    let before = descriptor_limit();
    for at_limit in [AtLimit::Wait, AtLimit::Refuse] {
        let limits = Limits {
            at_limit,
            ..Limits::default()
        };
        let server = Running::start(echoes, limited(limits)).await;
        let mut sound = server.connect();
        echo(&mut sound, b"hello");
        let one = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let taken = exhaust();
        rustix::net::connect(&one, &server.address).unwrap();
        let mut late = TcpStream::from(one);
        late.set_read_timeout(Some(recorder::PATIENCE)).unwrap();
        match at_limit {
            AtLimit::Wait => {
                let shortage = |fact: &Fact| matches!(fact, Fact::Paused(Pause::Descriptors));
                server.recorder.wait_for(shortage);
                let failed = |fact: &Fact| matches!(fact, Fact::Failed(None, text) if text.contains("EMFILE"));
                server.recorder.wait_for(failed);
                echo(&mut sound, b"those who are here are served");
                drop(taken);
                echo(&mut late, b"and the one that waited, too");
                server.recorder.wait_for(|fact| *fact == Fact::Resumed);
            }
            AtLimit::Refuse => {
                let error = late.read(&mut [0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                echo(&mut sound, b"those who are here are served");
                drop(taken);
            }
        }
        set_descriptor_limit(before).unwrap();
        echo(&mut server.connect(), b"and new ones");
        drop((sound, late));
        let summary = server.drain().await;
        assert_eq!(summary.complete, summary.accepted);
    }
    set_descriptor_limit(before).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_clients_every_descriptor_is_back() {
    let _alone = ALONE.lock().await;
    let before = open_descriptors().unwrap();
    let server = Running::start(echoes, ServerOptions::default()).await;
    // Once it has served somebody, it has all that it needs for itself.
    echo(&mut server.connect(), b"first");
    server.recorder.wait_for_all(1, Fact::is_closed);
    let listening = open_descriptors().unwrap();
    for round in 0..200 {
        let mut client = server.connect();
        match round % 4 {
            0 => reset(client),
            1 => drop(client),
            2 => echo(&mut client, b"hello"),
            _ => {
                client.shutdown(std::net::Shutdown::Write).unwrap();
                assert_eq!(read_all(&mut client).unwrap(), b"");
            }
        }
    }
    server.recorder.wait_for_all(201, Fact::is_closed);
    assert!(server.table.is_empty());
    assert_eq!(open_descriptors().unwrap(), listening);
    let summary = server.drain().await;
    assert_eq!(
        (summary.accepted, summary.cut, summary.panicked),
        (201, 0, 0)
    );
    assert_eq!(open_descriptors().unwrap(), before);
}
