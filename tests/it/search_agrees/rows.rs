//! The condition of a plan is true of exactly those rows of a service's own table that are allowed
//! one by one, each as its row describes it: random policies, entities and rows, in SQLite and in
//! PostgreSQL, whose columns have any collation.

mod cases;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_database::{RowColumns, RowDialect, RowSql};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Failure, RowPlanOptions, Verdict};
use serde_json::{Map, Value as Json, json};

use super::shape::{self, CHOICES, KINDS, Ty};
use super::world::{Entity, Val, World};
use super::{Opening, in_sqlite, linked, policies, seed, worlds};
use crate::deciding::{Deciding, Refused, plan_options};
use crate::rules::rng::Rng;
use tables::{PostgresTables, RowTables, SqliteTables};

/// The type of the rows: no store serves it.
const ROW: &str = "Outside";

/// Types whose rows the service has too.
const RELATED: [&str; 4] = ["Org", "Team", "Person", "Folder"];

/// Counts of the plans, so that a test that compares nothing is noticed.
#[derive(Debug, Default)]
struct PlanCounts {
    plans: usize,
    conditional: usize,
    related: usize,
    too_wide: usize,
    not_exact: usize,
    found: usize,
    rows: usize,
}

/// Rows that are no entities of a world's, with all that a row may be.
fn random_rows(rng: &mut Rng, world: &World) -> Vec<Entity> {
    let kind = KINDS.iter().find(|kind| kind.name == ROW).unwrap();
    let count = rng.between(15, 25);
    let rows = (0..count).map(|number| {
        let mut attributes: Vec<Option<Val>> = kind
            .attributes
            .iter()
            .map(|attribute| world.attribute(rng, attribute))
            .collect();
        for value in &mut attributes {
            match value {
                Some(Val::Of(kind, id)) if *kind != "Kind" && rng.percent(4) => {
                    *id = rng.pick(["ghost", "a", "A", "a "]).to_owned();
                }
                Some(Val::Of("Kind", id)) if rng.percent(2) => *id = id.to_lowercase(),
                _ if rng.percent(2) => *value = None,
                _ => {}
            }
        }
        Entity {
            kind,
            id: match rng.below(8) {
                0 => format!("Outside{number}"),
                _ => format!("row{number}"),
            },
            attributes,
            parents: Vec::new(),
            tags: Vec::new(),
        }
    });
    rows.collect()
}

/// A row as a caller describes it.
fn described(rng: &mut Rng, row: &Entity) -> Json {
    let pairs = row.kind.attributes.iter().zip(&row.attributes);
    let attributes: Map<String, Json> = pairs
        .filter_map(|(attribute, value)| {
            let value = value.as_ref()?;
            Some((attribute.name.to_owned(), value.json(rng)))
        })
        .collect();
    json!({"uid": {"type": ROW, "id": row.id}, "attrs": attributes, "parents": []})
}

/// Names of the tables of other types.
fn columns(bundle: &Bundle) -> RowColumns {
    let tables: Map<String, Json> = RELATED
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"$table": format!("rows_{name}")}),
            )
        })
        .collect();
    RowColumns::read(&Json::Object(tables), &bundle.schema, None).unwrap()
}

/// The rows that are allowed, and those of which nobody can be asked.
fn asked(
    rng: &mut Rng,
    deciding: &Deciding,
    wanted: &Json,
    rows: &[Entity],
) -> (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
    let (mut allowed, mut none, mut malformed) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let mut question = wanted.clone();
        question["resource"] = json!({"type": ROW, "id": row.id});
        question["entities"] = json!([described(rng, row)]);
        match deciding.ask(&question) {
            Ok(decision) if decision.verdict == Verdict::Allow => {
                allowed.insert(row.id.clone());
            }
            Ok(_) => {}
            Err(Refused::Failed(Failure::Tenancy(_) | Failure::Described)) => {
                none.insert(row.id.clone());
            }
            Err(Refused::Malformed(_)) => {
                malformed.insert(row.id.clone());
            }
            Err(other) => panic!("{other:?}\n{question}"),
        }
    }
    (allowed, none, malformed)
}

