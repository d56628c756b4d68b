//! A statement that finds the candidates of a search.
//!
//! Alternatives of a condition become queries of their own, so that each can be found
//! by its own index. One that names the few it holds of is run to its end and sorted;
//! any other follows the order of ids and stops when there are enough.

mod dialect;

use std::sync::Arc;

use super::views::quoted;
use peppol_authz_engine::store::Candidates;
use peppol_authz_engine::store::{AncestorTest, Condition, Operand, ValueTest};

pub(super) use dialect::{Dialect, Parameter, ValuePlace, comparison_sql};

/// Alternatives that are queried one by one; where there would be more, they are
/// tested together.
const BRANCHES: usize = 16;

/// Bytes of a pattern; a longer one is not tested. Databases limit that.
const PATTERN: usize = 10_000;

/// A statement and its parameters.
#[derive(Clone, Debug)]
pub(super) struct SelectStatement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Parameter>,
}

/// The ids of entities of a type that a condition may hold of, in the order of their
/// bytes, those behind `after`, at most `limit`.
pub(super) fn statement(dialect: &dyn Dialect, wanted: &Candidates) -> SelectStatement {
    let Candidates {
        of,
        condition,
        after,
        limit,
    } = wanted;
    let view = of.to_string();
    let mut writer = Writer {
        dialect,
        parameters: Vec::new(),
        aliases: 0,
    };
    let row = Row {
        alias: "e".to_owned(),
        view: view.clone(),
    };
    let id = dialect.collated(&dialect.text(&row.column("id")));
    let limit = writer.parameter(Parameter::Long(i64::try_from(*limit).unwrap_or(i64::MAX)));
    let behind = after.as_ref().map(|after| {
        let after = writer.text(after);
        format!("{id} > {after}")
    });
    let mut queries = Vec::new();
    for conjuncts in branches(condition) {
        let selective = conjuncts.iter().any(Condition::is_selective);
        // A row without an id is nobody's, and would count for the limit.
        let mut tests = vec![dialect.present(&row.column("id"))];
        tests.extend(
            conjuncts
                .iter()
                .map(|conjunct| writer.condition(conjunct, &row, selective)),
        );
        tests.extend(behind.clone());
        let tests = joined(tests, "AND");
        let query = format!(
            "SELECT {id} AS id FROM {} AS e WHERE {tests}",
            quoted(&view)
        );
        queries.push(if selective {
            query
        } else {
            format!("SELECT id FROM ({query} ORDER BY {id} LIMIT {limit}) AS walked")
        });
    }
    // Materialized: or a database might follow the order of ids, and look at all, for
    // the sake of the limit.
    let sql = format!(
        "WITH found AS MATERIALIZED ({}) SELECT id FROM found ORDER BY id LIMIT {limit}",
        queries.join(" UNION ")
    );
    SelectStatement {
        sql,
        parameters: writer.parameters,
    }
}

