//! Live rooms, as pure code: what a change is, who may see it, what a client asked for, and how both speak Phoenix.
//!
//! The clock is an argument and nothing here names the runtime; the objects in `shell` feed these modules.

pub mod audience;
pub mod change;
pub mod feed;
pub mod filter;
pub mod moment;
pub mod phoenix;
pub mod room;
pub mod row;
