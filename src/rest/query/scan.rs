//! A cursor over one decoded parameter, and the tokens that several parameters share: names, quotes, JSON arrows.

use super::tree::{Arrow, Field, Key, Path};

/// Why a parameter does not parse; its name is added by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

pub(super) type Parsed<T> = Result<T, Fault>;

/// What is left of a parameter. Copying it is how one looks ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self { whole: text, rest: text }
    }

    /// The number of the next character, from 1.
    pub fn position(&self) -> usize {
        self.whole.chars().count() - self.rest.chars().count() + 1
    }

    /// A fault here; the detail says what was wanted, never what was found: that may be a value.
    pub fn expected(&self, what: &str) -> Fault {
        Fault::new("syntax", format!("expected {what} at character {}", self.position()))
    }

    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub fn sees(&self, literal: &str) -> bool {
        self.rest.starts_with(literal)
    }

    /// Steps over `literal` if it comes next.
    pub fn eat(&mut self, literal: &str) -> bool {
        self.rest.strip_prefix(literal).map(|rest| self.rest = rest).is_some()
    }

    pub fn expect(&mut self, literal: &str) -> Parsed<()> {
        if self.eat(literal) { Ok(()) } else { Err(self.expected(&format!("\"{literal}\""))) }
    }

    pub fn expect_end(&self) -> Parsed<()> {
        if self.is_done() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// Everything up to the first character that does not fit.
    pub fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Everything that is left.
    pub fn take_all(&mut self) -> &'a str {
        std::mem::take(&mut self.rest)
    }

    pub fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// `"…"` with backslash escapes.
    pub fn quoted(&mut self) -> Parsed<String> {
        self.expect("\"")?;
        let mut value = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.rest = chars.as_str();
                    return Ok(value);
                }
                '\\' => value.extend(chars.next()),
                _ => value.push(c),
            }
        }
        self.rest = "";
        Err(self.expected("a closing quote"))
    }

    /// A name: quoted, or letters, digits, `_`, `$` and inner spaces, joined by `-`.
    pub fn name(&mut self) -> Parsed<String> {
        let start = *self;
        let name = if self.sees("\"") { self.quoted()? } else { self.joined_by_dashes(is_identifier)? };
        if name.is_empty() { Err(start.expected("a name")) } else { Ok(name) }
    }

    fn joined_by_dashes(&mut self, fits: fn(char) -> bool) -> Parsed<String> {
        let mut name = self.part(fits)?.to_owned();
        while !self.sees("->") && self.eat("-") {
            name.push('-');
            name.push_str(self.part(fits)?);
        }
        Ok(name)
    }

    fn part(&mut self, fits: fn(char) -> bool) -> Parsed<&'a str> {
        let part = self.take_while(fits).trim();
        if part.is_empty() { Err(self.expected("a name")) } else { Ok(part) }
    }

    /// `name->json`, with spaces around it.
    pub fn field(&mut self) -> Parsed<Field> {
        self.skip_spaces();
        let name = self.name()?;
        let json = self.arrows()?;
        self.skip_spaces();
        Ok(Field { name, json })
    }

    /// `->key->>0` and so on, possibly none.
    pub fn arrows(&mut self) -> Parsed<Vec<Arrow>> {
        let mut arrows = Vec::new();
        loop {
            let text = if self.eat("->>") {
                true
            } else if self.eat("->") {
                false
            } else {
                return Ok(arrows);
            };
            arrows.push(Arrow { text, key: self.key()? });
        }
    }

    fn key(&mut self) -> Parsed<Key> {
        let mut ahead = *self;
        let minus = ahead.eat("-");
        let digits = ahead.take_while(|c| c.is_ascii_digit());
        if !digits.is_empty() {
            if ahead.sees(")") {
                // PostgREST takes the number for a member's name there and for an index everywhere else.
                let detail = "write a number before \")\" in quotes if it is a member's name; \
                              an index cannot stand there";
                return Err(Fault::new("ambiguous-index", detail));
            }
            if ahead.is_done() || ["->", "::", ".", ","].iter().any(|end| ahead.sees(end)) {
                let sign = if minus { "-" } else { "" };
                let index = format!("{sign}{digits}").parse();
                let index = index.map_err(|_| self.expected("an index of at most nine digits"))?;
                *self = ahead;
                return Ok(Key::Index(index));
            }
        }
        let start = *self;
        let name =
            if self.sees("\"") { self.quoted()? } else { self.joined_by_dashes(|c| !"(-:.,>)".contains(c))? };
        if name.is_empty() { Err(start.expected("a member's name")) } else { Ok(Key::Name(name)) }
    }

    /// `a.b.c`
    pub fn names(&mut self) -> Parsed<Path> {
        let mut names = vec![self.name()?];
        while self.eat(".") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// `a,b,c` to the end.
    pub fn name_list(&mut self) -> Parsed<Vec<String>> {
        let mut names = vec![self.name()?];
        self.skip_spaces();
        while self.eat(",") {
            self.skip_spaces();
            names.push(self.name()?);
            self.skip_spaces();
        }
        self.expect_end()?;
        Ok(names)
    }
}

/// What an unquoted name is made of.
pub(super) fn is_identifier(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | ' ' | '$')
}
