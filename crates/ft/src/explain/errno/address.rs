//! Errors about our own address and port: bind and listen, and who may do it.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "EADDRINUSE",
        aliases: &["address already in use", "address in use"],
        summary: "another socket here has this address and port",
        body: &[
            Row(
                "given by",
                "bind; listen, when two sockets were bound with SO_REUSEADDR and the other one \
                 listened first",
            ),
            Row(
                "means",
                "nothing was sent. The holder may be a listening socket, a client's ephemeral \
                 port, or a socket in TIME-WAIT if we did not set SO_REUSEADDR (ft always sets \
                 it). A wildcard address collides with every address of its family.",
            ),
            Row(
                "whose fault",
                "ours, or nobody's: a port of one address belongs to one listening socket",
            ),
            Row(
                "try",
                "another port, port 0 (the system chooses), or end the holder. ft names the \
                 holder: process, pid, user, since when; it can only see the processes that you \
                 may see.",
            ),
        ],
        examples: &[
            example("ft listen 8080", "the first holds the port"),
            example("ft listen 8080", "the second says who the first is"),
            example("ft listen 0", "never collides"),
        ],
        see_also: &[
            "bind",
            "port",
            "ephemeral port",
            "TIME-WAIT",
            "EADDRNOTAVAIL",
        ],
        manual: "bind(2), listen(2), ip(7), socket(7) SO_REUSEADDR",
    },
    Topic {
        name: "EACCES",
        aliases: &["permission denied"],
        summary: "not allowed for this user",
        body: &[
            Row(
                "given by",
                "bind, to a port below net.ipv4.ip_unprivileged_port_start (1024); connect, \
                 through a route of type prohibit; a datagram to a broadcast address without \
                 SO_BROADCAST; any call that a security module (SELinux, AppArmor) denies",
            ),
            Row(
                "means",
                "nothing was sent; this machine said no. A file that cannot be opened gives the \
                 same errno.",
            ),
            Row("whose fault", "ours: the user lacks a right"),
            Row(
                "try",
                "a port from 1024 up; or let the program have the capability \
                 cap_net_bind_service; or lower the sysctl; or let systemd open the socket \
                 (socket activation)",
            ),
        ],
        examples: &[
            example(
                "ft listen 80",
                "as an ordinary user: EACCES and the three ways out",
            ),
            example(
                "sysctl net.ipv4.ip_unprivileged_port_start",
                "the first port that everybody may bind",
            ),
        ],
        see_also: &["EPERM", "bind", "port"],
        manual: "bind(2), connect(2), ip(7), capabilities(7)",
    },
    Topic {
        name: "EADDRNOTAVAIL",
        aliases: &["cannot assign requested address"],
        summary: "not an address of this machine, or no port is left",
        body: &[
            Row(
                "given by",
                "bind, when no interface has the address (or IPv6 has not finished checking that \
                 it is unique); connect, when every ephemeral port is taken for this \
                 destination, or when the five-tuple exists already; connect to ::1 where IPv6 \
                 is switched off",
            ),
            Row("means", "nothing was sent"),
            Row(
                "whose fault",
                "ours: a typing error, an address of another machine, or a client that opens \
                 connections faster than TIME-WAIT lets their ports go",
            ),
            Row(
                "try",
                "for bind: one of the addresses that ip shows, or *:PORT for all of them. For \
                 connect: a wider net.ipv4.ip_local_port_range, or a second source address; each \
                 source address has its own set of ports for each destination",
            ),
        ],
        examples: &[
            example(
                "ft listen 192.0.2.1:8080",
                "an address that nobody has (RFC 5737)",
            ),
            example("ip -brief address", "the addresses of this machine"),
            example("ss -s", "how many sockets are in TIME-WAIT"),
        ],
        see_also: &["ephemeral port", "TIME-WAIT", "--source", "addresses"],
        manual: "bind(2), connect(2), ip(7)",
    },
    Topic {
        name: "EPERM",
        aliases: &["operation not permitted"],
        summary: "a rule of this machine forbids it",
        body: &[
            Row(
                "given by",
                "connect and send, when the firewall here or a BPF rule of the control group \
                 (systemd's IPAddressDeny) refuses; setsockopt of a privileged option such as \
                 SO_MARK",
            ),
            Row(
                "means",
                "what we wanted to send did not leave this machine. A firewall rule that \
                 discards an outgoing SYN is not reported: that connect ends in ETIMEDOUT.",
            ),
            Row("whose fault", "this machine's rules, or ours for asking"),
            Row(
                "try",
                "list the rules (root needed); look at the unit file if systemd started the \
                 program",
            ),
        ],
        examples: &[
            example("nft list ruleset", "the firewall's rules, as root"),
            example("ft connect -v 192.0.2.1:80", "which call was refused"),
        ],
        see_also: &["EACCES", "ETIMEDOUT"],
        manual: "connect(2), accept(2), setsockopt(2), capabilities(7)",
    },
    Topic {
        name: "EAFNOSUPPORT",
        aliases: &[
            "address family not supported by protocol",
            "address family not supported",
        ],
        summary: "the kernel does not know this address family, or it does not fit the socket",
        body: &[
            Row(
                "given by",
                "socket, for a family that the kernel lacks (IPv6 on a kernel started with \
                 ipv6.disable=1); bind and connect, when the address is of another family than \
                 the socket",
            ),
            Row("means", "nothing was sent"),
            Row(
                "whose fault",
                "a program that mixes families, or a machine without IPv6",
            ),
            Row(
                "try",
                "the other family: -4 or -6. ft listen 8080 does with IPv4 alone where there is \
                 no IPv6.",
            ),
        ],
        examples: &[
            example("ft connect -6 localhost:8080", "only IPv6"),
            example("ft connect -4 localhost:8080", "only IPv4"),
        ],
        see_also: &["-4", "-6", "socket", "EAI_FAMILY"],
        manual: "socket(2), bind(2), connect(2), ipv6(7)",
    },
    Topic {
        name: "ENODEV",
        aliases: &["no such device"],
        summary: "there is no interface of that name",
        body: &[
            Row(
                "given by",
                "setsockopt SO_BINDTODEVICE, for an unknown name; bind and connect, for an IPv6 \
                 address with a zone (fe80::1%eth0) whose interface does not exist",
            ),
            Row("means", "nothing was sent"),
            Row(
                "whose fault",
                "ours: a misspelt name, or an interface that has gone",
            ),
            Row("try", "one of the names that ip shows"),
        ],
        examples: &[
            example("ft connect 8080 --interface nosuch0", "ENODEV"),
            example("ip -brief address", "the names"),
        ],
        see_also: &["--interface", "addresses"],
        manual: "socket(7), ipv6(7)",
    },
];
