//! `change_log` as it grows, and PostgREST in front of it.

use chairside::auth::Role;
use chairside::live::audience::{Viewer, Visible, visible};
use chairside::live::change::Change;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Random;

pub const PATIENT_1: &str = "00000000-0000-4000-8000-0000000a0001";
pub const PATIENT_2: &str = "00000000-0000-4000-8000-0000000a0002";
pub const ADMIN: &str = "00000000-0000-4000-8000-0000000000f1";
pub const DENTIST: &str = "00000000-0000-4000-8000-0000000000d1";

/// The viewer that a token of these tests stands for.
pub fn viewer(token: &str) -> Viewer {
    let (role, id) = match token {
        "admin" => (Role::Admin, Some(ADMIN)),
        "reception" => (Role::Receptionist, Some("00000000-0000-4000-8000-0000000000c1")),
        "dentist" => (Role::Dentist, Some(DENTIST)),
        "patient-1" => (Role::Patient, Some(PATIENT_1)),
        "patient-2" => (Role::Patient, Some(PATIENT_2)),
        _ => (Role::Anon, None),
    };
    Viewer { role, id: id.and_then(|id| Uuid::parse_str(id).ok()) }
}

/// An appointment of a patient.
pub fn appointment(id: u64, patient: &str, status: &str) -> Value {
    json!({
        "id": format!("00000000-0000-4000-8000-{id:012}"), "patient_id": patient, "dentist_id": DENTIST,
        "status": status, "notes": null, "version": 1, "deleted_at": null,
    })
}

/// A row of `change_log`.
pub fn row(seq: u64, table: &str, before: Option<&Value>, after: Option<&Value>) -> Value {
    let op = match (before, after) {
        (None, _) => "INSERT",
        (_, Some(_)) => "UPDATE",
        _ => "DELETE",
    };
    let id = after.or(before).map(|image| image["id"].clone());
    json!({
        "seq": seq, "table_name": table, "op": op, "key": {"id": id}, "record": after, "old_record": before,
        "subjects": [], "at": "2026-11-24T15:30:32.120000+00:00",
    })
}

#[derive(Debug)]
pub struct Postgres {
    pub log: Vec<(u64, Value)>,
    next_seq: u64,
    appointments: Vec<Value>,
    pub is_down: bool,
}

impl Postgres {
    pub fn new() -> Self {
        Self { log: Vec::new(), next_seq: 1, appointments: Vec::new(), is_down: false }
    }

    pub fn newest(&self) -> Option<u64> {
        self.log.last().map(|(seq, _)| *seq)
    }

    /// Numbers that are never seen: transactions that were rolled back.
    pub fn burn(&mut self, numbers: u64) {
        self.next_seq += numbers;
    }

    pub fn push(&mut self, table: &str, before: Option<&Value>, after: Option<&Value>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.log.push((seq, row(seq, table, before, after)));
        seq
    }

    /// Some change of some appointment.
    pub fn commit(&mut self, random: &mut Random) -> u64 {
        if random.one_in(6) {
            self.burn(random.within(1, 3));
        }
        let patient = if random.one_in(2) { PATIENT_1 } else { PATIENT_2 };
        let status = if random.one_in(2) { "confirmed" } else { "scheduled" };
        if self.appointments.is_empty() || random.one_in(3) {
            let new = appointment(self.log.len() as u64 + 1, patient, status);
            self.appointments.push(new.clone());
            return self.push("appointment", None, Some(&new));
        }
        let at = usize::try_from(random.next()).unwrap_or(0) % self.appointments.len();
        let before = self.appointments[at].clone();
        let mut after = before.clone();
        after["status"] = status.into();
        if random.one_in(3) {
            after["patient_id"] = patient.into();
        }
        if random.one_in(8) {
            after["deleted_at"] = "2026-11-24T15:30:32+00:00".into();
            self.appointments.remove(at);
        } else {
            self.appointments[at] = after.clone();
        }
        self.push("appointment", Some(&before), Some(&after))
    }

    /// The body of a backfill.
    pub fn after(&self, seq: u64, limit: u64) -> String {
        let rows = self.log.iter().filter(|(of, _)| *of > seq).take(usize::try_from(limit).unwrap_or(0));
        Value::Array(rows.map(|(_, row)| row.clone()).collect()).to_string()
    }

    /// What a viewer is shown of everything with a `seq` in `after..=upto`.
    pub fn visible_to(&self, viewer: &Viewer, after: u64, upto: u64) -> Vec<u64> {
        let within = self.log.iter().filter(|(seq, _)| *seq > after && *seq <= upto);
        let shown = within.filter(|(_, row)| {
            let change = Change::parse(&row.to_string()).expect("a row of these tests is a change");
            visible(&change, viewer) != Visible::Nothing
        });
        shown.map(|(seq, _)| *seq).collect()
    }
}
