//! Tests of the whole of `auth`: RFC vectors, tokens signed here, headers, the key cache, the allow-list.

mod apikey;
mod bearer;
mod cache;
mod claims;
mod confusion;
mod fuzz;
mod keys;
mod routes;
mod signing;
mod vectors;
