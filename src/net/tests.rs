//! The network against real sockets on loopback.
