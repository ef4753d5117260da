//! The chatbot: grounded, cited answers from the clinic's own documents.
//!
//! Everything here is pure: upstreams are `Call`s and `Reply`s, clock and chance are arguments.

pub mod chroma;
pub mod chunk;
pub mod embed;
pub mod fusion;
pub mod gate;
pub mod knowledge;
pub mod lexical;
pub mod reconcile;
pub mod retrieve;
pub mod store;
pub mod synonyms;
pub mod upstream;
