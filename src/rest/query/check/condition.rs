//! Filters and groups: the column exists, the operator fits its type, the value parses as it.

use super::super::tree::{Condition, Filter, Is, Query, Test};
use super::super::{Op, print};
use super::embed::Node;
use super::{Checker, field_type, value};

/// A parameter's name, which is made for what is wrong alone.
type Name<'a> = &'a dyn Fn() -> String;

impl Checker<'_> {
    pub(super) fn conditions(&mut self, query: &mut Query, root: &Node) {
        for (path, condition) in &mut query.conditions {
            // A change looks at its own columns only; what is embedded belongs to its answer.
            let changes = matches!(self.op, Op::Update | Op::Delete | Op::Replace);
            let with_embeds = !(path.is_empty() && changes);
            if path.is_empty() {
                self.condition(&|| print::parameter(path, condition), root, with_embeds, condition);
                continue;
            }
            let parameter = print::parameter(path, condition);
            if let Some(node) = self.locate(&parameter, path, root) {
                self.condition(&|| parameter.clone(), node, with_embeds, condition);
            }
        }
    }

    fn condition(&mut self, parameter: Name<'_>, node: &Node, with_embeds: bool, condition: &Condition) {
        match condition {
            Condition::Filter(filter) => self.filter(parameter, node, with_embeds, filter),
            Condition::Group { members, .. } => {
                for member in members {
                    self.condition(parameter, node, with_embeds, member);
                }
            }
        }
    }

    fn filter(&mut self, parameter: Name<'_>, node: &Node, with_embeds: bool, filter: &Filter) {
        let Some(relation) = node.relation else { return };
        if with_embeds && is_about_embed(node, filter) {
            return;
        }
        if self.is_mistaken_argument(relation, filter) {
            let name = &filter.field.name;
            let detail = format!(
                "the value of the argument \"{name}\" starts like a filter, and PostgREST would take it for \
                 one; call the function by POST"
            );
            return self.refuse(&parameter(), "ambiguous-argument", detail);
        }
        let fits = field_type(relation, &filter.field).and_then(|ty| {
            value::check(ty, &filter.test)
                .map_err(|(code, detail)| (code, format!("\"{}\" {detail}", filter.field.name)))
        });
        if let Err((code, detail)) = fits {
            self.refuse(&parameter(), code, detail);
        }
    }
}

/// `embed=is.null`: whether there is a counterpart at all.
fn is_about_embed(node: &Node, filter: &Filter) -> bool {
    filter.test == Test::Is(Is::Null)
        && filter.field.json.is_empty()
        && node.children.iter().any(|child| child.name == filter.field.name)
}
