//! The election against an API server in process: what is asked, what is done with each answer, and two replicas that hand over.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use kube::Config;
use serde_json::{Value, json};

use super::book::Book;
use super::protocol::{Answer, Change, Draft, Elector, Record, Timing, Version};
use super::{LeaderState, Leadership, LeaseOptions, driver};

/// How long a test may wait for something that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server does instead of its work.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Status(u16),
    /// Does its work and never says so.
    Mute,
    Hang,
}

#[derive(Default)]
struct Store {
    lease: Option<Value>,
    versions: u64,
    log: Vec<String>,
    faults: VecDeque<Fault>,
    /// Every request, until it is taken away.
    always: Option<Fault>,
}

/// One lease, with the rules of the real server: versions, conflicts, `Status` objects.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Store>>);

impl Server {
    async fn start(&self) -> Config {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Config::new(format!("http://{address}").parse().unwrap())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn fail(&self, faults: &[Fault]) {
        self.with(|store| store.faults.extend(faults));
    }

    fn log(&self) -> Vec<String> {
        self.with(|store| std::mem::take(&mut store.log))
    }

    fn spec(&self) -> Value {
        self.with(|store| store.lease.as_ref().unwrap()["spec"].clone())
    }
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

async fn answer(State(server): State<Server>, method: Method, uri: Uri, body: Bytes) -> Response {
    let fault = server.with(|store| {
        store.log.push(format!("{method} {}", uri.path()));
        store.always.or_else(|| store.faults.pop_front())
    });
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Mute) => {
            server.with(|store| store.serve(&method, &body));
            std::future::pending().await
        }
        Some(Fault::Status(403)) => status(
            403,
            "Forbidden",
            "User \"system:serviceaccount:ferry:default\" cannot get resource",
        ),
        Some(Fault::Status(code)) => status(code, "", "the server says no"),
        None => server.with(|store| store.serve(&method, &body)),
    }
}

impl Store {
    fn serve(&mut self, method: &Method, body: &[u8]) -> Response {
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method.as_str(), &self.lease) {
            ("GET" | "PUT", None) => status(404, "NotFound", "leases \"ferry\" not found"),
            ("GET", Some(lease)) => axum::Json(lease.clone()).into_response(),
            ("POST", Some(_)) => status(409, "AlreadyExists", "leases \"ferry\" already exists"),
            ("PUT", Some(lease))
                if lease["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"] =>
            {
                status(409, "Conflict", "the object has been modified")
            }
            _ => axum::Json(self.put(sent)).into_response(),
        }
    }

    fn put(&mut self, mut lease: Value) -> Value {
        self.versions += 1;
        lease["metadata"]["resourceVersion"] = self.versions.to_string().into();
        self.lease = Some(lease.clone());
        lease
    }
}

/// Short, but with room for a busy machine.
fn options() -> LeaseOptions {
    let ms = Duration::from_millis;
    LeaseOptions {
        timing: Timing::new(ms(6000), ms(4000), ms(300)).unwrap(),
        ..LeaseOptions::new("ferry", Some("harbour"))
    }
}

fn replica(config: &Config, name: &str) -> Leadership {
    let book = Book::new(config.clone(), &options()).unwrap();
    driver::start(book, Elector::new(name, options().timing))
}

/// Waits for a state; the event it is about has to come.
async fn until(leadership: &Leadership, wanted: impl Fn(&LeaderState) -> bool) -> LeaderState {
    let mut changes = leadership.watch();
    let found = tokio::time::timeout(PATIENCE, changes.wait_for(|state| wanted(state))).await;
    found.expect("the state comes").unwrap().clone()
}

fn draft(base: Option<&str>, holder: &str, change: Change) -> Draft {
    Draft {
        base: base.map(|base| Version(base.into())),
        holder: Some(holder.into()),
        duration: Duration::from_millis(14_500),
        transitions: 3,
        change,
    }
}

