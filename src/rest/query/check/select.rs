//! The columns of `select`, at every level.

use super::super::Target;
use super::super::tree::{Query, SelectItem};
use super::embed::Node;
use super::{Checker, Relation, cast, field_type};
use crate::schema::Returns;

impl Checker<'_> {
    pub(super) fn select(&mut self, query: &Query, root: &Node) {
        let Some(items) = &query.select else { return };
        if self.returns_scalar() {
            if items.as_slice() != [SelectItem::Star] {
                self.refuse("select", "not-for-scalar", "the function returns one value; leave select out");
            }
            return;
        }
        self.items(items, root);
    }

    /// A function that returns one value has no columns to select or filter.
    pub(super) const fn returns_scalar(&self) -> bool {
        matches!(self.target, Target::Function(function) if matches!(function.returns, Returns::Scalar(_)))
    }

    fn items(&mut self, items: &[SelectItem], node: &Node) {
        let Some(relation) = node.relation else { return };
        let mut children = node.children.iter();
        for item in items {
            match item {
                SelectItem::Star => {}
                SelectItem::Column { .. } => self.column(relation, item),
                SelectItem::Embed(embed) => {
                    // Nodes were made of the embeds in this very order.
                    if let Some(child) = children.next() {
                        self.items(&embed.items, child);
                    }
                }
            }
        }
    }

    fn column(&mut self, relation: Relation, item: &SelectItem) {
        let SelectItem::Column { field, cast, .. } = item else { return };
        let fits = field_type(relation, field).and_then(|ty| {
            cast.as_deref()
                .map_or(Ok(()), |cast| cast::check(ty, cast))
                .map_err(|(code, detail)| (code, format!("\"{}\": {detail}", field.name)))
        });
        if let Err((code, detail)) = fits {
            self.refuse("select", code, detail);
        }
    }
}
