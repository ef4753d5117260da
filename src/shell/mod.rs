//! The only place that names `worker`: the Worker's entry and what it lends to the pure part of the program.

mod entry;
mod platform;
mod request;
