//! The chat: the hub, with names.

mod recorder;

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use fivetuple::service::{Chat, HubOptions};
use fivetuple::{Reason, ServerOptions};
use recorder::{Running, reset};

struct Person {
    connection: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Person {
    fn comes(server: &Running) -> Self {
        let connection = server.connect();
        let lines = BufReader::new(connection.try_clone().unwrap());
        Self { connection, lines }
    }

    /// Comes and has this name, when as many others are here.
    fn named(server: &Running, name: &str, others: &str) -> Self {
        let mut person = Self::comes(server);
        person.hears("-- your name? --");
        person.says(name);
        person.hears(&format!(
            "-- welcome, {name}: {others}; /help lists the commands --"
        ));
        person
    }

    fn says(&mut self, line: &str) {
        self.connection
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{expected}\n"));
    }

    /// The end of the stream, after nothing more.
    #[track_caller]
    fn hears_the_end(&mut self) {
        let mut line = String::new();
        assert_eq!(self.lines.read_line(&mut line).unwrap(), 0, "{line}");
    }
}

async fn start(options: HubOptions) -> Running {
    Running::start(Chat::new(options), ServerOptions::default()).await
}

const ALONE: &str = "nobody else is here";
const ONE: &str = "one other is here";

#[tokio::test(flavor = "multi_thread")]
async fn people_come_talk_and_leave() {
    let server = start(HubOptions::default()).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    let mut bert = Person::named(&server, "bert", ONE);
    anna.hears("-- bert has joined --");
    anna.says("hello all\r");
    bert.hears("anna: hello all");
    bert.says("//path is said with one slash");
    anna.hears("bert: /path is said with one slash");
    bert.says("");
    bert.says("/quit");
    anna.hears("-- bert has left --");
    bert.hears("-- bye --");
    bert.hears_the_end();
    drop(bert);
    // However one ends, the others hear of it.
    let carl = Person::named(&server, "carl", ONE);
    anna.hears("-- carl has joined --");
    drop(carl.lines);
    reset(carl.connection);
    anna.hears("-- carl has left --");
    let mut dora = Person::named(&server, "dora", ONE);
    anna.hears("-- dora has joined --");
    dora.connection.write_all(b"no newline").unwrap();
    dora.connection.shutdown(Shutdown::Write).unwrap();
    anna.hears("dora: no newline");
    anna.hears("-- dora has left --");
    dora.hears_the_end();
    drop(anna);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_asked_for_until_they_are_good_and_can_be_changed() {
    let server = start(HubOptions::default()).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    let mut other = Person::comes(&server);
    other.hears("-- your name? --");
    for bad in ["two words", "/who", "\x1b[2J", "a\u{202e}b"] {
        other.says(bad);
        other.hears("-- a name has 1 to 24 letters and digits, and _ - . between them --");
    }
    other.says("ANNA");
    other.hears("-- ANNA is taken here: choose another name --");
    other.says("");
    other.hears("-- your name? --");
    // Who has no name yet hears nothing and is not here.
    anna.says("/who");
    anna.hears("-- 1 here: anna --");
    other.says("/name bert");
    other.hears("-- welcome, bert: one other is here; /help lists the commands --");
    anna.hears("-- bert has joined --");
    other.says("/name anna");
    other.hears("-- anna is taken here: choose another name --");
    other.says("/name BERT");
    other.hears("-- you are BERT now --");
    anna.hears("-- bert is BERT now --");
    anna.says("/who");
    anna.hears("-- 2 here: anna, BERT --");
    drop((anna, other));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_be_told_alone() {
    let server = start(HubOptions::default()).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    let mut bert = Person::named(&server, "bert", ONE);
    let mut carl = Person::named(&server, "carl", "2 others are here");
    anna.says("/msg CARL a secret");
    anna.hears("-- bert has joined --");
    anna.hears("-- carl has joined --");
    anna.hears("you (to carl alone): a secret");
    carl.hears("anna (to you alone): a secret");
    anna.says("to all");
    bert.hears("-- carl has joined --");
    bert.hears("anna: to all");
    anna.says("/msg dora psst");
    anna.hears("-- nobody here is called dora; /who lists who is here --");
    anna.says("/msg carl");
    anna.hears("-- write /msg NAME TEXT --");
    anna.says("/foo bar");
    anna.hears("-- there is no /foo; /help lists the commands --");
    anna.says("/help");
    anna.hears("-- /name NEW        take another name");
    drop((anna, bert, carl));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_steer_a_terminal_is_shown_and_the_rest_passes() {
    let server = start(HubOptions::default()).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    let mut bert = Person::named(&server, "bert", ONE);
    bert.says("\x1b[2J \u{9b}1m \r gone \u{202e}x \x07 -- ok \\o/ größer 😀");
    anna.hears("-- bert has joined --");
    anna.hears("bert: \\x1b[2J \\u{9b}1m \\r gone \\u{202e}x \\x07 -- ok \\o/ größer 😀");
    bert.connection.write_all(b"\xff\xfe\n").unwrap();
    anna.hears("bert: \\xff\\xfe");
    bert.says("/msg anna \x1b]0;t\x07");
    anna.hears("bert (to you alone): \\x1b]0;t\\x07");
    bert.hears("you (to anna alone): \\x1b]0;t\\x07");
    bert.says("/\x1b[2J");
    bert.hears("-- there is no /\\x1b[2J; /help lists the commands --");
    drop((anna, bert));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_by_the_thousand_are_all_answered_as_fast_as_the_answers_are_read() {
    const COUNT: usize = 20_000;
    let server = start(HubOptions::default()).await;
    let mut here = Vec::new();
    for number in 0..90 {
        let mut person = Person::comes(&server);
        person.says(&format!("{number}-{}", "名".repeat(20)));
        here.push(person);
    }
    let mut asks = Person::comes(&server);
    asks.says("asks\nx");
    // It is in the room: everybody has heard what it says.
    let mut line = String::new();
    while line != "asks: x\n" {
        line.clear();
        here[0].lines.read_line(&mut line).unwrap();
    }
    let mut mouth = asks.connection.try_clone().unwrap();
    let asking = thread::spawn(move || {
        mouth.write_all("/who\n".repeat(COUNT).as_bytes()).unwrap();
        mouth.write_all(b"the end\n").unwrap();
        mouth.shutdown(Shutdown::Write).unwrap();
    });
    let (mut answers, mut line) = (0, String::new());
    while asks.lines.read_line(&mut line).unwrap() > 0 {
        // Some of the others may still be on their way in.
        if line.contains(" here: ") {
            assert!(line.ends_with(" more --\n") && line.len() < 2300, "{line}");
            answers += 1;
        }
        line.clear();
    }
    assert_eq!(answers, COUNT);
    asking.join().unwrap();
    while line != "asks: the end\n" {
        line.clear();
        here[0].lines.read_line(&mut line).unwrap();
    }
    drop((here, asks));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_take_the_name_of_the_console() {
    let server = start(HubOptions::default()).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    anna.says("/name Console");
    anna.hears("-- Console could be taken for another --");
    drop(anna);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grows_when_it_is_shown_keeps_the_limit_of_a_line() {
    let options = HubOptions {
        max_line: 20,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let mut anna = Person::named(&server, "anna", ALONE);
    let mut bert = Person::named(&server, "bert", ONE);
    bert.says("\x01\x02\x03\x04\x05\x06");
    bert.hears("-- your line was longer than 20 bytes: the rest of it was left out --");
    anna.hears("-- bert has joined --");
    anna.hears("bert: \\x01\\x02\\x03\\x04\\x05");
    drop((anna, bert));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_have_their_own_names_and_history() {
    let options = HubOptions {
        rooms: true,
        history: 10,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let enter = |room: &str, name: &str, others: &str| {
        let mut person = Person::comes(&server);
        person.hears("-- which room? --");
        person.says(room);
        person.hears("-- your name? --");
        person.says(name);
        person.hears(&format!(
            "-- welcome, {name}: {others}; /help lists the commands --"
        ));
        person
    };
    let mut red = enter("red", "anna", ALONE);
    let mut blue = enter("blue", "anna", ALONE);
    red.says("in red");
    blue.says("in blue");
    red.says("/who");
    red.hears("-- 1 here: anna --");
    blue.says("/who");
    blue.hears("-- 1 here: anna --");
    let mut late = enter("blue", "bert", ONE);
    late.hears("-- anna has joined --");
    late.hears("anna: in blue");
    drop((red, blue, late));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_name_in_time_is_told_so_and_released() {
    let options = HubOptions {
        ask_within: Duration::from_millis(200),
        ..HubOptions::default()
    };
    let server = start(options).await;
    let mut silent = Person::comes(&server);
    silent.hears("-- your name? --");
    silent.hears("-- no answer came in time --");
    silent.hears_the_end();
    drop(silent);
    assert_eq!(server.recorder.closed().0, Reason::Released);
    server.drain().await;
}
