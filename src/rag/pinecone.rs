//! Pinecone's REST API, version 2026-04: calls, replies, the store made of them, and its hosted models.
//!
//! What sets it apart from Chroma: an index has a host of its own, which is looked up once; errors come in three shapes; a
//! batch is limited in bytes; a namespace that nobody has written to yet is not found; and what was written is seen a little
//! later, which is told by log sequence numbers. The index itself is made by whoever pays for it, not here.

mod calls;
mod checks;
mod errors;
mod filter;
mod inference;
mod replies;
mod store;

pub use calls::{API_VERSION, CONTROL_URL, Place, Settings};
pub use errors::words;
pub use inference::{Inference, PineconeEmbedder, PineconeReranker};
pub use store::Pinecone;
