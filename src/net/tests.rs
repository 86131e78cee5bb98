//! The network against real sockets on loopback.

use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::testing::{Server, answer, net, net_with};
use super::*;
use crate::payload::{Budget, Payload, Spool};
use crate::types::Class;

fn get(url: Url) -> Request {
    let guard = AddressGuard::source(&url);
    Request::get(url, guard)
}

/// Talks by hand to every connection.
async fn raw<F, T>(talk: F) -> Url
where
    F: Fn(TcpStream, usize) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(talk(stream, number));
        }
    });
    url
}

#[tokio::test]
async fn transient_statuses_are_repeated_and_counted() {
    let server = Server::start(|_, before| answer(if before < 2 { 503 } else { 200 }, &[], "ok")).await;
    let net = net();
    let response = net.send(get(server.at("/a?token=s3cr3t"))).await.unwrap();
    assert_eq!(response.bytes(10).await.unwrap(), "ok");
    let traffic = &net.traffic()[0];
    assert_eq!((traffic.requests, traffic.retries), (3, 2));
    assert_eq!(traffic.by_status["GET 503"], 2);
    assert_eq!(traffic.by_status["GET 200"], 1);
    assert_eq!(traffic.bytes_received, 6);
    assert_eq!(net.for_run(None).traffic(), []);
}

#[tokio::test]
async fn the_last_answer_is_returned_when_the_budget_ends() {
    let server = Server::start(|_, _| answer(429, &[], "slow down")).await;
    let response = net().send(get(server.at("/"))).await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(response.text_lossy(4).await, "slow");
    assert_eq!(server.asked().len(), 3);
    for status in [400, 401, 403, 404, 405, 409, 412, 413, 416, 501, 507] {
        let server = Server::start(move |_, _| answer(status, &[], "")).await;
        assert_eq!(
            net().send(get(server.at("/"))).await.unwrap().status().as_u16(),
            status
        );
        assert_eq!(server.asked().len(), 1, "{status}");
    }
    let once = Server::start(|_, _| answer(500, &[], "")).await;
    net().send(get(once.at("/")).once()).await.unwrap();
    assert_eq!(once.asked().len(), 1);
}

