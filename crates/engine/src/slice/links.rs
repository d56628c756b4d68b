//! The links that the store holds, by the entities in their slots.
//!
//! All of them are read together, and kept until a change of any is noted. So each row is looked at, also one
//! that no question could come to: a row that cannot be read is every question's.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use cedar_policy::EntityUid;

use crate::policy::StoredLink;
use crate::schema::{JsonOrigin, LINKS_VIEW, Map, Schema};
use crate::store::{LinkRow, Snapshot, StoreError};
use crate::turn::Turn;

/// The most links that a store may hold.
const MOST_LINKS: usize = 100_000;

/// The faults that are told in the log together.
const TOLD: usize = 5;

/// The links of one state of a store.
#[derive(Debug, Default)]
pub struct LinkTable {
    /// Those that name a principal, by it and then by the resource that they name too.
    of_principal: Vec<Arc<StoredLink>>,
    /// Those that name a resource alone, by it.
    of_resource: Vec<Arc<StoredLink>>,
    /// Those of which nobody can say whom they are for.
    of_all: Vec<Arc<StoredLink>>,
    /// Those that name a principal, by the resource that they name too. Searches alone want it.
    by_resource: OnceLock<Map<Option<EntityUid>, Vec<Arc<StoredLink>>>>,
}

impl LinkTable {
    /// Reads all links of a state.
    ///
    /// # Errors
    /// A store that cannot be read, and one with too many.
    pub(crate) async fn read(
        snapshot: &mut dyn Snapshot,
        schema: &Schema,
    ) -> Result<Self, StoreError> {
        let rows = snapshot.links(MOST_LINKS + 1).await?;
        if rows.len() > MOST_LINKS {
            let text = format!("the view `{LINKS_VIEW}` has more than {MOST_LINKS} rows");
            return Err(StoreError::Misfit(text));
        }
        Ok(Self::of(rows, schema).await)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<StoredLink>> {
        let placed = self.of_principal.iter().chain(&self.of_resource);
        placed.chain(&self.of_all)
    }

    /// Reads rows by the schema. Those that misfit are links that make every question they could be meant for
    /// fail.
    async fn of(rows: Vec<LinkRow>, schema: &Schema) -> Self {
        let mut turn = Turn::begin();
        let (mut seen, mut twice) = (HashSet::new(), HashSet::new());
        for row in &rows {
            turn.pass().await;
            if let Some(id) = row.link.as_deref()
                && !seen.insert(id)
            {
                twice.insert(id);
            }
        }
        drop(seen);
        let twice: HashSet<String> = twice.into_iter().map(str::to_owned).collect();
        let mut table = Self::default();
        // Many links have one template.
        let mut templates: HashMap<Arc<str>, Arc<str>> = HashMap::new();
        let (mut faults, mut told) = (0, Vec::new());
        for row in rows {
            turn.pass().await;
            let (mut link, is_placed) = placed(&row, schema);
            if twice.contains(&*link.id) {
                let fault = "there is another link of this id".into();
                link.fault.get_or_insert(fault);
            }
            if let Some(fault) = &link.fault {
                faults += 1;
                if told.len() < TOLD {
                    told.push(format!("link `{}`: {fault}", link.id));
                }
            }
            let of = templates.entry(Arc::clone(&link.template));
            link.template = Arc::clone(of.or_insert_with_key(Arc::clone));
            table.add(Arc::new(link), is_placed);
        }
        let by_slots = |a: &Arc<StoredLink>, b: &Arc<StoredLink>| {
            (&a.principal, &a.resource).cmp(&(&b.principal, &b.resource))
        };
        table.of_principal.sort_unstable_by(by_slots);
        table.of_resource.sort_unstable_by(by_slots);
        if faults > 0 {
            let told = told.join("; ");
            tracing::error!(
                faults,
                first = told,
                "rows of the view `{LINKS_VIEW}` cannot be used: questions that they could be meant for are not answered"
            );
        }
        table
    }

    fn add(&mut self, link: Arc<StoredLink>, is_placed: bool) {
        let links = match (is_placed, &link.principal) {
            (false, _) => &mut self.of_all,
            (true, Some(_)) => &mut self.of_principal,
            (true, None) => &mut self.of_resource,
        };
        links.push(link);
    }

    /// The links whose slots can match these, each with all that it is in, and those of which nobody can say.
    pub(crate) fn matching(
        &self,
        principals: &[&EntityUid],
        resources: &[&EntityUid],
    ) -> Vec<Arc<StoredLink>> {
        let mut found = self.of_all.clone();
        for resource in resources {
            found.extend_from_slice(of_resource(&self.of_resource, Some(resource)));
        }
        for principal in principals {
            let links = of_principal(&self.of_principal, principal);
            if links.is_empty() {
                continue;
            }
            let named = resources.iter().map(|resource| Some(*resource));
            for resource in std::iter::once(None).chain(named) {
                found.extend_from_slice(of_resource(links, resource));
            }
        }
        found
    }
}

impl LinkTable {
    /// The links that can match one of these principals, whatever the resource is, and those of which nobody can
    /// say.
    pub(crate) fn of_principals(&self, principals: &[&EntityUid]) -> Vec<&Arc<StoredLink>> {
        let mut found: Vec<_> = self.of_all.iter().chain(&self.of_resource).collect();
        for principal in principals {
            found.extend(of_principal(&self.of_principal, principal));
        }
        found
    }

