//! `ft code` refuses with status 2, one sentence, and the list of what there is.

mod rig;

use rig::{ft, number, run};

/// What is typed after `ft code`, and what the sentence has to name.
const REFUSED: &[(&[&str], &[&str])] = &[
    (
        &["cobol", "listen", "8080"],
        &["cobol", "c, go, java, javascript, python, rust"],
    ),
    (&["pyton", "listen", "8080"], &["did you mean 'python'?"]),
    (
        &["c", "--model", "fibers", "listen", "8080"],
        &["fibers", "poll", "threads", "epoll"],
    ),
    (
        &["python", "--model", "poll", "listen", "8080"],
        &["asyncio", "threads", "selectors"],
    ),
    (&["rust", "--java", "21", "listen", "8080"], &["--java"]),
    (&["java", "--java", "8", "listen", "8080"], &["17, 21"]),
    (
        &[
            "java", "--java", "17", "--model", "virtual", "listen", "8080",
        ],
        &["Java 21"],
    ),
    (
        &["c", "--style", "baroque", "listen", "8080"],
        &["baroque", "minimal", "production"],
    ),
    (&["c"], &["ft code c listen 8080 echo"]),
    (&["c", "bench", "8080"], &["listen, connect and relay"]),
    (
        &["c", "listen", "8080", "chat"],
        &["chat", "echo", "hub", "relay"],
    ),
    (&["c", "listen", "8080", "source"], &["source", "chargen"]),
    (&["c", "listen", "8080", "hub", "--rooms"], &["--rooms"]),
    (
        &["c", "listen", "8080", "exec", "--pty", "--", "cat"],
        &["--pty"],
    ),
    (
        &["c", "listen", "8080", "echo", "--allow", "10.0.0.0/8"],
        &["--allow"],
    ),
    (
        &["c", "listen", "8080", "echo", "--interface", "lo"],
        &["--interface"],
    ),
    (&["c", "connect", "8080", "--digest"], &["--digest"]),
    (&["c", "listen", "udp:8080", "hub"], &["hub", "udp:"]),
    (&["c", "listen", "8080", "echo", "-4", "-6"], &["-4", "-6"]),
    (
        &["c", "connect", "8080", "--send-only", "--receive-only"],
        &["--send-only"],
    ),
];

#[test]
fn what_there_is_not_is_refused_with_one_sentence_that_says_what_there_is() {
    for (words, named) in REFUSED {
        let output = run(ft().arg("code").args(*words), b"");
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(number(output.status), 2, "{words:?}: {said}");
        assert_eq!(output.stdout, b"", "{words:?}: no half a program");
        for part in *named {
            assert!(
                said.contains(part),
                "{words:?}: {part:?} is not named:\n{said}"
            );
        }
        assert!(said.lines().count() <= 3, "{words:?}:\n{said}");
        assert!(said.starts_with("ft "), "{words:?}:\n{said}");
    }
}

#[test]
fn the_list_names_every_language_model_and_style() {
    let output = run(ft().args(["code", "--list"]), b"");
    assert_eq!(number(output.status), 0);
    let text = String::from_utf8(output.stdout).expect("it is text");
    for name in [
        "c ",
        "go ",
        "java ",
        "javascript ",
        "python ",
        "rust ",
        "poll",
        "threads",
        "epoll",
        "goroutines",
        "pool",
        "virtual",
        "events",
        "asyncio",
        "selectors",
        "tokio",
        "minimal",
        "commented",
        "production",
    ] {
        assert!(text.contains(name), "{name} is not on the list:\n{text}");
    }
}
