//! Repetition, pauses, limits of time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::{get, raw};
use crate::net::testing::{Server, answer, net, net_with};
use crate::net::*;
use crate::types::Class;

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
