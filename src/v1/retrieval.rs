//! Retrieval as the search and the chat share it: with vectors where they can be had, by words alone where not.

use super::{V1, database};
use crate::auth::Role;
use crate::gathered::order;
use crate::http::{Platform, Request};
use crate::problem::{Kind, Problem};
use crate::rag::rerank::reranked;
use crate::rag::retrieve::{Question, Retrieval, Vectors, retrieve};
use crate::rag::store::Filter;
use crate::rag::upstream::Fault;

/// Which searches are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Both, fused.
    Hybrid,
    /// By vectors.
    Dense,
    /// By words.
    Lexical,
}

impl Mode {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Dense => "dense",
            Self::Lexical => "lexical",
        }
    }
}

/// What the client is told when vectors were wanted and could not be had.
pub const WITHOUT_VECTORS: &str =
    "The vector store or the embedding model is unavailable: the documents were searched by words alone.";

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// What the documents say that the caller may see. `text` leaves the clinic where the embedding model is somebody
    /// else's: personal data must be out of it.
    ///
    /// # Errors
    /// When the database cannot be asked, and where vectors alone are wanted and none are configured.
    pub async fn retrieve(
        &self,
        text: &str,
        filter: Option<&Filter>,
        mode: Mode,
    ) -> Result<Retrieval, Problem> {
        let parts = &self.app.parts;
        if mode == Mode::Dense && parts.embedder().is_none() {
            return Err(Problem::new(
                Kind::Misconfigured,
                "Missing settings: VECTOR_STORE, EMBEDDINGS. Without them the documents are searched by words.",
            ));
        }
        let database = self.database();
        let (store, fault) = match mode {
            Mode::Lexical => (None, None),
            _ => match parts.searched(self.platform, &database, self.platform.now_ms()).await {
                Ok(store) => (store, None),
                Err(fault) => (None, Some(fault)),
            },
        };
        let vectors = match (parts.embedder(), &store) {
            (Some(embedder), Some(store)) => Some(Vectors { embedder, store: store.as_ref() }),
            _ => None,
        };
        let question = Question {
            text,
            audiences: audiences(self.caller.role),
            category: None,
            language: None,
            filter,
            now: self.platform.now_ms() / 1000,
        };
        let found = retrieve(self.platform, vectors, &database, question, parts.gate()).await;
        let mut retrieval = found.map_err(|fault| database::problem(self.app.schema, fault))?;
        retrieval.without_vectors = retrieval.without_vectors.or(fault);
        if mode == Mode::Dense && retrieval.without_vectors.is_none() {
            by_vectors_alone(&mut retrieval);
        } else {
            retrieval = reranked(self.platform, parts.reranker(), text, retrieval).await;
        }
        self.note("vectors", retrieval.without_vectors.as_ref());
        self.note("reranker", retrieval.without_reranker.as_ref());
        Ok(retrieval)
    }

    /// Remembers for the log what went wrong on the side.
    pub fn note(&self, what: &str, fault: Option<&Fault>) {
        if let Some(fault) = fault {
            *self.note.borrow_mut() = Some(format!("{what}: {fault}"));
        }
    }
}

fn by_vectors_alone(retrieval: &mut Retrieval) {
    retrieval.found.retain(|found| found.dense.is_some());
    let key = |dense: Option<f64>| dense.unwrap_or(f64::MIN);
    order(&mut retrieval.found, |a, b| {
        key(b.dense).total_cmp(&key(a.dense)).then_with(|| a.passage.id.cmp(&b.passage.id))
    });
}

/// Whom a caller counts as, as its token says: a hint for the vector store, which the database does not rely on.
const fn audiences(role: Role) -> &'static [&'static str] {
    match role {
        Role::Anon => &["public"],
        Role::Patient => &["public", "patients"],
        Role::Dentist | Role::Receptionist | Role::Admin => &["public", "patients", "staff"],
    }
}