fn hold<S: Store + 'static>(
    usual: u64,
    dialect: RowDialect,
    tables: impl Fn(&World, &[Entity], &mut Rng) -> Box<dyn RowTables>,
    store: impl Fn(&World, &mut Rng) -> Opening<S>,
) {
    let schema = shape::schema();
    let (mut seen, mut links) = (PlanCounts::default(), 0);
    for number in worlds(usual) {
        let mut rng = Rng::new(seed() * 1_000_033 + number);
        let world = World::random(&mut rng, dialect == RowDialect::Sqlite);
        let rows = random_rows(&mut rng, &world);
        let tables = tables(&world, &rows, &mut rng);
        let store = store(&world, &mut rng);
        for set in 0..20 {
            let (mut policies, mut bundle) =
                policies::on_resources(&mut rng, &world, &schema, ("touch", "Person", ROW));
            let mut sql = String::new();
            if set % 2 == 1 {
                let set = linked::stored(&mut rng, &world, &schema, &policies);
                (policies, bundle, sql) = (set.policies, set.bundle, set.links);
                links += sql.matches("INSERT").count();
            }
            let deciding = Deciding::with_cache(store(&sql), Arc::clone(&bundle), 64 << 20);
            let columns = columns(&bundle);
            for _ in 0..2 {
                let wanted = json!({
                    "principal": {"type": "Person", "id": world.id(&mut rng, "Person", 10)},
                    "action": {"type": "Action", "id": "touch"},
                    "resource": {"type": ROW},
                    "context": context(&mut rng, &world),
                });
                let options = RowPlanOptions {
                    ids: rng.pick([1, 2, 10_000, 10_000]),
                    tables: match rng.percent(60) {
                        true => columns.tables().collect(),
                        false => Default::default(),
                    },
                    ..plan_options()
                };
                seen.plans += 1;
                let plan = match deciding.plan(&wanted, &options) {
                    Ok(plan) => plan,
                    Err(Refused::Failed(Failure::NotExact { .. })) => {
                        seen.not_exact += 1;
                        continue;
                    }
                    Err(Refused::Failed(Failure::PlanTooWide { .. })) => {
                        seen.too_wide += 1;
                        continue;
                    }
                    Err(Refused::Failed(Failure::Tenancy(_))) => continue,
                    Err(other) => panic!("{other:?}\n{wanted}\n{policies}"),
                };
                let tree = plan.condition.to_json().to_string();
                seen.conditional += usize::from(plan.kind() == "conditional");
                seen.related += usize::from(tree.contains("\"related\""));
                let sql = RowSql::of(&plan.condition, &plan.of, &columns, dialect);
                let found = tables.found(&sql);
                let (allowed, none, malformed) = asked(&mut rng, &deciding, &wanted, &rows);
                let said = || {
                    format!(
                        "{wanted}\n{tree}\n{sql:#?}\n{policies}\nallowed {allowed:?}\nfound {found:?}"
                    )
                };
                for row in &rows {
                    let is_found = found.contains(&row.id);
                    if malformed.contains(&row.id) {
                        let lacks = lacks_what_is_read(row, &tree);
                        assert!(!(is_found && lacks), "{row:?}\n{}", said());
                    } else if !none.contains(&row.id) {
                        assert_eq!(is_found, allowed.contains(&row.id), "{row:?}\n{}", said());
                    }
                }
                seen.found += found.len();
                seen.rows += rows.len();
            }
        }
    }
    assert!(seen.conditional > seen.plans / 8, "{seen:?}");
    assert!(seen.related + seen.too_wide > 0 && links > 0, "{seen:?}");
    assert!(
        seen.found > seen.rows / 20 && seen.found < seen.rows,
        "{seen:?}"
    );
}

/// A row without something that every entity has, and that the tree reads, or with a value that is in no
/// vocabulary.
fn lacks_what_is_read(row: &Entity, tree: &str) -> bool {
    let mut pairs = row.kind.attributes.iter().zip(&row.attributes);
    pairs.any(|(attribute, value)| {
        let read = tree.contains(&format!("\"attribute\":\"{}\"", attribute.name));
        let is_none = match value {
            None => !attribute.optional,
            Some(Val::Of("Kind", id)) => !CHOICES.contains(&id.as_str()),
            Some(_) => false,
        };
        is_none && read
    })
}

/// A context without an entity that only a caller could describe.
fn context(rng: &mut Rng, world: &World) -> Json {
    let mut context = world.context(rng);
    context.as_object_mut().unwrap().remove("outside");
    context
}

#[test]
fn rows_in_sqlite() {
    let tables = |world: &World, rows: &[Entity], rng: &mut Rng| -> Box<dyn RowTables> {
        Box::new(SqliteTables::new(world, rows, rng))
    };
    hold(3, RowDialect::Sqlite, tables, in_sqlite);
}

#[test]
fn rows_in_postgres() {
    let tables = |world: &World, rows: &[Entity], rng: &mut Rng| -> Box<dyn RowTables> {
        Box::new(PostgresTables::new(world, rows, rng))
    };
    hold(2, RowDialect::Postgres, tables, in_sqlite);
}

/// The columns of a kind's table: a member of a record has one of its own, and the record too.
fn flat(attributes: &[shape::Attribute], before: &str) -> Vec<(String, Ty)> {
    let mut columns = Vec::new();
    for attribute in attributes {
        let name = format!("{before}{}", attribute.name);
        columns.push((name.clone(), attribute.ty));
        if let Ty::Record(members) = attribute.ty {
            columns.extend(flat(members, &format!("{name}.")));
        }
    }
    columns
}

/// The values of these columns.
fn values(attributes: &[shape::Attribute], record: &[Option<Val>]) -> Vec<Option<Val>> {
    let mut found = Vec::new();
    for (attribute, value) in attributes.iter().zip(record) {
        found.push(value.clone());
        if let Ty::Record(members) = attribute.ty {
            let inner = members.iter().map(|member| match value {
                Some(Val::Record(values)) => {
                    let value = values.iter().find(|(name, _)| *name == member.name);
                    value.map(|(_, value)| value.clone())
                }
                _ => None,
            });
            found.extend(values(members, &inner.collect::<Vec<_>>()));
        }
    }
    found
}
