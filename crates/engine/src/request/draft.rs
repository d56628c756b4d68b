//! The draft of one question: an entry's conditions, its resource and its context.

use std::borrow::Cow;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::Draft;
use super::facts::{MissingFact, StoreFacts};
use super::locate::{Unlocated, locate};
use super::said::RequestContents;
use crate::decide::Reason;
use crate::policy::routes::{Ask, AskCondition, Choices, Member, MemberValue, Pointer, Source};
use crate::schema::{EntityType, JsonOrigin, Misfit, Record, Schema, Value};
use crate::slice::Absent;

/// Why a question cannot be made.
pub(super) enum Undrafted {
    /// A fact is missing.
    Fact(MissingFact),
    /// It is denied.
    Refused(Vec<Reason>),
}

impl From<MissingFact> for Undrafted {
    fn from(need: MissingFact) -> Self {
        Self::Fact(need)
    }
}

impl From<Misfit> for Undrafted {
    fn from(misfit: Misfit) -> Self {
        Self::Refused(vec![Reason::malformed(&misfit)])
    }
}

/// One `ask`, of one request or one element of it, by the facts at hand.
pub(super) struct Drafter<'a, 's, 'h> {
    pub(super) schema: &'a Schema,
    pub(super) said: &'s RequestContents<'s, 'h>,
    pub(super) element: Option<&'s Json>,
    pub(super) facts: &'a StoreFacts,
}

impl<'s> Drafter<'_, 's, '_> {
    /// The question; `None` where it is not asked.
    pub(super) fn draft(&self, ask: &Ask) -> Result<Option<Draft>, Undrafted> {
        // A question that is not asked need not name a resource.
        let (of_resource, others): (Vec<_>, Vec<_>) = ask
            .when
            .iter()
            .partition(|condition| condition.is_of_resource());
        for condition in others {
            if !self.holds(condition, None)? {
                return Ok(None);
            }
        }
        // The changed one first, where that is another: a question that is not asked need not
        // name a resource.
        let changed = self.pointed(ask.changed.as_ref().unwrap_or(&ask.resource))?;
        for condition in of_resource {
            if !self.holds(condition, changed.as_ref())? {
                return Ok(None);
            }
        }
        let resource = match &ask.changed {
            Some(_) => self.pointed(&ask.resource)?,
            None => changed,
        };
        let mut absent = Vec::new();
        let mut context = Record::new();
        for member in &ask.context {
            match self.member(member)? {
                ContextMember::Value(value) => {
                    context.insert(Arc::clone(&member.name), value);
                }
                ContextMember::Nothing => {}
                ContextMember::Absent => absent.push(Absent::Context),
            }
        }
        let Some(resource) = resource else {
            absent.insert(0, Absent::Resource);
            return Err(unknown(absent));
        };
        for belongs in &ask.belongs {
            let wanted = self.said.fill(&belongs.is, self.element)?;
            let wanted = wanted.and_then(|said| {
                let read = self.schema.value(&said, &belongs.ty, JsonOrigin::Loose);
                read.ok()
            });
            // One that is not there is unknown whatever it belongs to.
            if let Some(loaded) = self.facts.row(&resource)? {
                let is = loaded.row.attributes.get(&belongs.attribute);
                if wanted.is_none() || is != wanted.as_ref() {
                    return Err(unknown(vec![Absent::Resource]));
                }
            }
        }
        if !absent.is_empty() {
            return Err(unknown(absent));
        }
        Ok(Some(Draft {
            action: ask.action.clone(),
            resource,
            context,
        }))
    }

    /// The entity that the request names; `None` where there is none, or cannot be.
    fn pointed(&self, pointer: &Pointer) -> Result<Option<EntityUid>, Undrafted> {
        let name = self.said.name(&pointer.name, self.element)?;
        let name =
            name.ok_or_else(|| Misfit::new("is missing").within(&pointer.name.to_string()))?;
        let Some(of) = self.schema.entity_type(&pointer.of) else {
            return Ok(None);
        };
        let by = pointer.by.as_ref().map(|(name, ty)| (name, ty));
        locate(self.schema, of, by, &name, self.facts).map_err(|unlocated| match unlocated {
            Unlocated::Fact(need) => need.into(),
            Unlocated::NoName(misfit) => misfit.within(&pointer.name.to_string()).into(),
        })
    }

    fn member(&self, member: &Member) -> Result<ContextMember, Undrafted> {
        let missing = |place: String| Undrafted::from(Misfit::new("is missing").within(&place));
        match &member.value {
            MemberValue::Constant(value) => Ok(ContextMember::Value(value.clone())),
            MemberValue::Said {
                from,
                choices,
                optional,
            } => {
                let Some(said) = self.said.fill(from, self.element)? else {
                    return if *optional {
                        Ok(ContextMember::Nothing)
                    } else {
                        Err(missing(from.to_string()))
                    };
                };
                if let Some(choices) = choices {
                    return match chosen(choices, &said) {
                        Some(value) => Ok(ContextMember::Value(value.clone())),
                        None => {
                            let names: Vec<_> = choices
                                .iter()
                                .map(|(name, _)| format!("`{name}`"))
                                .collect();
                            let text = format!("one of {} is wanted", names.join(", "));
                            Err(Misfit::new(text).within(&from.to_string()).into())
                        }
                    };
                }
                let value = self.schema.value(&said, &member.ty, JsonOrigin::Loose);
                Ok(ContextMember::Value(
                    value.map_err(|misfit| misfit.within(&from.to_string()))?,
                ))
            }
            MemberValue::Entity { pointer, optional } => {
                if *optional && self.said.name(&pointer.name, self.element)?.is_none() {
                    return Ok(ContextMember::Nothing);
                }
                let Some(uid) = self.pointed(pointer)? else {
                    return Ok(if *optional {
                        ContextMember::Nothing
                    } else {
                        ContextMember::Absent
                    });
                };
                if *optional && !self.is_known(&uid)? {
                    return Ok(ContextMember::Nothing);
                }
                Ok(ContextMember::Value(Value::Entity(uid.into())))
            }
        }
    }

