//! The only place that names `worker`: the Worker's entry and what it lends to the pure part of the program.

mod access;
mod ai;
mod edge;
mod entry;
mod env;
mod feed;
mod lane;
mod metrics;
mod object;
mod platform;
mod request;
mod room;
mod scheduled;
mod sockets;
mod store;
