//! The http service with the programs that speak HTTP, and with requests written by hand.

mod rig;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use rig::{Folder, PATIENCE, Running, bytes, ft, has, number, run, sh};

const HELLO: &str = "hello, world\n";
const YEARS_1000: Duration = Duration::from_secs(1000 * 365 * 86400);

/// A folder to be served, in a folder that is not.
struct Site(Folder);

impl Site {
    fn new() -> Self {
        let site = Self(Folder::new());
        fs::create_dir_all(site.path("site/sub")).expect("a folder");
        site.write("site/hello.txt", HELLO.as_bytes());
        site.write("secret.txt", b"outside");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        self.0.write(name, content);
    }

    /// Serves it with these options.
    fn serve(&self, options: &[&str]) -> (Running, SocketAddr) {
        let folder = self.path("site");
        let mut words = vec!["127.0.0.1:0", "http", folder.to_str().expect("UTF-8")];
        words.extend(options);
        Running::listen(&words)
    }
}

/// What curl prints; it must have succeeded.
fn curl(address: SocketAddr, path: &str, options: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60"]).args(options);
    command.arg(format!("http://{address}{path}"));
    let output = run(&mut command, b"");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(number(output.status), 0, "curl {path} {options:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The status line, the headers and the body that curl gets.
fn answer(address: SocketAddr, path: &str, options: &[&str]) -> (String, String, String) {
    let all = curl(address, path, &[&["-i"], options].concat());
    let (head, body) = all.split_once("\r\n\r\n").expect("a head");
    let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    (status.to_owned(), headers.to_owned(), body.to_owned())
}

fn header<'a>(headers: &'a str, name: &str) -> &'a str {
    let line = headers.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(": "))
        .unwrap_or_else(|| panic!("no {name} in {headers}"))
        .1
}

fn connected(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a time");
    client
}

/// Sends this, and reads until the server finishes.
fn by_hand(address: SocketAddr, request: &[u8]) -> String {
    let mut client = connected(address);
    client.write_all(request).expect("it takes it");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("it ends in order");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads one answer, as long as its Content-Length says.
fn read_answer(client: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("the head comes");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text");
    let length = header(&head, "content-length").trim();
    let mut body = vec![0; length.parse().expect("a number")];
    client.read_exact(&mut body).expect("the body comes");
    (head, body)
}

#[test]
fn curl_gets_the_file_its_head_a_part_and_nothing_when_it_has_it() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let (status, headers, body) = answer(address, "/hello.txt", &[]);
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", HELLO));
    assert_eq!(
        header(&headers, "content-type"),
        "text/plain; charset=utf-8"
    );
    assert_eq!(header(&headers, "content-length"), "13");
    assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
    let (etag, modified) = (header(&headers, "etag"), header(&headers, "last-modified"));

    let (status, head, body) = answer(address, "/hello.txt", &["-I"]);
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    assert_eq!(header(&head, "content-length"), "13");

    for (range, status, part) in [
        ("bytes=7-11", "HTTP/1.1 206 Partial Content", "world"),
        ("bytes=-6", "HTTP/1.1 206 Partial Content", "world\n"),
        ("bytes=7-", "HTTP/1.1 206 Partial Content", "world\n"),
        ("Bytes=7-", "HTTP/1.1 206 Partial Content", "world\n"),
        ("bytes=-100", "HTTP/1.1 206 Partial Content", HELLO),
        (
            "bytes=0-99999999999999999999999",
            "HTTP/1.1 206 Partial Content",
            HELLO,
        ),
        ("bytes=0-1,3-4", "HTTP/1.1 200 OK", HELLO),
        ("bytes=4-3", "HTTP/1.1 200 OK", HELLO),
        ("bytes=-", "HTTP/1.1 200 OK", HELLO),
        ("lines=1-2", "HTTP/1.1 200 OK", HELLO),
        (
            "bytes=-0",
            "HTTP/1.1 416 Range Not Satisfiable",
            "416 Range Not Satisfiable: /hello.txt\n",
        ),
        (
            "bytes=13-",
            "HTTP/1.1 416 Range Not Satisfiable",
            "416 Range Not Satisfiable: /hello.txt\n",
        ),
    ] {
        let range = format!("Range: {range}");
        let (said, headers, body) = answer(address, "/hello.txt", &["-H", &range]);
        assert_eq!((said.as_str(), body.as_str()), (status, part), "{range}");
        if status.contains("416") {
            assert_eq!(header(&headers, "content-range"), "bytes */13");
        }
    }
    for (name, value, status) in [
        ("If-None-Match", etag, "304"),
        ("If-None-Match", "\"other\"", "200"),
        ("If-Modified-Since", modified, "304"),
        ("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT", "200"),
        ("If-Match", "\"other\"", "412"),
        (
            "If-Unmodified-Since",
            "Sat, 01 Jan 2000 00:00:00 GMT",
            "412",
        ),
    ] {
        let condition = format!("{name}: {value}");
        let (said, _, _) = answer(address, "/hello.txt", &["-H", &condition]);
        assert!(said.contains(status), "{condition}: {said}");
    }
    assert_eq!(server.stop().status, 0);
}

