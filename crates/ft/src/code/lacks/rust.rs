//! What programs in Rust do not do as `ft` does.

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
        |context| context.model == "tokio" && context.protocol == "udp",
        "udp",
        "one socket serves all clients, so there is nothing for tasks to do",
    ),
    refused(
        |context| context.role == "client" && context.service == "exec" && has_time(context),
        "--exec with --idle, --deadline or --half-closed",
        "the program holds the connection itself, so nobody else can see when it is silent",
    ),
    refused(
        |context| {
            (serves(context, "hub") || serves(context, "http"))
                && context.terms.once
                && has_time(context)
        },
        "--once of hub and http with --idle, --deadline, --half-closed or --style production",
        "the one connection ends them before its time is up",
    ),
    listed(
        |context| context.terms.max_connections.is_some() && context.terms.at_limit == "wait",
        "clients that wait at the limit are not served after the first signal",
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
        |context| {
            context.protocol != "udp" && (context.role == "client" || serves(context, "echo"))
        },
        "it does not wait until the kernel of the peer has acknowledged everything",
    ),
    listed(
        |context| serves_streams(context) && context.terms.max_connections.is_none(),
        "there is no limit on connections but the descriptors; when these run out, clients wait",
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
        serves_streams,
        "no line says that accepting pauses and goes on",
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
        |context| {
            context
                .action
                .hub
                .as_ref()
                .is_some_and(|hub| hub.slow == "drop-oldest")
        },
        "what a slow member has lost is not said",
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
        |context| serves(context, "terminal") && has_time(context) && context.model == "threads",
        "a client that takes nothing keeps stdin from the others until its time is up",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files; a request with a body gets its answer, and then its connection is closed",
    ),
    listed(
        |context| context.model == "tokio" && context.role == "server",
        "a signal that was ignored at the start is caught all the same",
    ),
    listed(
        |context| serves(context, "receive") && context.protocol == "unix",
        "a client that has closed both directions counts as released (ft: reset)",
    ),
];
