//! Which parts of a query make sense for a method, and a function's arguments. PostgREST ignores many that do not,
//! or treats them differently from version to version; here they are refused.

use super::super::tree::{Condition, Filter, Operator, Path, Query, Test};
use super::super::{Op, Target, print};
use super::{Checker, Relation};
use crate::schema::value::check_text;
use crate::schema::{Column, Table};

impl Checker<'_> {
    pub(super) fn fits_op(&mut self, query: &Query) {
        match (self.op, self.target) {
            (Op::Read, _) | (Op::Replace, Target::Function(_)) => {}
            (Op::Insert | Op::Upsert, _) => self.no_own_filters(query),
            (Op::Update | Op::Delete, _) => self.no_embedded_groups(query),
            (Op::Replace, Target::Table(table)) => self.only_the_key(query, table),
            (Op::Call, _) => self.no_filters_on_a_scalar(query),
        }
        if !matches!(self.op, Op::Read | Op::Call) {
            self.no_windows(query, "a change has no order, limit or offset; filter the rows by their key");
        }
        self.write_columns(query);
        self.conflict_target(query);
    }

    fn no_own_filters(&mut self, query: &Query) {
        for (path, condition) in query.conditions.iter().filter(|(path, _)| path.is_empty()) {
            let parameter = print::parameter(path, condition);
            self.refuse(&parameter, "not-for-method", "a filter does nothing for an insert");
        }
    }

    fn no_embedded_groups(&mut self, query: &Query) {
        for (path, condition) in &query.conditions {
            if !path.is_empty() && matches!(condition, Condition::Group { .. }) {
                let detail = "and/or on an embedded resource cannot be used in a change; filter it without";
                self.refuse(&print::parameter(path, condition), "not-for-method", detail);
            }
        }
    }

    /// PUT: the whole key by `eq`, nothing else.
    fn only_the_key(&mut self, query: &Query, table: &Table) {
        let mut missing: Vec<&str> = table.primary_key.to_vec();
        for (path, condition) in &query.conditions {
            let key = own_eq(condition).filter(|_| path.is_empty());
            match key.and_then(|name| missing.iter().position(|column| *column == name)) {
                Some(at) => {
                    missing.swap_remove(at);
                }
                None => self.refuse(
                    &print::parameter(path, condition),
                    "not-for-method",
                    "PUT addresses one row: exactly one eq filter on each column of the primary key",
                ),
            }
        }
        for column in missing {
            self.refuse(column, "missing-key", format!("PUT needs the key: {column}=eq.…"));
        }
    }

    fn no_filters_on_a_scalar(&mut self, query: &Query) {
        if !self.returns_scalar() {
            return;
        }
        for (path, condition) in &query.conditions {
            let parameter = print::parameter(path, condition);
            if !self.names_argument(condition) {
                self.refuse(
                    &parameter,
                    "not-for-scalar",
                    "the function returns one value; nothing can be filtered",
                );
            }
        }
        self.no_windows(query, "the function returns one value; it has no order, limit or offset");
    }

    fn no_windows(&mut self, query: &Query, detail: &str) {
        let code = if self.op == Op::Call { "not-for-scalar" } else { "not-for-method" };
        let orders = query.order.iter().map(|(path, _)| print::at(path, "order"));
        let limits = query.limit.iter().map(|(path, _)| print::at(path, "limit"));
        let offsets = query.offset.iter().map(|(path, _)| print::at(path, "offset"));
        for parameter in orders.chain(limits).chain(offsets).collect::<Vec<_>>() {
            self.refuse(&parameter, code, detail);
        }
    }

    fn write_columns(&mut self, query: &Query) {
        let Some(names) = &query.columns else { return };
        let (Op::Insert | Op::Upsert | Op::Update, Target::Table(table)) = (self.op, self.target) else {
            return self.refuse("columns", "not-for-method", "columns is for POST and PATCH of a table");
        };
        for name in names {
            let allowed = |column: &Column| match self.op {
                Op::Update => column.updatable,
                _ => column.insertable,
            };
            match table.column(name) {
                None => {
                    let detail = format!("\"{}\" has no column \"{name}\"", table.name);
                    self.refuse("columns", "unknown-column", detail);
                }
                Some(column) if !allowed(column) => {
                    self.refuse("columns", "read-only", format!("\"{name}\" cannot be set"));
                }
                Some(_) => {}
            }
        }
    }

    fn conflict_target(&mut self, query: &Query) {
        let Some(names) = &query.on_conflict else { return };
        let (Op::Upsert, Target::Table(table)) = (self.op, self.target) else {
            let detail = "on_conflict is for POST with Prefer: resolution=merge-duplicates or \
                          resolution=ignore-duplicates";
            return self.refuse("on_conflict", "not-for-method", detail);
        };
        let same =
            |set: &&[&str]| set.len() == names.len() && set.iter().all(|one| names.iter().any(|n| n == one));
        if !table.unique.iter().any(same) {
            let sets: Vec<_> = table.unique.iter().map(|set| set.join(",")).collect();
            let detail = format!("on_conflict must be a unique key: {}", sets.join(" or "));
            self.refuse("on_conflict", "not-unique", detail);
        }
    }

    /// The arguments of a call by GET; in a call by POST they are in the body.
    pub(super) fn arguments(&mut self, query: &Query) {
        let (Target::Function(function), Some(given)) = (self.target, &query.arguments) else { return };
        for (name, value) in given {
            match function.arguments.iter().find(|argument| argument.name == name) {
                None => self.unknown_argument(name, function.arguments),
                Some(argument) => {
                    if let Err(detail) = check_text(&argument.ty, value) {
                        self.refuse(name, "value-type", format!("\"{name}\" {detail}"));
                    }
                }
            }
        }
        let relation = self.own_relation();
        let absent = |argument: &&Column| {
            let mistaken = |(path, condition): &(Path, Condition)| {
                path.is_empty()
                    && own_name(condition) == Some(argument.name)
                    && relation.column(argument.name).is_none()
            };
            !argument.has_default
                && !given.iter().any(|(name, _)| name == argument.name)
                && !query.conditions.iter().any(mistaken)
        };
        for argument in function.arguments.iter().filter(absent) {
            let detail = format!("the function needs the argument \"{}\"", argument.name);
            self.refuse(argument.name, "missing-argument", detail);
        }
    }

    fn unknown_argument(&mut self, name: &str, arguments: &[Column]) {
        let known: Vec<_> = arguments.iter().map(|argument| argument.name).collect();
        let detail = format!(
            "the function has no argument \"{name}\" (it has: {}); a filter starts with an operator such as eq.",
            known.join(", ")
        );
        self.refuse(name, "unknown-argument", detail);
    }

    /// A filter that was surely meant as an argument: it names one, and no column of the result.
    pub(super) fn is_mistaken_argument(&self, relation: Relation, filter: &Filter) -> bool {
        let Target::Function(function) = self.target else { return false };
        relation.column(&filter.field.name).is_none()
            && function.arguments.iter().any(|argument| argument.name == filter.field.name)
    }

    fn names_argument(&self, condition: &Condition) -> bool {
        let Target::Function(function) = self.target else { return false };
        function.arguments.iter().any(|argument| own_name(condition) == Some(argument.name))
    }
}

/// The column of a plain `eq`.
fn own_eq(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Filter(Filter { field, not: false, test: Test::Compare(Operator::Eq, None, _) })
            if field.json.is_empty() =>
        {
            Some(&field.name)
        }
        _ => None,
    }
}

fn own_name(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Filter(filter) if filter.field.json.is_empty() => Some(&filter.field.name),
        _ => None,
    }
}