/// Lets a file have been written so many seconds after the first of 1970, or before.
fn set_modified(path: &Path, seconds: i64) {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds < 0 {
        true => SystemTime::UNIX_EPOCH - distance,
        false => SystemTime::UNIX_EPOCH + distance,
    };
    let file = fs::OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_modified(time))
        .expect("it gets a time");
}

#[test]
fn a_part_is_given_of_what_the_client_has_the_beginning_of_and_of_nothing_else() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let is_part = |range: &str, version: &str| {
        let (range, version) = (format!("Range: {range}"), format!("If-Range: {version}"));
        let (said, _, body) = answer(address, "/hello.txt", &["-H", &range, "-H", &version]);
        let is_part = !said.contains("200");
        assert_eq!(body == HELLO, !is_part, "{version}: {said}");
        is_part
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.expect("it is later").as_secs()).expect("it is less");
    // What has just been written may change once more in the same second.
    for (age, date_counts) in [(3600, true), (-3600, false)] {
        set_modified(&site.path("site/hello.txt"), now - age);
        let (_, headers, _) = answer(address, "/hello.txt", &[]);
        let (etag, modified) = (header(&headers, "etag"), header(&headers, "last-modified"));
        for range in ["bytes=7-", "bytes=13-"] {
            assert!(is_part(range, etag), "{range}, {age} s old");
            assert!(!is_part(range, "\"other\""), "{range}, {age} s old");
            let other = "Sat, 01 Jan 2000 00:00:00 GMT";
            assert!(!is_part(range, other), "{range}, {age} s old");
            assert_eq!(
                is_part(range, modified),
                date_counts,
                "{range}, {age} s old"
            );
        }
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn nothing_is_a_part_of_an_empty_file() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    site.write("site/empty", b"");
    let (server, address) = site.serve(&[]);
    for (range, status) in [
        ("bytes=0-", "416"),
        ("bytes=0-0", "416"),
        ("bytes=-0", "416"),
        // The last ten of nothing: that can be satisfied, but no part can say so.
        ("bytes=-10", "200"),
    ] {
        let (said, headers, _) = answer(address, "/empty", &["-r", &range["bytes=".len()..]]);
        assert!(said.contains(status), "{range}: {said}");
        if status == "416" {
            assert_eq!(header(&headers, "content-range"), "bytes */0");
        }
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_file_whose_date_http_cannot_write_is_served_without_it() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    // 1960, the last second of 1969, the last of 9999; the file system decides about the next.
    for (seconds, has_date) in [
        (-315_619_200, false),
        (-1, false),
        (0, true),
        (253_402_300_800, false),
    ] {
        let path = site.path("site/hello.txt");
        set_modified(&path, seconds);
        let metadata = fs::metadata(&path).expect("it is there");
        let kept = metadata.modified().expect("it has a time");
        let has_date = has_date || seconds > 0 && kept < SystemTime::now() + YEARS_1000;
        let since = "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT";
        for options in [&[][..], &["-I"], &["-r", "7-"], &["-H", since]] {
            let (said, headers, _) = answer(address, "/hello.txt", options);
            assert!(said.starts_with("HTTP/1.1 "), "{said}");
            let date = headers.contains("last-modified: ");
            assert_eq!(date, has_date, "{seconds} {options:?}: {headers}");
        }
        assert!(curl(address, "/", &[]).contains("hello.txt"));
    }
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
}

#[test]
fn head_is_refused_where_get_is() {
    if !has("curl") || !has("setpriv") {
        return;
    }
    let site = Site::new();
    let mode = |name: &str, mode: u32| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(site.path(name), permissions).expect("it is ours");
    };
    mode("site/hello.txt", 0);
    mode("", 0o755);
    mode("site", 0o755);
    fs::copy(env!("CARGO_BIN_EXE_ft"), site.path("ft")).expect("a copy");
    let script = "cd $SITE; as() { if [ $(id -u) = 0 ]; then \
         exec setpriv --reuid 65534 --clear-groups \"$@\"; else exec \"$@\"; fi; }
         as ./ft listen 127.0.0.1:0 http site";
    let mut command = sh(script, 0);
    command.env("SITE", site.path(""));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    for options in [&[][..], &["-I"]] {
        let (said, headers, _) = answer(address, "/hello.txt", options);
        assert_eq!(said, "HTTP/1.1 403 Forbidden", "{options:?}");
        assert!(!headers.contains("etag"), "{options:?}: {headers}");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn curl_resumes_a_broken_download() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let content = bytes(3, 0, 300_000);
    site.write("site/file.bin", &content);
    site.write("copy", &content[..123_456]);
    let (server, address) = site.serve(&[]);
    let copy = site.path("copy");
    let copy = copy.to_str().expect("UTF-8");
    curl(address, "/file.bin", &["-C", "-", "-o", copy]);
    assert!(fs::read(copy).expect("it is there") == content);
    let ended = server.stop();
    let line = "GET /file.bin: 206 Partial Content, 176544 B";
    assert!(
        ended.said.iter().any(|said| said.contains(line)),
        "{:#?}",
        ended.said
    );
}

#[test]
fn what_is_not_there_is_said_on_a_short_page() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    site.write("site/sub/page.html", b"<p>");
    site.write("site/sub/data.json", b"{}");
    let (server, address) = site.serve(&[]);
    for (path, options, status, body) in [
        (
            "/missing",
            &[][..],
            "404 Not Found",
            "404 Not Found: /missing\n",
        ),
        (
            "/hello.txt/",
            &[],
            "404 Not Found",
            "404 Not Found: /hello.txt/\n",
        ),
        (
            "/hello.txt/x",
            &[],
            "404 Not Found",
            "404 Not Found: /hello.txt/x\n",
        ),
        (
            "/hello.txt",
            &["-X", "DELETE"],
            "405 Method Not Allowed",
            "405 Method Not Allowed: DELETE\n",
        ),
        (
            "/sub?a=b",
            &[],
            "307 Temporary Redirect",
            "307 Temporary Redirect: /sub/?a=b\n",
        ),
    ] {
        let (said, headers, text) = answer(address, path, options);
        assert_eq!(said, format!("HTTP/1.1 {status}"), "{path}");
        assert_eq!(text, body, "{path}");
        match status.get(..3) {
            Some("405") => assert_eq!(header(&headers, "allow"), "GET, HEAD"),
            Some("307") => assert_eq!(header(&headers, "location"), "/sub/?a=b"),
            _ => {}
        }
    }
    for (path, kind) in [
        ("/sub/page.html", "text/html; charset=utf-8"),
        ("/sub/data.json", "application/json"),
    ] {
        let (_, headers, _) = answer(address, path, &[]);
        assert_eq!(header(&headers, "content-type"), kind);
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn no_path_and_no_link_leads_out_and_nothing_but_files_is_opened() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    site.write("site/.hidden", b"hidden");
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, site.path("site").join(name)).expect("a link");
    };
    link("/etc/passwd", "absolute");
    link("../secret.txt", "up");
    link("..", "above");
    link("hello.txt", "inside");
    link("loop", "loop");
    link("/proc/self/root", "magic");
    let fifo = site.path("site/fifo");
    let made = run(Command::new("mkfifo").arg(&fifo), b"");
    assert_eq!(number(made.status), 0);
    let (server, address) = site.serve(&[]);
    for path in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/hello.txt%00",
        "/.hidden",
        "/sub/../.hidden",
        "/absolute",
        "/up",
        "/above/secret.txt",
        "/above/",
        "/loop",
        "/magic/etc/passwd",
        // Nobody writes into it: who opened it would wait for ever.
        "/fifo",
        "/fifo/",
    ] {
        let (status, _, body) = answer(address, path, &["--path-as-is"]);
        assert_eq!(status, "HTTP/1.1 404 Not Found", "{path}: {body}");
    }
    assert_eq!(curl(address, "/inside", &[]), HELLO);
    let list = curl(address, "/", &[]);
    for left_out in ["hidden", "absolute", "up", "above", "loop", "magic", "fifo"] {
        assert!(
            !list.contains(&format!("\"{left_out}")),
            "{left_out}: {list}"
        );
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_folder_is_its_index_or_a_list_in_order_and_harmless() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let evil = "<script>alert(1)</script>&\"'";
    site.write("site/a b%?#.txt", b"1234");
    fs::create_dir(site.path("site").join(evil.replace('/', "|"))).expect("a folder");
    site.write("site/javascript:x", b"");
    let (server, address) = site.serve(&[]);
    let (_, headers, list) = answer(address, "/", &[]);
    assert!(header(&headers, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(header(&headers, "content-type"), "text/html; charset=utf-8");
    let places: Vec<usize> = ["&lt;script&gt;", ">sub/<", "a b%?#.txt", "hello.txt"]
        .iter()
        .map(|name| list.find(name).unwrap_or_else(|| panic!("{name}: {list}")))
        .collect();
    assert!(places.is_sorted(), "{list}");
    assert!(
        !list.contains("<script") && !list.contains("href=\"javascript:"),
        "{list}"
    );
    assert!(list.contains("href=\"a%20b%25%3F%23.txt\""), "{list}");
    assert!(list.contains("<td>4</td><td>20"), "size and time: {list}");
    assert_eq!(curl(address, "/a%20b%25%3F%23.txt", &[]), "1234");

    site.write("site/sub/index.html", b"<h1>its own</h1>");
    assert_eq!(curl(address, "/sub/", &[]), "<h1>its own</h1>");
    assert_eq!(curl(address, "/sub", &["-L"]), "<h1>its own</h1>");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn two_requests_over_one_connection_are_one_accepted_and_one_closed() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let events = site.path("events");
    let (mut server, address) =
        site.serve(&["--status", "--events", events.to_str().expect("UTF-8")]);
    let url = format!("http://{address}/hello.txt");
    let said = curl(address, "/.ft", &[&url]);
    server.wait_for("closed: ");
    let page = said.strip_prefix(HELLO).expect("both answers");
    let port = page.split("5 established  127.0.0.1:").nth(1).expect(page);
    let port = port.split(' ').next().expect(page);
    let tuple = format!("127.0.0.1:{port} → {address} tcp");
    for line in [
        "1 socket ".to_owned(),
        format!("2 bind         it got an address and port: {address}\n"),
        "3 listen ".to_owned(),
        "a new socket, for you alone: connection #1, cookie ".to_owned(),
        format!("5 established  {tuple}\n"),
        "6 transfer     request 2 over this connection\n".to_owned(),
        "7 close        not yet: the connection is kept for your next request\n".to_owned(),
        format!("\nGET /.ft HTTP/1.1\nHost: {address}\nUser-Agent: curl/"),
    ] {
        assert!(page.contains(&line), "{line}: {page}");
    }
    let html = curl(address, "/.ft", &["-H", "Accept: text/html,*/*;q=0.8"]);
    assert!(
        html.starts_with("<!DOCTYPE html>") && html.contains("<pre>1 socket"),
        "{html}"
    );
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    assert!(
        ended
            .said
            .iter()
            .any(|line| line.contains(&format!("#1 {tuple} GET /.ft: 200 OK")))
    );
    let events = fs::read_to_string(events).expect("events");
    let cookie = page
        .split("cookie ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let of_one = |name: &str| {
        let name = format!("\"event\":\"{name}\"");
        let mut lines = events.lines().filter(|line| line.contains(&name));
        let first = lines
            .find(|line| line.contains("\"connection\":1,"))
            .expect("an event");
        assert_eq!(
            lines
                .filter(|line| line.contains("\"connection\":1,"))
                .count(),
            0
        );
        first.to_owned()
    };
    assert!(of_one("accepted").contains(&format!("\"cookie\":{},", cookie.expect(page))));
    assert!(of_one("closed").contains("\"reason\":\"released\",\"first\":\"peer\""));
}

#[test]
fn a_big_file_arrives_whole_and_fifty_at_once_do() {
    if !has("curl") {
        return;
    }
    let site = Site::new();
    let big = bytes(5, 0, 64 << 20);
    site.write("site/big", &big);
    site.write("site/small", &big[..1 << 20]);
    let (server, address) = site.serve(&[]);
    let copy = site.path("copy");
    curl(address, "/big", &["-o", copy.to_str().expect("UTF-8")]);
    assert!(
        fs::read(&copy).expect("it is there") == big,
        "64 MiB, byte for byte"
    );
    thread::scope(|scope| {
        for number in 0..50 {
            let (site, big) = (&site, &big);
            scope.spawn(move || {
                let copy = site.path(&format!("copy-{number}"));
                curl(address, "/small", &["-o", copy.to_str().expect("UTF-8")]);
                assert!(fs::read(&copy).expect("it is there") == big[..1 << 20]);
            });
        }
    });
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let line = "51 connections accepted, 51 released";
    assert!(
        ended.said.iter().any(|said| said.contains(line)),
        "{:#?}",
        ended.said
    );
}

#[test]
fn netcat_and_python_get_it_too() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let request = b"GET /hello.txt HTTP/1.0\r\n\r\n";
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    for options in [&["-N"][..], &[]] {
        if has("nc") {
            let mut nc = Command::new("nc");
            let output = run(nc.args(options).args([&host, &port]), request);
            assert!(output.stdout.ends_with(HELLO.as_bytes()), "nc {options:?}");
        }
    }
    if has("python3") {
        let program = "import http.client, sys\n\
             c = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))\n\
             for path in ('/hello.txt', '/missing', '/hello.txt'):\n\
             \x20   c.request('GET', path)\n\
             \x20   r = c.getresponse()\n\
             \x20   print(r.status, len(r.read()), r.version)\n";
        let output = run(
            Command::new("python3").args(["-c", program, &host, &port]),
            b"",
        );
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, "200 13 11\n404 24 11\n200 13 11\n");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn requests_by_hand_pipelined_and_half_closed_get_whole_answers() {
    let site = Site::new();
    let big = bytes(9, 0, 8 << 20);
    site.write("site/big", &big);
    let (server, address) = site.serve(&["--status"]);
    let mut client = connected(address);
    let requests = "GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\nHEAD /hello.txt HTTP/1.1\nHost: x\n\n\
         GET /big HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /.ft HTTP/1.1\r\nHost: last\r\n\r\n";
    client.write_all(requests.as_bytes()).expect("it takes it");
    client.shutdown(Shutdown::Write).expect("it half-closes");
    assert_eq!(read_answer(&mut client).1, HELLO.as_bytes());
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("the head of HEAD");
        head.push(byte[0]);
    }
    assert!(
        read_answer(&mut client).1 == big,
        "8 MiB after the half-close"
    );
    let (_, page) = read_answer(&mut client);
    let page = String::from_utf8(page).expect("text");
    assert!(
        page.contains("request 4 over this connection\n")
            && page.ends_with("GET /.ft HTTP/1.1\nHost: last\n"),
        "{page}"
    );
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let closed = ended.said.iter().find(|line| line.contains("closed: "));
    assert!(
        closed.is_some_and(|line| line.contains("released by peer first")),
        "{:#?}",
        ended.said
    );
}

#[test]
fn what_is_no_request_is_refused_in_order_and_its_bytes_stay_out_of_the_log() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    for (request, status) in [
        (&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..], "400"),
        (b"hello\r\n\r\n", "400"),
        (b"GET /\x1b[31m HTTP/1.1\r\n\r\n", "400"),
        (long.as_bytes(), "431"),
        (endless.as_bytes(), "431"),
    ] {
        let said = by_hand(address, request);
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    let said = by_hand(address, b"B\"AD\x7f /%1b HTTP/1.0\r\n\r\n");
    assert!(said.starts_with("HTTP/1.1 4"), "{said}");
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    assert!(
        ended
            .said
            .iter()
            .all(|line| !line.chars().any(char::is_control)),
        "{:#?}",
        ended.said
    );
    let released = ended
        .said
        .iter()
        .filter(|line| line.contains("closed: released"));
    assert_eq!(released.count(), 6, "{:#?}", ended.said);
}

