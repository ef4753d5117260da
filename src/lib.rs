//! Chairside: the realtime cloud database of a dental clinic, at the edge.
//!
//! One Rust program, compiled to Wasm, that runs as a Cloudflare Worker in front of Supabase. Everything here is pure
//! but `shell`, the only module that names `worker`: it hands requests to [`app::App`] and implements
//! [`http::Platform`], the one port to everything outside.

pub mod access;
mod apart;
pub mod app;
pub mod auth;
pub mod config;
mod cors;
#[cfg(not(target_arch = "wasm32"))]
pub mod docs;
mod gathered;
mod health;
pub mod http;
mod ids;
pub mod live;
mod pass_auth;
pub mod problem;
pub mod rag;
pub mod realtime;
pub mod reminders;
pub mod rest;
pub mod schema;
#[cfg(target_arch = "wasm32")]
mod shell;
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for `shell` alone"))]
mod turns;
pub mod upkeep;
pub mod v1;
