//! The window of a host, as the host sees it: how many requests it gets at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use super::{get, raw};
use crate::net::testing::net_with;
use crate::net::*;

/// Where the window begins here.
const WIDEST: usize = 16;

/// A host that notices how many requests it has at once, and breaks one when it is told to.
struct Host {
    url: Url,
    most: Arc<AtomicUsize>,
    break_one: Arc<AtomicBool>,
}

impl Host {
    /// `broken` is what it says instead of 200; nothing means that it closes the connection.
    async fn start(broken: &'static str) -> Self {
        let (most, now, break_one) = (
            Arc::<AtomicUsize>::default(),
            Arc::<AtomicUsize>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (peak, told) = (Arc::clone(&most), Arc::clone(&break_one));
        let url = raw(move |mut stream, _| {
            let (peak, told, now) = (Arc::clone(&peak), Arc::clone(&told), Arc::clone(&now));
            async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    now.fetch_sub(1, SeqCst);
                    let broken = told.swap(false, SeqCst).then_some(broken);
                    let answer = broken.unwrap_or("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { url, most, break_one }
    }

    /// Sends so many requests, all at once as far as the window allows, and tells how many the host had at once.
    async fn width(&self, net: &Net, requests: usize) -> usize {
        self.most.store(0, SeqCst);
        let all =
            (0..requests).map(|_| async { net.send(get(self.url.clone()).once()).await?.bytes(10).await });
        for outcome in futures_util::future::join_all(all).await {
            outcome.unwrap();
        }
        self.most.load(SeqCst)
    }

    async fn trouble(&self, net: &Net) {
        self.break_one.store(true, SeqCst);
        let _ = net.send(get(self.url.clone()).once()).await;
    }
}

#[tokio::test]
async fn a_window_halves_on_overload_and_grows_again() {
    for broken in [
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        "",
    ] {
        let host = Host::start(broken).await;
        let options = HostOptions {
            name: host::authority(&host.url),
            max_connections: Some(WIDEST),
            ..HostOptions::default()
        };
        let net = net_with(vec![options], &[]);
        assert_eq!(host.width(&net, 40).await, WIDEST, "{broken}");
        host.trouble(&net).await;
        assert_eq!(host.width(&net, 7).await, 7, "{broken}");
        host.trouble(&net).await;
        host.trouble(&net).await;
        // Half of the half of the half, and one more for what came between
        assert!(host.width(&net, 4).await <= WIDEST / 8 + 1, "{broken}");
        host.width(&net, 200).await;
        assert!(host.width(&net, 40).await > WIDEST / 2, "{broken}");
        host.width(&net, 200).await;
        assert_eq!(host.width(&net, 40).await, WIDEST, "{broken}");
    }
}

/// Other errors of a server say nothing about its load.
#[tokio::test]
async fn a_window_stays_on_other_errors() {
    let host = Host::start("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await;
    let options = HostOptions {
        name: host::authority(&host.url),
        max_connections: Some(WIDEST),
        ..HostOptions::default()
    };
    let net = net_with(vec![options], &[]);
    for _ in 0..5 {
        host.trouble(&net).await;
    }
    assert_eq!(host.width(&net, 40).await, WIDEST);
}

/// A host that is paused or slow is nothing to the others.
#[tokio::test]
async fn rates_are_kept_host_by_host() {
    let (slow, quick) = (Host::start("").await, Host::start("").await);
    let options = HostOptions {
        name: host::authority(&slow.url),
        requests_per_second: Some(10.0),
        ..HostOptions::default()
    };
    let net = net_with(vec![options], &[]);
    let began = std::time::Instant::now();
    let (_, took) = tokio::join!(slow.width(&net, 6), async {
        quick.width(&net, 6).await;
        began.elapsed()
    });
    assert!(began.elapsed() >= Duration::from_millis(450));
    assert!(took < began.elapsed(), "{took:?}");
}
