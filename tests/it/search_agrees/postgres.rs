//! A world in tables of PostgreSQL, whose columns have any type and any collation.

use super::shape::{KINDS, Ty};
use super::sqlite::written;
use super::world::{Val, World};
use crate::postgres::server::Database;
use crate::rules::rng::Rng;

const TEXT: [&str; 10] = [
    "text",
    "text",
    "varchar",
    "varchar(4000) COLLATE \"C\"",
    "text COLLATE \"und-x-icu\"",
    "text COLLATE \"POSIX\"",
    "text COLLATE anycase",
    "citext",
    "word",
    "bpchar",
];

/// The types that columns may have.
const TYPES: &str = "
    CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE DOMAIN word AS text COLLATE \"und-x-icu\";";

fn declared(rng: &mut Rng, ty: Ty, citext: bool) -> &'static str {
    let found = match ty {
        Ty::Bool => rng.pick(["boolean", "boolean", "integer", "text", "smallint", "word"]),
        Ty::Long => rng.pick([
            "bigint",
            "bigint",
            "integer",
            "numeric",
            "text",
            "text COLLATE anycase",
        ]),
        Ty::Text | Ty::Of(_) => rng.pick(TEXT),
        Ty::Set(Ty::Long) => rng.pick(["jsonb", "json", "text", "bigint[]"]),
        Ty::Set(_) => rng.pick([
            "jsonb",
            "json",
            "text",
            "text[]",
            "citext",
            "jsonb string",
            "word",
        ]),
        Ty::Record(_) => rng.pick([
            "jsonb",
            "jsonb",
            "json",
            "text",
            "citext",
            "jsonb string",
            "text COLLATE anycase",
            "word",
        ]),
    };
    if found == "citext" && !citext {
        "text"
    } else {
        found
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn sql(rng: &mut Rng, value: Option<&Val>, of: &str) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(Val::Bool(value)) => match of {
            "integer" | "smallint" => i32::from(*value).to_string(),
            "text" | "word" if rng.percent(50) => format!("'{}'", i32::from(*value)),
            _ => format!("'{value}'"),
        },
        Some(Val::Long(value)) => match of {
            "integer" => format!("'{}'", i32::try_from(*value).unwrap_or(7)),
            "text" if rng.percent(10) && *value > 0 => format!("'+00{value}'"),
            _ => format!("'{value}'"),
        },
        Some(Val::Text(text) | Val::Of(_, text)) => literal(text),
        Some(Val::Set(values)) if of.ends_with("[]") => {
            let texts: Vec<_> = values
                .iter()
                .map(|value| sql(rng, Some(value), ""))
                .collect();
            format!("ARRAY[{}]::{of}", texts.join(", "))
        }
        Some(value) => {
            let json = value.json(rng);
            let text = written(rng, &json);
            match of {
                "jsonb string" => literal(&serde_json::to_string(&text).unwrap()),
                _ => literal(&text),
            }
        }
    }
}

/// Makes the tables.
pub(super) fn fill(world: &World, rng: &mut Rng, database: &Database) {
    let citext = database.sql("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'") == "1";
    let mut text = TYPES.to_owned();
    if citext {
        text.push_str("CREATE EXTENSION citext;");
    }
    let declare = |rng: &mut Rng, ty: Ty| declared(rng, ty, citext);
    for kind in KINDS.iter().filter(|kind| kind.name != "Outside") {
        let name = kind.name;
        let real = |declared: &str| declared.replace(" string", "");
        let types: Vec<_> = kind
            .attributes
            .iter()
            .map(|it| declare(rng, it.ty))
            .collect();
        let mut columns = vec![format!("id {}", declare(rng, Ty::Text))];
        for (attribute, declared) in kind.attributes.iter().zip(&types) {
            columns.push(format!("\"{}\" {}", attribute.name, real(declared)));
        }
        let value = declare(rng, kind.tags.unwrap_or(Ty::Text));
        let [one, two, three, four] = [(); 4].map(|()| declare(rng, Ty::Text));
        text.push_str(&format!(
            "CREATE TABLE \"{name}\" ({});
             CREATE TABLE \"{name}.parents\" (id {one}, type text, parent {two});
             CREATE TABLE \"{name}.tags\" (id {three}, key {four}, value {});\n",
            columns.join(", "),
            real(value)
        ));
        if rng.percent(20) {
            text.push_str(&format!("INSERT INTO \"{name}\" DEFAULT VALUES;\n"));
        }
        for entity in world.entities.iter().filter(|it| it.kind.name == name) {
            let id = literal(&entity.id);
            let mut row = vec![id.clone()];
            for (value, of) in entity.attributes.iter().zip(&types) {
                row.push(sql(rng, value.as_ref(), of));
            }
            text.push_str(&format!(
                "INSERT INTO \"{name}\" VALUES ({});\n",
                row.join(", ")
            ));
            for (parent, of) in &entity.parents {
                text.push_str(&format!(
                    "INSERT INTO \"{name}.parents\" VALUES ({id}, '{parent}', {});\n",
                    literal(of)
                ));
            }
            for (key, of) in &entity.tags {
                let of = rng.percent(95).then_some(of);
                text.push_str(&format!(
                    "INSERT INTO \"{name}.tags\" VALUES ({id}, {}, {});\n",
                    literal(key),
                    sql(rng, of, value)
                ));
            }
        }
    }
    database.sql(&text);
}
