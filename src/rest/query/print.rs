//! The tree as canonical parameters: every name and value that could be read as syntax is quoted. Each text grows in one piece,
//! since what a read costs here is mostly allocations.

use super::tree::{
    Arrow, Condition, Direction, Embed, Field, Filter, Join, Key, Nulls, OrderTerm, Path, Quantifier, Query,
    SelectItem, Test,
};

/// Decoded names and values, in a fixed order.
pub(super) fn pairs(query: &Query) -> Vec<(String, String)> {
    let windows = query.order.len() + query.limit.len() + query.offset.len();
    let mut pairs = query.arguments.clone().unwrap_or_default();
    pairs.reserve(query.conditions.len() + windows + 4);
    let named = |name: &str, value| (name.to_owned(), value);
    pairs.extend(query.select.as_deref().map(|list| named("select", text(|out| items(out, list)))));
    pairs.extend(query.conditions.iter().map(|(path, condition)| pair(path, condition)));
    pairs.extend(
        query.order.iter().map(|(path, terms)| (at(path, "order"), text(|out| join(out, terms, order)))),
    );
    pairs.extend(query.limit.iter().map(|(path, limit)| (at(path, "limit"), number(*limit))));
    pairs.extend(query.offset.iter().map(|(path, offset)| (at(path, "offset"), number(*offset))));
    pairs.extend(query.columns.as_deref().map(|list| named("columns", text(|out| names(out, list)))));
    pairs.extend(query.on_conflict.as_deref().map(|list| named("on_conflict", text(|out| names(out, list)))));
    pairs
}

fn number(number: u64) -> String {
    itoa::Buffer::new().format(number).to_owned()
}

/// A path and a reserved word.
pub(super) fn at(path: &Path, word: &str) -> String {
    text(|out| {
        segments(out, path);
        out.push_str(word);
    })
}

/// The parameter's name of a condition.
pub(super) fn parameter(path: &Path, condition: &Condition) -> String {
    text(|out| {
        segments(out, path);
        match condition {
            Condition::Group { not, any, .. } => out.push_str(group_word(*not, *any)),
            Condition::Filter(filter) if filter.field.json.is_empty() && is_reserved(&filter.field.name) => {
                quote(out, &filter.field.name);
            }
            Condition::Filter(filter) => field(out, &filter.field),
        }
    })
}

fn pair(path: &Path, condition: &Condition) -> (String, String) {
    let value = text(|out| match condition {
        Condition::Group { members, .. } => members_of(out, members),
        Condition::Filter(filter) => test(out, filter, String::push_str),
    });
    (parameter(path, condition), value)
}

fn text(print: impl FnOnce(&mut String)) -> String {
    let mut text = String::with_capacity(32);
    print(&mut text);
    text
}

fn segments(out: &mut String, path: &Path) {
    for segment in path {
        name(out, segment);
        out.push('.');
    }
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

fn members_of(out: &mut String, members: &[Condition]) {
    out.push('(');
    join(out, members, member);
    out.push(')');
}

fn member(out: &mut String, condition: &Condition) {
    match condition {
        Condition::Group { not, any, members } => {
            out.push_str(group_word(*not, *any));
            members_of(out, members);
        }
        Condition::Filter(filter) => {
            match filter.field.name.as_str() {
                word @ ("not" | "and" | "or") => {
                    quote(out, word);
                    arrows(out, &filter.field.json);
                }
                _ => field(out, &filter.field),
            }
            out.push('.');
            test(out, filter, element);
        }
    }
}

fn test(out: &mut String, filter: &Filter, value: fn(&mut String, &str)) {
    if filter.not {
        out.push_str("not.");
    }
    let (word, parameter) = match &filter.test {
        Test::Compare(operator, quantifier, _) => (operator.word(), quantifier.map(Quantifier::word)),
        Test::In(_) => ("in", None),
        Test::Is(_) => ("is", None),
        Test::Search(search, config, _) => (search.word(), config.as_deref()),
    };
    out.push_str(word);
    if let Some(parameter) = parameter {
        out.extend(["(", parameter, ")"]);
    }
    out.push('.');
    match &filter.test {
        Test::Compare(_, _, text) | Test::Search(_, _, text) => value(out, text),
        Test::In(values) => {
            out.push('(');
            join(out, values, |out, text| element(out, text));
            out.push(')');
        }
        Test::Is(is) => out.push_str(is.word()),
    }
}

/// A value inside brackets, quoted unless it is plainly no syntax.
fn element(out: &mut String, value: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:+*%".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) { out.push_str(value) } else { quote(out, value) }
}

fn items(out: &mut String, list: &[SelectItem]) {
    join(out, list, item);
}

fn item(out: &mut String, item: &SelectItem) {
    match item {
        SelectItem::Star => out.push('*'),
        SelectItem::Column { alias, field: column, cast } => {
            prefix(out, alias.as_deref());
            field(out, column);
            if let Some(cast) = cast {
                out.extend(["::", cast]);
            }
        }
        SelectItem::Embed(embed) => embedded(out, embed),
    }
}

fn embedded(out: &mut String, embed: &Embed) {
    if embed.spread {
        out.push_str("...");
    }
    prefix(out, embed.alias.as_deref());
    name(out, &embed.target);
    if let Some(hint) = &embed.hint {
        out.push('!');
        hint_name(out, hint);
    }
    out.push_str(match embed.join {
        None => "",
        Some(Join::Inner) => "!inner",
        Some(Join::Left) => "!left",
    });
    out.push('(');
    items(out, &embed.items);
    out.push(')');
}

/// PostgREST reads the start of a hint as a join's kind.
fn hint_name(out: &mut String, hint: &str) {
    if hint.starts_with("inner") || hint.starts_with("left") { quote(out, hint) } else { name(out, hint) }
}

fn prefix(out: &mut String, alias: Option<&str>) {
    if let Some(alias) = alias {
        name(out, alias);
        out.push(':');
    }
}

fn order(out: &mut String, term: &OrderTerm) {
    match &term.relation {
        None => field(out, &term.field),
        Some(relation) => {
            name(out, relation);
            out.push('(');
            field(out, &term.field);
            out.push(')');
        }
    }
    let words = [term.direction.map(Direction::word), term.nulls.map(Nulls::word)];
    for word in words.into_iter().flatten() {
        out.extend([".", word]);
    }
}

fn field(out: &mut String, field: &Field) {
    name(out, &field.name);
    arrows(out, &field.json);
}

fn arrows(out: &mut String, json: &[Arrow]) {
    for arrow in json {
        out.push_str(if arrow.text { "->>" } else { "->" });
        match &arrow.key {
            Key::Index(index) => out.push_str(&index.to_string()),
            Key::Name(key) if key.starts_with(|c: char| c.is_ascii_digit()) => quote(out, key),
            Key::Name(key) => name(out, key),
        }
    }
}

fn names(out: &mut String, list: &[String]) {
    join(out, list, |out, text| name(out, text));
}

/// A name, quoted unless it is plainly one.
fn name(out: &mut String, text: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !text.is_empty() && text.bytes().all(plain) { out.push_str(text) } else { quote(out, text) }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '\\' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn join<T>(out: &mut String, list: &[T], print: impl Fn(&mut String, &T)) {
    for (at, one) in list.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        print(out, one);
    }
}
