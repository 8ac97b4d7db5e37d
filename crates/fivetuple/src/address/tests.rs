//! The grammar by example, and as properties.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<HostPort, AddressError> {
    text.parse()
}

fn error(text: &str) -> String {
    match read(text) {
        Ok(address) => panic!("'{text}' was read as {address:?}"),
        Err(error) => error.to_string(),
    }
}

fn name(name: &str) -> Host {
    Host::Name(name.to_owned())
}

fn v6(ip: &str, scope_id: u32) -> Host {
    Host::V6 {
        ip: ip.parse().unwrap(),
        scope_id,
    }
}

#[test]
fn every_form_of_an_address_is_read() {
    let cases = [
        ("8080", Host::Here, 8080),
        ("0", Host::Here, 0),
        ("http", Host::Here, 80),
        (":8080", Host::Omitted, 8080),
        ("*:8080", Host::Any, 8080),
        ("*:http", Host::Any, 80),
        ("host:8080", name("host"), 8080),
        ("Example.COM:https", name("example.com"), 443),
        ("my_host-1.example.:1", name("my_host-1.example."), 1),
        ("3com.com:80", name("3com.com"), 80),
        ("127.0.0.1:65535", Host::V4(Ipv4Addr::LOCALHOST), 65535),
        ("0.0.0.0:8080", Host::V4(Ipv4Addr::UNSPECIFIED), 8080),
        ("[::1]:8080", v6("::1", 0), 8080),
        ("[::]:8080", v6("::", 0), 8080),
        ("[fe80::1%7]:80", v6("fe80::1", 7), 80),
        ("[fe80::1%lo]:80", v6("fe80::1", 1), 80),
        (
            "[::ffff:10.0.0.1]:80",
            Host::V4(Ipv4Addr::new(10, 0, 0, 1)),
            80,
        ),
        ("tcp:8080", Host::Here, 8080),
        ("tcp:host:80", name("host"), 80),
        ("TCP://host:80", name("host"), 80),
        ("tcp://[::1]:80/", v6("::1", 0), 80),
        ("tcp:udp:80", name("udp"), 80),
        ("tcp:tcp:80", name("tcp"), 80),
    ];
    for (text, host, port) in cases {
        assert_eq!(read(text), Ok(HostPort { host, port }), "{text}");
    }
}

#[test]
fn every_mistake_has_its_sentence() {
    for (text, sentence) in MISTAKES {
        assert_eq!(error(text), *sentence, "{text}");
    }
}

