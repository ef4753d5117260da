//! A small schema with what the clinic's own lacks: ranges, lists, a junction, arguments named like columns.

use crate::schema::{Cardinality, Column, Function, Relationship, Returns, Schema, Table, Type};

const fn column(name: &'static str, ty: Type) -> Column {
    let rules = &[];
    Column {
        name,
        ty,
        pg_type: "",
        nullable: true,
        has_default: false,
        insertable: true,
        updatable: true,
        rules,
        comment: "",
    }
}

const fn optional(name: &'static str, ty: Type) -> Column {
    Column { has_default: true, ..column(name, ty) }
}

const fn table(
    name: &'static str,
    columns: &'static [Column],
    relationships: &'static [Relationship],
) -> Table {
    Table {
        name,
        comment: "",
        is_view: false,
        columns,
        primary_key: &["id"],
        unique: &[&["id"]],
        relationships,
        constraints: &[],
        deletable: true,
    }
}

const fn junction(target: &'static str) -> Relationship {
    Relationship {
        constraint: "",
        cardinality: Cardinality::ManyToMany,
        columns: &["id"],
        target,
        target_columns: &["id"],
        junction: "room_tag",
    }
}

static TABLES: &[Table] = &[
    table(
        "room",
        &[
            column("id", Type::Int4),
            column("busy", Type::Tstzrange),
            column("closed", Type::Daterange),
            column("tags", Type::Array(&Type::Text(0))),
            column("data", Type::Json),
            column("order", Type::Text(0)),
            column("opens", Type::Time),
        ],
        &[junction("tag")],
    ),
    table("tag", &[column("id", Type::Int4), column("label", Type::Text(20))], &[junction("room")]),
];

static FUNCTIONS: &[Function] = &[
    Function {
        name: "free",
        comment: "",
        arguments: &[
            column("ids", Type::Array(&Type::Int4)),
            optional("room_id", Type::Int4),
            optional("at", Type::Date),
        ],
        returns: Returns::Rows(
            &[column("room_id", Type::Int4), column("starts_at", Type::Timestamptz)],
            true,
        ),
        read_only: true,
        internal: false,
        anon: true,
        logged: false,
    },
    Function {
        name: "rooms",
        comment: "",
        arguments: &[],
        returns: Returns::Table("room", true),
        read_only: true,
        internal: false,
        anon: true,
        logged: false,
    },
    Function {
        name: "count_rooms",
        comment: "",
        arguments: &[optional("at", Type::Date)],
        returns: Returns::Scalar(Type::Int4),
        read_only: true,
        internal: false,
        anon: true,
        logged: false,
    },
];

pub(super) static SCHEMA: Schema = Schema { tables: TABLES, functions: FUNCTIONS };
