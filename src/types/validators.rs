//! How to tell later whether an index changed.

use super::Digest;

/// What was known of an index when it was read, to find out later whether it changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// The `ETag` header as it came. Without it and `last_modified` the index is asked for without a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// sha256 of the index. It decides: servers are wrong about the other two (reliability F36).
    pub body: Digest,
}
