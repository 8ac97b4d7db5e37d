//! The options of `ft code`.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--style",
        aliases: &[],
        summary: "how much a program says to who reads it",
        body: &[
            Row("of", "code"),
            Row("minimal", "no comments but the first"),
            Row(
                "commented",
                "each step of the diagram above its call; the default",
            ),
            Row(
                "production",
                "as commented, with the bounds that ft has without being asked",
            ),
            Text(
                "The calls are the same in all three. What a program does not do as ft does stands in \
                 its first comment.",
            ),
        ],
        examples: &[example(
            "ft code go --style production listen 8080 echo",
            "",
        )],
        see_also: &["--model", "socket"],
        manual: "",
    },
    Topic {
        name: "--model",
        aliases: &[],
        summary: "how a program serves many connections",
        body: &[
            Row("of", "code"),
            Row("c", "poll (default), threads, epoll"),
            Row("java", "pool (default), virtual"),
            Row("python", "asyncio (default), threads, selectors"),
            Row("rust", "threads (default), tokio"),
            Text(
                "Go and JavaScript have one way. A loop serves all connections with one thread and \
                 is told by the kernel which of them have something; a thread for each connection \
                 waits in its calls and is read from top to bottom.",
            ),
        ],
        examples: &[example("ft code c --model epoll listen 8080 echo", "")],
        see_also: &["--java", "--list"],
        manual: "epoll",
    },
    Topic {
        name: "--java",
        aliases: &[],
        summary: "the version of Java that a program is for",
        body: &[
            Row("of", "code"),
            Row("17", "a thread of a pool for each connection; the default"),
            Row("21", "a virtual thread for each connection"),
        ],
        examples: &[example("ft code java --java 21 listen 8080 echo", "")],
        see_also: &["--model"],
        manual: "",
    },
    Topic {
        name: "--output",
        aliases: &["-o"],
        summary: "write the program to a file",
        body: &[
            Row("of", "code"),
            Text("A file that is there is overwritten. Without it the program goes to stdout."),
        ],
        examples: &[example("ft code c --output echo.c listen 8080 echo", "")],
        see_also: &["--list"],
        manual: "",
    },
    Topic {
        name: "--list",
        aliases: &[],
        summary: "the languages, models and styles of ft code",
        body: &[Row("of", "code")],
        examples: &[example("ft code --list", "")],
        see_also: &["--model", "--style"],
        manual: "",
    },
];
