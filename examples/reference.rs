//! Prints the API reference as an OpenAPI document; `scripts/docs` writes it into its file.

use chairside::docs;
use chairside::schema::SCHEMA;

fn main() {
    println!("{:#}", docs::openapi(&SCHEMA));
}
