//! Whatever bytes a user types, the compiled program has the same: in file names and in the words of
//! programs. A language that cannot have them says so, and only of what is no text.

#[path = "code/mod.rs"]
mod code;
mod datagram;
mod program;
mod rig;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use code::source::Source;
use code::stage::Stage;
use code::tongue::{Tongue, tongue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// One model of each language: all of them spell alike.
const LANGUAGES: [(&str, &str); 6] = [
    ("c", "poll"),
    ("go", "goroutines"),
    ("java", "pool"),
    ("javascript", "events"),
    ("python", "threads"),
    ("rust", "threads"),
];

/// What some language or template reads as something else.
const NASTY: [&str; 16] = [
    "??/ ??= ??'",
    "\\",
    "\\u000a\\u0022",
    "\\x41\\101\\",
    "\"; exit(1); //",
    "*/ /* */",
    "{{ 7 * 7 }} {% raw %} {# #}",
    "${x} $(x) `x` %s %n",
    "#{x} \\N{DEGREE SIGN}",
    "'''\"\"\"",
    "\r\n\t\u{b}\u{1b}[31m\u{7f}",
    "\u{2028}\u{2029}\u{85}\u{feff}",
    "é\u{301} 日本 \u{1f600}",
    "\u{202e}\u{2066}",
    "\u{1}1 \u{1}f \u{e9}e9",
    "--help",
];

/// Every byte that a word can have, in an order that makes no text.
fn all_bytes() -> Vec<u8> {
    (1..=255).collect()
}

/// The program, unless the language refuses it, which only bytes that are no text excuse.
fn program(
    tongue: &'static Tongue,
    stem: &str,
    words: &[OsString],
) -> Option<code::source::Program> {
    match Source::of(tongue, &[], stem, words) {
        Ok(source) => Some(source.build(tongue)),
        Err(sentence) => {
            let is_text = words.iter().all(|word| word.to_str().is_some());
            assert!(!is_text, "{}: text is refused: {sentence}", tongue.language);
            assert!(
                sentence.starts_with("ft code: "),
                "{}: {sentence}",
                tongue.language
            );
            assert!(!sentence.contains("could not be written"), "{sentence}");
            None
        }
    }
}

/// What a program is given as words, it gives to the program that it starts.
fn words_survive(tongue: &'static Tongue, given: &[Vec<u8>]) {
    let start = ["listen", "127.0.0.1:0", "exec", "--", "sh", "-c"].map(OsString::from);
    let script = ["printf '%s\\0' \"$@\"", "sh"].map(OsString::from);
    let given_words = given.iter().map(|word| OsStr::from_bytes(word).to_owned());
    let words: Vec<OsString> = start.into_iter().chain(script).chain(given_words).collect();
    let Some(program) = program(tongue, "exec", &words) else {
        return;
    };
    let mut stage = Stage::begin(program.command(), 1);
    let (heard, _) = stage.client().rest();
    stage.closed(1);
    stage.stop();
    let mut expected = given.join(&0);
    expected.push(0);
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    assert_eq!(shown(&heard), shown(&expected), "{}", tongue.language);
}

/// The file of this name is the one that is sent.
fn name_survives(tongue: &'static Tongue, name: &[u8]) {
    let name = OsStr::from_bytes(name);
    let words = ["listen", "127.0.0.1:0", "send"].map(OsString::from);
    let words: Vec<OsString> = words.into_iter().chain([name.to_owned()]).collect();
    let Some(program) = program(tongue, "send", &words) else {
        return;
    };
    // It lies where the program starts.
    let place = rig::Folder::new();
    fs::write(place.as_path().join(name), b"the right one\n").expect("a file of this name");
    let mut stage = Stage::begin_in(program.command(), 1, place);
    let (heard, _) = stage.client().rest();
    stage.closed(1);
    stage.stop();
    assert_eq!(heard, b"the right one\n", "{}: {name:?}", tongue.language);
}

fn is_name(name: &[u8]) -> bool {
    // What begins with a dash is an option.
    !matches!(name, b"" | b"." | b".." | [b'-', ..]) && name.len() <= 255
}

/// The words that all languages have to spell, and some by chance.
fn survive(language: &str, model: &str) {
    let tongue = tongue(language, model);
    if !(tongue.is_here)() {
        return;
    }
    let text = NASTY.map(|word| word.as_bytes().to_vec());
    let ascii: Vec<u8> = (1..=127).collect();
    words_survive(tongue, &[&text[..], &[ascii.clone(), Vec::new()]].concat());
    words_survive(
        tongue,
        &[
            &text[..],
            &[all_bytes(), b"\xff1\xc3(\xed\xa0\x80".to_vec()],
        ]
        .concat(),
    );
    let without_slash =
        |bytes: Vec<u8>| -> Vec<u8> { bytes.into_iter().filter(|byte| *byte != b'/').collect() };
    name_survives(tongue, &without_slash(ascii));
    name_survives(tongue, &without_slash(all_bytes()));
    let cases = if std::env::var_os("FT_TEST_ALL").is_some() {
        16
    } else {
        1
    };
    let config = Config {
        cases,
        // Each try compiles two programs.
        max_shrink_iters: 16,
        failure_persistence: None,
        ..Config::default()
    };
    let bytes = vec(1..=255_u8, 0..60);
    let name = bytes
        .clone()
        .prop_map(without_slash)
        .prop_filter("a name", |name| is_name(name));
    let words = vec(prop_oneof![bytes, ".{0,20}".prop_map(as_word)], 1..12);
    TestRunner::new(config)
        .run(&(words, name), |(words, name)| {
            words_survive(tongue, &words);
            name_survives(tongue, &name);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{language}: {failure}"));
}

/// Text without the one character that no word has.
fn as_word(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.retain(|byte| *byte != 0);
    bytes
}

#[test]
fn every_byte_survives_in_every_language() {
    std::thread::scope(|scope| {
        let running = LANGUAGES.map(|(language, model)| scope.spawn(|| survive(language, model)));
        for thread in running {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
