//! A server on loopback for unit tests: it answers by a closure and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use url::Url;

use super::{HostOptions, Net, NetOptions, RetryOptions};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// `METHOD path`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) type Answer = Response<Body>;

/// An answer with this status, these headers and this body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// The server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) url: Url,
    log: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers by `handler`, which gets the number of requests before this one too.
    pub(crate) async fn start<F>(handler: F) -> Self
    where
        F: Fn(&Asked, usize) -> Answer + Send + Sync + 'static,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, handler) = (Arc::clone(&log), Arc::new(handler));
        let router = Router::new().fallback(move |request: axum::extract::Request| {
            let (seen, handler) = (Arc::clone(&seen), Arc::clone(&handler));
            async move {
                let (parts, body) = request.into_parts();
                let asked = Asked {
                    method: parts.method.to_string(),
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default(),
                };
                let before = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(asked.clone());
                    seen.len() - 1
                };
                handler(&asked, before)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, log, task }
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> String {
        super::host::authority(&self.url)
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}

/// Quick retries, no proxy, `hosts` as given.
pub(crate) fn net_with(hosts: Vec<HostOptions>, allow_private: &[&str]) -> Net {
    let options = NetOptions {
        hosts,
        retry: RetryOptions {
            attempts: 3,
            base: std::time::Duration::from_millis(1),
            ..RetryOptions::default()
        },
        allow_private: allow_private.iter().map(|text| text.parse().unwrap()).collect(),
        proxy_from_env: false,
        ..NetOptions::default()
    };
    Net::new(options).unwrap()
}

pub(crate) fn net() -> Net {
    net_with(Vec::new(), &[])
}