#[tokio::test]
async fn retry_after_is_kept_by_everybody() {
    let server =
        Server::start(|_, before| answer(if before == 0 { 429 } else { 200 }, &[("retry-after", "1")], ""))
            .await;
    let net = net();
    let began = Instant::now();
    net.send(get(server.at("/a"))).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(net.traffic()[0].throttled >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_an_error() {
    let server = Server::start(|_, _| answer(429, &[("retry-after", "600")], "")).await;
    let net = net().for_run(Some(tokio::time::Instant::now() + Duration::from_secs(5)));
    assert_eq!(
        net.send(get(server.at("/a")).once())
            .await
            .unwrap()
            .status()
            .as_u16(),
        429
    );
    let error = net.send(get(server.at("/b"))).await.unwrap_err();
    assert!(matches!(&error, NetError::Deadline { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn authorization_stays_with_its_origin() {
    let other = Server::start(|_, _| answer(200, &[], "")).await;
    let target = other.at("/stolen").to_string();
    let home = Server::start(move |asked, _| match asked.path.as_str() {
        "/same" => answer(302, &[("location", "/end")], ""),
        "/other" => answer(307, &[("location", &target)], ""),
        _ => answer(200, &[], ""),
    })
    .await;
    let secret = || HeaderValue::from_static("Basic s3cr3t");
    let net = net_with(Vec::new(), &["127.0.0.1"]);
    net.send(get(home.at("/same")).authorization(secret()))
        .await
        .unwrap();
    net.send(get(home.at("/other")).authorization(secret()))
        .await
        .unwrap();
    assert!(
        home.asked()
            .iter()
            .all(|asked| asked.headers.contains_key(AUTHORIZATION))
    );
    assert_eq!(home.lines(), ["GET /same", "GET /end", "GET /other"]);
    assert_eq!(other.lines(), ["GET /stolen"]);
    assert_eq!(other.asked()[0].header("authorization"), None);

    let options = HostOptions {
        name: home.authority(),
        pass_credentials_to: vec![other.authority()],
        ..HostOptions::default()
    };
    let net = net_with(vec![options], &["127.0.0.1"]);
    net.send(get(home.at("/other")).authorization(secret()))
        .await
        .unwrap();
    assert_eq!(other.asked()[1].header("authorization"), Some("Basic s3cr3t"));
}

#[tokio::test]
async fn redirects_end_after_five_hops() {
    let server = Server::start(|_, before| answer(302, &[("location", &format!("/{before}"))], "")).await;
    let error = net().send(get(server.at("/"))).await.unwrap_err();
    assert!(matches!(error, NetError::Redirects { limit: 5, .. }), "{error}");
    assert_eq!(server.asked().len(), 6);
    let kept = net()
        .send(get(server.at("/")).redirects(Redirects::Return))
        .await
        .unwrap();
    assert_eq!(kept.status().as_u16(), 302);
}

#[tokio::test]
async fn foreign_urls_do_not_reach_local_addresses() {
    let trap = Server::start(|_, _| answer(200, &[], "")).await;
    let port = trap.url.port().unwrap();
    let public = AddressGuard::source(&Url::parse("https://8.8.8.8/charts").unwrap());
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0x7f000001",
        "017700000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = net().send(Request::get(url, public.clone())).await.unwrap_err();
        assert!(matches!(error, NetError::Address { .. }), "{host}: {error}");
        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("--allow-private"), "{error}");
    }
    for url in [
        "file:///etc/passwd",
        "gopher://h/",
        "ftp://h/",
        "data:,x",
        "http://u:s3cr3t@127.0.0.1/",
    ] {
        let error = net()
            .send(Request::get(Url::parse(url).unwrap(), public.clone()))
            .await
            .unwrap_err();
        assert!(matches!(error, NetError::Url { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("s3cr3t"));
    }
    assert_eq!(trap.asked().len(), 0);
}

#[tokio::test]
async fn what_is_allowed_is_reached() {
    let server = Server::start(|_, _| answer(200, &[], "")).await;
    let port = server.url.port().unwrap();
    let public = AddressGuard::source(&Url::parse("https://8.8.8.8/charts").unwrap());
    for (rule, host) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        net_with(Vec::new(), &[rule])
            .send(Request::get(url, public.clone()))
            .await
            .unwrap();
    }
    // A source on loopback reaches itself, and no other port of it.
    net().send(get(server.at("/"))).await.unwrap();
    let other = AddressGuard::source(&Url::parse("http://127.0.0.1:1/").unwrap());
    let error = net().send(Request::get(server.at("/"), other)).await.unwrap_err();
    assert!(matches!(error, NetError::Address { .. }), "{error}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn redirects_are_checked_again() {
    let trap = Server::start(|_, _| answer(200, &[], "")).await;
    let target = trap.at("/").to_string();
    let server = Server::start(move |_, _| answer(302, &[("location", &target)], "")).await;
    let error = net().send(get(server.at("/"))).await.unwrap_err();
    assert!(matches!(error, NetError::Address { .. }), "{error}");
    assert_eq!(trap.asked().len(), 0);
}

#[tokio::test]
async fn bodies_have_a_length_and_are_replayed() {
    let server = Server::start(|_, before| answer(if before == 0 { 500 } else { 201 }, &[], "")).await;
    let big = vec![7; 1_000_000];
    let mut spool = Spool::new(&Budget::new(0), 1 << 20);
    spool.write(&big).await.unwrap();
    let file = spool.finish().await.unwrap().payload;
    for payload in [file, Payload::from(big.clone()), Payload::from(vec![7; 10])] {
        let size = payload.size();
        let url = server.at("/up");
        let guard = AddressGuard::source(&url);
        let response = net()
            .send(Request::new(Method::PUT, url, guard).body(payload))
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 201);
        let last = server.asked().pop().unwrap();
        assert_eq!(last.header("content-length"), Some(size.to_string().as_str()));
        assert_eq!(last.header("transfer-encoding"), None);
        assert!(last.body.len() as u64 == size && last.body.iter().all(|b| *b == 7));
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].body, asked[1].body);
}

#[tokio::test]
async fn encodings_that_nobody_asked_for_are_refused() {
    let server =
        Server::start(|_, _| answer(200, &[("content-encoding", "gzip")], "bytes as they are")).await;
    let error = net().send(get(server.at("/"))).await.unwrap_err();
    assert!(matches!(error, NetError::Encoding { .. }), "{error}");
    let raw = net()
        .send(get(server.at("/")).encoding(Encoding::Raw))
        .await
        .unwrap();
    assert_eq!(raw.bytes(100).await.unwrap(), "bytes as they are");
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("accept-encoding") == Some("identity"))
    );
}

#[tokio::test]
async fn gzip_is_unpacked_within_limits() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    let server =
        Server::start(move |_, _| answer(200, &[("content-encoding", "gzip")], packed.clone())).await;
    let request = || get(server.at("/")).encoding(Encoding::Gzip);
    assert_eq!(
        net()
            .send(request())
            .await
            .unwrap()
            .bytes(2 << 20)
            .await
            .unwrap()
            .len(),
        1 << 20
    );
    let error = net()
        .send(request())
        .await
        .unwrap()
        .bytes(1000)
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::TooLarge { limit: 1000, .. }), "{error}");
}

