//! What the chatbot wants of a vector store, whichever it is, and the one language its filters are written in.

use serde_json::{Map, Value, json};

use super::upstream::{Fault, Upstream};

/// A piece's vector and what may be filtered by.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The piece's id: 1 to 512 visible ASCII characters.
    pub id: String,
    /// The vector.
    pub values: Vec<f32>,
    /// Strings, numbers, booleans and lists of strings.
    pub metadata: Map<String, Value>,
}

/// A point that a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The piece's id.
    pub id: String,
    /// Cosine similarity.
    pub score: f64,
    /// Its metadata.
    pub metadata: Map<String, Value>,
}

/// A store, already bound to its collection or namespace. Upserting replaces; deleting what is not there is no error;
/// equal scores come in the order of their ids.
pub trait VectorStore {
    /// Makes the collection where there is none and says the dimension of what it holds, when it can tell.
    fn ensure<U: Upstream>(
        &self,
        upstream: &U,
        dimension: usize,
    ) -> impl Future<Output = Result<Option<usize>, Fault>>;
    /// Writes points, replacing those of the same id whole.
    fn upsert<U: Upstream>(&self, upstream: &U, points: &[Point]) -> impl Future<Output = Result<(), Fault>>;
    /// The points nearest to a vector, best first.
    fn query<U: Upstream>(
        &self,
        upstream: &U,
        vector: &[f32],
        top_k: usize,
        filter: &Filter,
    ) -> impl Future<Output = Result<Vec<Hit>, Fault>>;
    /// The points of these ids that are there.
    fn fetch<U: Upstream>(
        &self,
        upstream: &U,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<Point>, Fault>>;
    /// Deletes.
    fn delete<U: Upstream>(&self, upstream: &U, ids: &[String]) -> impl Future<Output = Result<(), Fault>>;
    /// All ids that begin so, in order.
    fn list<U: Upstream>(
        &self,
        upstream: &U,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<String>, Fault>>;
    /// A page of all ids, in the store's own order: from the beginning, or from where the page before left off. The second
    /// part of the answer is where the next one begins; none after the last. One request.
    fn page<U: Upstream>(
        &self,
        upstream: &U,
        from: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<String>, Option<String>), Fault>>;
    /// How many points there are.
    fn count<U: Upstream>(&self, upstream: &U) -> impl Future<Output = Result<u64, Fault>>;
    /// Waits until everything written before, by whomever, is seen by whoever asks from now on.
    fn settle<U: Upstream>(&self, upstream: &U) -> impl Future<Output = Result<(), Fault>>;
}

/// A checked filter in Pinecone's language: `{"audience": {"$in": ["public"]}, "valid_from": {"$lte": 5}}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    clauses: Vec<Clause>,
}

/// A condition on a point's metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// A field compared.
    Field {
        /// The field.
        name: String,
        /// How.
        op: Op,
        /// With what.
        value: Value,
    },
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `$eq`
    Eq,
    /// `$ne`
    Ne,
    /// `$gt`
    Gt,
    /// `$gte`
    Gte,
    /// `$lt`
    Lt,
    /// `$lte`
    Lte,
    /// `$in`
    In,
    /// `$nin`
    Nin,
}

impl Op {
    const ALL: [(&'static str, Self); 8] = [
        ("$eq", Self::Eq),
        ("$ne", Self::Ne),
        ("$gt", Self::Gt),
        ("$gte", Self::Gte),
        ("$lt", Self::Lt),
        ("$lte", Self::Lte),
        ("$in", Self::In),
        ("$nin", Self::Nin),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }
}

/// The deepest that `$and` and `$or` may be nested.
const DEPTH: usize = 8;

impl Filter {
    /// Reads a filter; `{}` lets everything through.
    ///
    /// # Errors
    /// What is wrong with it, in words for whoever wrote it.
    pub fn parse(filter: &Value) -> Result<Self, String> {
        parse(filter, 0)
    }

    /// The conditions, all of which must hold.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Both filters.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.clauses.extend_from_slice(&other.clauses);
        self
    }

    /// The fields that are compared, in order, each as often as it is.
    pub fn fields(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for clause in &self.clauses {
            match clause {
                Clause::Field { name, .. } => found.push(name.as_str()),
                Clause::And(parts) | Clause::Or(parts) => found.extend(parts.iter().flat_map(Self::fields)),
            }
        }
        found
    }

    /// The filter as it may be read again.
    pub fn to_json(&self) -> Value {
        let parts = |parts: &[Self]| Value::Array(parts.iter().map(Self::to_json).collect());
        let mut conditions: Vec<Value> = self
            .clauses
            .iter()
            .map(|clause| match clause {
                Clause::Field { name, op, value } => json!({name: {op.name(): value}}),
                Clause::And(all) => json!({"$and": parts(all)}),
                Clause::Or(any) => json!({"$or": parts(any)}),
            })
            .collect();
        match conditions.len() {
            0 => json!({}),
            1 => conditions.remove(0),
            _ => json!({"$and": conditions}),
        }
    }
}

