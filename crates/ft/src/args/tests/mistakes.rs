//! What is said about command lines that cannot be carried out.

use super::piped;

/// The first line of what is said.
fn said(line: &str) -> String {
    let exit = match piped(line) {
        Err(exit) => exit,
        Ok(plan) => panic!("{line}: {plan:?}"),
    };
    assert_eq!((exit.status, exit.to_stdout), (2, false), "{line}");
    let lines: Vec<&str> = exit.text.lines().collect();
    let [sentence, hint] = lines[..] else {
        panic!("{line}: {:?}", exit.text);
    };
    let name = sentence.split(':').next().unwrap();
    assert_eq!(hint, format!("try: {name} --help"), "{line}");
    assert!(!sentence.contains("error"), "{sentence}");
    sentence.to_owned()
}

/// Holds a list against the truth: a command line behind `$`, then what is said.
fn check(list: &str) {
    let lines = list.lines().filter_map(|line| line.strip_prefix("$ ft "));
    let truth: Vec<String> = lines
        .map(|line| format!("$ ft {line}\n{}\n", said(line)))
        .collect();
    assert_eq!(list.trim_start(), truth.concat());
}

#[test]
fn commands() {
    check(
        "
$ ft lisen 8080
ft: unknown command 'lisen'; did you mean 'listen'?
$ ft conect localhost 80
ft: unknown command 'conect'; did you mean 'connect'?
$ ft portz
ft: unknown command 'portz'; to call a machine of that name, write its port too: ft portz PORT
$ ft help lisen
ft: unknown command 'lisen'; did you mean 'listen'?
$ ft help echo
ft: unknown command 'echo'; to have the word explained: ft explain echo
$ ft demo now
ft demo: 'now' is one word too many
$ ft man lisen
ft man: unknown command 'lisen'; did you mean 'listen'?
$ ft man wget
ft man: unknown command 'wget' (commands: listen, connect, relay, bench, code, explain, demo, completions, man)
$ ft completions
ft completions: the shell is missing: write ft completions bash
$ ft completions fsh
ft completions: SHELL cannot be 'fsh'; did you mean 'fish'? (values: bash, elvish, fish, powershell, zsh)
$ ft completions tcsh
ft completions: SHELL cannot be 'tcsh' (values: bash, elvish, fish, powershell, zsh)
$ ft explain ECONREFUSED
ft explain: unknown word 'ECONREFUSED'; did you mean 'ECONNREFUSED'?
$ ft explain qqqqqqqq
ft explain: unknown word 'qqqqqqqq'; ft explain alone lists all words
$ ft --nothing
ft connect: unknown option '--nothing'
$ ft example.com
ft connect: 'example.com' has no port: write example.com:PORT
",
    );
}

#[test]
fn commands_of_later_releases_are_not_names_of_machines() {
    for line in [
        "-v ports 8080",
        "ports",
        "board 127.0.0.1:8080",
        "diagram x",
        "help diagram",
    ] {
        let exit = piped(line).unwrap_err();
        assert_eq!((exit.status, exit.to_stdout), (2, false), "{line}");
        let verb = line
            .split(' ')
            .find(|word| super::super::verb::is_later(word));
        let text = format!(
            "ft {}: not in this release\ntry: ft --help\n",
            verb.unwrap()
        );
        assert_eq!(exit.text, text);
    }
    assert!(piped("connect board 8080").is_ok());
}

