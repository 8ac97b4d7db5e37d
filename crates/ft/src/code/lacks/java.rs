//! What programs in Java do not do as `ft` does.

use super::{
    Lack, calls_in_time, calls_several, has_pipes, listed, places, refused, retries, serves,
    serves_streams, typed,
};

pub(super) const LACKS: &[Lack] = &[
    refused(
        |context| typed(context).any(|typed| !typed.is_text()),
        "a path or word that is not UTF-8",
        "Java has no string for it",
    ),
    refused(
        |context| places(context).any(|place| place.is_abstract),
        "an abstract name",
        "Java has none",
    ),
    refused(
        |context| {
            context
                .listen
                .as_ref()
                .is_some_and(|listen| matches!(&*listen.place.addresses, [only] if only.ip == "::"))
        },
        "[::] alone",
        "Java cannot leave IPv4 out of its socket",
    ),
    refused(
        |context| {
            context.role == "server"
                && context.protocol == "udp"
                && places(context).any(|place| {
                    place
                        .addresses
                        .iter()
                        .any(|address| ["0.0.0.0", "::"].contains(&&*address.ip))
                })
        },
        "udp on every interface",
        "Java does not tell which address of this machine a datagram was for",
    ),
    refused(
        |context| context.role == "client" && context.protocol == "udp" && retries(context),
        "--retry over udp",
        "a connect of UDP calls nobody, and cannot be tried again",
    ),
    listed(
        calls_in_time,
        "of a client whose time is up while its destination is called, the end is said when that call has ended",
    ),
    listed(
        |context| context.protocol == "udp",
        "one loop serves all datagrams; a client has a thread for each direction",
    ),
    listed(
        |context| serves(context, "http"),
        "what is no HTTP at all is refused when its head has ended or 10 s are over",
    ),
    refused(
        |context| {
            context.protocol == "unix"
                && context
                    .action
                    .receive
                    .as_ref()
                    .is_some_and(|receive| receive.directory)
        },
        "receive DIR over a Unix socket",
        "Java does not know the process that calls, after which the file would be named",
    ),
    refused(
        |context| {
            context
                .listen
                .as_ref()
                .is_some_and(|listen| listen.place.name.is_some())
                && context
                    .action
                    .relay
                    .as_ref()
                    .is_some_and(|relay| relay.place.name.is_some())
        },
        "a relay from a name to a name",
        "programs in Java look up one name",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "tcp",
        "the options of sockets are set on each connection (Java has them not on a listening socket)",
    ),
    listed(
        |context| {
            context.listen.as_ref().is_some_and(|listen| {
                listen.place.addresses.len() > 1
                    && listen
                        .place
                        .addresses
                        .iter()
                        .any(|address| address.ip == "::")
            })
        },
        "one socket serves both families, and both lines are printed for it",
    ),
    listed(
        |context| context.role == "server",
        "a second signal changes nothing (ft: it ends now)",
    ),
    listed(
        serves_streams,
        "no line says that accepting pauses and goes on",
    ),
    listed(
        |context| context.protocol != "udp",
        "it does not wait until the kernel of the peer has acknowledged everything",
    ),
    listed(
        calls_several,
        "the addresses of a name are called one after the other (ft races them)",
    ),
    listed(
        |context| context.role == "client",
        "INT and TERM end it as they end any program, and nothing is waited for",
    ),
    listed(
        |context| context.service == "terminal",
        "descriptors 0, 1 and 2 must be open",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "unix",
        "clients are named by their user (Java does not know the process)",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "unix",
        "the path gets its mode right after bind; until then it has that of the umask",
    ),
    listed(
        |context| context.protocol == "unix",
        "a path of other than ASCII needs a UTF-8 locale",
    ),
    listed(
        |context| context.protocol == "unix",
        "where ft resets a connection, it is closed",
    ),
    listed(
        |context| {
            serves_streams(context)
                && serves(context, "echo")
                && context.terms.half_closed_ms.is_some()
        },
        "--half-closed has nothing to do: a connection ends as soon as its client has finished",
    ),
    listed(
        |context| serves(context, "relay"),
        "when one side is reset, what the other side has not taken by then is lost",
    ),
    listed(
        has_pipes,
        "the program has pipes, not the connection itself, as its stdin and stdout",
    ),
    listed(
        |context| serves(context, "exec") && context.model == "virtual",
        "its threads are not virtual: those would be held up by the pipes of the programs",
    ),
    listed(
        |context| context.service == "exec",
        "there is no process group: the program and what it has started are ended one by one",
    ),
    listed(
        |context| context.service == "exec",
        "what the children of a program say after its end is lost",
    ),
    listed(
        |context| context.service == "exec",
        "a status over 128 is shown as a signal",
    ),
    listed(
        |context| serves(context, "exec") && context.protocol == "unix",
        "the program is not told the process and the user that call",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files, and has no line for each request",
    ),
    listed(
        |context| serves(context, "hub"),
        "what a slow member misses is told to the member, not to the log",
    ),
];
