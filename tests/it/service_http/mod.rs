//! The answering side of the service, over a real socket: what it says, to whom, and how long it waits.
//!
//! What it knows comes from `samples`, since the pages are about states of the world that no test can bring about in seconds.

mod api;
mod desk;
mod limits;
mod pages;
mod protocol;
mod samples;
mod server;
mod trigger;
