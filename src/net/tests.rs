//! The network against real sockets on loopback.

mod addresses;
mod bodies;
mod pace;
mod proxies;
mod retries;

use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;

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
