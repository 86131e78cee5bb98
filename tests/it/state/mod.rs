//! Runs that remember (product rules 5): what they cost, what they notice, and that a lost or broken state costs requests and
//! nothing else.

mod attention;
mod files;
mod idle;
mod killed;
mod library;
mod prune;
mod reconcile;
mod recorded;
mod scene;
mod shrink;