    /// The links that can match one of these resources, whoever the principal is, and those of which nobody can
    /// say.
    pub(crate) fn of_resources(&self, resources: &[&EntityUid]) -> Vec<&Arc<StoredLink>> {
        let by_resource = self.by_resource.get_or_init(|| {
            let mut all: Map<_, Vec<_>> = Map::default();
            for link in &self.of_principal {
                let links = all.entry(link.resource.clone()).or_default();
                links.push(Arc::clone(link));
            }
            all
        });
        let mut found: Vec<_> = self.of_all.iter().collect();
        found.extend(by_resource.get(&None).into_iter().flatten());
        for resource in resources {
            found.extend(of_resource(&self.of_resource, Some(resource)));
            let named = by_resource.get(&Some((*resource).clone()));
            found.extend(named.into_iter().flatten());
        }
        found
    }
}

/// Those of some links, sorted by their principals, that name this one.
fn of_principal<'a>(links: &'a [Arc<StoredLink>], principal: &EntityUid) -> &'a [Arc<StoredLink>] {
    among(links, |link| link.principal.as_ref().cmp(&Some(principal)))
}

/// Those of some links, sorted by their resources, that name this one, or none.
fn of_resource<'a>(
    links: &'a [Arc<StoredLink>],
    resource: Option<&EntityUid>,
) -> &'a [Arc<StoredLink>] {
    among(links, |link| link.resource.as_ref().cmp(&resource))
}

/// Those of sorted links that are equal in this order.
fn among(links: &[Arc<StoredLink>], order: impl Fn(&StoredLink) -> Ordering) -> &[Arc<StoredLink>] {
    let from = links.partition_point(|link| order(link) == Ordering::Less);
    let rest = links.get(from..).unwrap_or_default();
    let until = rest.partition_point(|link| order(link) == Ordering::Equal);
    rest.get(..until).unwrap_or_default()
}

/// A row as a link; false if nobody can say whom it is for.
fn placed(row: &LinkRow, schema: &Schema) -> (StoredLink, bool) {
    let text = |column: &Option<String>| Arc::from(column.as_deref().unwrap_or_default());
    let mut link = StoredLink {
        id: text(&row.link),
        template: text(&row.template),
        principal: None,
        resource: None,
        fault: None,
    };
    let (of, id) = (&row.principal_type, &row.principal_id);
    let principal = slot("principal", of.as_deref(), id.as_deref(), schema);
    let (of, id) = (&row.resource_type, &row.resource_id);
    let resource = slot("resource", of.as_deref(), id.as_deref(), schema);
    let (principal, resource) = match (principal, resource) {
        (Ok(principal), Ok(resource)) => (principal, resource),
        (Err(fault), _) | (_, Err(fault)) => {
            link.fault = Some(fault.into());
            return (link, false);
        }
    };
    let fills_none = principal.is_none() && resource.is_none();
    (link.principal, link.resource) = (principal, resource);
    let fault = match () {
        () if fills_none => Some("it fills no slot"),
        () if link.id.is_empty() => Some("`link` is empty or NULL"),
        () if link.template.is_empty() => Some("`template` is empty or NULL"),
        () => None,
    };
    link.fault = fault.map(Arc::from);
    (link, !fills_none)
}

/// The entity of a slot.
fn slot(
    name: &str,
    of: Option<&str>,
    id: Option<&str>,
    schema: &Schema,
) -> Result<Option<EntityUid>, String> {
    let (of, id) = match (of, id) {
        (None, None) => return Ok(None),
        (Some(of), Some(id)) => (of, id),
        (None, Some(_)) => return Err(format!("`{name}_type` is NULL, and `{name}_id` is not")),
        (Some(_), None) => return Err(format!("`{name}_id` is NULL, and `{name}_type` is not")),
    };
    let found = schema.entity_type_named(of).ok_or_else(|| {
        let near = schema.type_meant(of);
        format!("`{name}_type`: there is no type `{of}` in the schema{near}")
    })?;
    let uid = found.entity(id, JsonOrigin::Column);
    uid.map(Some)
        .map_err(|misfit| format!("`{name}_id`: {misfit}"))
}
