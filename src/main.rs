//! chartferry: Helm charts from classic repositories into OCI registries.

fn main() {}
