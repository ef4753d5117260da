//! A query without what its sender put into it: every value is `?`, and of the names only the schema's are left.
//! What the access log keeps of a request.

use super::print;
use super::tree::{Arrow, Condition, Embed, Field, Filter, Key, Query, SelectItem, Test};

/// Stands for a value; where the printer puts it into quotes, they are taken off again.
const VALUE: &str = "?";

/// `select=id,tag(label)&id=eq.?&tag.order=label.asc&limit=?`
pub(super) fn shape(query: &Query) -> String {
    let items = query.select.as_deref().unwrap_or_default();
    let own = Query {
        select: query.select.as_deref().map(bare_items),
        conditions: query
            .conditions
            .iter()
            .map(|(path, condition)| (targets(items, path), bare(embeds_at(items, path), condition)))
            .collect(),
        order: query
            .order
            .iter()
            .map(|(path, terms)| {
                let embeds = embeds_at(items, path);
                let mut terms = terms.clone();
                for term in &mut terms {
                    term.relation = term.relation.as_deref().map(|name| target(embeds, name));
                    hide_keys(&mut term.field);
                }
                (targets(items, path), terms)
            })
            .collect(),
        limit: query.limit.iter().map(|(path, limit)| (targets(items, path), *limit)).collect(),
        offset: query.offset.iter().map(|(path, offset)| (targets(items, path), *offset)).collect(),
        columns: query.columns.clone(),
        on_conflict: query.on_conflict.clone(),
        arguments: query
            .arguments
            .as_ref()
            .map(|arguments| arguments.iter().map(|(name, _)| (name.clone(), VALUE.to_owned())).collect()),
    };
    let pairs = print::pairs(&own).into_iter().map(|(name, value)| {
        let number = ["limit", "offset"].contains(&name.rsplit('.').next().unwrap_or_default());
        format!("{name}={}", if number { VALUE.to_owned() } else { value })
    });
    pairs.collect::<Vec<_>>().join("&").replace("\"?\"", VALUE)
}

/// Aliases are the client's words.
fn bare_items(items: &[SelectItem]) -> Vec<SelectItem> {
    let item = |item: &SelectItem| match item {
        SelectItem::Star => SelectItem::Star,
        SelectItem::Column { field, cast, .. } => {
            let mut field = field.clone();
            hide_keys(&mut field);
            SelectItem::Column { alias: None, field, cast: cast.clone() }
        }
        SelectItem::Embed(embed) => {
            SelectItem::Embed(Embed { alias: None, items: bare_items(&embed.items), ..embed.clone() })
        }
    };
    items.iter().map(item).collect()
}

fn bare(embeds: &[SelectItem], condition: &Condition) -> Condition {
    match condition {
        Condition::Group { not, any, members } => {
            let members = members.iter().map(|member| bare(embeds, member)).collect();
            Condition::Group { not: *not, any: *any, members }
        }
        Condition::Filter(filter) => {
            let mut field = filter.field.clone();
            field.name = target(embeds, &field.name);
            hide_keys(&mut field);
            Condition::Filter(Filter { field, not: filter.not, test: hidden(&filter.test) })
        }
    }
}

fn hidden(test: &Test) -> Test {
    match test {
        Test::Compare(operator, quantifier, _) => Test::Compare(*operator, *quantifier, VALUE.to_owned()),
        Test::In(_) => Test::In(vec![VALUE.to_owned()]),
        Test::Is(is) => Test::Is(*is),
        Test::Search(search, ..) => Test::Search(*search, None, VALUE.to_owned()),
    }
}

/// Keys inside JSON are the client's words too.
fn hide_keys(field: &mut Field) {
    for Arrow { key, .. } in &mut field.json {
        *key = Key::Name(VALUE.to_owned());
    }
}

fn embed<'q>(items: &'q [SelectItem], name: &str) -> Option<&'q Embed> {
    items.iter().find_map(|item| match item {
        SelectItem::Embed(embed) if embed.name() == name => Some(embed),
        _ => None,
    })
}

/// The name that the schema knows, of one that may be an alias.
fn target(items: &[SelectItem], name: &str) -> String {
    embed(items, name).map_or_else(|| name.to_owned(), |embed| embed.target.clone())
}

fn targets(mut items: &[SelectItem], path: &[String]) -> Vec<String> {
    let mut found = Vec::with_capacity(path.len());
    for segment in path {
        found.push(target(items, segment));
        items = embed(items, segment).map_or(&[], |embed| &embed.items);
    }
    found
}

fn embeds_at<'q>(items: &'q [SelectItem], path: &[String]) -> &'q [SelectItem] {
    path.iter().fold(items, |items, segment| embed(items, segment).map_or(&[], |embed| &embed.items))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::SCHEMA;
    use super::super::{Mode, Op, Target, check, parse};

    fn shape(raw: &str) -> String {
        let target = Target::Table(SCHEMA.table("room").unwrap());
        parse(raw, Mode::Filters)
            .and_then(|query| check(query, target, &SCHEMA, Op::Read))
            .unwrap_or_else(|errors| panic!("{raw}: {errors:?}"))
            .shape()
    }

    #[test]
    fn names_of_the_schema_stay_and_values_go() {
        assert_eq!(
            shape(
                "select=id,opens&id=eq.7&opens=in.(09:00,10:00)&or=(id.gt.5,id.is.null)&order=id.desc&limit=9&offset=8"
            ),
            "select=id,opens&id=eq.?&opens=in.(?)&or=(id.gt.?,id.is.null)&order=id.desc&limit=?&offset=?"
        );
        assert_eq!(shape(""), "");
    }

    #[test]
    fn what_the_client_called_things_goes_too() {
        assert_eq!(
            shape(
                "select=hildegard:id,meier:tag(secret:label)&meier.label=eq.x&meier=not.is.null&meier.limit=2"
            ),
            "select=id,tag(label)&tag.label=eq.?&tag=not.is.null&tag.limit=?"
        );
    }
}
