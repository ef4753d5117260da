//! The typed tree of a query string: what was asked for, decoded, with nothing left to parse.
//!
//! Names and values are kept as the client meant them, without quotes and escapes; `print` puts those back.

/// Names of embedded resources, from the top-level relation downwards; empty at the top level.
pub type Path = Vec<String>;

/// A whole query string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `select`; `None` when it was not given, which means `*`.
    pub select: Option<Vec<SelectItem>>,
    /// All filters and logic groups, in the order given; all of them must hold.
    pub conditions: Vec<(Path, Condition)>,
    /// `order`, of the top level and of embedded resources, each path at most once.
    pub order: Vec<(Path, Vec<OrderTerm>)>,
    /// `limit`, likewise.
    pub limit: Vec<(Path, u64)>,
    /// `offset`, likewise.
    pub offset: Vec<(Path, u64)>,
    /// `columns`.
    pub columns: Option<Vec<String>>,
    /// `on_conflict`.
    pub on_conflict: Option<Vec<String>>,
    /// A function's arguments, in a call by GET; `None` where there can be none.
    pub arguments: Option<Vec<(String, String)>>,
}

/// One item of `select`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectItem {
    /// `*`
    Star,
    /// `alias:column->json::cast`
    Column {
        /// The name in the answer.
        alias: Option<String>,
        /// The column, and a way into its JSON.
        field: Field,
        /// The type it is cast to.
        cast: Option<String>,
    },
    /// `alias:relation!hint!inner(…)` or `...relation(…)`
    Embed(Embed),
}

/// An embedded resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// `...`: its columns become the parent's.
    pub spread: bool,
    /// The name in the answer and in paths; never of a spread.
    pub alias: Option<String>,
    /// A relation, a foreign key's name, or its column.
    pub target: String,
    /// A foreign key's name, its column or a junction, to tell relationships apart.
    pub hint: Option<String>,
    /// How rows without a counterpart are treated.
    pub join: Option<Join>,
    /// What is selected of it.
    pub items: Vec<SelectItem>,
}

impl Embed {
    /// The name by which paths and filters refer to it.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.target)
    }
}

/// `!inner` or `!left`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Parents without a counterpart are left out.
    Inner,
    /// Parents without a counterpart stay (the default).
    Left,
}

/// A column, or a place inside its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The arrows that follow it.
    pub json: Vec<Arrow>,
}

/// `->key`, `->>key`, `->0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// `->>`: the result is text.
    pub text: bool,
    /// Where it points.
    pub key: Key,
}

/// What an arrow points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A member of an object.
    Name(String),
    /// An element of an array, from the end when negative.
    Index(i32),
}

/// A filter, or several joined by `and` or `or`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// One filter.
    Filter(Filter),
    /// `and(…)`, `or(…)`, `not.and(…)`, `not.or(…)`
    Group {
        /// Negated.
        not: bool,
        /// `or` rather than `and`.
        any: bool,
        /// At least one.
        members: Vec<Condition>,
    },
}

/// `field=not.op.value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What is compared.
    pub field: Field,
    /// Negated.
    pub not: bool,
    /// How and with what.
    pub test: Test,
}

/// An operator with its operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One operator, one value; with a quantifier the value is an array literal.
    Compare(Operator, Option<Quantifier>, String),
    /// `in.(…)`
    In(Vec<String>),
    /// `is.…`
    Is(Is),
    /// `fts(config).words` and its kin.
    Search(Search, Option<String>, String),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written in a query.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one that is written so.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// The operators with one operand.
    Operator {
        /// `=`
        Eq = "eq",
        /// `<>`
        Neq = "neq",
        /// `>`
        Gt = "gt",
        /// `>=`
        Gte = "gte",
        /// `<`
        Lt = "lt",
        /// `<=`
        Lte = "lte",
        /// `like`; `*` stands for `%`.
        Like = "like",
        /// `ilike`; `*` stands for `%`.
        Ilike = "ilike",
        /// `~`
        Match = "match",
        /// `~*`
        Imatch = "imatch",
        /// `is distinct from`
        IsDistinct = "isdistinct",
        /// `@>`
        Contains = "cs",
        /// `<@`
        Contained = "cd",
        /// `&&`
        Overlaps = "ov",
        /// `<<`
        StrictlyLeft = "sl",
        /// `>>`
        StrictlyRight = "sr",
        /// `&<`
        NotRight = "nxr",
        /// `&>`
        NotLeft = "nxl",
        /// `-|-`
        Adjacent = "adj",
    }
}

impl Operator {
    /// Whether `(any)` and `(all)` may follow.
    pub const fn quantifiable(self) -> bool {
        use Operator::{Eq, Gt, Gte, Ilike, Imatch, Like, Lt, Lte, Match};
        matches!(self, Eq | Gt | Gte | Lt | Lte | Like | Ilike | Match | Imatch)
    }
}

words! {
    /// `any` or `all` of an array.
    Quantifier {
        /// At least one element.
        Any = "any",
        /// Every element.
        All = "all",
    }
}

words! {
    /// What `is` knows.
    Is {
        /// `is null`
        Null = "null",
        /// `is true`
        True = "true",
        /// `is false`
        False = "false",
        /// `is unknown`
        Unknown = "unknown",
    }
}

words! {
    /// The full-text operators.
    Search {
        /// `to_tsquery`
        Plain = "fts",
        /// `plainto_tsquery`
        Words = "plfts",
        /// `phraseto_tsquery`
        Phrase = "phfts",
        /// `websearch_to_tsquery`
        Web = "wfts",
    }
}

words! {
    /// A direction of `order`.
    Direction {
        /// Upwards.
        Asc = "asc",
        /// Downwards.
        Desc = "desc",
    }
}

words! {
    /// Where NULLs go.
    Nulls {
        /// Before all values.
        First = "nullsfirst",
        /// After all values.
        Last = "nullslast",
    }
}

/// One term of `order`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerm {
    /// An embedded to-one resource whose field it is: `relation(field)`.
    pub relation: Option<String>,
    /// By what.
    pub field: Field,
    /// `None`: as Postgres does it, upwards.
    pub direction: Option<Direction>,
    /// `None`: as Postgres does it, last when upwards.
    pub nulls: Option<Nulls>,
}
