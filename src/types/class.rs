//! What kind of failure an error is: decides retry, exit code and advice.

/// The kind of a failure, independent of the module in which it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The same request may succeed later (timeouts, resets, 429, 5xx).
    Retry,
    /// Credentials are missing, wrong or lack a right (401, 403).
    Auth,
    /// What was asked for does not exist (404, 410).
    NotFound,
    /// The user's input or configuration is wrong.
    Config,
    /// Bytes are not what they claim to be (digest, length, format).
    Integrity,
    /// A safety rule forbids it (address rules, size limits).
    Refused,
    /// Anything else that repeating cannot mend.
    Permanent,
}

impl Class {
    /// True if the same request may succeed when it is sent again.
    pub fn is_transient(self) -> bool {
        self == Self::Retry
    }
}