#[test]
fn addresses() {
    check(
        "
$ ft listen
ft listen: the address is missing: write ft listen 8080
$ ft connect
ft connect: the address is missing: write ft connect 8080, or ft connect HOST PORT
$ ft listen echo
ft listen: the address is missing: write ft listen 8080 echo
$ ft listen source 1M
ft listen: the address is missing: write ft listen 8080 source 1M
$ ft listen echo 8080
ft listen: the address stands first: write ft listen 8080 echo
$ ft listen localhost 8080
ft listen: an address to listen on is one word: write localhost:8080
$ ft listen localhost
ft listen: 'localhost' has no port: write localhost:PORT
$ ft listen 70000
ft listen: port 70000 is out of range: ports go from 0 to 65535
$ ft listen 20-25
ft listen: '20-25' is more than one port, and one is asked for here
$ ft listen [::1]:80 -4
ft listen: ::1 is not an IPv4 address, and only IPv4 is wanted
$ ft connect *:8080
ft connect: *:8080 cannot be called: write 8080 for this machine, or HOST:8080
$ ft connect 0
ft connect: nobody listens on port 0: write the port that ft listen reports
$ ft connect localhost 0-3 --check
ft connect: nobody listens on port 0: write the port that ft listen reports
$ ft connect localhost 20-25
ft connect: 20-25 is more than one port, and a connection has one: add --check to see which answer
$ ft connect localhost ''
ft connect: the port is empty: write localhost:PORT
$ ft connect a 1 b
ft connect: 'b' is one word too many: write HOST PORT, or HOST:PORT
$ ft connect 10.0.0.1:80 -6
ft connect: 10.0.0.1 is not an IPv6 address, and only IPv6 is wanted
$ ft connect 80 --source 10.0.0.1 -6
ft connect: -6 is IPv6 only, and --source 10.0.0.1 is not: leave out -6
$ ft connect [::1]:80 --source 127.0.0.1
ft connect: --source 127.0.0.1 is IPv4, and ::1 is IPv6: write a source of IPv6, or leave it out
$ ft connect 127.0.0.1:80 --source ::1
ft connect: --source ::1 is IPv6, and 127.0.0.1 is IPv4: write a source of IPv4, or leave it out
$ ft listen vsock:3:80
ft listen: vsock: addresses are not supported in this release
$ ft listen unix:
ft listen: the path is empty: write unix:/path or unix:@name
",
    );
}

#[test]
fn services() {
    check(
        "
$ ft listen 8080 ehco
ft listen: unknown service 'ehco'; did you mean 'echo'? (services: terminal, echo, discard, chargen, daytime, time, \
        source, relay, send, receive, http, exec, shell, hub, chat)
$ ft listen 8080 gopher
ft listen: unknown service 'gopher' (services: terminal, echo, discard, chargen, daytime, time, source, relay, \
        send, receive, http, exec, shell, hub, chat)
$ ft listen 8080 echo discard
ft listen: a listening socket has one service: leave out echo or discard
$ ft listen 8080 source echo
ft listen: a listening socket has one service: leave out source or echo
$ ft listen 8080 source 4K
ft listen: source 4K: not a size: write 4k for 4000 bytes or 4Ki for 4096
$ ft listen 8080 source 5Q
ft listen: source 5Q: not a size: write bytes, or a number with k M G or Ki Mi Gi
$ ft listen 8080 source 5T
ft listen: source 5T: not a size: write bytes, or a number with k M G or Ki Mi Gi
$ ft listen 8080 echo now
ft listen: 'now' is one word too many behind echo
$ ft listen 8080 echo --crlf
ft listen: --crlf is for the terminal service: leave out --crlf or echo
$ ft listen 8080 source 1 --send-only
ft listen: --send-only is for the terminal service: leave out --send-only or source
$ ft listen 8080 time --receive-only
ft listen: --receive-only is for the terminal service: leave out --receive-only or time
$ ft listen 8080 discard --raw
ft listen: --raw is for terminal, hub and chat: leave out --raw or discard
$ ft listen 8080 echo --slow block
ft listen: --slow is for terminal, hub and chat: leave out --slow or echo
$ ft listen 8080 echo --history 5
ft listen: --history is for hub and chat: leave out --history or echo
$ ft listen 8080 --rooms
ft listen: --rooms is for hub and chat: leave out --rooms or terminal
$ ft listen 8080 hub --send-only
ft listen: --send-only is for the terminal service: leave out --send-only or hub
$ ft listen 8080 hub --raw
ft listen: --raw is about what stdout shows, and it shows nothing: add --console, or leave out --raw
$ ft listen 8080 chat --messages chunks
ft listen: the messages of a chat are lines: leave out --messages
$ ft listen 8080 hub --max-behind 1k --max-line 2k
ft listen: a line of --max-line 2000 bytes does not fit into --max-behind 1000: make one larger or the \
        other smaller
$ ft listen 8080 hub --messages chunks --max-line 2k
ft listen: --max-line is about lines, and --messages chunks has none: leave one out
$ ft listen 8080 -- cat
ft listen: words behind -- are for a program: write exec -- CMD ARGS
$ ft listen 8080 exec
ft listen: the program is missing: write exec -- CMD ARGS
$ ft listen 8080 exec cat
ft listen: the program stands behind --: write exec -- cat
$ ft listen 8080 shell
ft listen: the command is missing: write shell 'CMD ARGS'
$ ft listen 8080 shell ls -- -l
ft listen: shell takes its command as one word: write shell 'CMD ARGS', or exec -- CMD ARGS
$ ft listen 8080 shell cat now
ft listen: 'now' is one word too many behind shell: write shell 'CMD ARGS', in quotes
$ ft listen 8080 echo --pty
ft listen: --pty is for exec and shell: leave out --pty or echo
$ ft listen 8080 --stderr peer
ft listen: --stderr is for exec and shell: leave out --stderr or terminal
$ ft listen 8080 --pipe --pty exec -- cat
ft listen: --pty is a terminal in place of the pipes: leave out --pipe
$ ft listen 8080 --crlf exec -- cat
ft listen: --crlf is for the terminal service: leave out --crlf or exec
",
    );
}

