//! The client against a small registry in the same process.
