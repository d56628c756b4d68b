//! The condition of a plan as an expression of Cerbos's.
//!
//! Adapters make SQL of it, each its own. So only those operators are used that all of them write
//! alike, with NULL as "no": nothing is negated but a test of a value that is there. What some would
//! write otherwise is an error: LIKE, which ignores case in some databases, and the size of a set.
//! Columns are compared as the database compares them.

use serde_json::{Value as Json, json};

use super::super::problem::Problem;
use peppol_authz_engine::schema::{RecordType, Schema, Type};
use peppol_authz_engine::store::Comparison;
use peppol_authz_engine::{ROW_ID, RowAttribute, RowCondition, RowPlan, RowTest};

/// Whole numbers up to this one are exact where all numbers are doubles.
const EXACT: u64 = 1 << 53;

/// An expression on a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// The same for all rows.
    Constant(bool),
    /// An operand of a condition.
    Operand(Json),
}

/// Writes the expression of a condition on rows of one type.
struct ExpressionWriter<'a> {
    shape: &'a RecordType,
}

impl Expression {
    /// The expression of a plan.
    ///
    /// # Errors
    /// A condition that adapters do not write alike.
    pub(super) fn of(plan: &RowPlan, schema: &Schema) -> Result<Self, Problem> {
        let found = schema.entity_type(&plan.of);
        let found = found.ok_or_else(|| Problem::Internal("a plan of no type".to_owned()))?;
        match &plan.condition {
            RowCondition::Always => Ok(Self::Constant(true)),
            RowCondition::Never => Ok(Self::Constant(false)),
            condition => {
                let writer = ExpressionWriter {
                    shape: &found.shape,
                };
                writer.condition(condition).map(Self::Operand)
            }
        }
    }

    /// All of them.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut operands: Vec<Json> = Vec::new();
        for part in parts {
            match part {
                Self::Constant(true) => {}
                Self::Constant(false) => return part,
                Self::Operand(operand) if operands.contains(&operand) => {}
                Self::Operand(operand) => operands.push(operand),
            }
        }
        match operands.len() {
            0 => Self::Constant(true),
            1 => operands.pop().map_or(Self::Constant(false), Self::Operand),
            _ => Self::Operand(expression("and", operands)),
        }
    }

    /// The text of it, for a reader.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Constant(value) => format!("({value})"),
            Self::Operand(operand) => text(operand),
        }
    }
}

fn text(operand: &Json) -> String {
    if let Some(expression) = operand.get("expression") {
        let operator = expression.get("operator").and_then(Json::as_str);
        let operands = expression.get("operands").and_then(Json::as_array);
        let operands = operands.into_iter().flatten().map(text);
        let parts: Vec<String> = operator
            .map(str::to_owned)
            .into_iter()
            .chain(operands)
            .collect();
        return format!("({})", parts.join(" "));
    }
    match operand.get("variable").and_then(Json::as_str) {
        Some(variable) => variable.to_owned(),
        None => operand.get("value").unwrap_or(&Json::Null).to_string(),
    }
}

fn expression(operator: &str, operands: Vec<Json>) -> Json {
    json!({"expression": {"operator": operator, "operands": operands}})
}

fn variable(attribute: &RowAttribute) -> Json {
    match &*attribute.name {
        ROW_ID => json!({"variable": "request.resource.id"}),
        name => json!({"variable": format!("request.resource.attr.{name}")}),
    }
}

fn compare(operator: &str, attribute: &RowAttribute, value: impl Into<Json>) -> Json {
    let value: Json = value.into();
    expression(operator, vec![variable(attribute), json!({"value": value})])
}

fn texts(texts: &[std::sync::Arc<str>]) -> Json {
    texts.iter().map(|text| text.to_string()).collect()
}

fn not_exact(attribute: &RowAttribute, why: &str) -> Problem {
    Problem::PlanNotExact(format!(
        "`resource.{}`: {why}; `/v1/plan` can say it",
        attribute.name
    ))
}

