//! F07 and F51: lengths that are wrong, and connections that close as we send.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::scene::Scene;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

/// Stands in front of a source, changes what comes back, and closes each connection after one answer without saying so.
struct Between {
    url: String,
}

impl Between {
    fn start(scene: &Scene, mangle: fn(&mut Vec<u8>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/charts", listener.local_addr().unwrap());
        let host = scene.repo.host();
        // It lives as long as the test binary, and sleeps when the test is over
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let host = host.clone();
                std::thread::spawn(move || forward(client, &host, mangle));
            }
        });
        Self { url }
    }
}

fn forward(mut client: TcpStream, host: &str, mangle: fn(&mut Vec<u8>)) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    request.truncate(request.len() - 2);
    request.extend_from_slice(b"connection: close\r\n\r\n");
    let mut server = TcpStream::connect(host).unwrap();
    server.write_all(&request).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut head = answer.drain(..end).collect();
    change(&mut head, "connection: close\r\n", "");
    let mut answer = [head, answer].concat();
    mangle(&mut answer);
    // A client that had enough may have gone
    drop(client.write_all(&answer));
}

/// Replaces text in the head of an answer.
fn change(head: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8_lossy(head).replace(from, to);
    *head = text.into_bytes();
}

/// Runs through `between`, whose host gets the source's login as the source itself would.
fn through(scene: &Scene, between: &Between) -> super::scene::Ran {
    let mut mirror = scene.mirror();
    mirror.source = between.url.parse().unwrap();
    scene.run_all(vec![mirror])
}

#[test]
fn f07_a_body_longer_than_announced_is_read_as_announced_and_its_connection_dropped() {
    let scene = Scene::new();
    // What follows the announced bytes looks like the answer to a request that nobody made
    let between = Between::start(&scene, |answer| {
        answer.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    });
    through(&scene, &between).expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f07_an_announced_length_that_is_never_reached_is_an_error() {
    let scene = Scene::new();
    let between = Between::start(&scene, |answer| {
        answer.truncate(answer.len() - 1);
    });
    through(&scene, &between).expect(4).says("\"interrupted\"");
    scene.assert_registry_untouched();
    scene.settle();
}

#[test]
fn f51_connections_that_close_behind_an_answer_cost_no_version() {
    let scene = Scene::new();
    let between = Between::start(&scene, |_| {});
    through(&scene, &between).expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f51_a_request_that_meets_a_closing_connection_is_sent_again() {
    let kinds = [
        Kind::Ping,
        Kind::TagList,
        Kind::UploadPost,
        Kind::UploadPut,
        Kind::ManifestPut,
        Kind::ManifestHead,
    ];
    for kind in kinds {
        let scene = Scene::new();
        scene.registry.fault(Fault::on(kind, Effect::Drop).turns(1..=2));
        scene.run().expect(0);
        scene.assert_complete();
        scene.settle();
    }
}
