//! What `ft` prints about itself: help, manual pages and completions, as the command gives them.

use std::process::{Command, Output, Stdio};

const VERBS: [&str; 8] = [
    "listen",
    "connect",
    "relay",
    "bench",
    "explain",
    "demo",
    "completions",
    "man",
];
const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

fn ft(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ft"))
        .args(words)
        .env("COLUMNS", "80")
        .stdin(Stdio::null())
        .output()
        .expect("ft can be run")
}

/// What a command prints that was asked to print something.
fn printed(words: &[&str]) -> String {
    let output = ft(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}");
    assert!(output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).expect("the text is UTF-8")
}

#[test]
fn help_of_ft() {
    insta::assert_snapshot!("ft-short", printed(&["-h"]));
    insta::assert_snapshot!("ft-long", printed(&["--help"]));
    assert_eq!(printed(&[]), printed(&["-h"]));
    assert_eq!(printed(&["help"]), printed(&["--help"]));
}

#[test]
fn help_of_every_verb() {
    for verb in VERBS {
        insta::assert_snapshot!(format!("{verb}-short"), printed(&[verb, "-h"]));
        insta::assert_snapshot!(format!("{verb}-long"), printed(&[verb, "--help"]));
        assert_eq!(printed(&["help", verb]), printed(&[verb, "--help"]));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("ft ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["--version"]), version);
    assert_eq!(printed(&["-V"]), version);
}

#[test]
fn manual_pages_are_roff() {
    let pages = VERBS
        .iter()
        .map(|verb| (vec!["man", verb], format!("ft-{verb}")));
    for (words, name) in pages.chain([(vec!["man"], "ft".to_owned())]) {
        let page = printed(&words);
        assert!(
            page.starts_with(".ie ") || page.starts_with(".TH "),
            "{page}"
        );
        assert!(page.contains(&format!("\n.TH {name} 1 ")), "{name}");
        assert!(page.contains("\n.SH EXAMPLES\n"), "{name}");
        assert!(!page.contains('\u{1b}'), "{name}");
    }
}

#[test]
fn the_manual_page_says_something_about_every_option() {
    let page = printed(&["man", "listen"]);
    let lines: Vec<&str> = page.lines().collect();
    for pair in lines.windows(2) {
        let is_option = pair[0].starts_with("\\fB\\-");
        assert!(!is_option || !pair[1].is_empty(), "{}", pair[0]);
    }
    insta::assert_snapshot!("listen-manual", page);
}

#[test]
fn completions_know_the_verbs_and_options() {
    for shell in SHELLS {
        let text = printed(&["completions", shell]);
        for word in [
            "listen",
            "connect",
            "explain",
            "max-connections",
            "find-max",
        ] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_mistake_is_said_on_stderr_with_status_2() {
    let output = ft(&["listen", "8080", "ehco"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!("mistake", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_reader_who_has_gone_is_a_quiet_end() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ft"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ft can be run");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ft ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
