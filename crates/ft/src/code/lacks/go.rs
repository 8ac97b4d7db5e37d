//! What programs in Go do not do as `ft` does.

use super::{
    CALL_FIRST, Lack, calls_in_time, calls_several, ends_first, has_pipes, has_time, listed,
    refused, retries, serves, serves_streams,
};

pub(super) const LACKS: &[Lack] = &[
    refused(
        |context| context.protocol == "udp" && retries(context),
        "--retry over udp",
        "a connect of UDP calls nobody, and cannot be tried again",
    ),
    refused(
        |context| context.role == "client" && context.service == "exec" && has_time(context),
        "--exec with --idle, --deadline or --half-closed",
        "the program holds the connection itself, so nobody else can see when it is silent",
    ),
    listed(
        |context| {
            serves_streams(context)
                && context
                    .listen
                    .as_ref()
                    .is_some_and(|listen| listen.backlog == 4096)
        },
        "the backlog is what package net takes, net.core.somaxconn (ft: 4096)",
    ),
    listed(
        |context| {
            serves_streams(context)
                && context
                    .listen
                    .as_ref()
                    .is_some_and(|listen| listen.backlog != 4096)
        },
        "package net calls listen with net.core.somaxconn first, and the program calls it again with the backlog",
    ),
    listed(
        |context| context.role == "server",
        "package net sets SO_BROADCAST as well, and SO_REUSEADDR and IPV6_V6ONLY before the other options",
    ),
    listed(calls_in_time, CALL_FIRST),
    listed(
        calls_several,
        "the addresses of a name are called one after the other (ft races them)",
    ),
    listed(
        |context| context.role == "client",
        "INT and TERM end it as they end any program, and nothing is waited for",
    ),
    listed(
        |context| context.role == "client" && context.service == "exec",
        "TERM ends this program and not the command, which keeps the connection as long as it runs",
    ),
    listed(
        |context| context.protocol != "udp",
        "it does not wait until the kernel of the peer has acknowledged everything",
    ),
    listed(
        serves_streams,
        "after the first signal the queue is accepted for 50 ms; who comes later than that is reset",
    ),
    listed(
        |context| context.terms.max_connections.is_some(),
        "clients that wait at the limit are reset at the first signal (ft serves them)",
    ),
    listed(
        |context| serves_streams(context) && context.terms.max_connections.is_none(),
        "there is no limit on connections but the descriptors; when these run out, clients wait",
    ),
    listed(
        |context| context.terms.max_connections.is_some() && context.terms.at_limit == "wait",
        "at the limit one client for each listening socket is taken out of the queue, and waits in the program",
    ),
    listed(
        has_pipes,
        "the program has pipes, not the connection itself, as its stdin and stdout",
    ),
    listed(
        |context| serves(context, "exec"),
        "after a reset the line about the end comes when the program has ended",
    ),
    listed(
        |context| serves(context, "hub"),
        "what a slow member has lost is not said",
    ),
    listed(
        |context| {
            context.protocol == "unix"
                && context
                    .action
                    .hub
                    .as_ref()
                    .is_some_and(|hub| hub.slow == "close")
        },
        "the member that is cut off reads an end of the stream",
    ),
    listed(
        |context| {
            serves(context, "relay")
                && (context.protocol == "unix"
                    || context
                        .action
                        .relay
                        .as_ref()
                        .is_some_and(|relay| relay.place.path.is_some()))
        },
        "when one side of a relay over a Unix socket is reset, what the other has not taken by then is lost",
    ),
    listed(
        |context| serves(context, "relay") && context.terms.once && has_time(context),
        "the last line does not say which time was up; the status is 124",
    ),
    listed(
        |context| serves(context, "terminal") && ends_first(context),
        "it waits for the end of the client, not only for 2 s of silence",
    ),
    listed(
        |context| serves(context, "terminal") && has_time(context),
        "a client that takes nothing keeps stdin from the others until its time is up",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files; a request with a body gets its answer, and then its connection is closed",
    ),
    listed(
        |context| {
            context.protocol == "unix"
                && ["receive", "relay", "terminal"].contains(&context.service)
        },
        "a client that has closed both directions at once may count as released (ft: reset)",
    ),
    listed(
        |context| context.terms.half_closed_ms.is_some(),
        "a connection of which one direction has ended is cut up to a tenth of its time too late",
    ),
];
