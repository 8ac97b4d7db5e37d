//! What `getaddrinfo` says when a name does not become an address. These are not errnos, and
//! they come before the first socket is made.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "EAI_NONAME",
        aliases: &["name or service not known", "nxdomain"],
        summary: "there is no such name",
        body: &[
            Row("given by", "getaddrinfo"),
            Row(
                "means",
                "the hosts file does not have the name, and the name server answered that it \
                 does not exist (NXDOMAIN)",
            ),
            Row(
                "whose fault",
                "ours: a typing error, or a name that is known in another network only",
            ),
            Row(
                "try",
                "the spelling; the full name with its domain; the address itself",
            ),
        ],
        examples: &[
            example(
                "ft connect nosuch.invalid:80",
                "a name that never exists (RFC 6761)",
            ),
            example("getent ahosts localhost", "what the same look-up finds"),
        ],
        see_also: &["addresses", "EAI_NODATA", "EAI_AGAIN"],
        manual: "getaddrinfo(3), nsswitch.conf(5)",
    },
    Topic {
        name: "EAI_AGAIN",
        aliases: &["temporary failure in name resolution"],
        summary: "no name server answered",
        body: &[
            Row(
                "given by",
                "getaddrinfo, after its attempts have run out of time, or on SERVFAIL",
            ),
            Row(
                "means",
                "nobody knows whether the name exists. Typical: no network, or a wrong address \
                 in /etc/resolv.conf, also inside a container.",
            ),
            Row("whose fault", "the network's or the name server's"),
            Row(
                "try",
                "the address in place of the name: if that works, only the name server is \
                 missing",
            ),
        ],
        examples: &[
            example("cat /etc/resolv.conf", "which name servers are asked"),
            example("ft connect example.com:53 --retry 3", "tries again"),
        ],
        see_also: &["EAI_FAIL", "EAI_NONAME", "--retry"],
        manual: "getaddrinfo(3), resolv.conf(5)",
    },
    Topic {
        name: "EAI_FAIL",
        aliases: &["non-recoverable failure in name resolution"],
        summary: "the name server refused to answer",
        body: &[
            Row("given by", "getaddrinfo"),
            Row(
                "means",
                "an answer came, but a final failure such as REFUSED or FORMERR",
            ),
            Row(
                "whose fault",
                "the name server's configuration, or a name that is not one",
            ),
            Row("try", "another name server"),
        ],
        examples: &[example(
            "cat /etc/resolv.conf",
            "which name servers are asked",
        )],
        see_also: &["EAI_AGAIN", "EAI_NONAME"],
        manual: "getaddrinfo(3), RFC 1035 section 4.1.1",
    },
    Topic {
        name: "EAI_FAMILY",
        aliases: &["ai_family not supported"],
        summary: "the look-up was asked for a family that does not exist here",
        body: &[
            Row("given by", "getaddrinfo"),
            Row(
                "means",
                "the family that was asked for is neither IPv4 nor IPv6, or is not there",
            ),
            Row("whose fault", "the calling program's"),
            Row("try", "-4 or -6, or neither"),
        ],
        examples: &[example("ft connect -4 localhost:8080", "IPv4 alone")],
        see_also: &["EAFNOSUPPORT", "EAI_ADDRFAMILY", "-4", "-6"],
        manual: "getaddrinfo(3)",
    },
    Topic {
        name: "EAI_NODATA",
        aliases: &["no address associated with hostname"],
        summary: "the name exists, but has no address",
        body: &[
            Row("given by", "getaddrinfo of glibc"),
            Row(
                "means",
                "the name server knows the name, with records of other kinds (mail, text) only, \
                 or with no address of the family that was asked for",
            ),
            Row(
                "whose fault",
                "the owner of the name, or the wrong family was asked for",
            ),
            Row("try", "without -4 and -6; a name such as www in front"),
        ],
        examples: &[example(
            "getent ahosts example.com",
            "all addresses of a name",
        )],
        see_also: &["EAI_NONAME", "EAI_ADDRFAMILY", "-4", "-6"],
        manual: "getaddrinfo(3)",
    },
    Topic {
        name: "EAI_ADDRFAMILY",
        aliases: &["address family for hostname not supported"],
        summary: "the address is of the other family",
        body: &[
            Row("given by", "getaddrinfo of glibc"),
            Row(
                "means",
                "an IPv6 address was given where only IPv4 is wanted, or the reverse",
            ),
            Row("whose fault", "ours: -4 or -6 contradicts the address"),
            Row("try", "without -4 or -6"),
        ],
        examples: &[example("ft connect -4 '[::1]:8080'", "a contradiction")],
        see_also: &["-4", "-6", "EAI_FAMILY", "EAI_NODATA"],
        manual: "getaddrinfo(3)",
    },
    Topic {
        name: "EAI_SERVICE",
        aliases: &[
            "servname not supported for ai_socktype",
            "unknown port name",
        ],
        summary: "there is no port of that name",
        body: &[
            Row("given by", "getaddrinfo"),
            Row("means", "/etc/services has no such name for TCP"),
            Row(
                "whose fault",
                "ours: a typing error, or a machine without that file",
            ),
            Row("try", "the number"),
        ],
        examples: &[
            example("getent services http", "name, number, protocol"),
            example("ft connect localhost:http", "port names work in addresses"),
        ],
        see_also: &["port", "addresses", "EAI_NONAME"],
        manual: "getaddrinfo(3), services(5)",
    },
    Topic {
        name: "EAI_MEMORY",
        aliases: &["memory allocation failure"],
        summary: "no memory for the look-up",
        body: &[
            Row("given by", "getaddrinfo"),
            Row("means", "as ENOMEM"),
            Row("whose fault", "this machine's load"),
            Row("try", "again later"),
        ],
        examples: &[example("getent ahosts localhost", "the same look-up")],
        see_also: &["ENOMEM", "EAI_SYSTEM"],
        manual: "getaddrinfo(3)",
    },
    Topic {
        name: "EAI_SYSTEM",
        aliases: &["system error"],
        summary: "a system call inside the look-up failed",
        body: &[
            Row("given by", "getaddrinfo; errno says more, often EMFILE"),
            Row("means", "the look-up needs sockets and files of its own"),
            Row("whose fault", "this machine's limits"),
            Row("try", "what that errno says"),
        ],
        examples: &[example("ft explain EMFILE", "the usual suspect")],
        see_also: &["EMFILE", "EAI_AGAIN"],
        manual: "getaddrinfo(3)",
    },
];
