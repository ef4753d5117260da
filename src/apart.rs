//! Futures in functions of their own.

use std::pin::Pin;

/// Puts a future in a place and a function of its own. Without it everything that a request may come to is compiled into one
/// function, which the runtime compiles as a whole before the first answer, and each caller of a future gets a copy of it. One that a
/// `cfg!` leaves out is not linked either.
pub fn apart<'a, T>(future: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}
