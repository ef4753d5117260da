//! Which relationship an embedded resource follows, found as PostgREST finds it: by the other relation's name, by
//! the foreign key's name or column, with a hint where that leaves several.

use super::super::select::MAX_DEPTH;
use super::super::tree::{Embed, Query, SelectItem};
use super::super::{Target, tree};
use super::{Checker, Relation};
use crate::schema::{Cardinality, Relationship, Returns};

/// A resource of the query with those embedded in it.
#[derive(Debug)]
pub(super) struct Node {
    /// Its name in the answer, by which paths refer to it.
    pub name: String,
    /// How it was asked for, by which paths may refer to it too.
    pub target: String,
    /// `None` when it was refused: what refers to it is not looked at any more.
    pub relation: Option<Relation>,
    /// Whether it is an object rather than a list.
    pub to_one: bool,
    /// The parent's columns that the relationship joins on.
    pub columns: &'static [&'static str],
    pub children: Vec<Node>,
}

impl Node {
    /// The names of its relation and of all below it.
    pub fn relations(&self, found: &mut Vec<&'static str>) {
        found.extend(self.relation.map(|relation| relation.name));
        for child in &self.children {
            child.relations(found);
        }
    }

    /// The child that a path's segment means.
    pub fn child_at(&self, segment: &str) -> Result<&Self, String> {
        let mut matching =
            self.children.iter().filter(|child| child.name == segment || child.target == segment);
        match (matching.next(), matching.next()) {
            (Some(child), None) => Ok(child),
            (None, _) => Err(not_embedded(segment)),
            (Some(_), Some(_)) => Err(format!("several embedded resources are called \"{segment}\"")),
        }
    }
}

pub(super) fn not_embedded(name: &str) -> String {
    format!("\"{name}\" is not an embedded resource here; add it to select, as in {name}(*)")
}