/// Alternatives, each with all that has to hold. Never empty.
fn branches(condition: &Condition) -> Vec<Vec<Condition>> {
    let mut branches = vec![Vec::new()];
    let conjuncts = match condition {
        Condition::All(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    for conjunct in conjuncts {
        match conjunct {
            Condition::Any(parts)
                if parts.iter().any(Condition::is_selective)
                    && branches.len() * parts.len() <= BRANCHES =>
            {
                branches = branches
                    .iter()
                    .flat_map(|branch| {
                        parts.iter().map(|part| {
                            let part = match part {
                                Condition::All(parts) => parts.clone(),
                                other => vec![other.clone()],
                            };
                            [branch.as_slice(), &part].concat()
                        })
                    })
                    .collect();
            }
            other => branches
                .iter_mut()
                .for_each(|branch| branch.push(other.clone())),
        }
    }
    branches
}

/// A row of a view in the statement.
#[derive(Clone)]
struct Row {
    alias: String,
    view: String,
}

impl Row {
    fn column(&self, column: &str) -> ValuePlace {
        ValuePlace::Column {
            alias: self.alias.clone(),
            view: self.view.clone(),
            column: column.to_owned(),
        }
    }
}

struct Writer<'a> {
    dialect: &'a dyn Dialect,
    parameters: Vec<Parameter>,
    aliases: usize,
}

impl Writer<'_> {
    fn parameter(&mut self, parameter: Parameter) -> String {
        let same = self.parameters.iter().position(|other| *other == parameter);
        let place = same.unwrap_or_else(|| {
            self.parameters.push(parameter.clone());
            self.parameters.len() - 1
        });
        self.dialect.parameter(place + 1, &parameter)
    }

    fn text(&mut self, text: &Arc<str>) -> String {
        self.parameter(Parameter::Text(Arc::clone(text)))
    }

    fn row(&mut self, view: String) -> Row {
        self.aliases += 1;
        Row {
            alias: format!("e{}", self.aliases),
            view,
        }
    }

    /// With `leads` the database may find the rows by this condition. Without, it only tests each row that
    /// another condition finds.
    fn condition(&mut self, condition: &Condition, row: &Row, leads: bool) -> String {
        match condition {
            Condition::Always => "TRUE".to_owned(),
            Condition::Never => "FALSE".to_owned(),
            Condition::All(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|p| self.condition(p, row, leads))
                    .collect();
                joined(parts, "AND")
            }
            Condition::Any(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|p| self.condition(p, row, false))
                    .collect();
                joined(parts, "OR")
            }
            Condition::Holds(operand, test) => {
                let place = match operand {
                    Operand::Id => row.column("id"),
                    Operand::Attribute(name) => row.column(name),
                    Operand::Text(text) => ValuePlace::Parameter(self.text(text)),
                };
                self.test(test, &place, leads)
            }
        }
    }

    fn test(&mut self, test: &ValueTest, place: &ValuePlace, leads: bool) -> String {
        let dialect = self.dialect;
        match test {
            ValueTest::All(tests) => self.tests(tests, place, leads, "AND"),
            ValueTest::Any(tests) => self.tests(tests, place, false, "OR"),
            ValueTest::Present => dialect.present(place),
            ValueTest::Absent => dialect.absent(place),
            ValueTest::Bool(value) => dialect.bool(place, *value),
            ValueTest::Long(comparison, than) => {
                let than = self.parameter(Parameter::Long(*than));
                dialect.long(place, *comparison, &than)
            }
            ValueTest::Is(text) | ValueTest::Chosen(text) => {
                let text = self.text(text);
                or_object(place, format!("{} = {text}", dialect.text(place)), dialect)
            }
            ValueTest::IsNot(text) => {
                let text = self.text(text);
                or_object(place, format!("{} <> {text}", dialect.text(place)), dialect)
            }
            ValueTest::IsNoneOf(texts) => {
                let found = self.is_one_of(&dialect.text(place), texts);
                or_object(place, format!("NOT ({found})"), dialect)
            }
            ValueTest::IsOneOf(texts) => {
                let found = self.is_one_of(&dialect.text(place), texts);
                or_object(place, found, dialect)
            }
            ValueTest::Like(texts) | ValueTest::NotLike(texts) => {
                let pattern = dialect.pattern(texts);
                if pattern.len() > PATTERN {
                    return "TRUE".to_owned();
                }
                let pattern = self.text(&pattern.into());
                dialect.like(place, &pattern, matches!(test, ValueTest::Like(_)))
            }
            // An element that is an entity may be written as an object.
            ValueTest::Contains(texts) => {
                let found = self.is_one_of("element", texts);
                let found = format!("({found} OR element LIKE '{{%')");
                dialect.element(place, &found, true).unwrap_or_else(yes)
            }
            ValueTest::Lacks(texts) => {
                let found = self.is_one_of("element", texts);
                let found = format!("({found} AND element NOT LIKE '{{%')");
                dialect.element(place, &found, false).unwrap_or_else(yes)
            }
            ValueTest::Empty(empty) => dialect.empty(place, *empty).unwrap_or_else(yes),
            ValueTest::Member(name, test) => self.member(name, test, place),
            ValueTest::Attribute { of, name, test } => {
                let other = self.row(of.to_string());
                let place_there = other.column(name);
                let leads = leads && test.is_selective();
                let passes = self.test(test, &place_there, leads);
                self.is_id(place, &other, &passes, leads)
            }
            ValueTest::Tag { of, key, test } => {
                let tags = self.row(format!("{of}.tags"));
                let passes = self.tag(&tags, "key", key, test);
                self.is_id(place, &tags, &passes, leads)
            }
            ValueTest::NoTag { of, key } => {
                let tags = self.row(format!("{of}.tags"));
                let passes = self.tag(&tags, "key", key, &ValueTest::Present);
                let found = self.is_in(place, &tags, "id", &passes, false);
                or_object(place, format!("NOT {found}"), dialect)
            }
            ValueTest::KeyOf { of, id, test } => {
                let tags = self.row(format!("{of}.tags"));
                let passes = self.tag(&tags, "id", id, test);
                self.is_in(place, &tags, "key", &passes, leads)
            }
            ValueTest::NoKeyOf { of, id } => {
                let tags = self.row(format!("{of}.tags"));
                let passes = self.tag(&tags, "id", id, &ValueTest::Present);
                format!("NOT {}", self.is_in(place, &tags, "key", &passes, false))
            }
            ValueTest::Below(above) => {
                let below = self.below(place, above);
                or_object(place, below, dialect)
            }
            ValueTest::NotBelow(above) => {
                let below = self.below(place, above);
                or_object(place, format!("NOT ({below})"), dialect)
            }
        }
    }

    fn is_one_of(&mut self, text: &str, texts: &Arc<[Arc<str>]>) -> String {
        if let [one] = &**texts {
            let one = self.text(one);
            return format!("{text} = {one}");
        }
        let texts = self.parameter(Parameter::Texts(Arc::clone(texts)));
        self.dialect.one_of(text, &texts)
    }

    fn tests(
        &mut self,
        tests: &[ValueTest],
        place: &ValuePlace,
        leads: bool,
        joint: &str,
    ) -> String {
        let tests: Vec<_> = tests.iter().map(|t| self.test(t, place, leads)).collect();
        joined(tests, joint)
    }

    fn member(&mut self, name: &str, test: &ValueTest, place: &ValuePlace) -> String {
        // Every database has its own way to quote any others in a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(plain) || name.is_empty() {
            return yes();
        }
        let (column, mut path) = match place {
            ValuePlace::Member { column, path } => (column.clone(), path.clone()),
            other => (Box::new(other.clone()), Vec::new()),
        };
        let is_inner = !path.is_empty();
        path.push(name.to_owned());
        let member = ValuePlace::Member {
            column: column.clone(),
            path,
        };
        let passes = self.test(test, &member, false);
        if is_inner {
            return passes;
        }
        self.dialect.members(&column, &passes).unwrap_or_else(yes)
    }

    /// A condition on a row of `….tags`: one of its columns is that text, and the value passes.
    fn tag(&mut self, tags: &Row, column: &str, text: &Arc<str>, test: &ValueTest) -> String {
        let text = self.text(text);
        let value = tags.column("value");
        // A tag whose value is NULL is none.
        let mut passes = self.test(test, &value, false);
        if *test != ValueTest::Present {
            passes = format!("{} AND {passes}", self.dialect.present(&value));
        }
        let column = self.dialect.text(&tags.column(column));
        format!("{column} = {text} AND {passes}")
    }

    /// That a value is the id of some row that passes.
    fn is_id(&self, place: &ValuePlace, row: &Row, passes: &str, leads: bool) -> String {
        let found = self.is_in(place, row, "id", passes, leads);
        or_object(place, found, self.dialect)
    }

    /// That a value is what some row that passes has in a column.
    fn is_in(
        &self,
        place: &ValuePlace,
        row: &Row,
        column: &str,
        passes: &str,
        leads: bool,
    ) -> String {
        let Row { alias, view } = row;
        let view = quoted(view);
        let (there, here) = self.dialect.texts(&row.column(column), place);
        if leads {
            format!("{here} IN (SELECT {there} FROM {view} AS {alias} WHERE {passes})")
        } else {
            format!("EXISTS (SELECT 1 FROM {view} AS {alias} WHERE {there} = {here} AND {passes})")
        }
    }

    /// All that is below an entity, step by step.
    fn below(&mut self, place: &ValuePlace, above: &AncestorTest) -> String {
        let AncestorTest {
            of,
            above,
            id,
            through,
        } = above;
        let (above, id) = (self.text(above), self.text(id));
        self.aliases += 1;
        let name = format!("below{}", self.aliases);
        let steps: Vec<String> = through
            .iter()
            .map(|child| {
                let parents = Row {
                    alias: "p".to_owned(),
                    view: format!("{child}.parents"),
                };
                let dialect = self.dialect;
                let column = |name| dialect.collated(&dialect.text(&parents.column(name)));
                format!(
                    "SELECT {} AS child_type, {} AS child, {} AS parent_type, {} AS parent FROM {} AS p",
                    dialect.collated(&literal(child)),
                    column("id"),
                    column("type"),
                    column("parent"),
                    quoted(&parents.view),
                )
            })
            .collect();
        let steps = steps.join(" UNION ALL ");
        let of = self.dialect.collated(&literal(of));
        format!(
            "{} IN (WITH RECURSIVE {name}(entity_type, id) AS (\
             SELECT child_type, child FROM ({steps}) AS near WHERE parent_type = {above} AND parent = {id} \
             UNION \
             SELECT child_type, child FROM ({steps}) AS far JOIN {name} \
             ON far.parent_type = {name}.entity_type AND far.parent = {name}.id) \
             SELECT id FROM {name} WHERE entity_type = {of} AND id IS NOT NULL)",
            self.dialect.collated(&self.dialect.text(place)),
        )
    }
}

/// In JSON, an entity may be written as an object: such are let through.
fn or_object(place: &ValuePlace, found: String, dialect: &dyn Dialect) -> String {
    if place.is_json() {
        format!("({found} OR {} LIKE '{{%')", dialect.text(place))
    } else {
        found
    }
}

/// Stands for a condition that SQL cannot express.
fn yes() -> String {
    "TRUE".to_owned()
}

/// Conditions joined in pairs, and those in pairs: databases limit how deep an
/// expression may be.
pub(super) fn joined(mut parts: Vec<String>, joint: &str) -> String {
    while parts.len() > 1 {
        parts = parts
            .chunks(2)
            .map(|pair| match pair {
                [one, two] => format!("({one} {joint} {two})"),
                other => other.concat(),
            })
            .collect();
    }
    parts.pop().unwrap_or_else(yes)
}

/// A name as a text: of types, which come from the schema.
fn literal(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

#[cfg(test)]
mod tests;
