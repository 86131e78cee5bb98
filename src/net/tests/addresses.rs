//! Which addresses are reached, and who gets credentials (reliability A01 to A16).

use http::HeaderValue;
use http::header::AUTHORIZATION;
use url::Url;

use super::get;
use crate::net::testing::{Server, answer, net, net_with};
use crate::net::*;
use crate::types::Class;

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
