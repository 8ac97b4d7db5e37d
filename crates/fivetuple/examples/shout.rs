//! A service of one's own in ten lines: what a client says comes back in capitals.
//!
//! `cargo run --example shout 8080`, then talk to it with `nc localhost 8080`.

use fivetuple::{Exchange, Identity, Observers, Outgoing, Server, ServerOptions};

struct Shout;

impl Exchange for Shout {
    fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
        reply.send(&bytes.to_ascii_uppercase());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("8080".into()).parse()?;
    let server = Server::open(&address, ServerOptions::default(), &Observers::none()).await?;
    server.serve(|_: &Identity| Shout).await;
    Ok(())
}
