//! What programs in C do not do as `ft` does.

use super::{
    CALL_FIRST, Lack, calls_in_time, calls_several, ends_first, has_pipes, listed, refused,
    retries, serves, serves_streams,
};

pub(super) const LACKS: &[Lack] = &[
    listed(
        calls_several,
        "the addresses are called one after the other (ft races them)",
    ),
    listed(
        |context| {
            context.model != "threads"
                && context
                    .action
                    .relay
                    .as_ref()
                    .is_some_and(|relay| relay.place.name.is_some())
        },
        "the name of the destination is looked up once, at the start",
    ),
    listed(
        |context| context.model == "threads" && calls_in_time(context),
        CALL_FIRST,
    ),
    listed(
        |context| {
            serves_streams(context) && context.style != "production" && context.service != "exec"
        },
        "the limit on open descriptors stays as it is (ft raises it)",
    ),
    listed(
        serves_streams,
        "no line says that accepting pauses and goes on",
    ),
    listed(
        |context| context.protocol != "udp",
        "it closes without waiting until everything is acknowledged (the kernel still delivers it)",
    ),
    listed(
        ends_first,
        "after our end of the stream that of the peer is waited for without a bound (ft: 2 s of silence)",
    ),
    listed(
        |context| context.protocol == "unix",
        "paths are shown as they are: control characters are not escaped",
    ),
    refused(
        |context| serves(context, "exec") && !has_pipes(context),
        "--pipe",
        "the program has the socket itself",
    ),
    listed(
        |context| serves(context, "exec"),
        "the program gets no FT_ and TCP variables",
    ),
    listed(
        |context| serves(context, "exec"),
        "what the program has started itself is left alone when the program ends in order",
    ),
    listed(
        |context| serves(context, "exec") && context.protocol == "unix",
        "the bytes of the connection are not counted",
    ),
    refused(
        |context| {
            serves(context, "exec") && context.protocol == "unix" && context.terms.idle_ms.is_some()
        },
        "exec over a Unix socket with --idle",
        "the program has the socket itself, and its bytes cannot be counted",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files, and has no line for each request",
    ),
    listed(
        |context| serves(context, "hub"),
        "what a slow member misses is told to the member, not to the log",
    ),
    refused(
        |context| {
            context
                .action
                .hub
                .as_ref()
                .is_some_and(|hub| hub.max_line > 16 << 20 || hub.max_behind > 256 << 20)
        },
        "a hub with --max-line over 16Mi or --max-behind over 256Mi",
        "each member has its queue in one piece",
    ),
    listed(
        |context| context.role == "client" && context.protocol != "udp" && context.model == "epoll",
        "it waits for its three descriptors by poll",
    ),
    listed(
        |context| context.protocol == "udp" && context.model != "poll",
        "one loop around poll serves all datagrams",
    ),
    refused(
        |context| context.protocol == "udp" && retries(context),
        "--retry over udp",
        "a connect of UDP calls nobody, and cannot be tried again",
    ),
];
