//! Why a replica cannot even begin to take part.

/// What waiting does not mend.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Built without Kubernetes.
    #[error(
        "`[lease]` needs a chartferry that was built with the feature `kubernetes`, as the image is; without it leave `[lease]` out and run one replica"
    )]
    NotBuilt,
    /// Neither a pod nor a kubeconfig.
    #[error(
        "`[lease]` needs Kubernetes, but this process is not in a pod (no `KUBERNETES_SERVICE_HOST`) and `KUBECONFIG` is not set; outside of a cluster leave `[lease]` out and run one replica"
    )]
    NoCluster,
    /// In a pod that has no token or no CA certificate.
    #[error(
        "cannot use the pod's service account for `[lease]`: {0}; set `automountServiceAccountToken: true` on the pod"
    )]
    ServiceAccount(String),
    /// A kubeconfig that does not lead to a cluster.
    #[error("cannot use the kubeconfig that `KUBECONFIG` names for `[lease]`: {0}")]
    Kubeconfig(String),
    /// A client cannot be built of it.
    #[error("cannot prepare requests to the Kubernetes API server at {url} for `[lease]`: {cause}")]
    Client {
        /// The server.
        url: String,
        /// Why.
        cause: String,
    },
}