#[test]
fn options_together() {
    check(
        "
$ ft connect 80 -4 -6
ft connect: -4 and -6 exclude each other: leave both out for both
$ ft listen 80 -6 -4
ft listen: -4 and -6 exclude each other: leave both out for both
$ ft connect 80 -q -v
ft connect: -q says less and -v says more: leave one of them out
$ ft connect 80 --send-only --receive-only
ft connect: --send-only and --receive-only together move nothing: leave one out
$ ft connect 80 --receive-only --crlf
ft connect: --receive-only sends nothing: leave out --crlf
$ ft connect 80 --exec
ft connect: the program is missing: write --exec -- CMD ARGS
$ ft connect 80 --exec cat
ft connect: the program is missing: write --exec -- CMD ARGS
$ ft connect 80 --exec --check -- cat
ft connect: --check sends nothing: leave out --exec
$ ft connect 80 -- cat
ft connect: words behind -- are a program to run: write --exec -- CMD ARGS
$ ft connect 80 --check --crlf
ft connect: --check sends and receives nothing: leave out --crlf
$ ft connect 80 --check --dump -
ft connect: --check sends and receives nothing: leave out --dump
$ ft connect 80 --check --idle 5
ft connect: --check sends and receives nothing: leave out --idle
$ ft connect 80 --exec --raw -- cat
ft connect: with --exec the program has the data, not this terminal: leave out --raw
$ ft listen unix:@x echo --mode 0600
ft listen: --mode is of the file of a Unix socket, and an abstract name has none: leave it out
$ ft listen unix:@x echo --deny ::1
ft listen: --deny is about IP addresses, and a Unix socket has none: leave it out
$ ft listen unix:/x echo -4
ft listen: -4 is about IP addresses, and a Unix socket has none: leave it out
$ ft listen --listen-fd 3 echo -4
ft listen: -4 is for a socket that ft makes, and with --listen-fd it is made: leave it out
$ ft listen --listen-fd 3 relay 80 --backlog 5
ft listen: --backlog is for a socket that ft makes, and with --listen-fd it is made: leave it out
$ ft relay 80 unix:/x --source 127.0.0.1
ft relay: --source is about IP addresses, and a Unix socket has none: leave it out
$ ft relay unix:/x unix:/y --interface lo
ft relay: --interface is about IP addresses, and a Unix socket has none: leave it out
$ ft relay unix:/x localhost:80 -4 --max-per-ip 2
ft relay: --max-per-ip is about IP addresses, and a Unix socket has none: leave it out (--mode says who may connect)
$ ft listen 80 --events f --dump f
ft listen: --events and --dump write different things: give each its own file
$ ft listen 80 --events ''
ft listen: --events needs a value: write --events FILE
",
    );
}

