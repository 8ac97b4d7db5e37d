//! What a request gets: a file, a list, the status, or a short page that says why not.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use tower_http::services::ServeDir;

use super::Http;
use super::folder::{Folder, Found, blocking};
use super::listing::listing;
use super::page::{self, Answer, Content, Status, refusal};
use super::path::SitePath;
use super::range::{Part, is_of_this_version};
use super::status::status;
use super::talk::Progress;
use crate::call::{Errno, Visible};
use crate::event::Event;

/// What is served to everybody.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: Folder,
    pub(super) status: bool,
}

/// A request, and what is known about how it came.
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) has_body: bool,
    /// 1, 2, 3 … over its connection.
    pub(super) number: u64,
    /// As it came, if somebody wants to see that.
    pub(super) head: Vec<u8>,
    pub(super) progress: Arc<Progress>,
}

impl Asked {
    /// Whether the connection is kept for a next request.
    pub(super) fn stays(&self) -> bool {
        let said = |word: &str| {
            let values = self.parts.headers.get_all(header::CONNECTION).iter();
            let mut values = values.filter_map(|value| value.to_str().ok());
            values.any(|value| value.to_ascii_lowercase().contains(word))
        };
        !self.has_body
            && !self.progress.is_draining()
            && match self.parts.version {
                Version::HTTP_11 => !said("close"),
                _ => said("keep-alive"),
            }
    }
}

impl Site {
    /// Answers a request, and says so.
    pub(super) async fn answer(&self, asked: Asked) -> Response<Answer> {
        let mut response = match self.content(&asked).await {
            Ok(response) => response,
            Err(error) => refusal(status_of(&error), asked.parts.uri.path()),
        };
        let headers = response.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if !headers.contains_key(header::CACHE_CONTROL) {
            // Kept, but asked for again: the files change while they are worked on.
            let value = HeaderValue::from_static("no-cache");
            headers.insert(header::CACHE_CONTROL, value);
        }
        if !asked.stays() {
            let close = HeaderValue::from_static("close");
            headers.insert(header::CONNECTION, close);
        }
        told(&asked, &response);
        response.map(|content| Answer::new(content, &asked.progress))
    }

    async fn content(&self, asked: &Asked) -> io::Result<Response<Content>> {
        let Parts { method, uri, .. } = &asked.parts;
        if !has_its_host(&asked.parts) {
            return Ok(refusal(StatusCode::BAD_REQUEST, "one Host is needed"));
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, method.as_str());
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return Ok(response);
        }
        if self.status && uri.path() == Http::STATUS_PATH {
            return Ok(status(asked));
        }
        let missing = || io::Error::from(Errno::NOENT);
        let path = SitePath::parse(uri.path()).ok_or_else(missing)?;
        let folder = self.folder.clone();
        let relative = path.relative();
        match blocking(move || folder.look(Path::new(&relative))).await? {
            Found::File { .. } if path.slash => Err(missing()),
            Found::File { length } => self.file(&asked.parts, &path.encoded(), length).await,
            Found::Folder { .. } if !path.slash => Ok(to_the_slash(&path, uri.query())),
            Found::Folder {
                index: Some(length),
            } => {
                let path = format!("{}/index.html", path.encoded());
                self.file(&asked.parts, &path, length).await
            }
            Found::Folder { index: None } => {
                let folder = self.folder.clone();
                let title = path.shown();
                let body = blocking(move || listing(&folder, &path)).await?;
                Ok(page::html(&title, &body))
            }
        }
    }

    /// A file, or the part of it that was asked for.
    async fn file(&self, parts: &Parts, path: &str, length: u64) -> io::Result<Response<Content>> {
        let part = Part::asked(parts, length);
        let mut response = self.fetch(parts, path, part).await?;
        let fits = is_of_this_version(&parts.headers, response.headers());
        match (response.status(), part) {
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, _) if !fits => {
                response = self.fetch(parts, path, None).await?;
            }
            (StatusCode::OK, Some(Part::Beyond)) if fits => {
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                let range = HeaderValue::from_str(&format!("bytes */{length}"));
                let range = range.map_err(io::Error::other)?;
                response.headers_mut().insert(header::CONTENT_RANGE, range);
            }
            _ => {}
        }
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let range = response.headers_mut().remove(header::CONTENT_RANGE);
            response = refusal(status, path);
            if let Some(range) = range {
                response.headers_mut().insert(header::CONTENT_RANGE, range);
            }
        }
        with_charset(response.headers_mut());
        Ok(response)
    }

    /// The answer to GET. To HEAD it is the same, and hyper leaves its body out.
    async fn fetch(
        &self,
        parts: &Parts,
        path: &str,
        part: Option<Part>,
    ) -> io::Result<Response<Content>> {
        let mut request = Request::new(());
        *request.headers_mut() = parts.headers.clone();
        *request.uri_mut() = path.parse().map_err(io::Error::other)?;
        match part {
            Some(Part::Bytes { first, last }) => {
                let range = HeaderValue::from_str(&format!("bytes={first}-{last}"));
                let range = range.map_err(io::Error::other)?;
                request.headers_mut().insert(header::RANGE, range);
            }
            Some(Part::Beyond) | None => {
                request.headers_mut().remove(header::RANGE);
            }
        }
        let mut files = ServeDir::with_backend("", self.folder.clone());
        let (head, body) = files.try_call(request).await?.into_parts();
        Ok(Response::from_parts(head, Content::of_file(body).await?))
    }
}

/// Whether a request says for which host it is, and says it once (RFC 9112 3.2).
fn has_its_host(parts: &Parts) -> bool {
    match parts.headers.get_all(header::HOST).iter().count() {
        0 => parts.version < Version::HTTP_11,
        count => count == 1,
    }
}

/// Text is taken for UTF-8.
fn with_charset(headers: &mut HeaderMap) {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return;
    };
    let Ok(kind) = kind.to_str() else { return };
    let is_text = kind.starts_with("text/") || kind == "application/javascript";
    if is_text
        && !kind.contains("charset")
        && let Ok(kind) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, kind);
    }
}

/// A folder is asked for with a slash at the end, so that what its pages refer to is in it.
fn to_the_slash(path: &SitePath, query: Option<&str>) -> Response<Content> {
    let mut location = format!("{}/", path.encoded());
    if let Some(query) = query {
        location = format!("{location}?{query}");
    }
    let mut response = refusal(StatusCode::TEMPORARY_REDIRECT, &location);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// What an error of the file system is in HTTP. What leads out of the folder is not there.
pub(super) fn status_of(error: &io::Error) -> StatusCode {
    match Errno::from_io_error(error) {
        Some(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::XDEV
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::NXIO,
        ) => StatusCode::NOT_FOUND,
        Some(Errno::ACCESS | Errno::PERM) => StatusCode::FORBIDDEN,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// One line for the log: `GET /hello.txt: 200 OK, 12 B`.
fn told(asked: &Asked, response: &Response<Content>) {
    let Parts { method, uri, .. } = &asked.parts;
    let length = response.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok());
    let length = length.filter(|_| method != Method::HEAD);
    let target = uri
        .path_and_query()
        .map_or(uri.path(), |target| target.as_str());
    asked.progress.observers.emit(&Event::Served {
        connection: &asked.progress.live.identity,
        what: format_args!(
            "{} {}: {}, {} B",
            Visible(method.as_str().as_bytes()),
            Visible(target.as_bytes()),
            Status(response.status()),
            length.unwrap_or("0"),
        ),
    });
}
