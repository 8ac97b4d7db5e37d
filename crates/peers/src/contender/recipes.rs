//! Every command line that is measured, in one place.
//!
//! Contenders are tuned in their favour: large buffers, a thread or worker per core, no log. `ft` has
//! no option but `-q`, which leaves out the lines about connections that the others do not write.

use super::{Program, Recipe};

/// The echo of `ft`.
pub const FT_ECHO: Recipe =
    Recipe::plain("ft echo", Program::Ft, "listen 127.0.0.1:{port} echo -q");
/// `ft` as a server of one text of the length of a message.
pub const FT_SOURCE_64: Recipe = Recipe::plain(
    "ft source 64",
    Program::Ft,
    "listen 127.0.0.1:{port} source 64 -q",
);
/// `ft` as a server that discards.
pub const FT_DISCARD: Recipe = Recipe::plain(
    "ft discard",
    Program::Ft,
    "listen 127.0.0.1:{port} discard -q",
);
/// `ft` as a hub.
pub const FT_HUB: Recipe = Recipe::plain("ft hub", Program::Ft, "listen 127.0.0.1:{port} hub -q");
/// `ft` as a relay.
pub const FT_RELAY: Recipe = Recipe::plain(
    "ft relay",
    Program::Ft,
    "relay 127.0.0.1:{port} 127.0.0.1:{destination} -q",
);

/// The floor of an echo, one loop.
pub const EPOLL_ECHO: Recipe =
    Recipe::plain("bare epoll echo", Program::Floor, "floor echo {port}");
/// The floor of a relay, a loop per core.
pub const EPOLL_RELAY: Recipe = Recipe::plain(
    "bare epoll relay",
    Program::Floor,
    "floor relay {port} --destination {destination} --threads {cores}",
);
/// The echo of the tutorials.
pub const TOKIO_ECHO: Recipe = Recipe::plain(
    "plain tokio echo",
    Program::Floor,
    "floor tokio-echo {port} --threads {cores}",
);

/// ncat with a program per connection.
pub const NCAT_ECHO: Recipe = Recipe::plain(
    "ncat -k -e cat",
    Program::Ncat,
    "-l -k --max-conns 1000 -e /bin/cat 127.0.0.1 {port}",
);
/// socat with a program per connection.
pub const SOCAT_EXEC: Recipe = Recipe::plain(
    "socat fork EXEC:cat",
    Program::Socat,
    "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay EXEC:cat",
);
/// socat with a pipe per connection.
pub const SOCAT_PIPE: Recipe = Recipe::plain(
    "socat fork PIPE",
    Program::Socat,
    "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay PIPE",
);

/// HAProxy as a relay of small messages: it copies.
pub const HAPROXY: Recipe = Recipe {
    name: "haproxy",
    program: Program::Haproxy,
    words: "-f {configuration}",
    configuration: Some(include_str!("../../configuration/haproxy.cfg")),
};
/// HAProxy as a relay of bulk: it splices everything.
pub const HAPROXY_SPLICE: Recipe = Recipe {
    name: "haproxy (splice)",
    program: Program::Haproxy,
    words: "-f {configuration}",
    configuration: Some(include_str!("../../configuration/haproxy-splice.cfg")),
};
/// nginx as a relay.
pub const NGINX_RELAY: Recipe = Recipe {
    name: "nginx stream",
    program: Program::Nginx,
    words: "-c {configuration}",
    configuration: Some(include_str!("../../configuration/nginx-relay.conf")),
};
/// nginx as a server of one text.
pub const NGINX_RETURN: Recipe = Recipe {
    name: "nginx stream return",
    program: Program::Nginx,
    words: "-c {configuration}",
    configuration: Some(include_str!("../../configuration/nginx-return.conf")),
};
/// nginx as a web server.
pub const NGINX_HTTP: Recipe = Recipe {
    name: "nginx",
    program: Program::Nginx,
    words: "-c {configuration}",
    configuration: Some(include_str!("../../configuration/nginx-http.conf")),
};
/// socat as a relay, with large blocks.
pub const SOCAT_RELAY_LARGE: Recipe = Recipe::plain(
    "socat -b 262144",
    Program::Socat,
    "-b 262144 TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096 TCP:127.0.0.1:{destination}",
);
/// socat as a relay.
pub const SOCAT_RELAY: Recipe = Recipe::plain(
    "socat",
    Program::Socat,
    "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096 TCP:127.0.0.1:{destination}",
);

