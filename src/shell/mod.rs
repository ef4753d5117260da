//! The only place that names `worker`: the Worker's entry and what it lends to the pure part of the program.
#![cfg_attr(
    not(all(feature = "clinic", feature = "chatbot")),
    allow(dead_code, reason = "each of the two Workers has what the other needs besides")
)]

#[cfg(feature = "clinic")]
mod access;
mod ai;
mod edge;
mod entry;
mod env;
#[cfg(feature = "clinic")]
mod feed;
mod forms;
mod lane;
mod metrics;
mod object;
mod plans;
mod platform;
mod request;
#[cfg(feature = "clinic")]
mod room;
mod scheduled;
#[cfg(feature = "clinic")]
mod sockets;
#[cfg(feature = "clinic")]
mod store;
