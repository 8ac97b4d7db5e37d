//! Many clients at once. Each of these tests wants the machine for itself.

mod rig;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rig::{Running, bytes, cpu_time, descriptors, descriptors_at_rest, eventually, pss_kib};
use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn on_many_threads<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(work)
}

/// Sends `size` bytes while it receives them back, checks each by its place, ends in order.
async fn exchange(address: SocketAddr, seed: u64, size: usize) -> Result<(), Failed> {
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while sent < size {
            let part = bytes(seed, sent as u64, (size - sent).min(64 * 1024));
            writer.write_all(&part).await?;
            sent += part.len();
        }
        writer.shutdown().await?;
        Ok::<_, Failed>(writer)
    });
    let mut received = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        if buffer[..count] != bytes(seed, received as u64, count)[..] {
            return Err(format!("connection {seed}: a wrong byte after {received}").into());
        }
        received += count;
    }
    sending.await??;
    if received != size {
        return Err(format!("connection {seed}: {received} of {size} bytes").into());
    }
    Ok(())
}

async fn round(address: SocketAddr, clients: u64, size: usize) {
    let mut tasks = JoinSet::new();
    for seed in 0..clients {
        tasks.spawn(exchange(address, seed, size));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic").expect("every byte came back");
    }
}

#[test]
fn exclusive_a_thousand_clients_get_every_byte_back_and_leave_nothing_behind() {
    const MIB: usize = 1 << 20;
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let pid = server.child.id();
    const CLIENTS: u64 = 1000;
    on_many_threads(round(address, 1, 64 * 1024));
    let before = descriptors_at_rest(pid);
    on_many_threads(round(address, CLIENTS, MIB));
    eventually("all descriptors are given back", || {
        descriptors(pid) == before
    });
    let after_first = pss_kib(pid);
    on_many_threads(round(address, CLIENTS, MIB));
    eventually("all descriptors are given back", || {
        descriptors(pid) == before
    });
    let after_second = pss_kib(pid);
    assert!(
        after_second <= after_first + 1024,
        "a second round added {} KiB",
        after_second - after_first
    );
    // The same listening socket serves a new client.
    on_many_threads(round(address, 1, 1000));
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:?}", ended.said.last());
    let summary = ended.said.last().expect("a summary");
    let expected = format!("{} connections accepted", 2 * CLIENTS + 2);
    assert!(summary.contains(&expected), "{summary}");
    assert!(
        summary.contains(&format!("{} released", 2 * CLIENTS + 2)),
        "{summary}"
    );
}

#[test]
fn exclusive_fifteen_thousand_idle_connections_need_little_memory_and_still_answer() {
    const CLIENTS: u64 = 15_000;
    const BYTES_EACH_MAX: u64 = 1280;
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let pid = server.child.id();
    fivetuple::kernel::limit::raise_descriptor_limit().expect("the soft limit can be raised");
    on_many_threads(async {
        // Threads and their buffers exist before the first figure is taken.
        round(address, 64, 256 * 1024).await;
        let before = pss_kib(pid);
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = TcpStream::connect(address).await.expect("there is room");
            ask(&mut client, b"a").await;
            clients.push(client);
        }
        let each = (pss_kib(pid) - before) * 1024 / CLIENTS;
        assert!(
            each <= BYTES_EACH_MAX,
            "{each} bytes for each idle connection"
        );
        let _ = writeln!(
            std::io::stderr(),
            "{each} bytes for each of {CLIENTS} idle connections"
        );
        for client in &mut clients {
            ask(client, b"b").await;
        }
    });
    assert_eq!(server.stop().status, 0);
}

/// One byte there and back.
async fn ask(client: &mut TcpStream, byte: &[u8; 1]) {
    let mut answer = [0];
    client.write_all(byte).await.expect("it is sent");
    client
        .read_exact(&mut answer)
        .await
        .expect("it is answered");
    assert_eq!(&answer, byte);
}

