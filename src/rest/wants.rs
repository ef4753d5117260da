//! The request's headers that shape a PostgREST call: `Prefer`, `Accept`, `Range`, profiles, media types,
//! `If-Match`, `Idempotency-Key`. Each is read only where its method gives it a meaning.

use crate::http::{Method, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rest::prefer::Prefer;
use crate::rest::query::MAX_LIMIT;

/// The representation that the client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    #[default]
    Json,
    /// `application/vnd.pgrst.object+json`: exactly one row.
    Object,
    /// The same without members that are null.
    ObjectStripped,
    /// `application/vnd.pgrst.array+json;nulls=stripped`
    ArrayStripped,
    /// `text/csv`
    Csv,
}

impl Media {
    /// The media type as PostgREST reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Object => "application/vnd.pgrst.object+json",
            Self::ObjectStripped => "application/vnd.pgrst.object+json;nulls=stripped",
            Self::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped",
            Self::Csv => "text/csv",
        }
    }

    /// Whether it is one object.
    pub const fn is_object(self) -> bool {
        matches!(self, Self::Object | Self::ObjectStripped)
    }
}

/// Everything the headers say about a call.
#[derive(Clone, Debug, Default)]
pub struct Wants {
    /// The representation.
    pub media: Media,
    /// The preferences.
    pub prefer: Prefer,
    /// `Range: 0-9`, as first and, if given, last row.
    pub range: Option<(u64, Option<u64>)>,
    /// The version in `If-Match`.
    pub if_match: Option<u32>,
    /// `Idempotency-Key`
    pub idempotency_key: Option<String>,
}

impl Wants {
    /// Reads what the method gives a meaning to.
    ///
    /// # Errors
    /// The first refusal by status (media types and profiles), else all violations at once.
    pub fn read(request: &impl Request) -> Result<Self, Problem> {
        let method = request.method();
        profile(request, method)?;
        let mut wants = Self { media: accept(request.header("accept").as_deref())?, ..Self::default() };
        let mut errors = Vec::new();
        if let Some(prefer) = request.header("prefer") {
            match Prefer::parse(&prefer) {
                Ok(prefer) => wants.prefer = prefer,
                Err(mut violations) => errors.append(&mut violations),
            }
        }
        if method.is_read() {
            take(&mut wants.range, request.header("range").as_deref(), range, &mut errors);
        } else {
            media_type(request)?;
            take(&mut wants.if_match, request.header("if-match").as_deref(), if_match, &mut errors);
        }
        if method == Method::Post {
            take(
                &mut wants.idempotency_key,
                request.header("idempotency-key").as_deref(),
                idempotency_key,
                &mut errors,
            );
        }
        if errors.is_empty() { Ok(wants) } else { Err(Problem::violations(Kind::InvalidHeader, errors)) }
    }
}

/// Reads one optional header into its place, or its violation into the list.
fn take<T>(
    slot: &mut Option<T>,
    header: Option<&str>,
    read: impl Fn(&str) -> Result<Option<T>, Violation>,
    errors: &mut Vec<Violation>,
) {
    match header.map(|value| read(value.trim())) {
        None => {}
        Some(Ok(value)) => *slot = value,
        Some(Err(violation)) => errors.push(violation),
    }
}

fn profile(request: &impl Request, method: Method) -> Result<(), Problem> {
    let name = if method.is_read() { "accept-profile" } else { "content-profile" };
    match request.header(name) {
        Some(schema) if schema.trim() != "public" => {
            let violation = Violation::header(name, "schema", "only the schema `public` is served");
            Err(Problem::new(Kind::NotAcceptable, "Only the schema `public` is served.")
                .errors(vec![violation]))
        }
        _ => Ok(()),
    }
}

/// The first media type of the list that PostgREST speaks and that is allowed here; `*/*` is JSON.
fn accept(header: Option<&str>) -> Result<Media, Problem> {
    let Some(header) = header else { return Ok(Media::Json) };
    header.split(',').find_map(media).ok_or_else(|| {
        Problem::new(Kind::NotAcceptable, "None of the media types in Accept is served here.")
            .errors(vec![Violation::header("accept", "media-type", "none of these is served")])
            .hint(
                "application/json, application/vnd.pgrst.object+json and text/csv are served; query plans, GeoJSON \
                 and binary are not.",
            )
    })
}

