//! What programs in JavaScript do not do as `ft` does.

use super::{Lack, has_pipes, listed, places, refused, retries, serves, serves_streams, typed};

pub(super) const LACKS: &[Lack] = &[
    refused(
        |context| context.protocol == "udp" && retries(context),
        "--retry over udp",
        "a connect of UDP calls nobody, and cannot be tried again",
    ),
    refused(
        |context| typed(context).any(|typed| !typed.is_text()),
        "a path or word that is not UTF-8",
        "Node takes paths and words as text",
    ),
    refused(
        |context| places(context).any(|place| place.is_abstract),
        "an abstract name",
        "Node 20 fills abstract names with zero bytes, so that no other program finds them",
    ),
    refused(
        |context| {
            places(context).any(|place| place.addresses.iter().any(|address| address.scope_id != 0))
        },
        "an address with a zone",
        "Node names zones by interface, not by number",
    ),
    refused(
        |context| {
            let receive = context.action.receive.as_ref();
            context.protocol == "unix" && receive.is_some_and(|receive| receive.directory)
        },
        "receive DIR over a Unix socket",
        "Node does not know the process that calls, after which the file would be named",
    ),
    listed(
        |context| context.protocol == "tcp",
        "urgent bytes vanish from the stream (Node cannot set SO_OOBINLINE)",
    ),
    listed(
        |context| context.protocol == "tcp",
        "a dead peer is found by 10 probes a second apart after 60 s of silence (ft: 4 probes 15 s apart)",
    ),
    listed(
        |context| context.protocol != "udp",
        "how much the peer has acknowledged is not known, so nothing waits for it",
    ),
    listed(
        |context| context.protocol != "udp",
        "a send that fails throws away what had arrived and was not read yet (Node destroys the socket)",
    ),
    listed(serves_streams, "bind and listen are one call of Node"),
    listed(
        serves_streams,
        "without a descriptor left, Node closes who comes (ft: they wait)",
    ),
    listed(
        |_| true,
        "a signal that was ignored at the start ends this program all the same",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "tcp",
        "the address of a client that was gone before it was accepted is not known",
    ),
    listed(
        |context| context.terms.max_connections.is_some() && context.terms.at_limit == "wait",
        "who is above the limit is accepted and not read (ft: waits in the queue), and no line tells of it",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "unix",
        "who connects is somebody in the log: Node does not tell pid and user",
    ),
    listed(
        |context| context.action.terminal.is_some(),
        "Node makes stdin and stdout non-blocking where they are pipes or terminals",
    ),
    listed(
        |context| {
            context
                .action
                .terminal
                .as_ref()
                .is_some_and(|terminal| terminal.output)
        },
        "a reader of stdout that has gone is noticed by the next write",
    ),
    listed(
        |context| {
            context.role == "client"
                && context
                    .action
                    .terminal
                    .as_ref()
                    .is_some_and(|terminal| terminal.input)
        },
        "a peer that had finished and is gone is noticed by the next send",
    ),
    listed(
        retries,
        "it says the first failure and the last one, not that it is still trying",
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
        |context| serves(context, "daytime"),
        "a time zone is named as English people do (GMT+1 for CET)",
    ),
    listed(
        |context| serves(context, "send") || serves(context, "receive"),
        "nothing is said about how to continue",
    ),
    listed(
        |context| serves(context, "receive"),
        "a file system without hard links cannot give a file its name",
    ),
    listed(
        |context| context.service == "exec" && (context.role == "client" || has_pipes(context)),
        "stdin, stdout and stderr of the program are pairs of Unix sockets, not the connection itself",
    ),
    listed(
        |context| serves(context, "exec") && !has_pipes(context),
        "stdin, stdout and stderr of the program are pairs of Unix sockets, not pipes",
    ),
    listed(
        |context| serves(context, "exec") && context.protocol == "unix",
        "a program that neither reads nor writes is not ended when its client has gone",
    ),
    listed(
        |context| serves(context, "hub"),
        "dropped bytes are told when the member takes something again",
    ),
    listed(
        |context| serves(context, "http"),
        "it serves a greeting, not files; requests are not told",
    ),
    listed(
        |context| context.role == "server" && context.protocol == "udp",
        "ICMP errors are not heard, and on a wildcard address the system chooses where answers come from",
    ),
];