/// ncat as a hub.
pub const NCAT_BROKER: Recipe = Recipe::plain(
    "ncat --broker",
    Program::Ncat,
    "-l --broker --max-conns 200 127.0.0.1 {port}",
);
/// nats-server.
pub const NATS: Recipe = Recipe::plain("nats-server core", Program::Nats, "-a 127.0.0.1 -p {port}");
/// iperf3 as the server.
pub const IPERF3_SERVER: Recipe =
    Recipe::plain("iperf3 -s", Program::Iperf3, "-s -B 127.0.0.1 -p {port}");

/// How a file is received, and how it is sent: who waits first, then who calls.
pub const FILE_FT: [Recipe; 2] = [
    Recipe::plain("ft", Program::Ft, "listen 127.0.0.1:{port} --once -q"),
    Recipe::plain("ft", Program::Ft, "connect 127.0.0.1:{port}"),
];
/// OpenBSD's netcat.
pub const FILE_NC: [Recipe; 2] = [
    Recipe::plain("nc", Program::Nc, "-l 127.0.0.1 {port}"),
    Recipe::plain("nc", Program::Nc, "-N 127.0.0.1 {port}"),
];
/// ncat.
pub const FILE_NCAT: [Recipe; 2] = [
    Recipe::plain("ncat", Program::Ncat, "-l --recv-only 127.0.0.1 {port}"),
    Recipe::plain("ncat", Program::Ncat, "--send-only 127.0.0.1 {port}"),
];
/// socat as it is.
pub const FILE_SOCAT: [Recipe; 2] = [
    Recipe::plain(
        "socat",
        Program::Socat,
        "-u TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr STDOUT",
    ),
    Recipe::plain("socat", Program::Socat, "-u STDIN TCP:127.0.0.1:{port}"),
];
/// socat with large blocks.
pub const FILE_SOCAT_LARGE: [Recipe; 2] = [
    Recipe::plain(
        "socat -b 262144",
        Program::Socat,
        "-b 262144 -u TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr STDOUT",
    ),
    Recipe::plain(
        "socat -b 262144",
        Program::Socat,
        "-b 262144 -u STDIN TCP:127.0.0.1:{port}",
    ),
];

/// The generator of `ft` as a sender.
pub const FT_BENCH_SEND: Recipe = Recipe::plain(
    "ft bench",
    Program::Ft,
    "bench 127.0.0.1:{port} --mode send -c 1 -d {seconds}s --json",
);
/// The same with requests to a web server.
pub const FT_BENCH_REQUEST: Recipe = Recipe {
    name: "ft bench",
    program: Program::Ft,
    words: "bench 127.0.0.1:{port} --mode request --message {request} --reply-until {text} -c 64 -d {seconds}s --json",
    configuration: Some("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
};
/// The same with messages to an echo.
pub const FT_BENCH_ECHO: Recipe = Recipe::plain(
    "ft bench",
    Program::Ft,
    "bench 127.0.0.1:{port} -c 64 -d {seconds}s --json",
);
/// The floor of a generator, which works in the harness.
pub const EPOLL_CLIENT: Recipe = Recipe::plain("bare epoll client", Program::Floor, "");
/// iperf3 as the client.
pub const IPERF3_CLIENT: Recipe = Recipe::plain(
    "iperf3",
    Program::Iperf3,
    "-c 127.0.0.1 -p {port} -t {seconds} -J",
);
/// The same with sendfile.
pub const IPERF3_CLIENT_Z: Recipe = Recipe::plain(
    "iperf3 -Z",
    Program::Iperf3,
    "-c 127.0.0.1 -p {port} -t {seconds} -J -Z",
);
/// wrk, one thread.
pub const WRK: Recipe = Recipe::plain(
    "wrk",
    Program::Wrk,
    "-t1 -c64 -d{seconds}s http://127.0.0.1:{port}/",
);

/// The smallest runs: what each says of itself, and whether a port answers.
pub const START_VERSION: [Recipe; 2] = [
    Recipe::plain("ft", Program::Ft, "--version"),
    Recipe::plain("ncat --version", Program::Ncat, "--version"),
];
/// Whether a port answers.
pub const START_CHECK: [Recipe; 2] = [
    Recipe::plain("ft", Program::Ft, "connect --check 127.0.0.1:{port}"),
    Recipe::plain("ncat -z", Program::Ncat, "-z 127.0.0.1 {port}"),
];
