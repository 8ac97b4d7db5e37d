//! What programs in Python do not do as `ft` does.

use super::{
    CALL_FIRST, Lack, calls_in_time, calls_several, has_pipes, listed, refused, retries, serves,
    serves_streams,
};

pub(super) const LACKS: &[Lack] = &[
    refused(
        |context| context.protocol == "udp" && retries(context),
        "--retry over udp",
        "a connect of UDP calls nobody, and cannot be tried again",
    ),
    listed(
        |context| context.protocol == "unix",
        "paths are shown as they are: control characters are not escaped",
    ),
    listed(
        |context| {
            context
                .connect
                .as_ref()
                .is_some_and(|connect| connect.place.name.is_some())
        },
        "looking up a name has no time limit",
    ),
    listed(
        |context| serves(context, "receive"),
        "a file system without hard links cannot give a file its name",
    ),
    listed(
        |_| true,
        "an error is told in the words of the C library, without advice",
    ),
    listed(
        |context| context.role == "server",
        "it is not said that accepting pauses and resumes, and what is waited for at the end",
    ),
    listed(
        serves_streams,
        "bytes that the kernel of the peer has not acknowledged are neither waited for nor counted",
    ),
    listed(
        serves_streams,
        "the limit on open descriptors stays as it is, and bounds the connections",
    ),
    listed(
        |context| context.terms.max_connections.is_some() && context.terms.at_limit == "wait",
        "who waits for a place at the first signal is not served any more",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "unix",
        "the folder is not locked while the file of the socket is made",
    ),
    listed(
        |context| context.model == "threads" && calls_in_time(context),
        CALL_FIRST,
    ),
    listed(
        calls_several,
        "addresses are called one after the other, each for the whole connect timeout (ft races them)",
    ),
    listed(retries, "each try that fails is told"),
    listed(
        |context| {
            context.model == "selectors"
                && context
                    .action
                    .relay
                    .as_ref()
                    .is_some_and(|relay| relay.place.name.is_some())
        },
        "while a name is looked up everybody waits",
    ),
    listed(
        has_pipes,
        "the program has pipes, not the socket itself: what is received counts even if it does not read it",
    ),
    listed(
        |context| serves(context, "exec"),
        "a process that keeps the stdout of the program open keeps the connection open",
    ),
    listed(
        |context| serves(context, "exec"),
        "a line on the stderr of the program is cut at 2048 bytes without a word",
    ),
    listed(
        |context| serves(context, "exec") && context.model == "threads",
        "a connection that is reset is told as closed when its program has ended, which it is asked to at once",
    ),
    listed(
        |context| context.action.terminal.is_some(),
        "that nobody reads stdout any more is found out by the next write",
    ),
    listed(
        |context| {
            context
                .action
                .hub
                .as_ref()
                .is_some_and(|hub| hub.slow == "drop-oldest")
        },
        "what a member missed is told to the member, not in the log",
    ),
    listed(
        |context| serves(context, "receive") || serves(context, "send"),
        "how to continue an incomplete file is not told",
    ),
    listed(
        |context| serves(context, "send"),
        "it is not told that a file changes while it is sent",
    ),
    listed(
        |context| serves(context, "receive") && context.model != "threads",
        "a slow disk holds up the others",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files; a request without Host counts as none",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "udp",
        "an ICMP error about an answer is not heard of",
    ),
];
