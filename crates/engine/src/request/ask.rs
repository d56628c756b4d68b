//! From the entries of the table to questions.

use std::borrow::Cow;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::facts::{Facts, Need};
use super::said::Said;
use super::{Draft, Drafted};
use crate::decide::{Question, Reason};
use crate::policy::routes::{Ask, Condition, Member, MemberValue, Pointer, Source};
use crate::schema::{Designation, EntityType, Misfit, Reading, Record, Schema, Type, Value};
use crate::slice::{Absent, Lookup};

/// The questions of one request.
pub(super) struct Made {
    /// The principal; `None` where there can be none of that name.
    pub(super) principal: Option<EntityUid>,
    /// In the order of the table. One that cannot be asked is denied for these reasons.
    pub(super) questions: Vec<Result<Question, Vec<Reason>>>,
}

/// Why a question cannot be made.
enum Stop {
    /// A fact is missing.
    Need(Need),
    /// It is denied.
    Refused(Vec<Reason>),
}

impl From<Need> for Stop {
    fn from(need: Need) -> Self {
        Self::Need(need)
    }
}

impl From<Misfit> for Stop {
    fn from(misfit: Misfit) -> Self {
        Self::Refused(vec![Reason::malformed(&misfit)])
    }
}

/// The entity that is designated; `None` where there can be none.
fn principal(schema: &Schema, who: &Designation, facts: &Facts) -> Result<Option<EntityUid>, Need> {
    let Some(entity_type) = schema.entity_type_called(&who.kind) else {
        return Ok(None);
    };
    let by = match &who.attribute {
        None => None,
        Some(name) => match entity_type.shape.attributes.get_key_value(name.as_str()) {
            Some((name, attribute)) => Some((name, &attribute.ty)),
            None => return Ok(None),
        },
    };
    locate(schema, entity_type, by, &who.value, facts)
}

