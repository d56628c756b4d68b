//! A claim about an entity, tried on a row that names it.
//!
//! The row is made up: it has nothing but the attributes that lead to the entity. A real question about
//! such a row would walk the same plan of the same policies, so that the entities which are gathered
//! here are those of a decision.

use std::sync::Arc;

use cedar_policy::{
    Entities, EntityId, EntityTypeName, EntityUid, EvalResult, Expression, Request, eval_expression,
};

use super::formula::Terms;
use crate::decide::{Decider, Failure};
use crate::policy::{Bundle, ReadingPlan, Shard};
use crate::schema::{Record, Row, Schema, Type, Value, expression};
use crate::search::Search;
use crate::slice::{Gathered, Loaded, Missing, NamedEntities, SeenEntity, StateReading};
use crate::store::Tags;

/// Terms whose expressions can be evaluated.
pub(super) enum Evaluable {
    All(Vec<Evaluable>),
    Any(Vec<Evaluable>),
    Is(Box<Expression>, bool),
}

impl Evaluable {
    pub(super) fn of(terms: &Terms) -> Self {
        match terms {
            Terms::All(all) => Self::All(all.iter().map(Self::of).collect()),
            Terms::Any(any) => Self::Any(any.iter().map(Self::of).collect()),
            Terms::Is(of, want) => Self::Is(Box::new(expression(of)), *want),
        }
    }

    fn holds(&self, request: &Request, entities: &Entities) -> bool {
        match self {
            Self::All(all) => all.iter().all(|terms| terms.holds(request, entities)),
            Self::Any(any) => any.iter().any(|terms| terms.holds(request, entities)),
            Self::Is(expression, want) => {
                let found = eval_expression(request, entities, expression);
                matches!(found, Ok(EvalResult::Bool(found)) if found == *want)
            }
        }
    }
}

/// A row that names an entity, to try claims on.
pub(super) struct Trial {
    resource: EntityUid,
    rows: Vec<Arc<Loaded>>,
}

/// The end of a trial.
pub(super) enum Tried {
    /// The claim holds, or does not.
    Settled(bool),
    /// These have to be loaded first.
    Missing(Vec<Missing>),
}

impl Trial {
    /// A row of a type that names nothing.
    pub(super) fn of_nothing(of: &EntityTypeName) -> Result<Self, Failure> {
        let row = made_up(of, 0, Record::new());
        Ok(Self {
            resource: row.uid.clone(),
            rows: vec![loaded(row)?],
        })
    }

    /// A row of a type whose attributes lead to an entity; the entity itself where none do.
    pub(super) fn naming(
        entity: EntityUid,
        reference: &[Arc<str>],
        of: &EntityTypeName,
        schema: &Schema,
    ) -> Result<Self, Failure> {
        let unfit = || Failure::Tenancy("attributes that the schema does not have".to_owned());
        let mut owners = Vec::with_capacity(reference.len());
        let mut at = Type::Entity(of.clone());
        for name in reference {
            let attributes = match &at {
                Type::Entity(name) => {
                    let found = schema.entity_type(name).ok_or_else(unfit)?;
                    Arc::clone(&found.shape)
                }
                Type::Record(record) => Arc::clone(record),
                _ => return Err(unfit()),
            };
            let attribute = attributes.attributes.get(name).ok_or_else(unfit)?;
            owners.push((std::mem::replace(&mut at, attribute.ty.clone()), name));
        }
        let mut rows = Vec::new();
        let mut value = Value::Entity(entity.into());
        for (place, (owner, name)) in owners.into_iter().enumerate().rev() {
            let record: Record = std::iter::once((Arc::clone(name), value)).collect();
            value = match owner {
                Type::Entity(name) => {
                    let row = made_up(&name, place, record);
                    let uid = row.uid.clone();
                    rows.push(loaded(row)?);
                    Value::Entity(uid.into())
                }
                _ => Value::Record(Arc::new(record)),
            };
        }
        match value {
            Value::Entity(resource) => Ok(Self {
                resource: EntityUid::clone(&resource),
                rows,
            }),
            _ => Err(unfit()),
        }
    }

    /// Tries a claim by what a reading has at hand.
    pub(super) fn tries(
        &self,
        claim: &Evaluable,
        search: &Search,
        (bundle, shard, plan): (&Bundle, &Shard, &ReadingPlan),
        reading: &StateReading<'_>,
    ) -> Result<Tried, Failure> {
        let named = NamedEntities {
            principal: Some(&search.known),
            resource: Some(&self.resource),
            context: search.context.record(),
        };
        let gathered = reading.gather_with(named, &search.described, plan, self.rows.as_slice())?;
        let slice: Vec<SeenEntity> = match gathered {
            Gathered::Whole { seen, .. } => seen,
            Gathered::Missing(missing) => return Ok(Tried::Missing(missing)),
            // Every question about it is denied.
            Gathered::Absent(_) => return Ok(Tried::Settled(false)),
        };
        let decider = Decider { bundle, shard };
        let entities = decider.entities(slice.iter().map(|seen| &seen.loaded.entity))?;
        let request = Request::new(
            search.known.clone(),
            search.action.clone(),
            self.resource.clone(),
            search.context.cedar().clone(),
            None,
        )
        .map_err(|error| Failure::Tenancy(error.to_string()))?;
        Ok(Tried::Settled(claim.holds(&request, &entities)))
    }
}

/// An entity that no store holds: nobody can name its id.
fn made_up(of: &EntityTypeName, place: usize, attributes: Record) -> Row {
    Row {
        uid: EntityUid::from_type_name_and_id(of.clone(), EntityId::new(format!("\0{place}"))),
        attributes,
        ancestors: Vec::new(),
        tags: Tags::new(),
    }
}

fn loaded(row: Row) -> Result<Arc<Loaded>, Failure> {
    let entity = row.to_entity();
    let entity = entity.map_err(|misfit| Failure::Tenancy(misfit.to_string()))?;
    Ok(Arc::new(Loaded {
        row,
        entity: entity.into(),
    }))
}
