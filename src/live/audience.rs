//! Who sees which image of a row: row level security, said once more as a pure function.
//!
//! Each arm of [`audience`] is the SELECT policies of one table (`supabase/migrations`); the property test in
//! `tests/e2e/live` holds the two together against real Postgres. A table without an arm is seen by nobody.
//!
//! A person who was deactivated or deleted has no role in Postgres, only the database role `authenticated`: such a
//! viewer sees what anon sees and is a [`Viewer`] with [`Role::Anon`].

use std::collections::BTreeSet;

use uuid::Uuid;

use super::change::{Change, Op, Row};
use crate::auth::Role;
use crate::gathered::gathered;

/// Somebody an authorised subscription speaks for: the live role, not the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// The role that Postgres gives the viewer now.
    pub role: Role,
    /// The user's id; `None` for anon.
    pub id: Option<Uuid>,
}

/// One group of viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody, also anon.
    Public,
    /// Every active person with a role.
    Members,
    /// Every dentist.
    Dentists,
    /// Every receptionist.
    Reception,
    /// Every admin.
    Admin,
    /// This person, in the role of a patient: staff see by their role alone.
    Patient(Uuid),
}

impl Audience {
    /// Whether the viewer belongs to it.
    pub fn includes(self, viewer: &Viewer) -> bool {
        match self {
            Self::Public => true,
            Self::Members => viewer.role != Role::Anon,
            Self::Dentists => viewer.role == Role::Dentist,
            Self::Reception => viewer.role == Role::Receptionist,
            Self::Admin => viewer.role == Role::Admin,
            Self::Patient(id) => viewer.role == Role::Patient && viewer.id == Some(id),
        }
    }
}

/// Everybody who sees one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudienceSet {
    audiences: Vec<Audience>,
    /// The image is this person's own row of `user`, and gives this role: as another one, the person sees nothing.
    own: Option<(Uuid, Role)>,
}

impl AudienceSet {
    /// Whether the viewer sees the image.
    pub fn includes(&self, viewer: &Viewer) -> bool {
        let role_holds = self.own.is_none_or(|(id, role)| viewer.id != Some(id) || viewer.role == role);
        role_holds && self.audiences.iter().any(|audience| audience.includes(viewer))
    }

    /// The groups.
    pub fn audiences(&self) -> &[Audience] {
        &self.audiences
    }

    /// The people for whom it matters who they are: of all others in a role, each sees what any of them sees.
    fn named(&self) -> impl Iterator<Item = Uuid> {
        let patients = self.audiences.iter().filter_map(|audience| match audience {
            Audience::Patient(id) => Some(*id),
            _ => None,
        });
        patients.chain(self.own.map(|(id, _)| id))
    }
}

/// What a viewer, or one binding of it, is shown of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visible {
    /// Nothing.
    Nothing,
    /// An INSERT with the record.
    Insert,
    /// An UPDATE with the record and the whole old record.
    Update,
    /// An UPDATE with the record and of the old record only the key: the row was not visible before.
    Appeared,
    /// A DELETE with the key: the row is gone, or gone from sight.
    Delete,
}

impl Visible {
    /// The operation that the client reads.
    pub const fn op(self) -> Option<Op> {
        match self {
            Self::Nothing => None,
            Self::Insert => Some(Op::Insert),
            Self::Update | Self::Appeared => Some(Op::Update),
            Self::Delete => Some(Op::Delete),
        }
    }
}

/// A change with the audiences of both its images: worked out once, then asked for each viewer.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// The change.
    pub change: &'a Change,
    before: Option<AudienceSet>,
    after: Option<AudienceSet>,
}

impl<'a> Sight<'a> {
    /// The audiences of the change.
    pub fn new(change: &'a Change) -> Self {
        let of = |image: &Option<Row>| image.as_ref().map(|row| audience(change.table.name, row));
        Self { change, before: of(&change.old_record), after: of(&change.record) }
    }

    /// Whether the viewer sees the row as it was before; false when there was none.
    pub fn before(&self, viewer: &Viewer) -> bool {
        self.before.as_ref().is_some_and(|set| set.includes(viewer))
    }

    /// Whether the viewer sees the row as it is after; false when there is none.
    pub fn after(&self, viewer: &Viewer) -> bool {
        self.after.as_ref().is_some_and(|set| set.includes(viewer))
    }

    /// Those whose sight of it is not that of their role alone.
    pub fn named(&self) -> BTreeSet<Uuid> {
        gathered(self.before.iter().chain(&self.after).flat_map(AudienceSet::named))
    }

    /// What the viewer is shown.
    pub fn of(&self, viewer: &Viewer) -> Visible {
        match (self.change.op, self.before(viewer), self.after(viewer)) {
            (Op::Insert, _, true) => Visible::Insert,
            (_, true, true) => Visible::Update,
            (_, false, true) => Visible::Appeared,
            (_, true, false) => Visible::Delete,
            (_, false, false) => Visible::Nothing,
        }
    }
}

