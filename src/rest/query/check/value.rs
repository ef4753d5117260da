//! Whether an operator and its value fit a type.

use super::super::tree::{Is, Operator, Test};
use crate::schema::Type;
use crate::schema::value::check_text;

/// A code, and the end of a sentence that starts with the column's name.
type Misfit = (&'static str, String);

/// Postgres' own text search configurations.
const CONFIGS: [&str; 29] = [
    "simple",
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
];

pub(super) fn check(ty: &'static Type, test: &Test) -> Result<(), Misfit> {
    match test {
        Test::Is(Is::Null) => Ok(()),
        Test::Is(is) => wants(ty == &Type::Bool, || format!("is.{} fits true/false columns only", is.word())),
        Test::Search(search, config, _) => {
            wants(is_text(ty), || format!("is no text, which {} searches", search.word()))?;
            match config {
                Some(name) if !CONFIGS.contains(&name.as_str()) => Err((
                    "unknown-config",
                    "is searched with an unknown text search configuration".to_owned(),
                )),
                _ => Ok(()),
            }
        }
        Test::In(values) => {
            wants(!is_array(ty), || "is a list, which in does not take; use cs, cd, ov or eq".to_owned())?;
            values.iter().try_for_each(|value| fits(ty, value))
        }
        Test::Compare(operator, None, value) => {
            operator_fits(ty, *operator)?;
            if takes_any_text(*operator) { Ok(()) } else { fits(ty, value) }
        }
        Test::Compare(operator, Some(quantifier), value) => {
            operator_fits(ty, *operator)?;
            wants(!is_array(ty), || format!("is a list, which {} does not take", quantifier.word()))?;
            let element = if takes_any_text(*operator) { &Type::Text(0) } else { ty };
            fits(&Type::Array(element), value)
        }
    }
}

fn fits(ty: &Type, value: &str) -> Result<(), Misfit> {
    check_text(ty, value).map_err(|detail| {
        let null = if value.eq_ignore_ascii_case("null") { "; NULL is asked for by is.null" } else { "" };
        ("value-type", detail + null)
    })
}

fn wants(fits: bool, detail: impl FnOnce() -> String) -> Result<(), Misfit> {
    if fits { Ok(()) } else { Err(("operator-type", detail())) }
}

/// Patterns are text, whatever the column is.
const fn takes_any_text(operator: Operator) -> bool {
    use Operator::{Ilike, Imatch, Like, Match};
    matches!(operator, Like | Ilike | Match | Imatch)
}

fn operator_fits(ty: &Type, operator: Operator) -> Result<(), Misfit> {
    use Operator::{
        Adjacent, Contained, Contains, Eq, Gt, Gte, Ilike, Imatch, IsDistinct, Like, Lt, Lte, Match, Neq,
        NotLeft, NotRight, Overlaps, StrictlyLeft, StrictlyRight,
    };
    let (fits, what) = match operator {
        Eq | Neq | Gt | Gte | Lt | Lte | IsDistinct => (ty != &Type::Void, "a value"),
        Like | Ilike | Match | Imatch => (is_text(ty), "text"),
        Contains | Contained => (is_array(ty) || is_range(ty) || ty == &Type::Json, "a list, range or JSON"),
        Overlaps => (is_array(ty) || is_range(ty), "a list or range"),
        StrictlyLeft | StrictlyRight | NotRight | NotLeft | Adjacent => (is_range(ty), "a range"),
    };
    wants(fits, || format!("is not {what}, which {} needs", operator.word()))
}

const fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::Text(_))
}

const fn is_array(ty: &Type) -> bool {
    matches!(ty, Type::Array(_))
}

const fn is_range(ty: &Type) -> bool {
    matches!(ty, Type::Tstzrange | Type::Daterange)
}