    /// Returns true if the store holds an entity, or if none needs to be held. What it does not
    /// hold could be about to be made, so it has to be the name of something new.
    fn is_known(&self, uid: &EntityUid) -> Result<bool, Undrafted> {
        let entity_type = self.schema.entity_type(uid.type_name());
        if entity_type.is_some_and(|found| found.choices.is_some()) {
            return Ok(true);
        }
        let is_held = self.facts.row(uid)?.is_some();
        if !is_held && let Some(of) = entity_type {
            of.check_new(uid.id().as_ref())?;
        }
        Ok(is_held)
    }

    fn is_there(&self, pointer: &Pointer) -> Result<bool, Undrafted> {
        match self.pointed(pointer)? {
            Some(uid) => self.is_known(&uid),
            None => Ok(false),
        }
    }

    fn holds(
        &self,
        condition: &AskCondition,
        resource: Option<&EntityUid>,
    ) -> Result<bool, Undrafted> {
        match condition {
            AskCondition::Given(source) => {
                Ok(self.said_at(source)?.is_some_and(|said| !said.is_null()))
            }
            AskCondition::NotGiven(source) => {
                Ok(self.said_at(source)?.is_none_or(|said| said.is_null()))
            }
            AskCondition::Known(pointer) => self.is_there(pointer),
            // A name that no entity can have is not the name of a new one.
            AskCondition::Unknown(pointer) => match self.pointed(pointer)? {
                Some(uid) => Ok(!self.is_known(&uid)?),
                None => Ok(pointer.by.is_some()),
            },
            AskCondition::Sets {
                attribute,
                ty,
                to,
                choices,
            } => {
                let Some(said) = self.said_at(to)? else {
                    return Ok(false);
                };
                let Some(of) = self.row_of(resource)? else {
                    // To be asked about what is not there is to be denied.
                    return Ok(!said.is_null());
                };
                if said.is_null() {
                    let required = of.is_required(attribute);
                    return if required {
                        Err(Misfit::new("`null` is no value of it")
                            .within(&to.to_string())
                            .into())
                    } else {
                        Ok(false)
                    };
                }
                // A value that does not fit is none that the store could have.
                let value = match choices {
                    Some(choices) => chosen(choices, &said).cloned(),
                    None => self.schema.value(&said, ty, JsonOrigin::Loose).ok(),
                };
                Ok(value.is_none() || value.as_ref() != of.value(attribute))
            }
            AskCondition::Clears(attribute, source) => {
                if !self.said_at(source)?.is_some_and(|said| said.is_null()) {
                    return Ok(false);
                }
                let of = self.row_of(resource)?;
                Ok(of.is_none_or(|of| of.value(attribute).is_some()))
            }
        }
    }

    fn said_at(&self, source: &Source) -> Result<Option<Cow<'s, Json>>, Misfit> {
        self.said
            .raw(source, self.element)
            .map_err(|misfit| misfit.within(&source.to_string()))
    }

    /// The resource as the store holds it.
    fn row_of(
        &self,
        resource: Option<&EntityUid>,
    ) -> Result<Option<StoredAttributes<'_>>, MissingFact> {
        let Some(resource) = resource else {
            return Ok(None);
        };
        let of = self.schema.entity_type(resource.type_name());
        let row = self.facts.row(resource)?;
        Ok(row.zip(of).map(|(loaded, of)| StoredAttributes {
            attributes: &loaded.row.attributes,
            of,
        }))
    }
}

/// The attributes of an entity that the store holds.
struct StoredAttributes<'a> {
    attributes: &'a Record,
    of: &'a EntityType,
}

impl StoredAttributes<'_> {
    fn value(&self, attribute: &str) -> Option<&Value> {
        self.attributes.get(attribute)
    }

    fn is_required(&self, attribute: &str) -> bool {
        let attribute = self.of.shape.attributes.get(attribute);
        attribute.is_none_or(|attribute| attribute.required)
    }
}

/// The value of a request for a member of the context.
enum ContextMember {
    Value(Value),
    /// Nothing, and it may.
    Nothing,
    /// An entity that is not there.
    Absent,
}

/// The value that a text stands for.
fn chosen<'a>(choices: &'a Choices, said: &Json) -> Option<&'a Value> {
    let chosen = choices.iter().find(|(name, _)| said.as_str() == Some(name));
    chosen.map(|(_, value)| value)
}

fn unknown(absent: Vec<Absent>) -> Undrafted {
    Undrafted::Refused(absent.into_iter().map(Reason::absent).collect())
}
