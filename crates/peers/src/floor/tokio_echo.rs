//! The plain tokio echo: a task and a buffer of 16 KiB per connection, as the tutorials have it.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::epoll::loopback;

/// The buffer that each connection holds for as long as it lives.
const BUFFER: usize = 16 * 1024;

/// Answers every connection to the port with its own bytes, for as long as the process lives.
///
/// # Errors
///
/// Those of opening the socket.
pub fn tokio_echo(port: u16, threads: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_io()
        .build()?;
    runtime.block_on(serve(port))
}

async fn serve(port: u16) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(loopback(port).into())?;
    let listener = socket.listen(4096)?;
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    }
}

/// An error ends the connection that it is about.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = stream.read(&mut buffer).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..received]).await?;
    }
}