/// What this one viewer is shown of the change.
pub fn visible(change: &Change, viewer: &Viewer) -> Visible {
    Sight::new(change).of(viewer)
}

/// Who sees an image of a row of this table.
pub fn audience(table: &str, image: &Row) -> AudienceSet {
    let rule = rule(table);
    AudienceSet {
        audiences: rule.map(|rule| rule(image)).unwrap_or_default(),
        own: if table == "user" { own_row(image) } else { None },
    }
}

type Rule = fn(&Row) -> Vec<Audience>;

/// The rule of a table; `None` for tables that have none.
fn rule(table: &str) -> Option<Rule> {
    Some(match table {
        "user" => user,
        "role" => |_| vec![Audience::Members],
        "patient_medical_history" => medical_history,
        "service" => service,
        "appointment" => appointment,
        "appointment_has_service" => appointment_has_service,
        "treatment_records" => treatment_records,
        "invoices" => invoices,
        "payment" => payment,
        "insurance_detail" => insurance_detail,
        "inventory" => inventory,
        _ => return None,
    })
}

/// The person whose own row this is with the role it gives, Anon when it gives none.
fn own_row(image: &Row) -> Option<(Uuid, Role)> {
    let is_live = image.is_null("deleted_at") && image.text("status").as_deref() == Some("active");
    let role = match image.get("role_id") {
        Some("1") if is_live => Role::Patient,
        Some("2") if is_live => Role::Dentist,
        Some("3") if is_live => Role::Receptionist,
        Some("4") if is_live => Role::Admin,
        _ => Role::Anon,
    };
    image.uuid("id").map(|id| (id, role))
}

fn user(image: &Row) -> Vec<Audience> {
    let mut seen_by = vec![Audience::Admin];
    seen_by.extend(patients(image, &["id"]));
    if image.is_null("deleted_at") {
        seen_by.extend([Audience::Dentists, Audience::Reception]);
    }
    seen_by
}

fn medical_history(image: &Row) -> Vec<Audience> {
    let live = || [vec![Audience::Dentists], patients(image, &["patient_id"])].concat();
    unless_deleted(image, "deleted_at", live)
}

fn service(image: &Row) -> Vec<Audience> {
    unless_deleted(image, "deleted_at", || match image.get("active") {
        Some("true") => vec![Audience::Public],
        _ => vec![Audience::Dentists, Audience::Reception],
    })
}

fn appointment(image: &Row) -> Vec<Audience> {
    unless_deleted(image, "deleted_at", || staff_and(patients(image, &["patient_id"])))
}

fn appointment_has_service(image: &Row) -> Vec<Audience> {
    unless_deleted(image, "appointment_deleted_at", || staff_and(patients(image, &["patient_id"])))
}

fn treatment_records(image: &Row) -> Vec<Audience> {
    let mut seen_by = vec![Audience::Dentists, Audience::Admin];
    if status_differs(image, "entered_in_error") {
        seen_by.extend(patients(image, &["patient_id"]));
    }
    seen_by
}

fn invoices(image: &Row) -> Vec<Audience> {
    let mut seen_by = vec![Audience::Dentists, Audience::Reception, Audience::Admin];
    if status_differs(image, "draft") {
        seen_by.extend(patients(image, &["patient_id", "guarantor_id"]));
    }
    seen_by
}

fn payment(image: &Row) -> Vec<Audience> {
    let mut seen_by = vec![Audience::Reception, Audience::Admin];
    seen_by.extend(patients(image, &["patient_id"]));
    seen_by
}

fn insurance_detail(image: &Row) -> Vec<Audience> {
    unless_deleted(image, "deleted_at", || staff_and(patients(image, &["patient_id", "subscriber_id"])))
}

fn inventory(image: &Row) -> Vec<Audience> {
    unless_deleted(image, "deleted_at", || staff_and(Vec::new()))
}

/// Admin always; the others while the row is not deleted. A row without the column counts as deleted.
fn unless_deleted(image: &Row, column: &str, live: impl FnOnce() -> Vec<Audience>) -> Vec<Audience> {
    let mut seen_by = vec![Audience::Admin];
    if image.is_null(column) {
        seen_by.extend(live());
    }
    seen_by
}

fn staff_and(others: Vec<Audience>) -> Vec<Audience> {
    [vec![Audience::Dentists, Audience::Reception], others].concat()
}

/// The people these columns name, as patients.
fn patients(image: &Row, columns: &[&str]) -> Vec<Audience> {
    columns.iter().filter_map(|column| image.uuid(column)).map(Audience::Patient).collect()
}

/// A status that is there and is another one.
fn status_differs(image: &Row, hidden: &str) -> bool {
    image.text("status").is_some_and(|status| status != hidden)
}

#[cfg(test)]
mod tests;
