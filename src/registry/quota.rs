//! Limits that a registry publishes and enforces hard, so that a run keeps them instead of learning them by 429s
//! (registries 3.5, card "Amazon ECR").

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::types::RegistryKind;

/// Time between two manifests at Amazon ECR, private and public: 8 a second where `PutImage` allows 10.
const ECR: Duration = Duration::from_millis(125);

/// Spaces the manifests that are written to one registry.
pub(super) struct ManifestPace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl ManifestPace {
    /// The pace that a registry of this kind publishes; most publish none.
    pub(super) fn of(kind: Option<RegistryKind>) -> Self {
        let is_ecr = matches!(kind, Some(RegistryKind::Ecr | RegistryKind::EcrPublic));
        Self {
            gap: is_ecr.then_some(ECR),
            next: Mutex::new(None),
        }
    }

    /// Waits for the next turn.
    pub(super) async fn turn(&self) {
        let Some(gap) = self.gap else { return };
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::net::HostOptions;
    use crate::net::testing::net_with;
    use crate::registry::{Credential, FixedCredentials, Registry, RegistryOptions};
    use crate::types::RegistryHost;

    #[test]
    fn ecr_is_known_by_its_names_and_by_the_settings() {
        let own = HostOptions {
            name: "charts.acme.io".into(),
            registry_kind: Some(RegistryKind::Ecr),
            ..HostOptions::default()
        };
        let net = net_with(vec![own], &[]);
        for (host, known) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", true),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn:443", true),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", true),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", true),
            ("public.ecr.aws", true),
            ("charts.acme.io", true),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.io", false),
            ("registry.example.com", false),
        ] {
            let credentials = Arc::new(FixedCredentials(Credential::Anonymous));
            let host = RegistryHost::new(host).unwrap();
            let registry = Registry::new(net.clone(), host.clone(), credentials, RegistryOptions::default());
            assert_eq!(registry.unwrap().inner.pace.gap.is_some(), known, "{host}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rule_16_ecr_gets_no_more_manifests_than_it_takes() {
        let pace = ManifestPace::of(Some(RegistryKind::Ecr));
        let began = Instant::now();
        for _ in 0..81 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_secs(), 10);
        let free = ManifestPace::of(None);
        let began = Instant::now();
        for _ in 0..81 {
            free.turn().await;
        }
        assert!(began.elapsed().is_zero());
    }
}
