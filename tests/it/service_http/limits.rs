//! Clients that take too much: of bytes, of connections, of time.
//!
//! Where something is to end, the server has short limits and the test waits for the end, however long that takes. No test says
//! how soon.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use chartferry::service::http::{HttpOptions, Limits, Token};

use super::desk::SampleDesk;
use super::samples;
use super::server::{Answer, Server};

fn server(limits: Limits) -> Server {
    let options = HttpOptions {
        token: Token::new(Some("t".into())),
        limits,
        ..HttpOptions::default()
    };
    Server::start(SampleDesk::new(samples::twelve()), options, "127.0.0.1:0")
}

/// So short that a test can wait, in a place where nothing good has to happen within it.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(3_600);

/// What comes until the server ends the connection; that it does not is a failure. A reset is an end as well: there may be bytes
/// of ours that nobody read.
fn end(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(
            error.kind(),
            ErrorKind::ConnectionReset,
            "the server did not end it"
        );
    }
    String::from_utf8(rest).unwrap()
}

fn patient() -> Limits {
    Limits {
        connections: 256,
        head_time: LONG,
        body_time: LONG,
        lifetime: LONG,
        drain: LONG,
    }
}

#[test]
fn a_large_head_is_refused() {
    let server = server(patient());
    let cookie = format!("Cookie: {}", "x".repeat(12 << 10));
    assert_eq!(server.ask("GET", "/healthz", &[&cookie], "").status, 200);
    let cookie = format!("Cookie: {}", "x".repeat(20 << 10));
    assert_eq!(server.ask("GET", "/healthz", &[&cookie], "").status, 431);
    let many: Vec<_> = (0..200).map(|at| format!("X-{at}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(server.ask("GET", "/healthz", &many, "").status, 431);
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let server = server(Limits {
        head_time: SHORT,
        ..patient()
    });
    let mut slow = server.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        .unwrap();
    // One byte now and then keeps nothing open: the limit is for the whole head
    let mut drip = slow.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while drip.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert!(!end(&mut slow).contains("200 OK"));
    dripping.join().unwrap();
}

#[test]
fn a_connection_that_idles_is_closed() {
    let server = server(Limits {
        head_time: SHORT,
        ..patient()
    });
    let mut idle = server.connect();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "before the first request");
    let mut kept = server.connect();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(&mut kept).status, 200, "after a request, to the end");
}

#[test]
fn a_body_that_never_ends_is_cut_off() {
    let server = server(Limits {
        body_time: SHORT,
        ..patient()
    });
    let got = server.send(
        b"POST /api/v1/mirrors/argo/run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nConnection: close\r\n\
          Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    assert_eq!(got.status, 408);
    assert!(server.desk.wishes.lock().unwrap().is_empty());
}

#[test]
fn a_connection_does_not_live_forever() {
    let server = server(Limits {
        lifetime: SHORT,
        ..patient()
    });
    let mut busy = server.connect();
    let mut answers = 0;
    // Until the server closes, however busy the client keeps it
    while busy
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .is_ok()
    {
        let mut part = [0; 4096];
        match busy.read(&mut part) {
            Ok(1..) => answers += 1,
            _ => break,
        }
    }
    assert!(answers > 0);
}

#[test]
fn slow_clients_do_not_keep_a_probe_out() {
    let server = server(Limits {
        connections: 8,
        ..patient()
    });
    let mut slow: Vec<_> = (0..20)
        .map(|_| {
            let mut slow = server.connect();
            slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            slow
        })
        .collect();
    assert_eq!(server.get("/healthz").status, 200);
    // The oldest gave way, the newest did not
    assert_eq!(end(&mut slow[0]), "");
    let newest = slow.last_mut().unwrap();
    newest
        .write_all(b"Host: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(newest).status, 200);
}

#[test]
fn shutting_down_answers_what_was_asked_and_nothing_else() {
    let mut server = server(patient());
    let mut idle = server.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut part = [0; 4096];
    assert!(idle.read(&mut part).unwrap() > 0);
    let mut asking = server.connect();
    asking
        .write_all(
            b"POST /api/v1/mirrors/argo/run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n\
              Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        )
        .unwrap();
    // `100 Continue`: the handler waits for the body
    assert!(asking.read(&mut part).unwrap() > 0);
    server.shut_down();
    assert_eq!(
        idle.read(&mut part).unwrap(),
        0,
        "nothing is asked here, so it ends"
    );
    asking.write_all(b"{}").unwrap();
    assert_eq!(Answer::read(&mut asking).status, 202);
    server.join();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn shutting_down_waits_for_nobody_for_long() {
    let mut server = server(Limits {
        drain: SHORT,
        ..patient()
    });
    let mut slow = server.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: local").unwrap();
    server.shut_down();
    server.join();
    assert_eq!(end(&mut slow), "");
}
