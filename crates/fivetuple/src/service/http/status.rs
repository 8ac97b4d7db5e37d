//! The status page: the seven steps of the diagram, filled in with the very connection over which
//! it was asked for.

use std::fmt::Write;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::page::{self, Content, Escaped};
use super::site::Asked;
use crate::call::Visible;

/// The page, as text; for who asks for HTML, as HTML.
pub(super) fn status(asked: &Asked) -> Response<Content> {
    let text = text(asked);
    let mut response = match wants_html(&asked.parts.headers) {
        true => page::html(
            "this connection",
            &format!("<pre>{}</pre>\n", Escaped(&text)),
        ),
        false => page::plain(StatusCode::OK, text),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.to_ascii_lowercase().contains("text/html"))
}

fn text(asked: &Asked) -> String {
    let live = &asked.progress.live;
    let identity = &live.identity;
    let cookie = match identity.cookie.or(asked.progress.cookie) {
        Some(cookie) => cookie.to_string(),
        None => "unknown".to_owned(),
    };
    let mut out = format!(
        "1 socket       an empty endpoint: a phone, not yet connected to anything\n\
         2 bind         it got an address and port: {local}\n\
         3 listen       it waits for clients, and never carries data\n\
         4 accept       you came; a new socket, for you alone: connection #{number}, cookie {cookie}\n\
         5 established  {five_tuple}\n\
         6 transfer     request {request} over this connection\n\
         \x20              received {received} B, sent {sent} B before this answer\n\
         7 close        {close}\n",
        local = identity.local(),
        number = identity.number,
        five_tuple = identity.name(),
        request = asked.number,
        received = live.bytes_received(),
        sent = live.bytes_sent(),
        close = match asked.stays() {
            true => "not yet: the connection is kept for your next request",
            false => "after this answer",
        },
    );
    out.push_str("\nYour request, as it came:\n\n");
    for line in asked.head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            // Writing to a String does not fail.
            let _ = writeln!(out, "{}", Visible(line));
        }
    }
    out
}
