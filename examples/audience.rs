//! Says what each viewer is shown of a change, for the test that holds `live::audience` against Postgres's policies.
//!
//! Reads lines of `{"change": a row of change_log, "viewers": [{"role", "id"}, …]}`; writes for each a line with an
//! array: per viewer the `data` member of its `postgres_changes` message, or null.

use std::error::Error;
use std::io::{self, BufRead, Write};

use chairside::auth::Role;
use chairside::live::audience::{Sight, Viewer};
use chairside::live::change::Change;
use chairside::live::phoenix::{ChangeFrames, Frame, Vsn};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    change: &'a RawValue,
    viewers: Vec<Asking>,
}

#[derive(Deserialize)]
struct Asking {
    role: String,
    id: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let line: Line<'_> = serde_json::from_str(&line)?;
        let change = Change::parse(line.change.get())?;
        let sight = Sight::new(&change);
        let mut frames = ChangeFrames::new(&change, "epoch", change.seq);
        let shown: Result<Vec<String>, Box<dyn Error>> =
            line.viewers.iter().map(|asking| shown(&sight, &mut frames, &viewer(asking)?)).collect();
        writeln!(out, "[{}]", shown?.join(","))?;
    }
    Ok(out.flush()?)
}

fn viewer(asking: &Asking) -> Result<Viewer, Box<dyn Error>> {
    let role = match asking.role.as_str() {
        "anon" => Role::Anon,
        role => Role::from_clinic_role(role).ok_or("the role is unknown")?,
    };
    Ok(Viewer { role, id: asking.id.as_deref().map(Uuid::try_parse).transpose()? })
}

/// The `data` member as a client of this viewer's reads it.
fn shown(
    sight: &Sight<'_>,
    frames: &mut ChangeFrames<'_>,
    viewer: &Viewer,
) -> Result<String, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct Payload<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let Some(Frame::Text(text)) = frames.frame(Vsn::V2, "realtime:test", sight.of(viewer), &[1]) else {
        return Ok("null".to_owned());
    };
    let (_, _, _, _, payload): (Option<&str>, Option<&str>, &str, &str, Payload<'_>) =
        serde_json::from_str(&text)?;
    Ok(payload.data.get().to_owned())
}