/// What cannot be read, and the whole message.
const MISTAKES: &[(&str, &str)] = &[
    (
        "",
        "the address is empty: write PORT, HOST:PORT or [IPV6]:PORT",
    ),
    (
        "tcp:",
        "the address is empty: write PORT, HOST:PORT or [IPV6]:PORT",
    ),
    ("host", "'host' has no port: write host:PORT"),
    ("host:", "'host:' has no port: write host:PORT"),
    (":", "':' has no port: write :PORT"),
    ("*", "'*' has no port: write *:PORT"),
    ("127.0.0.1", "'127.0.0.1' has no port: write 127.0.0.1:PORT"),
    ("[::1]", "'[::1]' has no port: write [::1]:PORT"),
    (
        "::1",
        "'::1' is unclear without brackets: write [::]:1 or [::1]:PORT",
    ),
    (
        "fe80::",
        "'fe80::' is unclear without brackets: write [fe80::]:PORT",
    ),
    (
        "::1:8080",
        "'::1:8080' is unclear without brackets: write [::1]:8080 or [::1:8080]:PORT",
    ),
    (
        "::1:http",
        "'::1:http' is unclear without brackets: write [::1]:http",
    ),
    (
        "1:2:3:4:5:6:7:8:80",
        "'1:2:3:4:5:6:7:8:80' is unclear without brackets: write [1:2:3:4:5:6:7:8]:80",
    ),
    (
        "a:b:c",
        "'a:b:c' has too many colons: write HOST:PORT or [IPV6]:PORT",
    ),
    (
        "host::80",
        "'host::80' has too many colons: write HOST:PORT or [IPV6]:PORT",
    ),
    ("[::1", "'[::1' does not have the form [IPV6]:PORT"),
    ("[::1]80", "'[::1]80' does not have the form [IPV6]:PORT"),
    ("[]:80", "'' is not an IPv6 address"),
    ("[::g]:80", "'::g' is not an IPv6 address"),
    (
        "[10.0.0.1]:80",
        "brackets are for IPv6 addresses: write 10.0.0.1 without them",
    ),
    (
        "[host]:80",
        "brackets are for IPv6 addresses: write host without them",
    ),
    (
        "[fe80::1%nosuch0]:80",
        "there is no interface 'nosuch0' with IPv6: after % stands its name or number",
    ),
    (
        "[fe80::1%../lo]:80",
        "there is no interface '../lo' with IPv6: after % stands its name or number",
    ),
    (
        "[fe80::1%]:80",
        "there is no interface '' with IPv6: after % stands its name or number",
    ),
    (
        "127.1:80",
        "'127.1' is not an IPv4 address in full: write 127.0.0.1",
    ),
    (
        "010.0.0.1:80",
        "'010.0.0.1' is not an IPv4 address in full: write 10.0.0.1 or 8.0.0.1",
    ),
    (
        "unix:/run/x",
        "unix: has no place here: write tcp:HOST:PORT, or no scheme",
    ),
    (
        "UDP:53",
        "udp: has no place here: write tcp:HOST:PORT, or no scheme",
    ),
    (
        "tls://host:443",
        "tls: addresses are not supported in this release",
    ),
    ("ws:80", "ws: addresses are not supported in this release"),
    (
        "vsock:3:80",
        "vsock: addresses are not supported in this release",
    ),
    (
        "http://example.com/a:b",
        "'http://' is not a scheme known here: write example.com:80",
    ),
    (
        "gopher://x:70/",
        "'gopher://' is not a scheme known here: write x:70",
    ),
    (
        "gopher://x",
        "'gopher://' is not a scheme known here: write HOST:PORT",
    ),
    (
        "tcp://host:80/path",
        "'tcp://host:80/path' has a path: an address ends with the port",
    ),
    (
        "65536",
        "port 65536 is out of range: ports go from 0 to 65535",
    ),
    (
        "host:65536",
        "port 65536 is out of range: ports go from 0 to 65535",
    ),
    (
        "host:-1",
        "'-1' is not a port: write a number from 0 to 65535 or a name such as http",
    ),
    (
        "20-25",
        "'20-25' is more than one port, and one is asked for here",
    ),
    (
        "host:20,25",
        "'20,25' is more than one port, and one is asked for here",
    ),
    (
        "host: 80",
        "'host: 80' contains white space: an address is one word, such as HOST:PORT",
    ),
    (
        "8080\n",
        "'8080\\n' contains white space: an address is one word, such as HOST:PORT",
    ),
    (
        " ",
        "' ' contains white space: an address is one word, such as HOST:PORT",
    ),
    (
        "a\u{1b}[2J:80",
        "'a\\u{1b}[2J:80' contains a control character",
    ),
    ("a\0:80", "'a\\0:80' contains a control character"),
    (
        "\u{202e}x:80",
        "'\\u{202e}x' is not a host name: names beyond ASCII are written in their xn-- form",
    ),
    (
        "a..b:80",
        "'a..b' is not a host name: a part between the dots is empty",
    ),
    (
        ".:80",
        "'.' is not a host name: a part between the dots is empty",
    ),
    (
        "-a:80",
        "'-a' is not a host name: a part between the dots begins or ends with a hyphen",
    ),
    (
        "a/b:80",
        "'a/b' is not a host name: \
             names are made of letters, digits, hyphens, underscores and dots",
    ),
    (
        "*.com:80",
        "'*.com' is not a host name: a star stands alone, as in *:PORT",
    ),
];