/// 200 clients of a server that can hold far fewer: the served ones are not disturbed, waiting
/// costs next to nothing, and in the end all are served.
async fn crowd(address: SocketAddr, pid: u32) {
    const CLIENTS: usize = 200;
    const WINDOW: Duration = Duration::from_secs(2);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(
            TcpStream::connect(address)
                .await
                .expect("the accept queue has room"),
        );
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client
            .write_all(&[number as u8])
            .await
            .expect("the kernel takes it");
    }
    let mut served = 0;
    for client in &mut clients {
        // The first come is the first served; the first that is not answered now waits.
        let mut answer = [0];
        let answered = client.read_exact(&mut answer);
        if tokio::time::timeout(Duration::from_millis(500), answered)
            .await
            .is_err()
        {
            break;
        }
        served += 1;
    }
    assert!(
        (10..CLIENTS).contains(&served),
        "{served} are served at a time"
    );
    let spent = cpu_time(pid);
    let start = Instant::now();
    let (_keep, nothing) = std::sync::mpsc::channel::<()>();
    // A window to measure in: nobody asks anything.
    let _ = nothing.recv_timeout(WINDOW);
    let share = (cpu_time(pid) - spent).as_secs_f64() / start.elapsed().as_secs_f64();
    assert!(
        share < 0.05,
        "waiting takes {:.1} % of a core",
        share * 100.0
    );
    for client in clients.iter_mut().take(served) {
        ask(client, b"c").await;
    }
    // Each that ends makes room for the next.
    for (number, mut client) in clients.into_iter().enumerate() {
        if number >= served {
            let mut answer = [0];
            client
                .read_exact(&mut answer)
                .await
                .expect("it is served in the end");
            assert_eq!(answer, [number as u8]);
        }
        client.shutdown().await.expect("it ends");
        assert_eq!(client.read(&mut [0]).await.expect("in order"), 0);
    }
}

#[test]
fn exclusive_two_hundred_clients_are_all_served_with_sixty_four_descriptors() {
    let mut command = std::process::Command::new("prlimit");
    command.args([
        "--nofile=64:64",
        env!("CARGO_BIN_EXE_ft"),
        "listen",
        "127.0.0.1:0",
        "echo",
    ]);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    on_many_threads(crowd(address, server.child.id()));
    assert_eq!(server.stop().status, 0);
}

#[test]
fn exclusive_two_hundred_clients_are_all_served_when_the_limit_is_lowered_under_way() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let pid = server.child.id();
    let lowered = std::process::Command::new("prlimit")
        .args(["--pid", &pid.to_string(), "--nofile=64"])
        .status()
        .expect("prlimit runs");
    assert!(lowered.success());
    on_many_threads(crowd(address, pid));
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    assert!(
        ended.said.iter().any(|line| line.contains("EMFILE")),
        "the shortage is said: {:#?}",
        ended.said
    );
}

#[test]
fn exclusive_clients_that_reset_at_random_moments_disturb_nobody() {
    const RESETS: u64 = 10_000;
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    on_many_threads(async {
        let others = tokio::spawn(round(address, 100, 4 << 20));
        let at_once = Arc::new(Semaphore::new(64));
        let mut tasks = JoinSet::new();
        for number in 0..RESETS {
            let turn = Arc::clone(&at_once)
                .acquire_owned()
                .await
                .expect("it is open");
            tasks.spawn(async move {
                reset(address, number).await;
                drop(turn);
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no panic");
        }
        others.await.expect("nobody else notices");
        round(address, 1, 1000).await;
    });
    let table_is_empty = server.stop();
    assert_eq!(table_is_empty.status, 0);
}

/// Connects, sends and receives a little or nothing, and resets.
async fn reset(address: SocketAddr, number: u64) {
    let mut client = TcpStream::connect(address).await.expect("it listens");
    let size = (rig::byte(number, 1) as usize) * 300 * usize::from(!number.is_multiple_of(3));
    client
        .write_all(&bytes(number, 0, size))
        .await
        .expect("it is open");
    if number.is_multiple_of(2) {
        let mut buffer = vec![0; size / 2];
        client
            .read_exact(&mut buffer)
            .await
            .expect("half of it comes back");
    }
    set_socket_linger(&client, Some(Duration::ZERO)).expect("an option");
}

#[test]
fn exclusive_clients_that_are_turned_away_leave_no_descriptor_behind() {
    let whole = std::env::var_os("FT_TEST_ALL").is_some();
    let clients = if whole { 1_000_000 } else { 10_000 };
    let words = ["127.0.0.1:0", "echo", "--allow", "10.0.0.0/8"];
    let (server, address) = Running::listen(&words);
    let pid = server.child.id();
    let before = descriptors_at_rest(pid);
    for _ in 0..clients {
        // The reset may come before connect has returned. Either way the client ends by it, so
        // that no port of its own stays in TIME-WAIT.
        if let Ok(mut client) = std::net::TcpStream::connect(address) {
            assert!(
                client.read(&mut [0]).is_err(),
                "a reset, not an end of stream"
            );
        }
    }
    eventually("all descriptors are given back", || {
        descriptors(pid) == before
    });
    let ended = server.stop();
    let counted = format!("{clients} clients turned away");
    let is_said = ended.said.iter().any(|line| line.contains(&counted));
    assert!(is_said, "{:#?}", ended.said);
}
