//! The vector store's indexes, for admins: a new one is filled from the database while the old one answers, and then
//! searched in its place. `POST …/{name}/fill` does a bounded part and is called until it says `complete`.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{V1, json as answer};
use crate::http::{Answer, Method, Platform, Request};
use crate::problem::{Kind, Problem};
use crate::rag::limited::Limited;
use crate::rag::reconcile::{Filled, Index, REQUESTS, Repaired, fill};
use crate::rag::store_of::Store;
use crate::rag::upstream::{Fault, Patience};

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Lists the indexes.
    pub(super) async fn indexes(&self) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Get])?;
        self.require_admin()?;
        let call = self.database().rpc("knowledge_indexes", &json!({}));
        let indexes: Value = self.ask_database(call, Patience::TURN).await?;
        Ok(answer(200, &json!({"indexes": indexes, "configured": self.app.parts.made_with()})))
    }

    /// Begins an index or goes on with it.
    pub(super) async fn fill_index(&self, name: &str) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Post])?;
        self.require_admin()?;
        let Some(made_with) = self.app.parts.made_with() else { return Err(no_store()) };
        let call =
            self.database().rpc("build_knowledge_index", &json!({"name": name, "made_with": made_with}));
        let index: Index = self.ask_database(call, Patience::TURN).await?;
        let stores = self.stores(std::slice::from_ref(&index.name));
        let limited = Limited::new(self.platform, REQUESTS);
        let kept = self.kept(&stores);
        let mut filled = Filled::from(&index);
        let outcome = fill(&limited, &kept, &self.database(), &mut filled).await;
        let call = self.database().rpc("mark_knowledge_index", &filled.mark(&index.name));
        let passes: Option<u32> = self.ask_database(call, Patience::TURN).await?;
        outcome.map_err(|fault| unavailable(&fault))?;
        let Repaired { pieces, written, deleted } = filled.repaired;
        Ok(answer(
            200,
            &json!({
                "name": index.name, "state": index.state, "complete": passes > Some(0),
                "compared": pieces, "written": written, "deleted": deleted,
            }),
        ))
    }

    /// Makes a complete index the one that is searched.
    pub(super) async fn activate_index(&self, name: &str) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Post])?;
        self.require_admin()?;
        let call = self.database().rpc("activate_knowledge_index", &json!({"name": name}));
        let active: Value = self.ask_database(call, Patience::WRITE).await?;
        self.app.parts.forget_active();
        Ok(answer(200, &json!({"active": active})))
    }

    /// The stores of some indexes.
    pub(super) fn stores(&self, indexes: &[String]) -> Vec<Rc<Store>> {
        indexes.iter().filter_map(|name| self.app.parts.store(name)).collect()
    }
}

fn no_store() -> Problem {
    Problem::new(Kind::Misconfigured, "Missing settings: VECTOR_STORE, EMBEDDINGS.")
}

fn unavailable(fault: &Fault) -> Problem {
    let problem = match fault {
        Fault::Unfit(why) => Problem::new(Kind::Misconfigured, why.clone()),
        _ => Problem::new(
            Kind::Unavailable,
            "The vector store or the embedding model is unavailable; try again.",
        )
        .retry_after(5),
    };
    problem.cause(fault.to_string())
}
