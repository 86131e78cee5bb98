//! Proxies of the environment.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::{get, raw};
use crate::net::testing::{Server, answer};
use crate::net::*;

fn behind(proxy: &Url) -> Net {
    let env = proxy.to_string();
    let proxies = proxy::Proxies::from_env(|name| (name == "ALL_PROXY").then(|| env.clone())).unwrap();
    let retry = RetryOptions {
        attempts: 1,
        ..RetryOptions::default()
    };
    let options = NetOptions {
        retry,
        ..NetOptions::default()
    };
    Net::with_proxies(options, proxies).unwrap()
}

#[tokio::test]
async fn a_proxy_gets_the_request_and_the_rules_hold_by_name() {
    let proxy = Server::start(|_, _| answer(200, &[], "by proxy")).await;
    let net = behind(&proxy.url);
    let public = || AddressGuard::source(&Url::parse("http://charts.example/").unwrap());
    let to = |url: &str| Request::get(Url::parse(url).unwrap(), public());
    let response = net.send(to("http://charts.example/index.yaml")).await.unwrap();
    assert_eq!(response.bytes(100).await.unwrap(), "by proxy");
    net.send(to("http://other.example/x")).await.unwrap();
    assert_eq!(
        proxy.lines(),
        [
            "GET http://charts.example/index.yaml",
            "GET http://other.example/x"
        ]
    );
    for url in [
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "http://metadata.google.internal/",
        "http://x.localhost/",
    ] {
        let error = net.send(to(url)).await.unwrap_err();
        assert!(matches!(error, NetError::Address { .. }), "{url}: {error}");
    }
    assert_eq!(proxy.asked().len(), 2);
}

#[tokio::test]
async fn the_metadata_service_is_asked_without_the_proxy_and_leads_nowhere() {
    let proxy = Server::start(|_, _| answer(200, &[], "by proxy")).await;
    let service = Server::start(|asked, _| match asked.path.as_str() {
        "/away" => answer(302, &[("location", "http://169.254.169.254/latest/")], ""),
        _ => answer(200, &[], "by the service"),
    })
    .await;
    // Loopback is never proxied anyway, so the service has a name that would be.
    let mut url = service.at("/token");
    url.set_host(Some("0.0.0.0")).unwrap();
    let net = behind(&proxy.url);
    let by = |guard| Request::get(url.clone(), guard);
    let response = net.send(by(AddressGuard::source(&url))).await.unwrap();
    assert_eq!(response.bytes(100).await.unwrap(), "by proxy");
    let response = net.send(by(AddressGuard::metadata(&url))).await.unwrap();
    assert_eq!(response.bytes(100).await.unwrap(), "by the service");
    let error = net
        .send(Request::get(
            service.at("/away"),
            AddressGuard::metadata(&service.url),
        ))
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::Address { .. }), "{error}");
    let error = net
        .send(Request::get(
            Url::parse("http://169.254.170.2/").unwrap(),
            AddressGuard::metadata(&url),
        ))
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::Address { .. }), "{error}");
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_fails_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = Url::parse(&format!("http://u:s3cr3t@{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let refusing = raw(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            .await;
    })
    .await;
    for proxy in [dead, refusing] {
        let error = behind(&proxy)
            .send(get(Url::parse("https://charts.example/").unwrap()))
            .await
            .unwrap_err();
        assert!(matches!(&error, NetError::Proxy { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&host::authority(&proxy)) && !text.contains("s3cr3t"),
            "{text}"
        );
    }
}