#[test]
fn names_end_at_63_and_253_characters() {
    let label = "a".repeat(63);
    assert!(read(&format!("{label}:80")).is_ok());
    assert!(error(&format!("{label}a:80")).contains("at most 63 characters"));
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    assert!(read(&format!("{longest}:80")).is_ok());
    assert!(read(&format!("{longest}.:80")).is_ok());
    assert!(error(&format!("{longest}a:80")).contains("at most 253 characters"));
}

#[test]
fn two_words_are_a_host_and_a_port() {
    let cases = [
        ("::1", "80", "[::1]:80"),
        ("fe80::1%lo", "80", "[fe80::1%1]:80"),
        ("[::1]", "http", "[::1]:80"),
        ("example.com", "443", "example.com:443"),
        ("127.0.0.1", "0", "127.0.0.1:0"),
        ("*", "80", "*:80"),
        ("tcp:example.com", "80", "example.com:80"),
        ("http", "80", "http:80"),
        ("tcp", "80", "tcp:tcp:80"),
    ];
    for (host, port, canonical) in cases {
        let address = HostPort::from_host_and_port(host, port).unwrap();
        assert_eq!(address.to_string(), canonical, "{host} {port}");
    }
    let mistakes = [
        ("", "80", "the host is empty"),
        ("tcp:", "80", "the host is empty"),
        ("host", "", "the port is empty: write host:PORT"),
        ("host:80", "80", "'host:80' has a port already"),
        ("[::1]:80", "80", "'[::1]:80' has a port already"),
        ("[::1", "80", "'[::1' does not have the form"),
        ("a:b:c", "80", "'a:b:c' is not an IPv6 address"),
        ("8080", "80", "'8080' is not an IPv4 address in full"),
        ("host", "8 0", "'8 0' contains white space"),
        ("unix:/x", "80", "unix: has no place here"),
    ];
    for (host, port, sentence) in mistakes {
        let error = HostPort::from_host_and_port(host, port)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(sentence), "{host} {port}: {error}");
    }
}

