//! A Helm repository on a web server: its index by conditional GETs, and what its index names.

use http::header::{ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderValue, StatusCode};
use url::Url;

use super::urls::{self, PackageUrl};
use super::web::{Web, check_status, is_broken_body};
use super::{Snapshot, SourceError, SourceOptions, Validators, read_index};
use crate::net::{Encoding, Net, Request, redact};
use crate::payload::Budget;

/// A repository on a web server.
pub(super) struct HttpSource {
    base: Url,
    web: Web,
}

impl HttpSource {
    pub(super) fn new(base: Url, net: Net, budget: Budget, options: SourceOptions) -> Self {
        Self {
            web: Web::new(Some(base.clone()), net, budget, options),
            base,
        }
    }

    pub(super) fn web(&self) -> &Web {
        &self.web
    }

    pub(super) fn locate(&self, text: &str, version: &str) -> Result<PackageUrl, SourceError> {
        urls::resolve(&self.base, text, version).map_err(|error| SourceError::Url {
            url: urls::shown(text),
            error,
        })
    }

    pub(super) async fn snapshot(&self, previous: Option<&Validators>) -> Result<Snapshot, SourceError> {
        let url = urls::index(&self.base);
        let limits = self.web.options().index_limits;
        let mut tries = self.web.net().tries();
        let (spooled, etag, last_modified) = loop {
            let (request, conditional) = self.index_request(&url, previous);
            let response = self.web.net().send_within(request, &mut tries).await?;
            if let (Some(previous), StatusCode::NOT_MODIFIED) = (conditional, response.status()) {
                return Ok(Snapshot::Unchanged {
                    validators: previous.clone(),
                });
            }
            check_status(&response, "index")?;
            let text = |name: HeaderName| response.header(name).map(str::to_owned);
            let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
            match self
                .web
                .receive(response, self.web.index_spool(), "max_index_size")
                .await
            {
                Err(error) if is_broken_body(&error) && tries.again().await => {}
                result => break (result?, etag, last_modified),
            }
        };
        let validators = Validators {
            etag,
            last_modified,
            body: spooled.digest,
        };
        if previous.is_some_and(|previous| previous.body == validators.body) {
            return Ok(Snapshot::Unchanged { validators });
        }
        let index = read_index(spooled.payload, limits, redact(&url)).await?;
        Ok(Snapshot::Fresh { index, validators })
    }

    /// A GET of the index, and the earlier state that it is conditional on, if it is: a 304 that nobody asked for is an
    /// error (reliability F36).
    fn index_request<'a>(
        &self,
        url: &Url,
        previous: Option<&'a Validators>,
    ) -> (Request, Option<&'a Validators>) {
        let mut request = self.web.get(url).encoding(Encoding::Gzip);
        let mut conditional = None;
        let Some(previous) = previous else {
            return (request, None);
        };
        for (name, value) in [
            (IF_NONE_MATCH, &previous.etag),
            (IF_MODIFIED_SINCE, &previous.last_modified),
        ] {
            if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
                request = request.header(name, value);
                conditional = Some(previous);
            }
        }
        (request, conditional)
    }
}