#[test]
fn values() {
    check(
        "
$ ft listen 80 --max-connections 0
ft listen: --max-connections 0: nobody could connect: write at least 1
$ ft listen 80 --max-connections many
ft listen: --max-connections many: not a number: write a whole number such as 100
$ ft listen 80 --max-per-ip 5000000000
ft listen: --max-per-ip 5000000000: the largest number is 4294967295
$ ft listen 80 --backlog 3000000000
ft listen: --backlog 3000000000: the largest number is 2147483647
$ ft listen 80 --idle 0
ft listen: --idle 0: a limit of no time ends everything at once: write a longer time, such as 10s
$ ft listen 80 --half-closed 0s
ft listen: --half-closed 0s: a limit of no time ends everything at once: write never for no limit
$ ft listen 80 --half-closed nevr
ft listen: --half-closed nevr: not a duration: write never
$ ft listen 80 --idle -1
ft listen: --idle -1: the value is negative: write one without the sign
$ ft listen 80 --idle=-1
ft listen: --idle -1: the value is negative: write one without the sign
$ ft listen 80 --drain -10s
ft listen: --drain -10s: the value is negative: write one without the sign
$ ft listen 80 --backlog -3000
ft listen: --backlog -3000: the value is negative: write one without the sign
$ ft listen 80 --idle -4
ft listen: --idle -4: the value is negative: write one without the sign
$ ft listen 80 source -5
ft listen: source -5: the value is negative: write one without the sign
$ ft listen -1
ft listen: '-1' is negative: ports go from 0 to 65535
$ ft connect localhost -1
ft connect: '-1' is negative: ports go from 0 to 65535
$ ft listen 80 --idle 10sec
ft listen: --idle 10sec: not a duration: write 10s
$ ft listen 80 --idle
ft listen: --idle needs a value: write --idle DURATION
$ ft listen 80 --color somtimes
ft listen: --color cannot be 'somtimes' (values: auto, always, never)
$ ft listen 80 --color alwys
ft listen: --color cannot be 'alwys'; did you mean 'always'? (values: auto, always, never)
$ ft listen 80 --eof
ft listen: --eof needs a value: write --eof WHEN
$ ft listen 80 --eof haf
ft listen: --eof cannot be 'haf'; did you mean 'half'? (values: half, each, full)
$ ft listen 80 --at-limit drop
ft listen: --at-limit cannot be 'drop' (values: wait, refuse)
$ ft listen 80 --allow 10.0.0.1/8
ft listen: --allow 10.0.0.1/8: 10.0.0.1 has bits beyond /8: write 10.0.0.0/8
$ ft connect 80 --retry -1
ft connect: --retry -1: not a number of retries: write forever
$ ft connect 80 --source localhost
ft connect: --source localhost: a source is an IP address of this machine, as ADDRESS or ADDRESS:PORT
$ ft connect 80 --connect-timeout 0
ft connect: --connect-timeout 0: a limit of no time ends everything at once: write a longer time, such as 10s
$ ft connect 80 --interface ''
ft connect: --interface '': not the name of an interface: it has 1 to 15 characters, such as eth0
$ ft connect 80 --crlf=yes
ft connect: --crlf takes no value
",
    );
}

#[test]
fn unknown_options() {
    check(
        "
$ ft listen 80 --idel 5
ft listen: unknown option '--idel'; did you mean '--idle'?
$ ft connect 80 --once
ft connect: --once is an option of ft listen
$ ft listen 80 --check
ft listen: --check is an option of ft connect
$ ft listen 80 --exec -- cat
ft listen: --exec is an option of ft connect
$ ft -l 8080
ft listen: unknown option '-l': leave it out, for the server is ft listen ADDRESS
$ ft connect -z 80
ft connect: unknown option '-z': write --check
$ ft connect 80 -w 3
ft connect: unknown option '-w': write --connect-timeout, or --idle
$ ft listen 80 -k
ft listen: unknown option '-k': leave it out, for ft listen goes on listening
$ ft listen 80 --progress
ft listen: --progress is an option of ft connect
$ ft connect 80 -x
ft connect: unknown option '-x'
$ ft --hlep
ft connect: unknown option '--hlep'; did you mean '--help'?
$ ft connect 80 --once=1
ft connect: --once is an option of ft listen
",
    );
}

#[test]
fn programs() {
    check(
        "
$ ft code
ft code: the language is missing (languages: c, go, java, javascript, python, rust)
$ ft code pyton listen 80
ft code: unknown language 'pyton'; did you mean 'python'? (languages: c, go, java, javascript, python, rust)
$ ft code listen 80 echo
ft code: unknown language 'listen' (languages: c, go, java, javascript, python, rust)
$ ft code c
ft code: what is it to do? write ft code c listen 8080 echo
$ ft code c --model fork listen 80
ft code: c has no model 'fork' (models: poll, threads, epoll)
$ ft code go --java 21 listen 80
ft code: --java is for java: leave it out for go
$ ft code java --java 8 listen 80
ft code: --java 8 is not written for (versions: 17, 21)
$ ft code java --java 17 --model virtual listen 80
ft code: --model virtual needs Java 21: leave out --java 17
$ ft code rust --style short listen 80
ft code: --style cannot be 'short' (values: minimal, commented, production)
$ ft code c listen 80 echo -o echo.c
ft listen: -o is an option of ft code; it stands before listen
$ ft code rust listen 80 --style minimal
ft listen: --style is an option of ft code; it stands before listen
$ ft listen 80 -c 5
ft listen: -c is an option of ft bench
$ ft code rust demo
ft code: only listen, connect and relay become programs
$ ft code c listen 80 --idle -5
ft listen: --idle -5: the value is negative: write one without the sign
",
    );
}