#[test]
fn a_port_alone_listens_on_this_machine_and_a_colon_opens_every_interface() {
    let known = |text: &str, only| match read(text).unwrap().listening_addresses(only) {
        Ok(Resolution::Known(addresses)) => addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(known("80", None), ["127.0.0.1:80", "[::1]:80"]);
    assert_eq!(known("80", Some(Family::Inet)), ["127.0.0.1:80"]);
    assert_eq!(known(":80", None), ["0.0.0.0:80", "[::]:80"]);
    assert_eq!(known("*:80", Some(Family::Inet6)), ["[::]:80"]);
    assert_eq!(known("localhost:80", None), ["127.0.0.1:80", "[::1]:80"]);
    assert_eq!(known("[fe80::1%9]:80", None), ["[fe80::1%9]:80"]);
    let host = read("localhost.example:80").unwrap();
    assert_eq!(
        host.listening_addresses(None),
        Ok(Resolution::Ask("localhost.example"))
    );
}

#[test]
fn a_star_cannot_be_called_and_a_colon_means_this_machine() {
    let call = |text: &str, only| {
        let address = read(text).unwrap();
        address
            .calling_addresses(only)
            .map(|resolution| format!("{resolution:?}"))
    };
    assert_eq!(
        call(":80", None),
        Ok("Known([127.0.0.1:80, [::1]:80])".to_owned())
    );
    assert_eq!(
        call("80", Some(Family::Inet6)),
        Ok("Known([[::1]:80])".to_owned())
    );
    assert_eq!(
        call("a.localhost.:80", Some(Family::Inet)),
        Ok("Known([127.0.0.1:80])".to_owned())
    );
    assert_eq!(
        call("localhost.com:80", None),
        Ok("Ask(\"localhost.com\")".to_owned())
    );
    let star = call("*:80", None).unwrap_err().to_string();
    assert_eq!(
        star,
        "*:80 cannot be called: write 80 for this machine, or HOST:80"
    );
    let other = call("127.0.0.1:80", Some(Family::Inet6))
        .unwrap_err()
        .to_string();
    assert_eq!(
        other,
        "127.0.0.1 is not an IPv6 address, and only IPv6 is wanted"
    );
}

#[test]
fn ports_are_listed_in_order_and_once() {
    let ports: PortSet = "8000-8010,80,http,20-25,24-26,27".parse().unwrap();
    assert_eq!(ports.to_string(), "20-27,80,8000-8010");
    assert_eq!(ports.count(), 8 + 1 + 11);
    assert_eq!(ports.iter().count(), ports.count());
    let all: PortSet = "0-65535,1-65535,65535".parse().unwrap();
    assert_eq!((all.count(), all.to_string().as_str()), (65_536, "0-65535"));
    let mistakes = [
        ("25-20", "the range 25-20 goes backwards: write 20-25"),
        (
            "20,,80",
            "'20,,80' is not a list of ports: write ports and ranges such as 20-25,80,http",
        ),
        (
            "20-",
            "'20-' is not a list of ports: write ports and ranges such as 20-25,80,http",
        ),
        (
            "",
            "'' is not a list of ports: write ports and ranges such as 20-25,80,http",
        ),
        (
            "1-65536",
            "port 65536 is out of range: ports go from 0 to 65535",
        ),
    ];
    for (text, sentence) in mistakes {
        assert_eq!(text.parse::<PortSet>().unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_host_with_ports_is_one_word_or_two() {
    let cases = [
        ("host:20-25,80", "host:20-25,80"),
        ("[::1]:1-3", "[::1]:1-3"),
        ("8000-8010", "8000-8010"),
        ("80,http-alt", "80,8080"),
        ("http", "80"),
        (":80,81", ":80-81"),
        ("tcp:ws:80", "tcp:ws:80"),
    ];
    for (text, canonical) in cases {
        let ports: HostPorts = text.parse().unwrap();
        assert_eq!(ports.to_string(), canonical, "{text}");
    }
    let words = HostPorts::from_host_and_ports("::1", "20-21").unwrap();
    let addresses = words
        .addresses()
        .map(|address| address.to_string())
        .collect::<Vec<_>>();
    assert_eq!(addresses, ["[::1]:20", "[::1]:21"]);
    for text in ["host", "host:", "[::1]", ""] {
        assert!(text.parse::<HostPorts>().is_err(), "{text}");
    }
    assert!(HostPorts::from_host_and_ports("host", "").is_err());
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::Here),
        Just(Host::Omitted),
        Just(Host::Any),
        any::<Ipv4Addr>().prop_map(Host::V4),
        (any::<Ipv6Addr>(), any::<u32>()).prop_filter_map("mapped", |(ip, scope_id)| {
            ip.to_ipv4_mapped()
                .is_none()
                .then_some(Host::V6 { ip, scope_id })
        }),
        "([a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?\\.){0,3}[a-z]([a-z0-9_-]{0,8}[a-z0-9_])?\\.?"
            .prop_map(Host::Name),
        prop_oneof!["tcp", "udp", "unix", "ws", "tls", "vsock", "http"].prop_map(Host::Name),
    ]
}

/// Text near the grammar: pieces that mean something, in any order.
fn near_address() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,6}",
        "[a-z]{1,5}",
        "\\PC{1,3}",
        ".",
        prop_oneof![
            "tcp:", "unix:", "://", "::", ":", "\\[", "\\]", "%lo", "%", "-", ",", "\\*", "/", "0x"
        ],
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn is_one_clean_line(error: &AddressError) -> bool {
    let text = error.to_string();
    !text.is_empty() && text.len() < 2_000 && !text.chars().any(char::is_control)
}

#[test]
fn a_scheme_picks_the_protocol() {
    let place = |text: &str| text.parse::<HostPort>().unwrap();
    let path = |path: &str| Address::Unix(UnixAddress::Path(std::path::Path::new(path).into()));
    let cases = [
        ("8080", Address::Tcp(place("8080"))),
        ("tcp:8080", Address::Tcp(place("8080"))),
        ("udp:8080", Address::Udp(place("8080"))),
        ("UDP://host:53", Address::Udp(place("host:53"))),
        ("udp:tcp:53", Address::Udp(place("tcp:tcp:53"))),
        ("unix:/run/x", path("/run/x")),
        ("unix:///run/x", path("/run/x")),
        ("unix:./a b", path("./a b")),
        (
            "unix:@x",
            Address::Unix(UnixAddress::Abstract(b"x"[..].into())),
        ),
    ];
    for (text, address) in cases {
        assert_eq!(text.parse::<Address>(), Ok(address), "{text}");
    }
    let long = format!("unix:/{}", "x".repeat(PATH_BYTES_MAX));
    let mistakes = [
        ("unix:", "the path is empty: write unix:/path or unix:@name"),
        ("unix:@", "the path is empty"),
        (
            "unix:/a\0",
            "the path of a Unix socket cannot contain a NUL",
        ),
        (
            &long,
            "at most 107 bytes, and this one has 108: use a shorter one",
        ),
        (
            "vsock:3:80",
            "vsock: addresses are not supported in this release",
        ),
    ];
    for (text, sentence) in mistakes {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_displayed_is_read_again(host in any_host(), port in any::<u16>()) {
        let address = HostPort { host, port };
        for address in [Address::Tcp(address.clone()), Address::Udp(address)] {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    #[test]
    fn what_is_read_is_displayed_and_read_again(text in near_address()) {
        match text.parse::<Address>() {
            // A path is shown with its control characters escaped.
            Ok(address @ Address::Unix(_)) => {
                prop_assert!(!address.to_string().chars().any(char::is_control));
            }
            Ok(address) => prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address)),
            Err(error) => prop_assert!(is_one_clean_line(&error), "{}", error),
        }
        match text.parse::<HostPorts>() {
            Ok(ports) => prop_assert_eq!(ports.to_string().parse::<HostPorts>(), Ok(ports)),
            Err(error) => prop_assert!(is_one_clean_line(&error), "{}", error),
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        for error in [
            text.parse::<Address>().err(),
            text.parse::<PortSet>().err(),
            text.parse::<HostPorts>().err(),
            Address::from_host_and_port(&text, &text).err(),
            Address::from_host_and_port("host", &text).err(),
        ].into_iter().flatten() {
            prop_assert!(is_one_clean_line(&error), "{}", error);
        }
    }

    #[test]
    fn a_set_of_ports_holds_what_was_listed(list in prop::collection::vec(any::<u16>(), 1..50)) {
        let text = list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let ports: PortSet = text.parse().unwrap();
        let mut sorted = list;
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(ports.iter().collect::<Vec<_>>(), sorted);
        prop_assert_eq!(ports.to_string().parse::<PortSet>(), Ok(ports));
    }
}

/// Counted by `scripts/instructions`: each time one address of every kind.
#[inline(never)]
fn instructions_of_address(times: usize) -> usize {
    let texts = [
        "8080",
        "127.0.0.1:8080",
        "[2001:db8::1]:443",
        "www.example.com:80",
        "unix:/run/service.sock",
    ];
    let mut read = 0;
    for _ in 0..times {
        for text in texts {
            let address: Result<Address, _> = std::hint::black_box(text).parse();
            read += usize::from(address.is_ok());
        }
    }
    read
}

#[test]
#[ignore = "scripts/instructions counts it"]
fn counted_address() {
    assert_eq!(instructions_of_address(1000), 5000);
}
