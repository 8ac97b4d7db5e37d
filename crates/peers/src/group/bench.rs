//! Bench: the generator, beside iperf3 and wrk; and whether it tells the truth: beside a bare client
//! it must find the same server cost.

use crate::contender::{Recipe, recipes};
use crate::drive::bare::Bare;
use crate::drive::programs::{self, Client, Done};
use crate::harness::Harness;
use crate::pairs::{Measure, Meter, Pairs, Side, alternate};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Here the client is what is compared, and each client is a process that is started for its slice, except the
bare one, which is a thread of the harness; the calls are those of the client, or are said to be the
server's. Who sends is believed what it says that it has sent, for nobody looks at the bytes; `ft bench`
moves bytes for a tenth of a second before they count, which is in its CPU time and in that of its server.
Of requests `ft bench` wants each reply to end with the text, wrk wants a status of 2xx or 3xx. Messages are
compared byte by byte; there the server must cost the same whichever client asks it, or a client would be
measured in its place.";

/// Connections of a generator of requests.
const CONNECTIONS: usize = 64;

/// Bulk beside iperf3, requests beside wrk, messages beside the floor.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = Vec::new();
    let name = "send, one connection, the usual blocks of each";
    let mut work = Work {
        client_threads: None,
        also: vec![recipes::FT_DISCARD, recipes::IPERF3_SERVER],
        ..Work::new(name, (recipes::FT_BENCH_SEND, Unit::Byte), Measure::Rate)
    };
    for client in [recipes::IPERF3_CLIENT, recipes::IPERF3_CLIENT_Z] {
        let pairs = send(harness, &client);
        rows.push(harness.row(&work, (client, Some(Target::AtLeast(1.0))), pairs));
    }
    work.name = format!("small GET from nginx, {CONNECTIONS} connections, a core each");
    (work.ft, work.unit) = (recipes::FT_BENCH_REQUEST, Unit::Request);
    (work.measure, work.apart) = (Measure::RatePerClientCpu, Harness::apart());
    work.also = vec![recipes::NGINX_HTTP];
    let pairs = requests(harness, work.apart);
    let row = harness.row(&work, (recipes::WRK, Some(Target::AtLeast(0.9))), pairs);
    let look = harness.look(&row, Measure::Rate, None);
    rows.extend([row, look]);
    work.name = format!("64 B echo, {CONNECTIONS} connections, same server, a core each");
    (work.ft, work.unit) = (recipes::FT_BENCH_ECHO, Unit::Message);
    work.measure = Measure::ServerCpu;
    work.also = vec![recipes::EPOLL_ECHO];
    let pairs = messages(harness, work.apart);
    let equal = Some(Target::Within(0.05));
    let row = harness.row(&work, (recipes::EPOLL_CLIENT, equal), pairs);
    let look = harness.look(&row, Measure::RatePerClientCpu, None);
    rows.extend([row, look]);
    rows
}

/// How a program's words are understood.
type Read = fn(&str) -> Option<Done>;

/// Each to its own server.
fn send(harness: &Harness, other: &Recipe) -> Result<Pairs, Trouble> {
    let sender = |recipe, read: Read| Client {
        harness,
        recipe,
        core: None,
        read,
    };
    let ft = sender(&recipes::FT_BENCH_SEND, programs::ft_bytes_sent);
    let other = sender(other, programs::iperf3);
    let discard = harness.start(&recipes::FT_DISCARD, 0, None)?;
    let server = harness.start(&recipes::IPERF3_SERVER, 0, None)?;
    let sides = (&mut ft.side(&discard), &mut other.side(&server));
    let mut pairs = alternate(&harness.form, sides.0, sides.1)?;
    pairs.calls = vec![ft.calls(&discard), other.calls(&server)];
    Ok(pairs)
}

/// Both to the same web server; `ft` has one thread on its core, as wrk has.
fn requests(harness: &Harness, apart: Option<[usize; 2]>) -> Result<Pairs, Trouble> {
    let [of_server, core] = [0, 1].map(|side| apart.map(|cores| cores[side]));
    let server = harness.start(&recipes::NGINX_HTTP, 0, of_server)?;
    let client = |recipe, read: Read| Client {
        harness,
        recipe,
        core,
        read,
    };
    let ft = client(&recipes::FT_BENCH_REQUEST, programs::ft_messages);
    let other = client(&recipes::WRK, programs::wrk);
    let sides = (&mut ft.side(&server), &mut other.side(&server));
    let mut pairs = alternate(&harness.form, sides.0, sides.1)?;
    pairs.calls = vec![ft.calls(&server), other.calls(&server)];
    Ok(pairs)
}

/// Both to the same echo, with new connections for each slice.
fn messages(harness: &Harness, apart: Option<[usize; 2]>) -> Result<Pairs, Trouble> {
    let [of_server, core] = [0, 1].map(|side| apart.map(|cores| cores[side]));
    let server = harness.start(&recipes::EPOLL_ECHO, 0, of_server)?;
    let ft = Client {
        harness,
        recipe: &recipes::FT_BENCH_ECHO,
        core,
        read: programs::ft_messages,
    };
    let bare = || -> Side<'_> {
        Box::new(|length| {
            let meter = Meter::start(&server);
            let messages = Bare::open(server.port(), CONNECTIONS)?.run(length, core)?;
            Ok(meter.stop(&server, messages as f64))
        })
    };
    let mut pairs = alternate(&harness.form, &mut ft.side(&server), &mut bare())?;
    let of_server = [
        ("ft bench", ft.side(&server)),
        ("bare epoll client", bare()),
    ];
    let counted = of_server.map(|(name, side)| {
        let (server, calls) = harness.calls(&server, side);
        (format!("{server}, for {name}"), calls)
    });
    pairs.calls = [ft.calls(&server)].into_iter().chain(counted).collect();
    Ok(pairs)
}