fn media(item: &str) -> Option<Media> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let stripped = parts.any(|parameter| parameter.eq_ignore_ascii_case("nulls=stripped"));
    match (name.as_str(), stripped) {
        ("" | "*/*" | "application/*" | "application/json", _) => Some(Media::Json),
        ("application/vnd.pgrst.object+json" | "application/vnd.pgrst.object", false) => Some(Media::Object),
        ("application/vnd.pgrst.object+json" | "application/vnd.pgrst.object", true) => {
            Some(Media::ObjectStripped)
        }
        ("application/vnd.pgrst.array+json" | "application/vnd.pgrst.array", true) => {
            Some(Media::ArrayStripped)
        }
        ("text/csv" | "text/*", _) => Some(Media::Csv),
        _ => None,
    }
}

/// A body is JSON in UTF-8, not compressed.
fn media_type(request: &impl Request) -> Result<(), Problem> {
    let refuse = |name, detail: &str| {
        Err(Problem::new(Kind::UnsupportedMediaType, detail).errors(vec![Violation::header(
            name,
            "media-type",
            detail,
        )]))
    };
    let content_type = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let json = matches!(parts.next(), Some("" | "application/json" | "application/vnd.pgrst.object+json"));
    if !json || parts.any(|parameter| parameter.starts_with("charset=") && !parameter.contains("utf-8")) {
        return refuse(
            "content-type",
            "The body must be application/json in UTF-8; CSV and forms are not read.",
        );
    }
    match request.header("content-encoding").as_deref() {
        None | Some("" | "identity") => Ok(()),
        Some(_) => refuse("content-encoding", "A compressed body is not read."),
    }
}

/// `first-last` or `first-`; a range of bytes is nothing that rows have, and is passed over as HTTP wants it.
fn range(value: &str) -> Result<Option<(u64, Option<u64>)>, Violation> {
    if value.starts_with("bytes") {
        return Ok(None);
    }
    let wrong = |detail: String| Violation::header("range", "range", detail);
    let parsed = value.split_once('-').and_then(|(first, last)| {
        let last = if last.is_empty() { None } else { Some(digits(last)?) };
        Some((digits(first)?, last))
    });
    match parsed {
        None => Err(wrong("Range wants the first and the last row's number: 0-24".to_owned())),
        Some((first, Some(last))) if last >= first && last - first >= MAX_LIMIT => {
            Err(wrong(format!("at most {MAX_LIMIT} rows at once")))
        }
        Some(range) => Ok(Some(range)),
    }
}

fn digits(text: &str) -> Option<u64> {
    // Up to ten digits: PostgREST counts rows in 64 bits, and nobody has more.
    ((1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn if_match(value: &str) -> Result<Option<u32>, Violation> {
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|version| i32::try_from(*version).is_ok())
        .map(Some)
        .ok_or_else(|| {
            Violation::header("if-match", "etag", "If-Match wants one ETag as it was given, such as \"3\"")
        })
}

fn idempotency_key(value: &str) -> Result<Option<String>, Violation> {
    let fits = (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(Some(value.to_owned()))
    } else {
        Err(Violation::header(
            "idempotency-key",
            "idempotency-key",
            "Idempotency-Key wants 1 to 255 visible ASCII characters, best a UUID",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_media_type_that_is_served_wins() {
        assert_eq!(accept(None).unwrap(), Media::Json);
        assert_eq!(accept(Some("text/html, */*;q=0.8")).unwrap(), Media::Json);
        assert_eq!(accept(Some("application/vnd.pgrst.object+json")).unwrap(), Media::Object);
        assert_eq!(
            accept(Some("application/vnd.pgrst.object+json;nulls=stripped")).unwrap(),
            Media::ObjectStripped
        );
        assert_eq!(accept(Some("text/csv")).unwrap(), Media::Csv);
        assert_eq!(accept(Some("application/vnd.pgrst.plan")).unwrap_err().status, 406);
    }

    #[test]
    fn ranges_are_rows() {
        assert_eq!(range("0-24").unwrap(), Some((0, Some(24))));
        assert_eq!(range("5-").unwrap(), Some((5, None)));
        assert_eq!(range("bytes=0-1").unwrap(), None);
        assert_eq!(range("9-5").unwrap(), Some((9, Some(5))));
        for wrong in ["", "-", "-5", "a-b", "0-1000", "1-2-3", "0 - 5", "99999999999-"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_etag_is_a_version() {
        assert_eq!(if_match("\"3\"").unwrap(), Some(3));
        for wrong in ["3", "*", "W/\"3\"", "\"\"", "\"-1\"", "\"3\", \"4\"", "\"4294967295\""] {
            assert!(if_match(wrong).is_err(), "{wrong}");
        }
    }
}
