//! Chroma's REST API, v2 (checked against the self-hosted server 1.5): calls, replies, and the store made of them.
//!
//! Differences from Pinecone that are made equal here: the space is cosine by configuration; an upsert merges metadata with
//! what was there, so keys that are gone are set to null afterwards; ids are listed in pages; a filter has another shape.
//! The collection is addressed by an id that is asked for by name once.

mod calls;
mod filter;
mod store;

pub use calls::Settings;
pub use store::Chroma;
