//! The service as a process: `chartferry mirror` with a file, signals, fakes on both sides and questions over HTTP.

mod clock;
mod fair;
mod fleet;
mod life;
mod memory;
mod reload;
mod stage;
mod states;
