//! ECR's password runs out after twelve hours, in the middle of whatever is under way, and is said to have run out by a 403.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chartferry::net::{HostOptions, Net, NetOptions};
use chartferry::payload::Payload;
use chartferry::registry::{
    Credential, CredentialFuture, Credentials, Registry as Client, RegistryOptions, Wanted,
};
use chartferry::types::{Digest, RegistryHost, Repository, Tag};

use crate::profiles;
use crate::support::registry::Registry;
use crate::support::server::Kind;

/// Passwords as a cloud gives them: another one each time.
struct Rotating(AtomicU32);

impl Credentials for Rotating {
    fn get<'a>(&'a self, _: Wanted<'a>) -> CredentialFuture<'a> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let login = Credential::Basic {
            username: profiles::USER.to_owned(),
            password: format!("{}-{number}", profiles::PASSWORD).into(),
        };
        Box::pin(std::future::ready(Ok(login)))
    }
}

/// The client as a library: the program keeps what a helper said for some seconds of the machine's own time.
fn client(fake: &Registry, credentials: Arc<Rotating>) -> Client {
    let net = Net::new(NetOptions {
        hosts: vec![HostOptions {
            name: fake.host(),
            plain_http: true,
            ..HostOptions::default()
        }],
        proxy_from_env: false,
        ..NetOptions::default()
    });
    let host = RegistryHost::new(&fake.host()).unwrap();
    Client::new(net.unwrap(), host, credentials, RegistryOptions::default()).unwrap()
}

/// Everything that a run asks of a registry.
async fn push(client: &Client) {
    let repository = Repository::new("alpha").unwrap();
    for _ in 0..4 {
        let head = client.head_manifest(&repository, "1.0.0").await.unwrap();
        assert_eq!(head, None);
    }
    assert!(client.list_tags(&repository).await.unwrap().tags.is_empty());
    let (config, layer) = (&b"{}"[..], &b"package"[..]);
    for bytes in [config, layer] {
        let payload = Payload::from(Bytes::from_static(bytes));
        let digest = Digest::of(bytes);
        client.push_blob(&repository, &digest, &payload).await.unwrap();
    }
    let descriptor =
        |bytes: &[u8]| serde_json::json!({ "digest": Digest::of(bytes).to_string(), "size": bytes.len() });
    let manifest = serde_json::json!({ "config": descriptor(config), "layers": [descriptor(layer)] });
    for tag in ["1.0.0", "1.1.0", "1.2.0"] {
        let (tag, bytes) = (Tag::new(tag).unwrap(), Bytes::from(manifest.to_string()));
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        client
            .put_manifest(&repository, &tag, media_type, bytes)
            .await
            .unwrap();
    }
}

#[test]
fn rule_04_ecr_renews_its_password_in_whatever_it_ran_out() {
    let profile = profiles::named("ecr");
    let fake = Registry::with(|it| (profile.turn)(it));
    fake.meddle("alpha", |_| {});
    // A password lasts for one request after its first
    fake.age_with_requests(Duration::from_secs(7 * 3600));
    let credentials = Arc::new(Rotating(AtomicU32::new(0)));
    let client = client(&fake, Arc::clone(&credentials));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(push(&client));
    let log = fake.log();
    for kind in [Kind::ManifestHead, Kind::UploadPut, Kind::ManifestPut] {
        let refused = log.of(kind).iter().any(|entry| entry.status == Some(403));
        assert!(refused, "no {kind:?} met a password that had run out\n{log}");
    }
    assert_eq!(fake.tags(), ["alpha:1.0.0", "alpha:1.1.0", "alpha:1.2.0"]);
    fake.assert_sound();
    assert!(credentials.0.load(Ordering::Relaxed) >= 3);
}
