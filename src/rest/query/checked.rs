//! What the life of a request asks a checked query.

use std::cell::OnceCell;

use super::tree::{Condition, Operator, OrderTerm, Path, Query, SelectItem, Test};
use super::{Target, logic, print, shape, text};

/// A query that fits the schema.
#[derive(Clone, Debug)]
pub struct Checked {
    query: Query,
    target: Target,
    relations: Vec<&'static str>,
    text: OnceCell<String>,
}

impl Checked {
    /// Only `check` makes one.
    pub(super) const fn new(query: Query, target: Target, relations: Vec<&'static str>) -> Self {
        Self { query, target, relations, text: OnceCell::new() }
    }

    /// The canonical query: decoded names and values to send, in a fixed order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        print::pairs(&self.query)
    }

    /// The same as a URL has it, without the question mark.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| text::text(&self.pairs()))
    }

    /// The same as one text, without any value and any name that the client made up.
    pub fn shape(&self) -> String {
        shape::shape(&self.query)
    }

    /// The relations whose rows the answer shows: the target's own first, then those embedded in it.
    pub fn relations(&self) -> &[&'static str] {
        &self.relations
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

    /// Only the conditions on the target's own columns, to read the rows of a change again with another `select`.
    /// Conditions on embedded resources are dropped with them; a change has none.
    #[must_use]
    pub fn filters_only(&self) -> Self {
        let own = self.top_level().filter(|condition| self.is_own(condition));
        let conditions = own.map(|condition| (Path::new(), condition.clone())).collect();
        let relations = self.relations.iter().take(1).copied().collect();
        Self::new(Query { conditions, ..Query::default() }, self.target, relations)
    }

    /// Whether every column that the condition looks at is the target's.
    fn is_own(&self, condition: &Condition) -> bool {
        let Target::Table(table) = self.target else { return true };
        let mut own = true;
        logic::columns(condition, &mut |name| own &= table.column(name).is_some());
        own
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

#[cfg(test)]
mod tests {
    use super::super::fixture::SCHEMA;
    use super::super::{Mode, Op, check, parse};
    use super::*;

    fn checked(op: Op, raw: &str) -> Checked {
        let target = Target::Table(SCHEMA.table("room").unwrap());
        parse(raw, Mode::Filters).and_then(|query| check(query, target, &SCHEMA, op)).unwrap()
    }

    #[test]
    fn a_filter_is_one_on_the_rows_themselves() {
        assert!(checked(Op::Update, "id=eq.1").has_filter());
        assert!(checked(Op::Update, "or=(id.eq.1,id.eq.2)").has_filter());
        assert!(!checked(Op::Update, "select=id").has_filter());
        assert!(!checked(Op::Update, "select=id,tag(label)&tag.label=eq.x").has_filter());
    }

    #[test]
    fn the_key_is_pinned_by_one_plain_eq() {
        let key = |raw| checked(Op::Read, raw).pinned_key();
        assert_eq!(key("id=eq.1"), Some(vec![("id", "1".to_owned())]));
        assert_eq!(key("id=eq.1&opens=gt.09:00"), Some(vec![("id", "1".to_owned())]));
        for raw in
            ["", "id=neq.1", "id=not.eq.1", "id=in.(1)", "id=eq.1&id=eq.2", "or=(id.eq.1)", "id=eq(any).{1}"]
        {
            assert_eq!(key(raw), None, "{raw}");
        }
        assert_eq!(key("select=id,tag(id)&tag.id=eq.1"), None);
    }

    #[test]
    fn the_window_is_the_top_levels() {
        let query =
            checked(Op::Read, "select=id,tag(id)&tag.limit=2&tag.offset=3&limit=4&offset=5&order=id.desc");
        assert_eq!((query.limit(), query.offset(), query.order().len()), (Some(4), Some(5), 1));
        let query = checked(Op::Read, "select=id,tag(id)&tag.limit=2&tag.offset=3&tag.order=id");
        assert_eq!((query.limit(), query.offset(), query.order().len()), (None, None, 0));
    }

    #[test]
    fn a_column_is_selected_under_its_own_name() {
        let selects = |raw| checked(Op::Read, raw).selects_column("id");
        assert!(selects("") && selects("select=*") && selects("select=opens,id") && selects("select=id:id"));
        assert!(!selects("select=opens") && !selects("select=number:id") && !selects("select=tag(id)"));
        assert!(checked(Op::Read, "select=opens,*").selects_star());
        assert!(!checked(Op::Read, "select=opens,tag(*)").selects_star());
    }

    #[test]
    fn filters_only_keeps_the_rows_and_drops_the_shape() {
        let query = checked(
            Op::Read,
            "select=id,tag(label)&tag.label=eq.x&tag=not.is.null&id=gt.1&or=(id.eq.5,tag.not.is.null)&or=(id.eq.5,id.eq.6)&order=id&limit=2",
        );
        let pairs = query.filters_only().pairs();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["id=gt.1", "or=(id.eq.5,id.eq.6)"]);
    }
}
