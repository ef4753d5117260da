//! The tree as canonical parameters: every name and value that could be read as syntax is quoted.

use super::tree::{
    Arrow, Condition, Direction, Embed, Field, Filter, Join, Key, Nulls, OrderTerm, Path, Query, SelectItem,
    Test,
};

/// Decoded names and values, in a fixed order.
pub(super) fn pairs(query: &Query) -> Vec<(String, String)> {
    let mut pairs = query.arguments.clone().unwrap_or_default();
    pairs.extend(query.select.as_deref().map(|list| ("select".to_owned(), items(list))));
    pairs.extend(query.conditions.iter().map(|(path, condition)| pair(path, condition)));
    pairs.extend(query.order.iter().map(|(path, terms)| (at(path, "order"), order(terms))));
    pairs.extend(query.limit.iter().map(|(path, limit)| (at(path, "limit"), limit.to_string())));
    pairs.extend(query.offset.iter().map(|(path, offset)| (at(path, "offset"), offset.to_string())));
    pairs.extend(query.columns.as_deref().map(|list| ("columns".to_owned(), names(list))));
    pairs.extend(query.on_conflict.as_deref().map(|list| ("on_conflict".to_owned(), names(list))));
    pairs
}

/// A path and a reserved word.
pub(super) fn at(path: &Path, word: &str) -> String {
    path.iter().map(|segment| name(segment) + ".").collect::<String>() + word
}

/// The parameter's name of a condition.
pub(super) fn parameter(path: &Path, condition: &Condition) -> String {
    match condition {
        Condition::Group { not, any, .. } => at(path, group_word(*not, *any)),
        Condition::Filter(filter) => {
            let reserved = filter.field.json.is_empty() && is_reserved(&filter.field.name);
            let column = if reserved { quote(&filter.field.name) } else { field(&filter.field) };
            at(path, &column)
        }
    }
}

fn pair(path: &Path, condition: &Condition) -> (String, String) {
    let value = match condition {
        Condition::Group { members, .. } => members_of(members),
        Condition::Filter(filter) => test(filter, str::to_owned),
    };
    (parameter(path, condition), value)
}

/// Words that mean something else as the last segment of a parameter's name.
fn is_reserved(name: &str) -> bool {
    matches!(name, "select" | "columns" | "on_conflict" | "order" | "limit" | "offset" | "and" | "or")
}

const fn group_word(not: bool, any: bool) -> &'static str {
    match (not, any) {
        (false, false) => "and",
        (false, true) => "or",
        (true, false) => "not.and",
        (true, true) => "not.or",
    }
}

fn members_of(members: &[Condition]) -> String {
    format!("({})", join(members, member))
}

fn member(condition: &Condition) -> String {
    match condition {
        Condition::Group { not, any, members } => group_word(*not, *any).to_owned() + &members_of(members),
        Condition::Filter(filter) => {
            let column = match filter.field.name.as_str() {
                word @ ("not" | "and" | "or") => quote(word) + &arrows(&filter.field.json),
                _ => field(&filter.field),
            };
            format!("{column}.{}", test(filter, element))
        }
    }
}

fn test(filter: &Filter, value: fn(&str) -> String) -> String {
    let not = if filter.not { "not." } else { "" };
    match &filter.test {
        Test::Compare(operator, None, text) => format!("{not}{}.{}", operator.word(), value(text)),
        Test::Compare(operator, Some(quantifier), text) => {
            format!("{not}{}({}).{}", operator.word(), quantifier.word(), value(text))
        }
        Test::In(values) => format!("{not}in.({})", join(values, |text| element(text))),
        Test::Is(is) => format!("{not}is.{}", is.word()),
        Test::Search(search, None, text) => format!("{not}{}.{}", search.word(), value(text)),
        Test::Search(search, Some(config), text) => {
            format!("{not}{}({config}).{}", search.word(), value(text))
        }
    }
}

/// A value inside brackets, quoted unless it is plainly no syntax.
fn element(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:+*%".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) { value.to_owned() } else { quote(value) }
}

fn items(list: &[SelectItem]) -> String {
    join(list, item)
}

fn item(item: &SelectItem) -> String {
    match item {
        SelectItem::Star => "*".to_owned(),
        SelectItem::Column { alias, field: column, cast } => {
            let cast = cast.as_deref().map(|cast| format!("::{cast}")).unwrap_or_default();
            prefix(alias.as_deref()) + &field(column) + &cast
        }
        SelectItem::Embed(embed) => embedded(embed),
    }
}

fn embedded(embed: &Embed) -> String {
    let spread = if embed.spread { "..." } else { "" };
    let hint = embed.hint.as_deref().map(|hint| format!("!{}", hint_name(hint))).unwrap_or_default();
    let join = match embed.join {
        None => "",
        Some(Join::Inner) => "!inner",
        Some(Join::Left) => "!left",
    };
    let head = prefix(embed.alias.as_deref());
    format!("{spread}{head}{}{hint}{join}({})", name(&embed.target), items(&embed.items))
}

/// PostgREST reads the start of a hint as a join's kind.
fn hint_name(hint: &str) -> String {
    if hint.starts_with("inner") || hint.starts_with("left") { quote(hint) } else { name(hint) }
}

fn prefix(alias: Option<&str>) -> String {
    alias.map(|alias| name(alias) + ":").unwrap_or_default()
}

fn order(terms: &[OrderTerm]) -> String {
    join(terms, |term| {
        let column = field(&term.field);
        let column =
            term.relation.as_deref().map_or_else(|| column.clone(), |rel| format!("{}({column})", name(rel)));
        let words = [term.direction.map(Direction::word), term.nulls.map(Nulls::word)];
        words.iter().flatten().fold(column, |text, word| format!("{text}.{word}"))
    })
}

fn field(field: &Field) -> String {
    name(&field.name) + &arrows(&field.json)
}

fn arrows(json: &[Arrow]) -> String {
    let arrow = |arrow: &Arrow| {
        let sign = if arrow.text { "->>" } else { "->" };
        match &arrow.key {
            Key::Index(index) => format!("{sign}{index}"),
            Key::Name(key) if key.starts_with(|c: char| c.is_ascii_digit()) => sign.to_owned() + &quote(key),
            Key::Name(key) => sign.to_owned() + &name(key),
        }
    };
    json.iter().map(arrow).collect()
}

fn names(list: &[String]) -> String {
    join(list, |text| name(text))
}

fn name(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !text.is_empty() && text.bytes().all(plain) { text.to_owned() } else { quote(text) }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn join<T>(list: &[T], print: impl Fn(&T) -> String) -> String {
    list.iter().map(print).collect::<Vec<_>>().join(",")
}
