//! Chairside: the realtime cloud database of a dental clinic, at the edge.

pub mod auth;
pub mod config;
pub mod problem;
pub mod rest;
pub mod schema;
