//! For every rule, files that break it in one place and files that look as if they did.

/// Rule, path, text; each breaks its rule exactly once.
pub(crate) const BAD: &[(&str, &str, &str)] = &[
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "use crate::five_tuple::FiveTuple;",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "use crate::{address::Host, call::{Call, X}};",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "fn f(call: crate::Call) {}",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/mod.rs",
        "use super::kernel;",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "use super::super::kernel;",
    ),
    (
        ORDER,
        "crates/fivetuple/src/listen.rs",
        "use super::accept::Accepting;",
    ),
    (ORDER, "crates/fivetuple/src/toolbox.rs", ""),
    (DEAD, "crates/fivetuple/src/orphan.rs", ""),
    (DEAD, "crates/ft/tests/shared/mod.rs", ""),
    (NAMES, "crates/ft/src/a.rs", "pub fn get_peer() {}"),
    (
        NAMES,
        "crates/ft/src/a.rs",
        "pub(crate) async fn remote() {}",
    ),
    (NAMES, "crates/ft/src/a.rs", "pub struct ConnState;"),
    (
        NAMES,
        "crates/ft/src/a.rs",
        "struct A { pub local_addr: u8 }",
    ),
    (NAMES, "crates/ft/src/a.rs", "struct A { pub timeout: u8 }"),
    (NAMES, "crates/ft/src/a.rs", "pub const UPSTREAM: u8 = 1;"),
    (
        PLAN,
        "crates/ft/src/run/a.rs",
        "fn f() { std::env::var(\"A\"); }",
    ),
    (PLAN, "crates/ft/src/code.rs", "use clap::Parser;"),
    (
        PLAN,
        "crates/ft/src/trace/mod.rs",
        "use crate::args::values;",
    ),
    (
        UNSAFE,
        "crates/fivetuple/src/bind.rs",
        "// SAFETY: none.\nfn f() { unsafe { g() } }",
    ),
    (
        UNSAFE,
        "crates/fivetuple/src/kernel/a.rs",
        "fn f() {\n    unsafe { g() }\n}",
    ),
    (
        UNSAFE,
        "crates/fivetuple/src/kernel/a.rs",
        "unsafe impl Send for A {}",
    ),
    (
        TARGET,
        "crates/ft/src/a.rs",
        "#[cfg(target_os = \"linux\")]\nfn f() {}",
    ),
    (
        TARGET,
        "crates/ft/src/a.rs",
        "fn f() { if cfg!(unix) {} }\n#[cfg(unix)]\nfn g() {}",
    ),
    (
        PARAMETERS,
        "crates/ft/src/a.rs",
        "pub fn f(a: A<B, C>, b: (B, B), c: C, d: D, e: E) {}",
    ),
    (
        PARAMETERS,
        "crates/ft/src/a.rs",
        "impl A {\n    pub(crate) fn f<T: Fn() -> u8>(&mut self, a: T, b: B, c: C, d: D, e: E) {}\n}",
    ),
    (FILE_NAMES, "crates/ft/src/utils.rs", ""),
    (FILE_NAMES, "crates/ft/tests/common/mod.rs", ""),
    (FILE_NAMES, "crates/ft/src/a.rs", "mod helpers {}"),
    (
        SLEEP,
        "crates/ft/tests/a.rs",
        "fn f() { thread::sleep(X); }",
    ),
    (
        SLEEP,
        "crates/ft/src/a.rs",
        "#[cfg(test)]\nmod tests {\n    fn f() { sleep(X).await; }\n}",
    ),
    (
        PARSER,
        "crates/fivetuple/src/address/parse.rs",
        "fn f() { a.unwrap(); }",
    ),
    (
        PARSER,
        "crates/fivetuple/src/address/parse.rs",
        "fn f() { a.expect(\"b\"); }",
    ),
    (
        PARSER,
        "crates/fivetuple/src/address/parse.rs",
        "fn f() { a[1]; }",
    ),
    (
        PARSER,
        "crates/fivetuple/src/address/parse.rs",
        "fn f() { a()?[1..]; }",
    ),
    (HEAD, "crates/ft/src/a.rs", "use std::fmt;"),
    (UNFINISHED, "crates/ft/src/a.rs", "// TODO: more"),
    (UNFINISHED, "crates/ft/src/a.rs", "fn f() { todo!() }"),
    (
        LONG,
        "crates/ft/src/a.rs",
        "// 3456789 123456789 123456789 123456789 123456789 123456789 123456789 \
         123456789 123456789 123456789 123456789 123456789 1",
    ),
    (
        HOME,
        "crates/ft/src/a.rs",
        "const A: &str = \"/home/somebody/a\";",
    ),
];

