//! What the life of a request asks a checked query.

use super::tree::{Condition, Operator, OrderTerm, Path, Query, SelectItem, Test};
use super::{Target, print};

/// A query that fits the schema.
#[derive(Clone, Debug)]
pub struct Checked {
    query: Query,
    target: Target,
}

impl Checked {
    /// Only `check` makes one.
    pub(super) const fn new(query: Query, target: Target) -> Self {
        Self { query, target }
    }

    /// The canonical query: decoded names and values to send, in a fixed order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        print::pairs(&self.query)
    }

    /// Whether some condition restricts the rows of the target itself.
    pub fn has_filter(&self) -> bool {
        self.top_level().next().is_some()
    }

    /// The primary key's columns and values, when each has exactly one `eq` filter at the top level.
    pub fn pinned_key(&self) -> Option<Vec<(&'static str, String)>> {
        let Target::Table(table) = self.target else { return None };
        if table.primary_key.is_empty() {
            return None;
        }
        table.primary_key.iter().map(|column| Some((*column, self.only_eq(column)?.to_owned()))).collect()
    }

    /// The top-level `limit`.
    pub fn limit(&self) -> Option<u64> {
        at_top(&self.query.limit).copied()
    }

    /// The top-level `offset`.
    pub fn offset(&self) -> Option<u64> {
        at_top(&self.query.offset).copied()
    }

    /// The top-level `order`.
    pub fn order(&self) -> &[OrderTerm] {
        at_top(&self.query.order).map_or(&[], Vec::as_slice)
    }

    /// Whether the answer has this column of the target under its own name.
    pub fn selects_column(&self, name: &str) -> bool {
        self.selects_star()
            || self.items().iter().any(|item| match item {
                SelectItem::Column { alias, field, .. } => {
                    field.name == name
                        && field.json.is_empty()
                        && alias.as_deref().is_none_or(|alias| alias == name)
                }
                SelectItem::Star | SelectItem::Embed(_) => false,
            })
    }

    /// Whether the answer has all columns of the target.
    pub fn selects_star(&self) -> bool {
        self.query.select.is_none() || self.items().contains(&SelectItem::Star)
    }

    /// `columns`, when given.
    pub fn columns(&self) -> Option<&[String]> {
        self.query.columns.as_deref()
    }

    /// `on_conflict`, when given.
    pub fn on_conflict(&self) -> Option<&[String]> {
        self.query.on_conflict.as_deref()
    }

    /// A function's arguments, in a call by GET.
    pub fn arguments(&self) -> &[(String, String)] {
        self.query.arguments.as_deref().unwrap_or_default()
    }

    /// The same rows in another shape: only the conditions on the target's own columns, to read them again with
    /// another `select`.
    #[must_use]
    pub fn filters_only(&self) -> Self {
        let conditions = self.top_level().map(|condition| (Path::new(), condition.clone())).collect();
        Self { query: Query { conditions, ..Query::default() }, target: self.target }
    }

    /// The tree.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    fn items(&self) -> &[SelectItem] {
        self.query.select.as_deref().unwrap_or_default()
    }

    fn top_level(&self) -> impl Iterator<Item = &Condition> {
        self.query.conditions.iter().filter(|(path, _)| path.is_empty()).map(|(_, condition)| condition)
    }

    fn only_eq(&self, column: &str) -> Option<&str> {
        let mut values = self.top_level().filter_map(|condition| match condition {
            Condition::Filter(filter) if filter.field.name == column && filter.field.json.is_empty() => {
                Some(match &filter.test {
                    Test::Compare(Operator::Eq, None, value) if !filter.not => Some(value.as_str()),
                    _ => None,
                })
            }
            _ => None,
        });
        let first = values.next()??;
        values.next().is_none().then_some(first)
    }
}

fn at_top<T>(list: &[(Path, T)]) -> Option<&T> {
    list.iter().find(|(path, _)| path.is_empty()).map(|(_, value)| value)
}
