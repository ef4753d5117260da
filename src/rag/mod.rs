//! The chatbot: grounded, cited answers from the clinic's own documents.
//!
//! Everything here is pure: upstreams are `Call`s and `Reply`s, clock and chance are arguments.

pub mod answer;
pub mod chat;
pub mod chroma;
pub mod chunk;
pub mod citations;
mod conditions;
pub mod embed;
pub mod fusion;
pub mod gate;
pub mod knowledge;
pub mod lexical;
pub mod limited;
pub mod models_of;
pub mod parts;
pub mod pinecone;
pub mod prompt;
pub mod reconcile;
pub mod redact;
pub mod rerank;
pub mod retrieve;
pub mod rewrite;
pub mod segment;
pub mod sse;
pub mod store;
pub mod store_of;
pub mod synonyms;
pub mod terms;
pub mod triage;
pub mod upstream;
pub mod vectors;
pub mod workers_ai;