/// The entity of a type that is called so; `None` where there is none, or cannot be.
fn locate(
    schema: &Schema,
    of: &EntityType,
    by: Option<(&Arc<str>, &Type)>,
    name: &str,
    facts: &Facts,
) -> Result<Option<EntityUid>, Need> {
    let Some((attribute, ty)) = by else {
        return Ok(of.entity(name, Reading::Loose).ok());
    };
    let is: Arc<str> = match ty {
        Type::String => Arc::from(name),
        Type::Entity(named) => {
            let named = schema.entity_type(named);
            match named.and_then(|named| named.entity(name, Reading::Loose).ok()) {
                Some(uid) => Arc::from(AsRef::<str>::as_ref(uid.id())),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let lookup = Lookup {
        of: of.name.clone(),
        attribute: Arc::clone(attribute),
        is,
    };
    Ok(facts.find(lookup)?.cloned())
}

/// Makes the questions of one request, by the facts at hand.
pub(super) struct Asking<'a, 'h> {
    pub(super) schema: &'a Schema,
    pub(super) said: &'a Said<'a, 'h>,
    pub(super) facts: &'a Facts,
}

impl Asking<'_, '_> {
    /// All questions of somebody; `Err` with the facts that are missing.
    pub(super) fn made(&self, asks: &[Ask], who: &Designation) -> Result<Made, Vec<Need>> {
        let principal = principal(self.schema, who, self.facts).map_err(|need| vec![need])?;
        let Some(uid) = &principal else {
            let unknown = Reason::absent(Absent::Principal);
            return Ok(Made {
                principal,
                questions: vec![Err(vec![unknown])],
            });
        };
        let drafted = self.drafted(asks)?;
        let questions = drafted
            .into_iter()
            .flatten()
            .filter_map(|drafted| match drafted {
                Drafted::Asked(draft) => Some(self.asked_by(uid, *draft)),
                Drafted::Refused(reasons) => Some(Err(reasons)),
                Drafted::NotAsked | Drafted::Depends => None,
            });
        let questions = questions.collect();
        Ok(Made {
            principal,
            questions,
        })
    }

    /// The drafts of each `ask`; `Err` with all facts that are missing.
    pub(super) fn drafted(&self, asks: &[Ask]) -> Result<Vec<Vec<Drafted>>, Vec<Need>> {
        let (mut drafted, mut needs) = (Vec::with_capacity(asks.len()), Vec::new());
        for ask in asks {
            match self.draft(ask) {
                Ok(each) => drafted.push(each),
                Err(more) => needs.extend(more),
            }
        }
        if needs.is_empty() {
            Ok(drafted)
        } else {
            Err(needs)
        }
    }

    fn asked_by(&self, principal: &EntityUid, draft: Draft) -> Result<Question, Vec<Reason>> {
        let Draft {
            action,
            resource,
            context,
        } = draft;
        let applies = self
            .schema
            .action(&action)
            .is_some_and(|action| action.principals.contains(principal.type_name()));
        if !applies {
            return Err(vec![Reason::other_action()]);
        }
        Question::fitting(principal.clone(), action, resource, context, Vec::new())
            .map_err(|misfit| vec![Reason::malformed(&misfit)])
    }

    /// The drafts of one `ask`: a single one, or one for each element.
    pub(super) fn draft(&self, ask: &Ask) -> Result<Vec<Drafted>, Vec<Need>> {
        let said = self.said;
        let Some(each) = &ask.each else {
            return match self.draft_one(ask, None) {
                Ok(drafted) => Ok(vec![drafted]),
                Err(need) => Err(vec![need]),
            };
        };
        let elements = match said.get(each, None) {
            Ok(Some(elements)) => elements,
            Ok(None) => Cow::Owned(Json::Null),
            Err(misfit) => return Ok(vec![refused(&misfit.within(&each.to_string()))]),
        };
        match &*elements {
            Json::Array(elements) if !elements.is_empty() && elements.len() <= said.questions => {
                let (mut drafts, mut needs) = (Vec::with_capacity(elements.len()), Vec::new());
                for element in elements {
                    match self.draft_one(ask, Some(element)) {
                        Ok(drafted) => drafts.push(drafted),
                        Err(need) => needs.push(need),
                    }
                }
                if needs.is_empty() {
                    Ok(drafts)
                } else {
                    Err(needs)
                }
            }
            _ => {
                let text = format!("an array of 1 to {} elements is wanted", said.questions);
                Ok(vec![refused(&Misfit::new(text).within(&each.to_string()))])
            }
        }
    }

    fn draft_one(&self, ask: &Ask, element: Option<&Json>) -> Result<Drafted, Need> {
        let drafting = Drafting {
            schema: self.schema,
            said: self.said,
            element,
            facts: self.facts,
        };
        match drafting.draft(ask) {
            Ok(Some(draft)) => Ok(Drafted::Asked(Box::new(draft))),
            Ok(None) => Ok(Drafted::NotAsked),
            Err(Stop::Refused(reasons)) => Ok(Drafted::Refused(reasons)),
            Err(Stop::Need(need)) => Err(need),
        }
    }
}

fn refused(misfit: &Misfit) -> Drafted {
    Drafted::Refused(vec![Reason::malformed(misfit)])
}

/// One `ask`, of one request or one element of it, by the facts at hand.
struct Drafting<'a, 's, 'h> {
    schema: &'a Schema,
    said: &'s Said<'s, 'h>,
    element: Option<&'s Json>,
    facts: &'a Facts,
}

impl<'s> Drafting<'_, 's, '_> {
    /// The question; `None` where it is not asked.
    fn draft(&self, ask: &Ask) -> Result<Option<Draft>, Stop> {
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
        // The changed one first, where that is another: a question that is not asked need not name a resource.
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
                Told::Value(value) => {
                    context.insert(Arc::clone(&member.name), value);
                }
                Told::Nothing => {}
                Told::Absent => absent.push(Absent::Context),
            }
        }
        let Some(resource) = resource else {
            absent.insert(0, Absent::Resource);
            return Err(unknown(absent));
        };
        for belongs in &ask.belongs {
            let wanted = self.said.fill(&belongs.is, self.element)?;
            let wanted = wanted.and_then(|said| {
                let read = self.schema.value(&said, &belongs.ty, Reading::Loose);
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
    fn pointed(&self, pointer: &Pointer) -> Result<Option<EntityUid>, Stop> {
        let name = self.said.name(&pointer.name, self.element)?;
        let name =
            name.ok_or_else(|| Misfit::new("is missing").within(&pointer.name.to_string()))?;
        let Some(of) = self.schema.entity_type(&pointer.of) else {
            return Ok(None);
        };
        let by = pointer.by.as_ref().map(|(name, ty)| (name, ty));
        Ok(locate(self.schema, of, by, &name, self.facts)?)
    }

    fn member(&self, member: &Member) -> Result<Told, Stop> {
        let missing = |place: String| Stop::from(Misfit::new("is missing").within(&place));
        match &member.value {
            MemberValue::Constant(value) => Ok(Told::Value(value.clone())),
            MemberValue::Said {
                from,
                choices,
                optional,
            } => {
                let Some(said) = self.said.fill(from, self.element)? else {
                    return if *optional {
                        Ok(Told::Nothing)
                    } else {
                        Err(missing(from.to_string()))
                    };
                };
                if let Some(choices) = choices {
                    let chosen = choices.iter().find(|(name, _)| said.as_str() == Some(name));
                    return match chosen {
                        Some((_, value)) => Ok(Told::Value(value.clone())),
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
                let value = self.schema.value(&said, &member.ty, Reading::Loose);
                Ok(Told::Value(
                    value.map_err(|misfit| misfit.within(&from.to_string()))?,
                ))
            }
            MemberValue::Entity { pointer, optional } => {
                if *optional && self.said.name(&pointer.name, self.element)?.is_none() {
                    return Ok(Told::Nothing);
                }
                let Some(uid) = self.pointed(pointer)? else {
                    return Ok(if *optional {
                        Told::Nothing
                    } else {
                        Told::Absent
                    });
                };
                if *optional && !self.is_known(&uid)? {
                    return Ok(Told::Nothing);
                }
                Ok(Told::Value(Value::Entity(uid)))
            }
        }
    }

    /// Returns true if the store holds an entity, or if none needs to be held.
    fn is_known(&self, uid: &EntityUid) -> Result<bool, Need> {
        let entity_type = self.schema.entity_type(uid.type_name());
        if entity_type.is_some_and(|found| found.choices.is_some()) {
            return Ok(true);
        }
        Ok(self.facts.row(uid)?.is_some())
    }

    fn is_there(&self, pointer: &Pointer) -> Result<bool, Stop> {
        match self.pointed(pointer)? {
            Some(uid) => Ok(self.is_known(&uid)?),
            None => Ok(false),
        }
    }

    fn holds(&self, condition: &Condition, resource: Option<&EntityUid>) -> Result<bool, Stop> {
        match condition {
            Condition::Given(source) => {
                Ok(self.said_at(source)?.is_some_and(|said| !said.is_null()))
            }
            Condition::NotGiven(source) => {
                Ok(self.said_at(source)?.is_none_or(|said| said.is_null()))
            }
            Condition::Known(pointer) => self.is_there(pointer),
            // A name that no entity can have is not the name of a new one.
            Condition::Unknown(pointer) => match self.pointed(pointer)? {
                Some(uid) => Ok(!self.is_known(&uid)?),
                None => Ok(pointer.by.is_some()),
            },
            Condition::Sets(attribute, ty, source) => {
                let Some(said) = self.said_at(source)? else {
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
                            .within(&source.to_string())
                            .into())
                    } else {
                        Ok(false)
                    };
                }
                // A value that does not fit is none that the store could have.
                let value = self.schema.value(&said, ty, Reading::Loose).ok();
                Ok(value.is_none() || value.as_ref() != of.value(attribute))
            }
            Condition::Clears(attribute, source) => {
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
    fn row_of(&self, resource: Option<&EntityUid>) -> Result<Option<Held<'_>>, Need> {
        let Some(resource) = resource else {
            return Ok(None);
        };
        let of = self.schema.entity_type(resource.type_name());
        let row = self.facts.row(resource)?;
        Ok(row.zip(of).map(|(loaded, of)| Held {
            attributes: &loaded.row.attributes,
            of,
        }))
    }
}

/// The attributes of an entity that the store holds.
struct Held<'a> {
    attributes: &'a Record,
    of: &'a EntityType,
}

impl Held<'_> {
    fn value(&self, attribute: &str) -> Option<&Value> {
        self.attributes.get(attribute)
    }

    fn is_required(&self, attribute: &str) -> bool {
        let attribute = self.of.shape.attributes.get(attribute);
        attribute.is_none_or(|attribute| attribute.required)
    }
}

/// The value of a request for a member of the context.
enum Told {
    Value(Value),
    /// Nothing, and it may.
    Nothing,
    /// An entity that is not there.
    Absent,
}

fn unknown(absent: Vec<Absent>) -> Stop {
    Stop::Refused(absent.into_iter().map(Reason::absent).collect())
}