/// Rule, path, text; none breaks its rule.
pub(crate) const GOOD: &[(&str, &str, &str)] = &[
    (
        ORDER,
        "crates/fivetuple/src/listen.rs",
        "use crate::{bind::Bound, call::Call, Errno};",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "use super::host; use crate::address::port;",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "/// [`crate::kernel`]\nfn f() {}",
    ),
    (
        ORDER,
        "crates/fivetuple/src/address/a.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::server;\n}",
    ),
    (ORDER, "crates/ft/src/a.rs", "use crate::client;"),
    (DEAD, "crates/fivetuple/src/address/mod.rs", ""),
    (DEAD, "crates/fivetuple/tests/a.rs", ""),
    (
        NAMES,
        "crates/ft/src/a.rs",
        "pub use std::net::SocketAddr;\nfn get_addr() {}",
    ),
    (
        NAMES,
        "crates/ft/src/a.rs",
        "pub mod sock_diag;\npub struct SocketAddress;",
    ),
    (
        NAMES,
        "crates/ft/src/a.rs",
        "pub fn address(addr: u8) {}\n// pub fn conn()",
    ),
    (
        PLAN,
        "crates/ft/src/args/a.rs",
        "use clap::Parser; fn f() { std::env::args(); }",
    ),
    (
        PLAN,
        "crates/ft/src/run/a.rs",
        "fn f() { g(\"clap\", env!(\"A\")); }",
    ),
    (
        UNSAFE,
        "crates/fivetuple/src/bind.rs",
        "#![deny(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";",
    ),
    (
        UNSAFE,
        "crates/fivetuple/src/kernel/a.rs",
        "fn f() {\n    // SAFETY: g has no conditions.\n    let a =\n        unsafe { g() };\n}",
    ),
    (
        TARGET,
        "crates/fivetuple/src/kernel/a.rs",
        "#[cfg(target_os = \"linux\")]\nfn f() {}",
    ),
    (
        TARGET,
        "crates/ft/src/a.rs",
        "#[cfg(test)]\nmod tests;\nuse std::os::unix::net;",
    ),
    (
        PARAMETERS,
        "crates/ft/src/a.rs",
        "fn f(a: A, b: B, c: C, d: D, e: E) {}",
    ),
    (
        PARAMETERS,
        "crates/ft/src/a.rs",
        "pub fn f<A, B>(&self, a: [A; 2], b: fn(A, B) -> (A, B), c: X<A, B>, d: D,) -> E {}",
    ),
    (FILE_NAMES, "crates/ft/src/commonplace.rs", "mod utilities;"),
    (
        SLEEP,
        "crates/ft/tests/a.rs",
        "fn f() { sleep(X); // peer: reads slowly\n}",
    ),
    (SLEEP, "crates/ft/src/a.rs", "fn f() { sleep(X).await; }"),
    (
        PARSER,
        "crates/fivetuple/src/address/parse.rs",
        "#[a]\nfn f(a: &[u8], b: [u8; 2]) { vec![1]; for x in [1] { \"a[1].unwrap()\"; '['; } }\n\
         #[cfg(test)]\nmod tests {\n    fn f() { a[1].unwrap(); }\n}",
    ),
    (PARSER, "crates/ft/src/a.rs", "fn f() { a[1].unwrap(); }"),
    (HEAD, "crates/ft/src/a.rs", "//! What it is.\n"),
    (
        UNFINISHED,
        "crates/ft/src/a.rs",
        "// mktemp /tmp/ft.XXXXXX, mastodon, ToDo",
    ),
    (HOME, "crates/ft/src/a.rs", "const A: &str = \"/tmp/home\";"),
    (
        FUNCTION_SIZE,
        "crates/ft/src/a.rs",
        "type A = fn(u8);\ntrait B {\n    fn f();\n}",
    ),
];

const ORDER: &str = "a module imports only from modules before it";
const DEAD: &str = "every file is reached by a mod line";
const NAMES: &str = "public names use the project's words";
const PLAN: &str = "what runs looks at the plan alone";
const UNSAFE: &str = "unsafe stands in kernel/ with its proof";
const TARGET: &str = "target conditions stand in kernel/";
const FUNCTION_SIZE: &str = "a function has at most 70 lines";
const PARAMETERS: &str = "a public function has at most 4 parameters";
const FILE_NAMES: &str = "files and modules are named after what they hold";
const SLEEP: &str = "a test does not sleep, its peer may";
const PARSER: &str = "a parser does not panic";
const HEAD: &str = "a file begins with a head comment";
const UNFINISHED: &str = "nothing is left unfinished";
const LONG: &str = "a line has at most 120 columns";
const HOME: &str = "no path leads into a home directory";