impl ExpressionWriter<'_> {
    fn condition(&self, condition: &RowCondition) -> Result<Json, Problem> {
        let all = |parts: &[RowCondition]| -> Result<Vec<Json>, Problem> {
            parts.iter().map(|part| self.condition(part)).collect()
        };
        match condition {
            RowCondition::Always => Ok(json!({"value": true})),
            RowCondition::Never => Ok(json!({"value": false})),
            RowCondition::All(parts) => Ok(expression("and", all(parts)?)),
            RowCondition::Any(parts) => Ok(expression("or", all(parts)?)),
            RowCondition::Holds(attribute, test) => self.test(attribute, test),
            RowCondition::Related(attribute, _) => {
                Err(not_exact(attribute, "an adapter knows no table of it"))
            }
        }
    }

    fn test(&self, attribute: &RowAttribute, test: &RowTest) -> Result<Json, Problem> {
        match test {
            RowTest::Present => self.present(attribute),
            RowTest::Absent => Ok(compare("eq", attribute, Json::Null)),
            RowTest::Bool(value) => Ok(compare("eq", attribute, *value)),
            RowTest::Long(_, than) if than.unsigned_abs() > EXACT => Err(not_exact(
                attribute,
                "it is compared with a number that is no exact double",
            )),
            RowTest::Long(comparison, than) => {
                let operator = match comparison {
                    Comparison::Equal => "eq",
                    Comparison::Less => "lt",
                    Comparison::LessOrEqual => "le",
                    Comparison::Greater => "gt",
                    Comparison::GreaterOrEqual => "ge",
                    Comparison::NotEqual => {
                        return Ok(self.other(attribute, compare("ne", attribute, *than)));
                    }
                };
                Ok(compare(operator, attribute, *than))
            }
            RowTest::IsOneOf(values) => Ok(one_of(attribute, values)),
            RowTest::IsNoneOf(values) => Ok(self.none_of(attribute, values)),
            RowTest::Like(pieces) => match &**pieces {
                [whole] => Ok(compare("eq", attribute, &**whole)),
                [first, last] if first.is_empty() && last.is_empty() => self.present(attribute),
                _ => Err(pattern(attribute)),
            },
            RowTest::NotLike(pieces) => match &**pieces {
                [whole] => Ok(self.other(attribute, compare("ne", attribute, &**whole))),
                _ => Err(pattern(attribute)),
            },
            RowTest::Contains(values) => Ok(compare("hasIntersection", attribute, texts(values))),
            // Where it may be absent, adapters take a set that is not there for an empty one.
            RowTest::Lacks(values) if attribute.required => {
                let common = compare("hasIntersection", attribute, texts(values));
                Ok(expression("not", vec![common]))
            }
            RowTest::Lacks(_) => Err(not_exact(
                attribute,
                "the set may be absent, and adapters take that for an empty one",
            )),
            RowTest::Empty(_) => Err(not_exact(
                attribute,
                "adapters do not agree on the size of a set",
            )),
        }
    }

    /// A test of other values, where the value is there: NULL is none for some adapters, and another
    /// value for others.
    fn other(&self, attribute: &RowAttribute, test: Json) -> Json {
        match attribute.required {
            true => test,
            false => expression("and", vec![compare("ne", attribute, Json::Null), test]),
        }
    }

    fn none_of(&self, attribute: &RowAttribute, values: &[std::sync::Arc<str>]) -> Json {
        let test = match values {
            [value] => compare("ne", attribute, &**value),
            values => expression("not", vec![one_of(attribute, values)]),
        };
        self.other(attribute, test)
    }

    /// The value is there. An adapter may know that a column is never NULL, and then refuse to
    /// compare it with `null`: what every entity has is compared with a value both ways.
    fn present(&self, attribute: &RowAttribute) -> Result<Json, Problem> {
        if !attribute.required {
            return Ok(compare("ne", attribute, Json::Null));
        }
        let some: Json = match self.type_of(&attribute.name) {
            Some(Type::Bool) => false.into(),
            Some(Type::Long) => 0.into(),
            Some(Type::String | Type::Entity(_)) => "".into(),
            _ => return Err(not_exact(attribute, "adapters cannot ask if it is there")),
        };
        let either = ["eq", "ne"].map(|operator| compare(operator, attribute, some.clone()));
        Ok(expression("or", either.into()))
    }

    fn type_of(&self, path: &str) -> Option<Type> {
        if path == ROW_ID {
            return Some(Type::String);
        }
        let mut at = self.shape;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let found = &at.attributes.get(name)?.ty;
            match (names.peek(), found) {
                (None, found) => return Some(found.clone()),
                (Some(_), Type::Record(record)) => at = record,
                _ => return None,
            }
        }
        None
    }
}

fn one_of(attribute: &RowAttribute, values: &[std::sync::Arc<str>]) -> Json {
    match values {
        [value] => compare("eq", attribute, &**value),
        values => compare("in", attribute, texts(values)),
    }
}

fn pattern(attribute: &RowAttribute) -> Problem {
    not_exact(
        attribute,
        "it is compared with a pattern, and adapters use LIKE, which ignores case in some databases",
    )
}
