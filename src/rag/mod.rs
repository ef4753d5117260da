//! The chatbot: grounded, cited answers from the clinic's own documents.
//!
//! Everything here is pure: upstreams are `Call`s and `Reply`s, clock and chance are arguments.

pub mod chunk;