#[tokio::test]
async fn short_bodies_are_errors_and_lying_lengths_allocate_nothing() {
    for head in [
        "content-length: 100\r\n",
        "transfer-encoding: chunked\r\n",
        "content-length: 9223372036854775807\r\n",
    ] {
        let url = raw(move |mut stream, _| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n5\r\nhello\r\n");
            let _ = stream.write_all(text.as_bytes()).await;
        })
        .await;
        let response = net().send(get(url)).await.unwrap();
        let error = response.bytes(u64::MAX).await.unwrap_err();
        assert!(matches!(error, NetError::Interrupted { .. }), "{head}: {error}");
        assert_eq!(error.class(), Class::Retry);
    }
}

#[tokio::test]
async fn broken_connections_are_tried_again() {
    let url = raw(|mut stream, number| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        if number >= 2 {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let net = net();
    assert_eq!(net.send(get(url)).await.unwrap().bytes(9).await.unwrap(), "ok");
    assert_eq!(net.traffic()[0].by_status["GET error"], 2);
}

#[tokio::test]
async fn an_early_answer_does_not_hang() {
    let url = raw(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await;
        let _ = stream.shutdown().await;
        // As servers do that close politely: what still comes is read away.
        let mut rest = vec![0; 64 << 10];
        while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let guard = AddressGuard::source(&url);
    let request = Request::new(Method::PUT, url, guard)
        .body(Payload::from(vec![0; 8 << 20]))
        .once();
    let answer = tokio::time::timeout(Duration::from_secs(20), net().send(request))
        .await
        .unwrap();
    assert_eq!(answer.unwrap().status().as_u16(), 413);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let url = raw(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let options = HostOptions {
        name: host::authority(&url),
        timeout: Some(Duration::from_millis(50)),
        ..HostOptions::default()
    };
    let error = net_with(vec![options], &[]).send(get(url)).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn connection_errors_name_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/x?t=s3cr3t", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = net().send(get(url.clone())).await.unwrap_err();
    assert!(matches!(&error, NetError::Connect { .. }), "{error}");
    assert!(error.to_string().contains(&host::authority(&url)) && !error.to_string().contains("s3cr3t"));
    let error = net()
        .send(get(Url::parse("http://does-not-exist.invalid/").unwrap()))
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::Dns { .. }), "{error}");
}

#[tokio::test]
async fn limits_of_a_host_hold() {
    let server = Server::start(|_, _| answer(200, &[], "")).await;
    let options = HostOptions {
        name: server.authority(),
        requests_per_second: Some(20.0),
        ..HostOptions::default()
    };
    let net = net_with(vec![options], &[]);
    let began = Instant::now();
    let all = (0..6).map(|_| net.send(get(server.at("/"))));
    for outcome in futures_util::future::join_all(all).await {
        outcome.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(250));
    for bad in [
        HostOptions {
            max_connections: Some(0),
            ..HostOptions::default()
        },
        HostOptions {
            requests_per_second: Some(0.0),
            ..HostOptions::default()
        },
        HostOptions {
            key_file: Some("k".into()),
            ..HostOptions::default()
        },
        HostOptions {
            ca_file: Some("/does/not/exist".into()),
            ..HostOptions::default()
        },
    ] {
        let error = Net::new(NetOptions {
            hosts: vec![bad],
            ..NetOptions::default()
        })
        .err()
        .unwrap();
        assert_eq!(error.class(), Class::Config, "{error}");
    }
}
