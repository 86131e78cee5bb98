//! The Lease as Kubernetes keeps it: read, create and replace, with a limit on each call.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};

use super::LeaseOptions;
use super::error::LeaseError;
use super::protocol::{Answer, Change, Draft, Record, Version};
use super::words::{self, Doing};

/// What kept a call from doing what it was for, for people.
pub(super) type Trouble = Box<str>;

/// One lease at one API server.
pub(super) struct Book {
    leases: Api<Lease>,
    name: Box<str>,
    namespace: Box<str>,
    url: String,
    limit: Duration,
    /// As it was last read or written, with all that is not ours in it.
    last: Option<Lease>,
}

impl Book {
    /// By the pod's service account, or by the kubeconfig that `KUBECONFIG` names.
    pub(super) async fn open(options: &LeaseOptions) -> Result<Self, LeaseError> {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let config = if set("KUBERNETES_SERVICE_HOST") {
            Config::incluster_env().map_err(|error| LeaseError::ServiceAccount(error.to_string()))?
        } else if set("KUBECONFIG") {
            let config = Config::from_kubeconfig(&KubeConfigOptions::default()).await;
            config.map_err(|error| LeaseError::Kubeconfig(error.to_string()))?
        } else {
            return Err(LeaseError::NoCluster);
        };
        Self::new(config, options)
    }

    /// By a configuration made elsewhere.
    pub(super) fn new(mut config: Config, options: &LeaseOptions) -> Result<Self, LeaseError> {
        // Three attempts fit into a renew deadline of 10 s, so that one that hangs costs nothing
        let limit = options.timing.deadline() * 3 / 10;
        config.connect_timeout = Some(limit);
        // The election tries again by itself, and counts from before each attempt
        config.default_retry = false;
        let url = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = options
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone().into());
        let client = Client::try_from(config).map_err(|error| LeaseError::Client {
            url: url.clone(),
            cause: words::chain(&error),
        })?;
        Ok(Self {
            leases: Api::namespaced(client, &namespace),
            name: options.name.clone(),
            namespace,
            url,
            limit,
            last: None,
        })
    }

    /// `namespace/name`.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Reads it.
    pub(super) async fn look(&mut self) -> (Answer, Option<Trouble>) {
        match tokio::time::timeout(self.limit, self.leases.get_opt(&self.name)).await {
            Ok(Ok(Some(lease))) => self.keep(lease, Doing::Read, Answer::Found),
            Ok(Ok(None)) => (Answer::Absent, None),
            Ok(Err(error)) => self.failed(Doing::Read, &error),
            Err(_) => self.silent(Doing::Read),
        }
    }

    /// Writes it, if it still is what the draft replaces.
    pub(super) async fn write(&mut self, draft: &Draft) -> (Answer, Option<Trouble>) {
        let post = PostParams::default();
        let (doing, lease) = match &draft.base {
            None => (Doing::Create, self.fresh()),
            Some(base) => match self
                .last
                .take()
                .filter(|last| version(last).as_ref() == Some(base))
            {
                Some(last) => (Doing::Update, last),
                None => return (Answer::Conflict, None),
            },
        };
        let lease = filled(lease, draft);
        let sent = async {
            match doing {
                Doing::Create => self.leases.create(&post, &lease).await,
                Doing::Read | Doing::Update => self.leases.replace(&self.name, &post, &lease).await,
            }
        };
        match tokio::time::timeout(self.limit, sent).await {
            Ok(Ok(lease)) => self.keep(lease, doing, Answer::Written),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => (Answer::Conflict, None),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 && doing == Doing::Update => {
                (Answer::Absent, None)
            }
            Ok(Err(error)) => self.failed(doing, &error),
            Err(_) => self.silent(doing),
        }
    }

    fn fresh(&self) -> Lease {
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                namespace: Some(self.namespace.to_string()),
                ..ObjectMeta::default()
            },
            spec: None,
        }
    }

    fn keep(
        &mut self,
        lease: Lease,
        doing: Doing,
        answer: fn(Record) -> Answer,
    ) -> (Answer, Option<Trouble>) {
        let Some(record) = record(&lease) else {
            let what = "it answered a lease without `resourceVersion`";
            return (
                Answer::Failed,
                Some(words::said(doing, &self.place(), &self.url, what)),
            );
        };
        self.last = Some(lease);
        (answer(record), None)
    }

    fn failed(&self, doing: Doing, error: &kube::Error) -> (Answer, Option<Trouble>) {
        let text = words::failure(doing, &self.place(), &self.url, error);
        (Answer::Failed, Some(text))
    }

    fn silent(&self, doing: Doing) -> (Answer, Option<Trouble>) {
        let what = format!("it did not answer within {:?}", self.limit);
        (
            Answer::Failed,
            Some(words::said(doing, &self.place(), &self.url, &what)),
        )
    }
}

fn version(lease: &Lease) -> Option<Version> {
    lease
        .metadata
        .resource_version
        .as_deref()
        .map(|version| Version(version.into()))
}

fn record(lease: &Lease) -> Option<Record> {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    Some(Record {
        version: version(lease)?,
        holder: spec
            .holder_identity
            .filter(|holder| !holder.is_empty())
            .map(Into::into),
        duration: seconds.map(Duration::from_secs),
        transitions: spec
            .lease_transitions
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or_default(),
    })
}

/// What is to be written: all that others put there stays.
fn filled(mut lease: Lease, draft: &Draft) -> Lease {
    // For people only: nobody decides anything by these
    let now = MicroTime(Timestamp::now());
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    // client-go writes the empty name too: the field's absence would mean the same
    spec.holder_identity = Some(draft.holder.as_deref().unwrap_or_default().to_owned());
    let seconds = draft.duration.as_secs() + u64::from(draft.duration.subsec_nanos() > 0);
    spec.lease_duration_seconds = Some(i32::try_from(seconds).unwrap_or(i32::MAX).max(1));
    spec.lease_transitions = Some(i32::try_from(draft.transitions).unwrap_or(i32::MAX));
    if draft.change == Change::Taken || spec.acquire_time.is_none() {
        spec.acquire_time = Some(now.clone());
    }
    spec.renew_time = Some(now);
    lease
}