impl Checker<'_> {
    /// The query's own relation, with everything embedded in it.
    pub(super) fn root(&mut self, query: &Query) -> Node {
        let relation = self.own_relation();
        let children = self.children(relation, query.select.as_deref().unwrap_or_default(), 0);
        // Nobody asks for the root by a name.
        let (name, target) = (String::new(), String::new());
        Node { name, target, relation: Some(relation), to_one: false, columns: &[], children }
    }

    pub(super) fn own_relation(&self) -> Relation {
        let function = match self.target {
            Target::Table(table) => {
                return Relation {
                    name: table.name,
                    columns: table.columns,
                    relationships: table.relationships,
                };
            }
            Target::Function(function) => function,
        };
        let columns = match function.returns {
            Returns::Rows(columns, _) => columns,
            Returns::Scalar(_) => &[],
            Returns::Table(name, _) => match self.relation(name) {
                Some(relation) => return relation,
                None => &[],
            },
        };
        Relation { name: function.name, columns, relationships: &[] }
    }

    fn relation(&self, name: &str) -> Option<Relation> {
        let table = self.schema.table(name)?;
        Some(Relation { name: table.name, columns: table.columns, relationships: table.relationships })
    }

    fn children(&mut self, parent: Relation, items: &[SelectItem], depth: usize) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        for embed in items.iter().filter_map(as_embed) {
            if depth >= MAX_DEPTH {
                self.refuse("select", "too-deep", "too many resources are embedded in each other");
                break;
            }
            if nodes.iter().any(|node| node.name == embed.name()) {
                let detail = format!("\"{}\" is embedded twice; give one an alias", embed.name());
                self.refuse("select", "duplicate-embed", detail);
            }
            let node = self.node(parent, embed, depth);
            nodes.push(node);
        }
        nodes
    }

    fn node(&mut self, parent: Relation, embed: &Embed, depth: usize) -> Node {
        let found = self.relationship(parent, embed);
        let relation = found.and_then(|found| self.relation(found.target));
        let to_one = found
            .is_some_and(|found| matches!(found.cardinality, Cardinality::ManyToOne | Cardinality::OneToOne));
        if found.is_some() && embed.spread {
            self.spread(embed, to_one);
        }
        Node {
            name: embed.name().to_owned(),
            target: embed.target.clone(),
            relation,
            to_one,
            columns: found.map_or(&[], |found| found.columns),
            children: relation
                .map_or_else(Vec::new, |relation| self.children(relation, &embed.items, depth + 1)),
        }
    }

    fn spread(&mut self, embed: &Embed, to_one: bool) {
        if !to_one {
            let detail = format!("\"{}\" is a list here; only a to-one resource can be spread", embed.target);
            self.refuse("select", "not-to-one", detail);
        }
        if embed.items.is_empty() {
            self.refuse("select", "empty", "a spread resource must select something");
        }
    }

    /// The one relationship that fits; else says that there is none, or which ones there are.
    fn relationship(&mut self, parent: Relation, embed: &Embed) -> Option<&'static Relationship> {
        let fitting: Vec<_> =
            parent.relationships.iter().filter(|one| self.fits(parent, one, embed)).collect();
        if let [only] = fitting.as_slice() {
            return Some(only);
        }
        let (from, to) = (parent.name, &embed.target);
        if fitting.is_empty() {
            let using = embed.hint.as_deref().map(|hint| format!(" using the hint '{hint}'"));
            let detail = format!(
                "Could not find a relationship between '{from}' and '{to}'{}",
                using.unwrap_or_default()
            );
            self.refuse("select", "no-relationship", detail);
        } else {
            let hints: Vec<_> = fitting.iter().map(|one| hint(one)).collect();
            let detail = format!(
                "Could not embed because more than one relationship was found for '{from}' and '{to}'; \
                 write one of {}",
                hints.join(", ")
            );
            self.refuse("select", "ambiguous-relationship", detail);
        }
        None
    }

    fn fits(&self, parent: Relation, one: &Relationship, embed: &Embed) -> bool {
        let named = embed.target == one.target;
        let is_own_column = |name: &str| direct(one) && one.columns == [name];
        let is_other_column = |name: &str| direct(one) && one.target_columns == [name];
        let is_constraint = |name: &str| direct(one) && one.constraint == name;
        let hint = embed.hint.as_deref();
        if one.target == parent.name {
            // Of a key that points to its own table, the table's name means the many, the column the one.
            let many = named && one.cardinality == Cardinality::OneToMany;
            return match hint {
                None => many || (is_own_column(&embed.target) && one.cardinality == Cardinality::ManyToOne),
                Some(hint) => many && is_other_column(hint),
            };
        }
        match hint {
            None => {
                let by_key = is_constraint(&embed.target) || is_own_column(&embed.target);
                named || (by_key && !self.schema.table(one.target).is_some_and(|table| table.is_view))
            }
            Some(hint) => {
                let by_key = is_constraint(hint) || is_own_column(hint) || is_other_column(hint);
                named && (by_key || (!direct(one) && one.junction == hint))
            }
        }
    }
}

/// Not through a junction.
fn direct(one: &Relationship) -> bool {
    one.cardinality != Cardinality::ManyToMany
}

fn hint(one: &Relationship) -> String {
    let hint = if direct(one) { one.constraint } else { one.junction };
    format!("'{}!{hint}'", one.target)
}

fn as_embed(item: &SelectItem) -> Option<&Embed> {
    match item {
        SelectItem::Embed(embed) => Some(embed),
        SelectItem::Star | SelectItem::Column { .. } => None,
    }
}

/// The columns that are still there after a function or a change; `None`: all.
pub(super) fn kept(query: &Query, root: &Node, target: Target) -> Option<Vec<String>> {
    let items = query.select.as_deref()?;
    if items.contains(&tree::SelectItem::Star) {
        return None;
    }
    let mut kept: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            SelectItem::Column { field, .. } => Some(field.name.clone()),
            SelectItem::Star | SelectItem::Embed(_) => None,
        })
        .collect();
    kept.extend(root.children.iter().flat_map(|child| child.columns).map(|&name| name.to_owned()));
    if let Target::Table(table) = target {
        kept.extend(table.primary_key.iter().map(|&name| name.to_owned()));
    }
    Some(kept)
}