fn found(answer: Answer) -> Record {
    match answer {
        Answer::Found(record) | Answer::Written(record) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lease_is_created_read_and_replaced_and_the_rest_of_it_stays() {
    let server = Server::default();
    let mut book = Book::new(server.start().await, &options()).unwrap();
    assert_eq!(book.place(), "harbour/ferry");
    assert_eq!(book.look().await, (Answer::Absent, None));
    let record = found(book.write(&draft(None, "a", Change::Taken)).await.0);
    let spec = server.spec();
    assert_eq!(spec["holderIdentity"], "a");
    assert_eq!(
        (&spec["leaseDurationSeconds"], &spec["leaseTransitions"]),
        (&json!(15), &json!(3))
    );
    assert_eq!(record.duration, Some(Duration::from_secs(15)));
    let acquired = spec["acquireTime"].clone();
    assert!(acquired.as_str().unwrap().ends_with('Z'), "{acquired}");

    server.with(|store| {
        let mut lease = store.lease.clone().unwrap();
        lease["metadata"]["labels"] = json!({"team": "a"});
        store.put(lease)
    });
    let stale = book
        .write(&draft(Some(&record.version.0), "a", Change::Renewed))
        .await;
    assert_eq!(stale, (Answer::Conflict, None));
    let record = found(book.look().await.0);
    found(
        book.write(&draft(Some(&record.version.0), "a", Change::Renewed))
            .await
            .0,
    );
    assert_eq!(
        server.spec()["acquireTime"],
        acquired,
        "a renewal is no acquisition"
    );
    server.with(|store| assert_eq!(store.lease.as_ref().unwrap()["metadata"]["labels"]["team"], "a"));
    assert_eq!(
        book.write(&draft(None, "b", Change::Taken)).await,
        (Answer::Conflict, None)
    );

    let record = found(book.look().await.0);
    server.with(|store| store.lease = None);
    let gone = book
        .write(&draft(Some(&record.version.0), "a", Change::Renewed))
        .await;
    assert_eq!(gone, (Answer::Absent, None));
    let all = "/apis/coordination.k8s.io/v1/namespaces/harbour/leases";
    let (get, post, put) = (
        format!("GET {all}/ferry"),
        format!("POST {all}"),
        format!("PUT {all}/ferry"),
    );
    // One request each: the client repeats nothing by itself
    assert_eq!(
        server.log(),
        [&get, &post, &put, &get, &put, &post, &get, &put].map(Clone::clone)
    );
}

#[tokio::test]
async fn failures_say_what_where_why_and_what_to_do() {
    let server = Server::default();
    let config = server.start().await;
    let url = config.cluster_url.to_string();
    let mut book = Book::new(config, &options()).unwrap();
    for (fault, words) in [
        (
            Fault::Status(403),
            &[
                "cannot get the lease `harbour/ferry`",
                "HTTP 403",
                "serviceaccount:ferry",
                "Role",
                "`coordination.k8s.io`",
            ][..],
        ),
        (Fault::Status(401), &["HTTP 401", "token"]),
        (Fault::Status(500), &["HTTP 500", "the server says no"]),
        (Fault::Status(503), &["HTTP 503"]),
        (Fault::Status(429), &["HTTP 429"]),
        (Fault::Hang, &["did not answer within 1.2s"]),
    ] {
        server.fail(&[fault]);
        let (answer, trouble) = book.look().await;
        let trouble = trouble.unwrap();
        assert_eq!(answer, Answer::Failed);
        for word in words.iter().chain([&url.trim_end_matches('/')]) {
            assert!(trouble.contains(word), "{word}: {trouble}");
        }
    }
    assert_eq!(server.log().len(), 6, "nothing is repeated behind our back");
    server.fail(&[Fault::Status(404)]);
    let (_, trouble) = book.write(&draft(None, "a", Change::Taken)).await;
    assert!(trouble.unwrap().contains("does the namespace exist?"));

    let closed = Config::new("http://127.0.0.1:1".parse().unwrap());
    let (answer, trouble) = Book::new(closed, &options()).unwrap().look().await;
    assert_eq!(answer, Answer::Failed);
    assert!(trouble.unwrap().contains("onnection refused"));
}

#[tokio::test]
async fn one_leads_and_hands_over_on_a_clean_stop() {
    let server = Server::default();
    let config = server.start().await;
    let a = replica(&config, "a_00000001");
    until(&a, |state| *state == LeaderState::Leader).await;
    let b = replica(&config, "b_00000002");
    let stands_by = LeaderState::Standby {
        leader: Some("a".into()),
        trouble: None,
    };
    until(&b, |state| *state == stands_by).await;
    assert!(a.leads() && !b.leads());

    a.release().await;
    assert!(!a.leads());
    assert_eq!(a.state(), LeaderState::Left);
    until(&b, |state| *state == LeaderState::Leader).await;
    assert_eq!(server.spec()["leaseTransitions"], 1);
    b.release().await;
    assert_eq!(server.spec()["holderIdentity"], "");
    assert_eq!(server.spec()["leaseDurationSeconds"], 1);
}

#[tokio::test]
async fn another_takes_over_from_one_that_is_gone() {
    let server = Server::default();
    let config = server.start().await;
    let a = replica(&config, "a");
    until(&a, |state| *state == LeaderState::Leader).await;
    let b = replica(&config, "b");
    until(&b, |state| {
        matches!(state, LeaderState::Standby { leader: Some(_), .. })
    })
    .await;
    drop(a);
    until(&b, |state| *state == LeaderState::Leader).await;
    assert_eq!(server.spec()["holderIdentity"], "b");
}

#[tokio::test]
async fn a_leader_that_cannot_renew_stops_and_comes_back() {
    let server = Server::default();
    let config = server.start().await;
    let a = replica(&config, "a");
    tokio::time::timeout(PATIENCE, a.leading()).await.unwrap();
    server.with(|store| store.always = Some(Fault::Status(500)));
    tokio::time::timeout(PATIENCE, a.lost()).await.unwrap();
    assert!(!a.leads());
    let told = until(&a, |state| {
        matches!(state, LeaderState::Standby { trouble: Some(_), .. })
    })
    .await;
    assert!(format!("{told:?}").contains("HTTP 500"), "{told:?}");
    server.with(|store| store.always = None);
    until(&a, |state| *state == LeaderState::Leader).await;
    assert!(a.leads());
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_costs_no_leadership() {
    let server = Server::default();
    let a = replica(&server.start().await, "a");
    until(&a, |state| *state == LeaderState::Leader).await;
    server.log();
    server.fail(&[Fault::Mute]);
    let mut changes = a.watch();
    changes.mark_unchanged();
    let renewed = async {
        while server.with(|store| store.log.iter().filter(|line| line.starts_with("PUT")).count() < 4) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.unwrap();
    assert!(!changes.has_changed().unwrap(), "{:?}", changes.borrow());
    assert!(a.leads());
}

#[tokio::test]
async fn a_release_ends_though_nobody_answers() {
    let server = Server::default();
    let a = replica(&server.start().await, "a");
    until(&a, |state| *state == LeaderState::Leader).await;
    server.with(|store| store.always = Some(Fault::Hang));
    let released = tokio::time::timeout(PATIENCE, a.release()).await;
    assert!(released.is_ok());
    assert_eq!((a.state(), a.leads()), (LeaderState::Left, false));
}

#[tokio::test]
async fn a_lease_in_other_hands_ends_the_leadership_at_once() {
    let server = Server::default();
    let a = replica(&server.start().await, "a");
    until(&a, |state| *state == LeaderState::Leader).await;
    server.with(|store| {
        let mut lease = store.lease.clone().unwrap();
        lease["spec"]["holderIdentity"] = "somebody".into();
        store.put(lease)
    });
    let told = until(&a, |state| *state != LeaderState::Leader).await;
    assert!(!a.leads());
    assert_eq!(
        told,
        LeaderState::Standby {
            leader: Some("somebody".into()),
            trouble: None
        }
    );
}
