//! Everything that leaves the machine goes through here: one place for clients, address rules, redirects,
//! pacing, retries, time limits, the request log and the masking of secrets.
//!
//! Sources and registries only say *what* to send. [`Net::send`] answers with whatever status the server gave;
//! errors are what happened instead of an answer. It repeats a request after connection errors and after
//! 408, 429 and 5xx unless the request forbids it; after the last try the server's answer is returned as it is.

mod admission;
mod cause;
mod client;
mod descriptors;
mod dns;
mod error;
mod farewell;
mod guard;
mod host;
mod options;
mod pace;
mod proxy;
mod reach;
mod redact;
mod redirect;
mod request;
mod response;
mod retry;
mod retry_after;
mod send;
mod tls;
mod traffic;
mod upload;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use error::NetError;
pub use guard::{AddressGuard, AddressRule, AddressRuleError, Zone, zone};
pub use options::{HostOptions, NetOptions, RetryOptions, names};
pub use redact::{redact, redact_text};
pub use redirect::same_origin;
pub use request::{Encoding, Redirects, Request};
pub use response::Response;
pub use retry::{Tries, is_transient};
pub use retry_after::retry_after;
pub use send::Net;
pub use traffic::Traffic;
