//! An open upload session, cancelled when it is given up: on errors, and when the run is stopped in the middle.

use std::sync::Arc;

use http::Method;
use url::Url;

use super::scope::Right;
use super::transport::{Call, Transport};
use crate::types::Repository;

/// A session. Dropping it without [`Session::closed`] cancels it, best effort: the end of a run waits a moment for that.
pub(super) struct Session {
    transport: Arc<Transport>,
    repository: Repository,
    url: Url,
    open: bool,
}

impl Session {
    pub(super) fn new(transport: &Arc<Transport>, repository: &Repository, url: Url) -> Self {
        Self {
            transport: Arc::clone(transport),
            repository: repository.clone(),
            url,
            open: true,
        }
    }

    /// Where it goes on.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The registry gave it another URL.
    pub(super) fn moved(&mut self, url: Url) {
        self.url = url;
    }

    /// Nothing is left to cancel.
    pub(super) fn closed(mut self) {
        self.open = false;
    }

    /// Cancels it now.
    pub(super) async fn cancel(mut self) {
        self.open = false;
        cancel(&self.transport, &self.repository, self.url.clone()).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let (transport, repository) = (Arc::clone(&self.transport), self.repository.clone());
        let url = self.url.clone();
        let work = async move { cancel(&transport, &repository, url).await };
        self.transport.net.see_off(work);
    }
}

/// The registry drops the session by itself some day, so a failure is not worth more than a line in the log.
async fn cancel(transport: &Transport, repository: &Repository, url: Url) {
    let call = Call::new(Method::DELETE, url, repository, Right::Push).once();
    match transport.send(call).await {
        Ok(response) => response.discard().await,
        Err(error) => tracing::debug!(%error, "an upload session could not be cancelled"),
    }
}
