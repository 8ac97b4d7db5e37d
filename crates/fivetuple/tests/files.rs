//! A file to each client and a file from each client, as the services tell it to their owner.

mod recorder;

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use fivetuple::service::{Destination, ReceiveFile, SendFile};
use fivetuple::{Reason, ServerOptions};
use recorder::{Fact, PATIENCE, Running, pattern, read_all, reset};

/// A directory of its own, gone at the end of its test.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let name = format!("fivetuple-files-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is told of a received file, without what is borrowed.
#[derive(Debug, PartialEq)]
struct Told {
    path: Option<PathBuf>,
    bytes: u64,
    complete: bool,
    failed: bool,
    has_digest: bool,
}

fn receive(place: &Place) -> (ReceiveFile, Receiver<Told>) {
    let (tell, told) = channel();
    let destination = Destination::file(&place.0.join("copy")).unwrap();
    let service = ReceiveFile::new(destination, move |received| {
        let _ = tell.send(Told {
            path: received.path.clone(),
            bytes: received.bytes,
            complete: received.complete,
            failed: received.failed,
            has_digest: received.digest.is_some(),
        });
    });
    (service.with_digest(true), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn our_end_of_the_stream_is_the_receipt() {
    let place = Place::new("receipt");
    let (service, told) = receive(&place);
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    client.write_all(&pattern(1_000_000)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut client).unwrap(), b"");
    // Nothing is waited for: the file has its name.
    assert!(fs::read(place.0.join("copy")).unwrap() == pattern(1_000_000));
    assert_eq!(
        told.recv_timeout(PATIENCE).unwrap(),
        Told {
            path: Some(place.0.join("copy")),
            bytes: 1_000_000,
            complete: true,
            failed: false,
            has_digest: true,
        }
    );
    assert_eq!(server.recorder.closed().0, Reason::Released);
    server.drain().await;
    assert!(told.recv().is_err(), "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_come_before_a_reset_is_in_the_partial_file() {
    let place = Place::new("reset");
    let (service, told) = receive(&place);
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    client.write_all(&pattern(100_000)).unwrap();
    let live = server.table.all();
    recorder::until(|| live.iter().all(|one| one.bytes_received() == 100_000)).await;
    reset(client);
    let partial = place.0.join("copy.partial");
    let expected = Told {
        path: Some(partial.clone()),
        bytes: 100_000,
        complete: false,
        failed: false,
        has_digest: false,
    };
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), expected);
    assert!(fs::read(partial).unwrap() == pattern(100_000));
    assert_eq!(server.recorder.closed().0, Reason::Reset);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_leaves_a_partial_file_and_it_is_told() {
    let place = Place::new("cut");
    let (service, told) = receive(&place);
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    client.write_all(b"begun").unwrap();
    let partial = place.0.join("copy.partial");
    recorder::until(|| fs::metadata(&partial).is_ok_and(|file| file.len() == 5)).await;
    server.control.cut();
    assert_eq!(server.end().await.cut, 1);
    let told = told.recv_timeout(PATIENCE).unwrap();
    assert!(!told.complete && told.bytes == 5, "{told:?}");
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_made_is_told_once_and_resets_the_client() {
    let place = Place::new("taken");
    let (service, told) = receive(&place);
    let server = Running::start(service, ServerOptions::default()).await;
    fs::write(place.0.join("copy"), b"old").unwrap();
    let mut client = server.connect();
    client.write_all(b"new").unwrap();
    assert!(client.read(&mut [0]).is_err());
    let told = told.recv_timeout(PATIENCE).unwrap();
    assert!(told.failed && told.path.is_none(), "{told:?}");
    assert_eq!(server.recorder.closed().0, Reason::Failed);
    let failed = server.recorder.facts();
    let failed = failed
        .iter()
        .filter(|fact| matches!(fact, Fact::Failed(..)));
    let failed: Vec<&Fact> = failed.collect();
    let path = place.0.join("copy");
    let text = format!("open {}: exists already (EEXIST)", path.display());
    assert_eq!(failed, [&Fact::Failed(Some(1), text)]);
    assert_eq!(fs::read(path).unwrap(), b"old");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_file_is_told_as_complete_only_when_it_is() {
    let place = Place::new("send");
    let path = place.0.join("file");
    fs::write(&path, pattern(20_000_000)).unwrap();
    let (tell, told) = channel();
    let service = SendFile::new(&path, 7, move |sent| {
        let _ = tell.send((sent.complete, sent.digest, sent.changed));
    });
    let service = service.with_digest(true);
    assert_eq!(service.size().unwrap(), 20_000_000 - 7);
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    assert!(read_all(&mut client).unwrap() == pattern(20_000_000)[7..]);
    drop(client);
    let (complete, digest, changed) = told.recv_timeout(PATIENCE).unwrap();
    assert!(complete && digest.is_some() && !changed);
    let mut client = server.connect();
    client.read_exact(&mut [0; 1000]).unwrap();
    reset(client);
    let (complete, digest, _) = told.recv_timeout(PATIENCE).unwrap();
    assert!(!complete && digest.is_none());
    // A client that is cut has not got all of it either.
    let mut client = server.connect();
    client.read_exact(&mut [0; 1000]).unwrap();
    server.control.cut();
    assert_eq!(server.end().await.cut, 1);
    let (complete, ..) = told.recv_timeout(PATIENCE).unwrap();
    assert!(!complete);
}
