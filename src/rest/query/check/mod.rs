//! Holds a query's tree against the schema. What no version of PostgREST answers well is refused too: parts that it
//! ignores for a method, columns that it loses on the way.

mod cast;
mod condition;
mod embed;
mod op;
mod select;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use embed::Node;

use super::tree::{Condition, Field, OrderTerm, Path, Query};
use super::{Checked, MAX_LIMIT, MAX_OFFSET, Op, Target, logic, print};
use crate::problem::Violation;
use crate::schema::{Column, Relationship, Schema, Type};

/// What columns and relationships may be asked of: a table, a view, a function's rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relation {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub relationships: &'static [Relationship],
}

impl Relation {
    fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The state of one check.
struct Checker<'a> {
    schema: &'a Schema,
    target: Target,
    op: Op,
    errors: Vec<Violation>,
}

pub(super) fn check(
    mut query: Query,
    target: Target,
    schema: &Schema,
    op: Op,
) -> Result<Checked, Vec<Violation>> {
    let mut checker = Checker { schema, target, op, errors: Vec::new() };
    let root = checker.root(&query);
    checker.fits_op(&query);
    checker.arguments(&query);
    checker.select(&query, &root);
    checker.conditions(&mut query, &root);
    checker.orders(&mut query, &root);
    checker.windows(&mut query, &root);
    checker.kept_columns(&query, &root);
    let mut relations = Vec::new();
    root.relations(&mut relations);
    if checker.errors.is_empty() { Ok(Checked::new(query, target, relations)) } else { Err(checker.errors) }
}

impl Checker<'_> {
    fn refuse(&mut self, parameter: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(Violation::query(parameter, code, detail));
    }

    /// Finds the embedded resource that a path means and writes the path by the names in the answer; `None` when
    /// there is none, which is said, or when it was refused before.
    fn locate<'n>(&mut self, parameter: &str, path: &mut Path, root: &'n Node) -> Option<&'n Node> {
        let mut node = root;
        for segment in path.iter_mut() {
            match node.child_at(segment) {
                Ok(child) => {
                    child.name.clone_into(segment);
                    node = child;
                }
                Err(detail) => {
                    if node.relation.is_some() {
                        self.refuse(parameter, "not-embedded", detail);
                    }
                    return None;
                }
            }
        }
        node.relation.is_some().then_some(node)
    }

    fn orders(&mut self, query: &mut Query, root: &Node) {
        let mut seen: Vec<Path> = Vec::new();
        for (path, terms) in &mut query.order {
            let parameter = named(path, "order");
            let Some(node) = self.locate(&parameter, path, root) else { continue };
            self.once(&parameter, path, &mut seen);
            for term in terms {
                self.order_term(&parameter, node, term);
            }
        }
    }

    fn order_term(&mut self, parameter: &str, node: &Node, term: &OrderTerm) {
        let relation = match &term.relation {
            None => node.relation,
            Some(name) => match node.children.iter().find(|child| child.name == *name) {
                Some(child) if child.relation.is_none() || child.to_one => child.relation,
                Some(_) => {
                    let detail = format!("\"{name}\" is a list here; only a to-one resource can order");
                    return self.refuse(parameter, "not-to-one", detail);
                }
                None => return self.refuse(parameter, "not-embedded", embed::not_embedded(name)),
            },
        };
        if let Some(relation) = relation
            && let Err((code, detail)) = field_type(relation, &term.field)
        {
            self.refuse(parameter, code, detail);
        }
    }

    fn windows(&mut self, query: &mut Query, root: &Node) {
        let parts = [
            (&mut query.limit, "limit", MAX_LIMIT, "limit-too-high"),
            (&mut query.offset, "offset", MAX_OFFSET, "offset-too-high"),
        ];
        for (list, word, highest, code) in parts {
            let mut seen: Vec<Path> = Vec::new();
            for (path, number) in list {
                let parameter = named(path, word);
                if *number > highest {
                    self.refuse(&parameter, code, format!("{word} may be at most {highest}"));
                }
                if self.locate(&parameter, path, root).is_some() {
                    self.once(&parameter, path, &mut seen);
                }
            }
        }
    }

    /// Two spellings of one path are still one path.
    fn once(&mut self, parameter: &str, path: &Path, seen: &mut Vec<Path>) {
        if seen.contains(path) {
            self.refuse(parameter, "duplicate", "this parameter may be given once for each resource");
        } else {
            seen.push(path.clone());
        }
    }

    /// After a function or a change, PostgREST keeps only the selected columns (and, of tables, the keys) before it
    /// filters and orders.
    fn kept_columns(&mut self, query: &Query, root: &Node) {
        let groups_only = matches!(self.op, Op::Update | Op::Delete);
        if !(groups_only || self.op == Op::Call) {
            return;
        }
        let Some(kept) = embed::kept(query, root, self.target) else { return };
        let mut used = Vec::new();
        for (path, condition) in &query.conditions {
            let is_group = matches!(condition, Condition::Group { .. });
            if path.is_empty() && (is_group || !groups_only) {
                logic::columns(condition, &mut |name| {
                    used.push((print::parameter(path, condition), name));
                });
            }
        }
        for (path, terms) in &query.order {
            let own = terms.iter().filter(|term| path.is_empty() && term.relation.is_none());
            used.extend(own.map(|term| ("order".to_owned(), term.field.name.as_str())));
        }
        for (parameter, name) in used {
            let is_embed = root.children.iter().any(|child| child.name == name);
            if !is_embed && !kept.iter().any(|column| column == name) {
                let detail = format!("\"{name}\" must also be selected, or select left out");
                self.refuse(&parameter, "not-selected", detail);
            }
        }
    }
}

/// The type of a field's value, behind its arrows; or the code and the detail of what is wrong.
fn field_type(relation: Relation, field: &Field) -> Result<&'static Type, (&'static str, String)> {
    let Some(column) = relation.column(&field.name) else {
        let detail = format!("\"{}\" has no column \"{}\"", relation.name, field.name);
        return Err(("unknown-column", detail));
    };
    match field.json.last() {
        None => Ok(&column.ty),
        Some(_) if column.ty != Type::Json => {
            Err(("not-json", format!("\"{}\" is not JSON, so no arrow fits", field.name)))
        }
        Some(last) if last.text => Ok(&Type::Text(0)),
        Some(_) => Ok(&Type::Json),
    }
}

/// The name of a parameter of this path.
fn named<'a>(path: &Path, word: &'a str) -> Cow<'a, str> {
    if path.is_empty() { Cow::Borrowed(word) } else { Cow::Owned(print::at(path, word)) }
}
