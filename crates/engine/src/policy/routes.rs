//! The route table: the questions that a request at a gateway is.
//!
//! A table is TOML beside the schema (`schema/routes.toml`). It is read and checked at
//! load, with the policies: each entry fits the schema, and no two entries can match
//! one request. A request that is not in it is denied.

mod alike;
mod ask;
mod ask_reader;
mod collection;
mod conditions;
mod display;
mod glob;
mod member;
mod overlap;
mod pattern;
mod places;
mod read;
mod target;
mod template;
mod text_fault;
mod toml;
mod unfilled;
mod way;

use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

use crate::schema::{Map, Type, Value};
use pattern::{Method, Pattern};

pub use alike::{Likeness, RequestTemplate};
pub(crate) use target::folded;
pub use target::{Captures, RequestTarget};
pub use unfilled::UNFILLED;
pub use way::ClaimStep;

/// A valid table.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    index: Index,
}

/// The entries that can match, by method and number of segments.
#[derive(Debug, Default)]
struct Index(Map<(Method, usize), Vec<usize>>);

/// One entry: requests of one method to the paths of one template.
#[derive(Debug)]
pub struct Route {
    /// As it is written, `PUT /orgs/{orgId}`.
    pub request: Arc<str>,
    /// The reason why anybody may send it, without a principal; such a route asks nothing.
    pub public: Option<Arc<str>>,
    /// The reason why nobody may send it, whatever other entry matches it; such a route asks nothing.
    pub denied: Option<Arc<str>>,
    /// Its questions, in order. All that apply have to be allowed.
    pub asks: Vec<Ask>,
    /// The rows of the service that it lists.
    pub collection: Option<Collection>,
    /// True if any of them reads the body.
    pub reads_body: bool,
    /// Where in the file, in bytes.
    pub place: Range<usize>,
    pattern: Pattern,
}

/// Rows that a service has itself and lists: what may be seen of them a plan says.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The action that has to be allowed on each.
    pub action: EntityUid,
    /// The type of their entities.
    pub of: EntityTypeName,
}

/// One question that a request may be.
#[derive(Debug)]
pub struct Ask {
    /// The action.
    pub action: EntityUid,
    /// The resource.
    pub resource: Pointer,
    /// Attributes of the resource that have to be what the request names too:
    /// `/orgs/o-1/aps/ap-2` is nothing if `ap-2` belongs to another organisation.
    pub belongs: Vec<Belongs>,
    /// The members of the context.
    pub context: Vec<Member>,
    /// It is asked where all of these hold.
    pub when: Vec<AskCondition>,
    /// The entity that [`AskCondition::Sets`] and [`AskCondition::Clears`] are about, where it is not the
    /// resource.
    pub changed: Option<Pointer>,
    /// Asked once for each element of this array.
    pub each: Option<Source>,
}

/// An attribute of the resource that the request names.
#[derive(Debug)]
pub struct Belongs {
    /// The attribute.
    pub attribute: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// The value that it has to have.
    pub is: Template,
}

/// A member of a context.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// Its value.
    pub value: MemberValue,
}

/// The texts that a request may say, each with the value that it stands for.
pub type Choices = Vec<(Arc<str>, Value)>;

/// Where the value of a member comes from.
#[derive(Debug)]
pub enum MemberValue {
    /// Always the same.
    Constant(Value),
    /// A text of the request, read by the member's type. Where choices are listed, it has to be
    /// one of these, each of which stands for a value.
    Said {
        /// The text.
        from: Template,
        /// The texts that it may be, each with the value that it stands for.
        choices: Option<Choices>,
        /// True if the member is left out where the request does not have the text.
        optional: bool,
    },
    /// An entity; where it is optional, left out when the store does not hold it.
    Entity {
        /// The entity.
        pointer: Pointer,
        /// True if it may be missing.
        optional: bool,
    },
}

/// An entity that a request names.
#[derive(Debug)]
pub struct Pointer {
    /// Its type.
    pub of: EntityTypeName,
    /// The attribute by which it is named; without one, its id. An attribute is of type String or
    /// an entity, whose id is meant then.
    pub by: Option<(Arc<str>, Type)>,
    /// Its id, or the value of the attribute.
    pub name: Template,
}

/// Text with references to a request in it: `iso6523-actorid-upis::{path.party}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// In order; never empty.
    pub parts: Vec<TemplatePart>,
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// As it stands.
    Text(Arc<str>),
    /// The text in that place of the request.
    From(Source),
}

/// A place in a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A parameter of the path.
    Path(Arc<str>),
    /// A parameter of the query.
    Query(Arc<str>),
    /// A header, in lower case.
    Header(Arc<str>),
    /// A claim of the token, from the outside in. The first step is the name of the claim.
    Claim(Vec<ClaimStep>),
    /// A member of the body, from the outside in; none is the body itself.
    Body(Vec<Arc<str>>),
    /// The element that [`Ask::each`] has come to, or a member of it.
    Each(Vec<Arc<str>>),
}

/// A condition under which a question is asked.
#[derive(Debug)]
pub enum AskCondition {
    /// The request has it, and it is not `null`.
    Given(Source),
    /// The request does not have it, or it is `null`.
    NotGiven(Source),
    /// The request gives an attribute of the resource a value, and the store has none or another.
    /// `null` is none where the attribute is optional, and does not fit where it is not.
    Sets {
        /// The attribute.
        attribute: Arc<str>,
        /// Its type.
        ty: Type,
        /// The value that the request gives.
        to: Source,
        /// The values that its texts stand for, where they are listed.
        choices: Option<Choices>,
    },
    /// The request has `null` for an attribute of the resource that the store has a value for.
    Clears(Arc<str>, Source),
    /// The store holds an entity.
    Known(Pointer),
    /// It does not.
    Unknown(Pointer),
}

impl AskCondition {
    /// Returns true if it compares the request with the resource in the store.
    #[must_use]
    pub fn is_of_resource(&self) -> bool {
        matches!(self, Self::Sets { .. } | Self::Clears(..))
    }
}

impl Routes {
    /// All entries, in the order of the table.
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// The entry that a request matches, with the parameters of its path. There is never a
    /// second one, and none where another denies the request.
    #[must_use]
    pub fn find(&self, method: &str, target: &RequestTarget<'_>) -> Option<(&Route, Captures)> {
        let found = self.first(method, target);
        found.filter(|(route, _)| route.denied.is_none())
    }

    /// The reason for which an entry denies a request.
    #[must_use]
    pub fn denial(&self, method: &str, target: &RequestTarget<'_>) -> Option<&Arc<str>> {
        self.first(method, target)?.0.denied.as_ref()
    }

    /// The entry that a request matches: one that denies it before any other.
    fn first(&self, method: &str, target: &RequestTarget<'_>) -> Option<(&Route, Captures)> {
        let key = (Method::named(method)?, target.segments().len());
        let few = self.index.0.get(&key)?;
        few.iter().find_map(|number| {
            let route = self.routes.get(*number)?;
            Some((route, route.pattern.captures(target)?))
        })
    }
}

impl Index {
    fn new(routes: &[Route]) -> Self {
        let mut index = Self::default();
        let all = || routes.iter().enumerate();
        let denied = all().filter(|(_, route)| route.denied.is_some());
        let others = all().filter(|(_, route)| route.denied.is_none());
        for (number, route) in denied.chain(others) {
            for method in route.pattern.method.and_alike() {
                let key = (*method, route.pattern.len());
                index.0.entry(key).or_default().push(number);
            }
        }
        index
    }
}
