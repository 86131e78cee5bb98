//! Bodies in both directions, and answers that are traps.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{get, raw};
use crate::net::testing::{Server, answer, net};
use crate::net::*;
use crate::payload::{Budget, Payload, Spool};
use crate::types::Class;

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
async fn floods_of_headers_end() {
    let url = raw(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let flood = "x-flood: 1\r\n".repeat(10_000);
        let _ = stream
            .write_all(format!("HTTP/1.1 200 OK\r\n{flood}\r\n").as_bytes())
            .await;
    })
    .await;
    let error = net().send(get(url).once()).await.unwrap_err();
    assert!(matches!(error, NetError::Interrupted { .. }), "{error}");
    let url = raw(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let early = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
        let _ = stream
            .write_all(format!("{early}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").as_bytes())
            .await;
    })
    .await;
    assert_eq!(net().send(get(url).once()).await.unwrap().status().as_u16(), 200);
}
