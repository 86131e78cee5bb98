//! Limits that a registry publishes and enforces hard, so that a run keeps them instead of learning them by 429s
//! (registries 3.5, card "Amazon ECR").

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two manifests at Amazon ECR, private and public: 8 a second where `PutImage` allows 10.
const ECR: Duration = Duration::from_millis(125);

/// Spaces the manifests that are written to one registry.
pub(super) struct ManifestPace {
    gap: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl ManifestPace {
    /// The pace that `host` publishes; most publish none.
    pub(super) fn of(host: &str) -> Self {
        Self {
            gap: is_ecr(host).then_some(ECR),
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

/// `<account>.dkr.ecr.<region>.amazonaws.com`, with `-fips` and the partition of China, or `public.ecr.aws`.
fn is_ecr(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let amazon = name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn");
    name == "public.ecr.aws" || (amazon && (name.contains(".dkr.ecr.") || name.contains(".dkr.ecr-fips.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecr_is_known_by_its_names() {
        for (host, known) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", true),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn:443", true),
            ("public.ecr.aws", true),
            ("dkr.ecr.example.com", false),
            ("registry.example.com", false),
        ] {
            assert_eq!(is_ecr(host), known, "{host}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rule_16_ecr_gets_no_more_manifests_than_it_takes() {
        let pace = ManifestPace::of("1.dkr.ecr.eu-west-1.amazonaws.com");
        let began = Instant::now();
        for _ in 0..81 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_secs(), 10);
        let free = ManifestPace::of("registry.example.com");
        let began = Instant::now();
        for _ in 0..81 {
            free.turn().await;
        }
        assert!(began.elapsed().is_zero());
    }
}
