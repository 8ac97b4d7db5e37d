//! What is sent back: a file, or a text of our own.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use tower_http::services::fs::ServeFileSystemResponseBody as FileBody;

use super::talk::Progress;
use crate::call::Visible;

/// Nothing but the page itself, and its style; in nobody's frame.
const LOCKED: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The bytes of an answer.
pub(super) enum Content {
    Text(Option<Bytes>),
    /// What of it is already read, and the rest.
    File(Option<Bytes>, FileBody),
}

impl Content {
    /// Reads the beginning of a file, so that it goes out together with the head, and an error
    /// comes before the head says that all is well.
    pub(super) async fn of_file(mut rest: FileBody) -> io::Result<Self> {
        let first = poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await;
        let first = first.transpose()?.and_then(|frame| frame.into_data().ok());
        Ok(Self::File(first, rest))
    }
}

/// The body of an answer; dropped when it has been given to the connection.
pub(super) struct Answer {
    content: Content,
    progress: Arc<Progress>,
}

impl Answer {
    pub(super) fn new(content: Content, progress: &Arc<Progress>) -> Self {
        let progress = Arc::clone(progress);
        Self { content, progress }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.progress.answered();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.content {
            Content::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Content::File(first, rest) => match first.take() {
                Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
                None => Pin::new(rest).poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.is_none(),
            Content::File(first, rest) => first.is_none() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
            // Its head says it.
            Content::File(..) => SizeHint::default(),
        }
    }
}

/// A text of ours.
fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Content> {
    let length = text.len();
    let mut response = Response::new(Content::Text(Some(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Plain text.
pub(super) fn plain(status: StatusCode, content: String) -> Response<Content> {
    text(status, "text/plain; charset=utf-8", content)
}

/// A page for browsers, which may do nothing but be shown.
pub(super) fn html(title: &str, body: &str) -> Response<Content> {
    let title = Escaped(title);
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n:root {{ color-scheme: light dark; font-family: monospace }}\n\
         td {{ padding-right: 2em }} td + td {{ text-align: right }}\n</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    );
    let mut response = text(StatusCode::OK, "text/html; charset=utf-8", page);
    let headers = response.headers_mut();
    let locked = HeaderValue::from_static(LOCKED);
    headers.insert(header::CONTENT_SECURITY_POLICY, locked);
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// `404 Not Found: /what/was/asked`, as a page of one line.
pub(super) fn refusal(status: StatusCode, path: &str) -> Response<Content> {
    let path = Visible(path.as_bytes());
    plain(status, format!("{}: {path}\n", Status(status)))
}

/// `404 Not Found`.
pub(super) struct Status(pub(super) StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        match self.0.canonical_reason() {
            Some(reason) => write!(f, " {reason}"),
            None => Ok(()),
        }
    }
}

/// A text that others chose, in HTML: nothing in it is markup, nothing steers the reader's eye.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\\' | '\n' => write!(f, "{character}")?,
                other => Visible(other.encode_utf8(&mut [0; 4]).as_bytes()).fmt(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_chose_is_markup() {
        let name = "<img src=x onerror='a'>&\"\u{202e}\x1b\\";
        assert_eq!(
            Escaped(name).to_string(),
            r"&lt;img src=x onerror=&#39;a&#39;&gt;&amp;&quot;\u{202e}\x1b\"
        );
    }

    #[test]
    fn a_refusal_says_what_was_asked_on_one_line() {
        let response = refusal(StatusCode::NOT_FOUND, "/a\x1b\n");
        let Content::Text(Some(text)) = response.into_body() else {
            panic!("a text");
        };
        assert_eq!(text, "404 Not Found: /a\\x1b\\n\n");
    }
}