fn parse(filter: &Value, depth: usize) -> Result<Filter, String> {
    let Value::Object(members) = filter else { return Err("a filter is an object".to_owned()) };
    if depth > DEPTH {
        return Err(format!("a filter is nested at most {DEPTH} deep"));
    }
    let mut clauses = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "$and" => clauses.push(Clause::And(parts(name, value, depth)?)),
            "$or" => clauses.push(Clause::Or(parts(name, value, depth)?)),
            _ if name.starts_with('$') => {
                return Err(format!("{name} is not supported here; use $and or $or"));
            }
            _ => fields(name, value, &mut clauses)?,
        }
    }
    Ok(Filter { clauses })
}

fn parts(name: &str, value: &Value, depth: usize) -> Result<Vec<Filter>, String> {
    match value {
        Value::Array(parts) if !parts.is_empty() => parts.iter().map(|part| parse(part, depth + 1)).collect(),
        _ => Err(format!("{name} takes a list of at least one filter")),
    }
}

fn fields(name: &str, value: &Value, clauses: &mut Vec<Clause>) -> Result<(), String> {
    let Value::Object(operators) = value else {
        clauses.push(field(name, Op::Eq, value)?);
        return Ok(());
    };
    if operators.is_empty() {
        return Err(format!("{name} has no operator"));
    }
    for (operator, value) in operators {
        let (_, op) = Op::ALL.iter().find(|(known, _)| known == operator).ok_or_else(|| {
            format!("{operator} is not supported; use $eq, $ne, $gt, $gte, $lt, $lte, $in or $nin")
        })?;
        clauses.push(field(name, *op, value)?);
    }
    Ok(())
}

fn field(name: &str, op: Op, value: &Value) -> Result<Clause, String> {
    let fits = match op {
        Op::Eq | Op::Ne => value.is_string() || value.is_number() || value.is_boolean(),
        Op::Gt | Op::Gte | Op::Lt | Op::Lte => value.is_number(),
        Op::In | Op::Nin => value.as_array().is_some_and(|values| {
            !values.is_empty()
                && (values.iter().all(Value::is_string)
                    || values.iter().all(Value::is_number)
                    || values.iter().all(Value::is_boolean))
        }),
    };
    if fits {
        return Ok(Clause::Field { name: name.to_owned(), op, value: value.clone() });
    }
    Err(match op {
        Op::Eq | Op::Ne => format!("{} of {name} takes a string, a number or a boolean", op.name()),
        Op::In | Op::Nin => {
            format!("{} of {name} takes a list of values of one kind, at least one", op.name())
        }
        _ => format!("{} of {name} takes a number", op.name()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_stores_know_is_read() {
        for good in [
            json!({}),
            json!({"a": "x"}),
            json!({"a": {"$gte": 1, "$lt": 2}, "b": {"$in": ["x", "y"]}}),
            json!({"$or": [{"a": true}, {"$and": [{"b": {"$ne": 1}}, {"c": {"$nin": [1, 2]}}]}]}),
        ] {
            assert!(Filter::parse(&good).is_ok(), "{good}");
        }
        assert!(Filter::parse(&json!({})).is_ok_and(|filter| filter.clauses().is_empty()));
    }

    #[test]
    fn a_filter_is_printed_as_it_may_be_read_again() {
        for good in [
            json!({}),
            json!({"a": "x", "b": {"$gte": 1, "$lt": 2}}),
            json!({"$or": [{"a": true}, {"$and": [{"b": {"$ne": 1}}, {}]}], "c": {"$in": ["x"]}}),
        ] {
            let filter = Filter::parse(&good).unwrap_or_default();
            let again = Filter::parse(&filter.to_json()).unwrap_or_default();
            assert_eq!(again.to_json(), filter.to_json());
            assert_eq!(again.fields(), filter.fields(), "{good}");
        }
        let both = Filter::parse(&json!({"a": 1})).unwrap_or_default();
        let both = both.and(&Filter::parse(&json!({"b": 2})).unwrap_or_default());
        assert_eq!(both.to_json(), json!({"$and": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}]}));
    }

    #[test]
    fn what_one_of_them_does_not_know_is_refused_with_its_reason() {
        for (bad, why) in [
            (json!([]), "object"),
            (json!({"a": {"$exists": true}}), "$exists is not supported"),
            (json!({"$not": [{"a": 1}]}), "$not is not supported"),
            (json!({"a": {"$in": []}}), "at least one"),
            (json!({"a": {"$in": ["x", 1]}}), "one kind"),
            (json!({"a": {"$gt": "x"}}), "a number"),
            (json!({"a": null}), "a string, a number"),
            (json!({"a": {}}), "no operator"),
            (json!({"$or": []}), "at least one"),
            (json!({"$and": {"a": 1}}), "a list"),
        ] {
            let error = Filter::parse(&bad).err().unwrap_or_default();
            assert!(error.contains(why), "{bad}: {error}");
        }
        let deep = (0..20).fold(json!({"a": 1}), |inner, _| json!({"$and": [inner]}));
        assert!(Filter::parse(&deep).is_err());
    }
}