#[test]
fn a_request_says_once_for_which_host_it_is() {
    let site = Site::new();
    let (server, address) = site.serve(&["--status"]);
    for (head, status) in [
        ("GET /hello.txt HTTP/1.1\r\n", "400"),
        ("GET /hello.txt HTTP/1.1\r\nHost: x\r\nHost: x\r\n", "400"),
        ("GET /.ft HTTP/1.1\r\n", "400"),
        ("DELETE /hello.txt HTTP/1.1\r\n", "400"),
        ("GET /hello.txt HTTP/1.0\r\nHost: x\r\nHost: y\r\n", "400"),
        ("GET /hello.txt HTTP/1.1\r\nHost:\r\n", "200"),
        ("GET /hello.txt HTTP/1.0\r\n", "200"),
    ] {
        let said = by_hand(
            address,
            format!("{head}Connection: close\r\n\r\n").as_bytes(),
        );
        let line = format!("HTTP/1.1 {status} ");
        let line_1_0 = format!("HTTP/1.0 {status} ");
        assert!(
            said.starts_with(&line) || said.starts_with(&line_1_0),
            "{head}: {said}"
        );
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_list_is_whole_or_not_given() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let mut client = connected(address);
    let list = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(list).expect("it takes it");
    let (head, whole) = read_answer(&mut client);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    // One more descriptor can be opened: the folder, and then none for what is in it.
    let pid = Pid::from_child(&server.child);
    let is_open = |number: &u64| {
        let path = format!("/proc/{}/fd/{number}", pid.as_raw_pid());
        fs::symlink_metadata(path).is_ok()
    };
    let free = (0..).find(|number| !is_open(number)).expect("a number");
    let limit = |current| {
        let old = getrlimit(Resource::Nofile);
        let new = Rlimit { current, ..old };
        prlimit(Some(pid), Resource::Nofile, new).expect("it is ours")
    };
    let before = limit(Some(free + 1));
    client.write_all(list).expect("it takes it");
    let (head, body) = read_answer(&mut client);
    assert!(
        head.starts_with("HTTP/1.1 503 "),
        "{head}{}",
        String::from_utf8_lossy(&body)
    );
    limit(before.current);
    client.write_all(list).expect("it takes it");
    assert!(read_answer(&mut client).1 == whole);
    drop(client);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_body_is_thrown_away_and_its_sender_still_reads_the_answer() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let mut client = connected(address);
    let body = vec![b'x'; 20 << 20];
    let head = format!(
        "POST /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).expect("it takes it");
    client.write_all(&body).expect("it takes all of the body");
    client.shutdown(Shutdown::Write).expect("it half-closes");
    let mut said = String::new();
    client.read_to_string(&mut said).expect("it ends in order");
    assert!(
        said.starts_with("HTTP/1.1 405 ") && said.contains("connection: close"),
        "{said}"
    );
    let ended = server.stop();
    assert!(
        ended
            .said
            .iter()
            .any(|line| line.contains("closed: released by us first")),
        "{:#?}",
        ended.said
    );
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_in_a_reset() {
    let site = Site::new();
    site.write("site/big", &vec![7; 64 << 20]);
    let (mut server, address) = site.serve(&[]);
    let mut client = connected(address);
    client
        .write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it takes it");
    client.read_exact(&mut [0; 1000]).expect("it begins");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(site.path("site/big"));
    file.and_then(|file| file.set_len(1000))
        .expect("it shrinks");
    let mut rest = Vec::new();
    let error = client
        .read_to_end(&mut rest)
        .expect_err("it does not end in order");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let line = server.wait_for("closed: ");
    assert!(line.contains("closed: failed"), "{line}");
}

#[test]
fn dribblers_are_cut_at_the_deadline_while_others_are_served() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--head-deadline", "300ms", "-v"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let dribblers: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = connected(address);
                    client
                        .write_all(b"GET /hello.txt HTTP/1.1\r\n")
                        .expect("it takes it");
                    let mut reading = client.try_clone().expect("a second descriptor");
                    let reader = scope.spawn(move || {
                        let mut said = Vec::new();
                        let _ = reading.read_to_end(&mut said);
                        String::from_utf8_lossy(&said).into_owned()
                    });
                    while client.write_all(b"X").is_ok() && !reader.is_finished() {
                        thread::sleep(Duration::from_millis(20)); // peer: it dribbles
                    }
                    reader.join().expect("it reads")
                })
            })
            .collect();
        let honest = scope.spawn(|| {
            let mut served = 0;
            while !done.load(Ordering::Relaxed) {
                let said = by_hand(address, b"GET /hello.txt HTTP/1.0\r\n\r\n");
                assert!(said.ends_with(HELLO));
                served += 1;
            }
            served
        });
        for dribbler in dribblers {
            let said = dribbler.join().expect("it is cut");
            assert!(
                said.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
                "{said:?}"
            );
        }
        done.store(true, Ordering::Relaxed);
        assert!(honest.join().expect("it is served") > 0);
    });
    for _ in 0..20 {
        server.wait_for("closed: timed out");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_head_that_came_with_the_request_before_has_its_deadline_too() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--head-deadline", "300ms"]);
    let said = by_hand(
        address,
        b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /x HTTP/1.1\r\n",
    );
    let (answer, rest) = said.split_once(HELLO).expect("the answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    assert!(rest.starts_with("HTTP/1.1 408 "), "{said}");
    server.wait_for("closed: timed out");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn whoever_reads_slowly_and_asks_again_gets_the_first_answer_whole() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--head-deadline", "200ms"]);
    let content = bytes(13, 0, 32 << 20);
    let ask = |size: usize| {
        site.write(&format!("site/{size}"), &content[..size]);
        let mut client = connected(address);
        rustix::net::sockopt::set_socket_recv_buffer_size(&client, 65536).expect("a size");
        let request = format!("GET /{size} HTTP/1.1\r\nHost: x\r\n\r\nGET /x");
        client.write_all(request.as_bytes()).expect("it takes it");
        client.peek(&mut [0]).expect("the answer begins");
        client
    };
    // What the buffers of the kernel hold of an answer that nobody reads.
    let client = ask(content.len());
    rig::descriptors_at_rest(server.child.id());
    drop(client);
    let line = server.wait_for("closed: ");
    let sent = line
        .split_once("sent ")
        .and_then(|(_, sent)| sent.split(' ').next());
    let held: usize = sent.expect(&line).parse().expect("a number");
    // Of one or the other answer, only the last bytes are not in them.
    let sizes = (0..16).map(|step| held - 65_536 + step * 8192);
    let mut clients: Vec<(TcpStream, usize)> = sizes.map(|size| (ask(size), size)).collect();
    clients.push((ask(1), 1));
    server.wait_for("closed: timed out");
    for (client, size) in &mut clients {
        assert!(read_answer(client).1 == content[..*size], "{size} bytes");
    }
    drop(clients);
    assert_eq!(server.stop().status, 0);
}

/// Far sooner than an answer that nobody takes is given up, and only where the client has finished.
#[test]
fn who_has_finished_sending_and_takes_nothing_is_cut_after_half_closed() {
    let site = Site::new();
    let big = bytes(17, 0, 32 << 20);
    site.write("site/big", &big);
    let (mut server, address) = site.serve(&["--half-closed", "300ms"]);
    let ask = || {
        let mut client = connected(address);
        client
            .write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("it takes it");
        client
    };
    let finish = |client: &TcpStream| client.shutdown(Shutdown::Write).expect("it half-closes");
    let (mut goes_on, at_once, later) = (ask(), ask(), ask());
    finish(&at_once);
    let first = server.wait_for("closed: ");
    // By now its answer waits as the first one did.
    finish(&later);
    let second = server.wait_for("closed: ");
    for (line, number) in [(first, "#2 "), (second, "#3 ")] {
        assert!(
            line.starts_with(number) && line.contains("closed: timed out"),
            "{line}"
        );
    }
    assert!(read_answer(&mut goes_on).1 == big);
    drop(goes_on);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn an_answer_during_a_drain_says_that_it_is_the_last() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--drain", "1h", "--status", "--head-deadline", "1h"]);
    let mut client = connected(address);
    client
        .write_all(b"GET /.ft HTTP/1.1\r\n")
        .expect("it takes it");
    server.wait_for("accepted");
    server.signal(rustix::process::Signal::TERM);
    server.wait_for("no longer listening");
    client.write_all(b"Host: x\r\n\r\n").expect("it takes it");
    let (head, page) = read_answer(&mut client);
    let page = String::from_utf8(page).expect("text");
    assert!(
        page.contains("7 close        after this answer\n") && head.contains("connection: close"),
        "{head}{page}"
    );
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    drop(client);
    assert_eq!(server.wait().status, 0);
}

#[test]
fn a_drain_finishes_the_download_and_takes_no_other_request() {
    let site = Site::new();
    let big = bytes(11, 0, 32 << 20);
    site.write("site/big", &big);
    let (mut server, address) = site.serve(&["--drain", "1h"]);
    let mut client = connected(address);
    client
        .write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it takes it");
    let mut start = vec![0; 1000];
    client.read_exact(&mut start).expect("it begins");
    server.signal(rustix::process::Signal::TERM);
    server.wait_for("no longer listening");
    client
        .write_all(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it takes it");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("it ends in order");
    start.extend(rest);
    let head = start
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    assert!(
        start[head..] == big,
        "32 MiB and nothing else: {}",
        start.len() - head
    );
    drop(client);
    let ended = server.wait();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
}

#[test]
fn kept_connections_without_a_request_do_not_hold_the_drain() {
    let site = Site::new();
    // Far longer than the patience of this test.
    let (server, address) = site.serve(&["--drain", "1h"]);
    let mut idle: Vec<TcpStream> = (0..10).map(|_| connected(address)).collect();
    for client in &mut idle {
        client
            .write_all(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("it takes it");
        assert_eq!(read_answer(client).1, HELLO.as_bytes());
    }
    let silent = connected(address);
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
    let line = "11 connections accepted, 11 released";
    assert!(
        ended.said.iter().any(|said| said.contains(line)),
        "{:#?}",
        ended.said
    );
    for mut client in idle.into_iter().chain([silent]) {
        assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    }
}

#[test]
fn limits_rules_and_deadlines_hold_as_for_every_service() {
    let site = Site::new();
    let request = b"GET /hello.txt HTTP/1.0\r\n\r\n";
    for (options, said) in [
        (&["--deny", "127.0.0.0/8"][..], "turned away"),
        (&["--allow", "192.0.2.0/24"], "turned away"),
    ] {
        let (mut server, address) = site.serve(options);
        let mut client = connected(address);
        let reset = client.write_all(request).is_err() || client.read(&mut [0]).is_err();
        assert!(reset, "{options:?}: it is reset");
        server.wait_for(said);
    }
    let (mut server, address) = site.serve(&["--max-connections", "1"]);
    let mut first = connected(address);
    first
        .write_all(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it takes it");
    read_answer(&mut first);
    let second = thread::spawn(move || by_hand(address, request));
    server.wait_for("paused");
    drop(first);
    assert!(second.join().expect("it waited").ends_with(HELLO));

    for option in ["--idle", "--deadline"] {
        // Long enough for one answer on a machine that is busy.
        let (mut server, address) = site.serve(&[option, "3s"]);
        let mut client = connected(address);
        client
            .write_all(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("it takes it");
        read_answer(&mut client);
        assert_eq!(client.read(&mut [0]).expect("the end"), 0);
        server.wait_for("closed: timed out");
    }
}

#[test]
fn counters_and_dump_see_every_byte() {
    let site = Site::new();
    let dump = site.path("dump");
    let (mut server, address) = site.serve(&["--dump", dump.to_str().expect("UTF-8")]);
    let request = b"GET /hello.txt HTTP/1.0\r\n\r\n";
    let said = by_hand(address, request);
    let line = server.wait_for("closed: ");
    let counts = format!("sent {} B, received {} B", said.len(), request.len());
    assert!(line.contains(&counts), "{line}");
    server.stop();
    let dump = fs::read_to_string(dump).expect("a dump");
    assert!(
        dump.contains("GET /hello.txt") && dump.contains("hello, world"),
        "{dump}"
    );
}

#[test]
fn a_request_is_typed_by_hand_at_a_terminal() {
    if !has("script") {
        return;
    }
    let site = Site::new();
    let (server, address) = site.serve(&["--status"]);
    let typed = "{ echo 'GET /.ft HTTP/1.1'; echo 'Host: localhost'; echo 'Connection: close'; \
        echo; cat; } | script -qefc \"$FT connect 127.0.0.1:$PORT --crlf\" /dev/null";
    let output = run(&mut sh(typed, address.port()), b"");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("HTTP/1.1 200 OK") && said.contains("after this answer"),
        "{said}"
    );
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_browser_shows_the_page_the_list_and_the_status() {
    if !has("chromium") {
        return;
    }
    let site = Site::new();
    site.write(
        "site/sub/index.html",
        b"<p id=a></p><script src=a.js></script>",
    );
    site.write(
        "site/sub/a.js",
        "a.textContent = 'run by the b' + 'rowser: \u{e9}'".as_bytes(),
    );
    let (server, address) = site.serve(&["--status"]);
    for (path, shown) in [
        ("/sub/", "<p id=\"a\">run by the browser: \u{e9}</p>"),
        ("/", "<a href=\"hello.txt\">hello.txt</a>"),
        ("/.ft", "5 established  127.0.0.1:"),
    ] {
        let profile = site.path("profile");
        let mut chromium = Command::new("chromium");
        chromium
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("http://{address}{path}"));
        let output = run(&mut chromium, b"");
        let page = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(page.contains(shown), "{path}: {page}\n{error}");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn mistakes_are_one_sentence_and_status_two() {
    let site = Site::new();
    let file = site.path("secret.txt");
    let missing = site.path("missing");
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let (file, missing) = (text(&file), text(&missing));
    for (words, sentence) in [
        (
            vec!["0", "http", &missing],
            format!("http {missing}: no such file (ENOENT)"),
        ),
        (
            vec!["0", "http", &file],
            format!("http {file}: it is no folder"),
        ),
        (
            vec!["0", "echo", "--status"],
            "--status is for the http service: leave out --status or echo".to_owned(),
        ),
        (
            vec!["0", "--head-deadline", "1s"],
            "--head-deadline is for the http service".to_owned(),
        ),
        (
            vec!["0", "http", ".", "--eof", "full"],
            "--eof is not for http".to_owned(),
        ),
        (
            vec!["0", "http", ".", "x"],
            "'x' is one word too many".to_owned(),
        ),
        (
            vec!["0", "http", "--crlf"],
            "--crlf is for the terminal service".to_owned(),
        ),
    ] {
        let output = run(ft().arg("listen").args(&words), b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(number(output.status), 2, "{words:?}: {said}");
        assert!(said.contains(&sentence), "{words:?}: {said}");
        assert!(!said.contains("listening"), "{said}");
    }
}
