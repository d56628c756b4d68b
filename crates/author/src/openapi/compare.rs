//! Operations and entries, held against each other.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use miette::LabeledSpan;
use peppol_authz_engine::policy::routes::{Likeness, Route, Routes, Source};
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};
use peppol_authz_engine::schema::{Schema, could_mean};
use peppol_authz_engine::text::counted;

use super::description::{Description, Operation};
use super::finding::Finding;
use super::fitting::{Misfit, Written, few};
use super::lookup::{Broken, LookedUp, body, elements, inside, parameter};
use super::reads::{PlaceRead, reads};
use super::skeleton::skeleton;
use super::tree::Node;

/// A table, with the descriptions that it is compared with.
pub struct TableCheck<'a> {
    /// Its entries.
    pub routes: &'a Routes,
    /// Its text.
    pub table: &'a Arc<SourceFile>,
    /// The schema that they were read by.
    pub schema: &'a Schema,
    /// All that stands behind the gateway, or a part of it.
    pub descriptions: &'a [Description],
    /// True for a part: an entry that no description has is no fault then.
    pub is_partial: bool,
}

/// An operation that an entry is about.
struct Match<'a> {
    /// Its number among all operations.
    number: usize,
    description: &'a Description,
    operation: &'a Operation,
    likeness: Likeness,
}

/// The places that an entry reads, in one operation that it is about.
struct ReadOf<'a> {
    route: &'a Route,
    matched: &'a Match<'a>,
    read: PlaceRead<'a>,
}

/// Headers that a request may have without being described: OpenAPI leaves them out.
const UNDESCRIBED: [&str; 3] = ["accept", "authorization", "content-type"];

/// Holds a route table against descriptions, and finds all that is wrong.
#[must_use]
pub fn check_table(check: &TableCheck<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let entries: Vec<_> = check
        .routes
        .all()
        .iter()
        .map(|route| (route, check.about(route)))
        .collect();
    check.missing(&entries, &mut findings);
    check.unknown(&entries, &mut findings);
    for (route, matches) in &entries {
        for matched in matches {
            check.guarded(route, matched, &mut findings);
            for read in route.asks.iter().flat_map(reads) {
                let read = ReadOf {
                    route,
                    matched,
                    read,
                };
                findings.extend(check.read(&read));
            }
        }
    }
    // Questions of one entry read the same places.
    let mut seen = HashSet::new();
    findings.retain(|Finding { fault, .. }| {
        let labels: Vec<_> = fault.labels.iter().map(LabeledSpan::offset).collect();
        seen.insert((fault.file.name.clone(), labels, fault.message.clone()))
    });
    findings
}

impl<'a> TableCheck<'a> {
    fn operations(&self) -> impl Iterator<Item = (usize, &'a Description, &'a Operation)> {
        let all = self.descriptions.iter().flat_map(|description| {
            let operations = description.operations.iter();
            operations.map(move |operation| (description, operation))
        });
        all.enumerate()
            .map(|(number, (description, operation))| (number, description, operation))
    }

    /// The operations that an entry is about: those of its own template, or else those that hold all its
    /// requests, or that it holds all requests of.
    fn about(&self, route: &Route) -> Vec<Match<'a>> {
        let alike = self
            .operations()
            .filter_map(|(number, description, operation)| {
                let likeness = route.alike(&operation.template)?;
                Some(Match {
                    number,
                    description,
                    operation,
                    likeness,
                })
            });
        let (own, others): (Vec<_>, Vec<_>) = alike.partition(|it| it.likeness.is_same());
        if !own.is_empty() {
            return own;
        }
        let is_within = |it: &Match<'_>| it.likeness.wider != it.likeness.narrower;
        others.into_iter().filter(is_within).collect()
    }

    /// Operations that no entry is about.
    fn missing(&self, entries: &[(&Route, Vec<Match<'_>>)], findings: &mut Vec<Finding>) {
        let known: HashSet<usize> = entries
            .iter()
            .flat_map(|(_, matches)| matches)
            .filter(|it| !it.likeness.narrower)
            .map(|it| it.number)
            .collect();
        for (number, description, operation) in self.operations() {
            if known.contains(&number) {
                continue;
            }
            let request = &operation.request;
            let mut text = format!("`{request}` has no entry in the route table");
            let answers = entries.iter().find_map(|(route, _)| {
                let likeness = route.alike(&operation.template)?;
                Some((&route.request, likeness.narrower))
            });
            if let Some((other, is_part)) = answers {
                let part = if is_part { "a part of " } else { "" };
                text.push_str(&format!(" of its own, and `{other}` answers for {part}it"));
            }
            let place = &operation.place;
            let fault = Fault::new(&description.file, Severity::Invalid, text)
                .at(place.start, place.len())
                .advise(
                    "write an entry with an `ask`, or with the reason why it is `public` or `denied`",
                );
            findings.push(Finding {
                skeleton: Some(skeleton(description, operation)),
                ..Finding::new(fault).about(&*operation.pointer)
            });
        }
    }

    /// Entries that are about no operation.
    fn unknown(&self, entries: &[(&Route, Vec<Match<'_>>)], findings: &mut Vec<Finding>) {
        let unknown: Vec<_> = entries
            .iter()
            .filter(|(_, matches)| matches.is_empty())
            .map(|(route, _)| route)
            .collect();
        if self.is_partial {
            if !unknown.is_empty() {
                let requests = counted(entries.len(), "request", "requests");
                let text = match unknown.len() {
                    1 => format!("1 of {requests} is in no description"),
                    count => format!("{count} of {requests} are in no description"),
                };
                findings.push(Finding::new(Fault::new(self.table, Severity::Note, text)));
            }
            return;
        }
        for route in unknown {
            let text = format!("no description has `{}`", route.request);
            let fault = Fault::new(self.table, Severity::Invalid, text)
                .at(route.place.start, route.place.len());
            findings.push(Finding::new(fault));
        }
    }

    /// Notes where a table lets anybody in, and a description wants credentials.
    fn guarded(&self, route: &Route, matched: &Match<'_>, findings: &mut Vec<Finding>) {
        let Match {
            description,
            operation,
            ..
        } = matched;
        let own = description.node(operation).get("security");
        let security = own.or_else(|| description.tree.root().get("security"));
        let mut wanted = security.into_iter().flat_map(Node::elements).peekable();
        let is_guarded =
            wanted.peek().is_some() && wanted.all(|one| one.members().next().is_some());
        if route.public.is_some() && is_guarded {
            let text = format!(
                "`{}` is public, and the description wants credentials for it",
                operation.request
            );
            let fault = Fault::new(self.table, Severity::Note, text)
                .at(route.place.start, route.place.len())
                .advise(location(description, operation));
            findings.push(Finding::new(fault).about(&*operation.pointer));
        }
    }

    /// The fault of one place that an entry reads.
    fn read(&self, read: &ReadOf<'_>) -> Option<Finding> {
        let operation = &read.matched.operation.request;
        let source = read.read.source;
        let said = match self.problem(read) {
            Ok(None) => return None,
            Ok(Some(said)) => said,
            Err(broken) => return Some(read.of_description(broken)),
        };
        let (text, help) = match said {
            Problem::Absent(names) => {
                let alike = names.iter().find(|name| could_mean(name, last(source)));
                let help = match (alike, names.is_empty()) {
                    (Some(alike), _) => format!("; did you mean `{}`?", alike.escape_debug()),
                    (None, false) => format!("; it has {}", few(&names)),
                    (None, true) => String::new(),
                };
                let text = format!("`{source}` is not described for `{operation}`");
                (text, help)
            }
            Problem::NoJson(kinds) => {
                let text = format!(
                    "`{source}` is read from JSON, and the body of `{operation}` is {}",
                    few(&kinds)
                );
                (text, String::new())
            }
            Problem::NoBody => {
                let text = format!("`{source}` is read, and `{operation}` has no body");
                (text, String::new())
            }
            Problem::Misfit(misfit) => {
                let text = format!(
                    "`{source}` {} by the description of `{operation}`, and {}",
                    misfit.is, misfit.wanted
                );
                (text, String::new())
            }
        };
        Some(read.of_table(self.table, text, &help))
    }

    fn problem(&self, read: &ReadOf<'_>) -> Result<Option<Problem>, Broken> {
        let written = match read.read.source {
            Source::Body(_) | Source::Each(_) => Written::AsJson,
            _ => Written::AsText,
        };
        Ok(match read.found()? {
            FoundPlace::Found(LookedUp::Anything) | FoundPlace::Elsewhere => None,
            FoundPlace::Found(LookedUp::Nothing(names)) => Some(Problem::Absent(names)),
            FoundPlace::NoJson(kinds) if kinds.is_empty() => Some(Problem::NoBody),
            FoundPlace::NoJson(kinds) => Some(Problem::NoJson(kinds)),
            FoundPlace::Found(LookedUp::Schemas(schemas)) => {
                let misfit = read.read.wanted.misfit(&schemas, written, self.schema)?;
                misfit.map(Problem::Misfit)
            }
        })
    }
}

/// The fault of a place that is read.
enum Problem {
    /// It is not there; these are.
    Absent(Vec<String>),
    /// The body has these types alone.
    NoJson(Vec<String>),
    NoBody,
    Misfit(Misfit),
}

/// The place of a part in a description, if it is there.
enum FoundPlace<'t> {
    Found(LookedUp<'t>),
    /// The body is not JSON, but of these types; of none where there is no body.
    NoJson(Vec<String>),
    /// In a token, or in a path where the description has a text.
    Elsewhere,
}

impl ReadOf<'_> {
    fn found(&self) -> Result<FoundPlace<'_>, Broken> {
        let Match {
            description,
            operation,
            likeness,
            ..
        } = self.matched;
        let node = description.node(operation);
        let parameter = |place: &str, name: &str| {
            let found = parameter(node, description.item(operation), place, name);
            found.map(FoundPlace::Found)
        };
        match self.read.source {
            Source::Path(name) => {
                let segment = likeness.parameters.iter().find(|(other, _)| other == name);
                let names = segment.and_then(|(_, number)| operation.names.get(*number));
                match names.map(Vec::as_slice) {
                    // It need not be described beyond its name.
                    Some([name]) => Ok(match parameter("path", name)? {
                        FoundPlace::Found(LookedUp::Nothing(_)) => FoundPlace::Elsewhere,
                        found => found,
                    }),
                    _ => Ok(FoundPlace::Elsewhere),
                }
            }
            Source::Query(name) => parameter("query", name),
            Source::Header(name) if UNDESCRIBED.contains(&&**name) => Ok(FoundPlace::Elsewhere),
            Source::Header(name) => parameter("header", name),
            Source::Body(path) => in_body(node, path),
            Source::Each(path) => match self.read.each {
                Some(Source::Body(array)) => match in_body(node, array)? {
                    FoundPlace::Found(LookedUp::Schemas(arrays)) => match elements(&arrays)? {
                        LookedUp::Schemas(found) => {
                            Ok(FoundPlace::Found(inside(found, path.iter())?))
                        }
                        // The array itself is read, too, and found wanting.
                        LookedUp::Anything | LookedUp::Nothing(_) => Ok(FoundPlace::Elsewhere),
                    },
                    _ => Ok(FoundPlace::Elsewhere),
                },
                _ => Ok(FoundPlace::Elsewhere),
            },
            Source::Claim(_) => Ok(FoundPlace::Elsewhere),
        }
    }

    /// A finding in the table, where the place is read.
    fn of_table(&self, table: &Arc<SourceFile>, text: String, help: &str) -> Finding {
        let Match {
            description,
            operation,
            ..
        } = self.matched;
        let place = reference(&table.text, &self.route.place, self.read.source);
        let mut fault = Fault::new(table, Severity::Invalid, text).at(place.start, place.len());
        if place != self.route.place {
            fault.labels.push(LabeledSpan::new(
                Some("of this request".to_owned()),
                self.route.place.start,
                self.route.place.len(),
            ));
        }
        let help = format!("{}{help}", location(description, operation));
        Finding::new(fault.advise(help)).about(&*operation.pointer)
    }

    /// A finding in the description.
    fn of_description(&self, broken: Broken) -> Finding {
        let Match {
            description,
            operation,
            ..
        } = self.matched;
        let text = broken.to_string();
        let place = broken.place;
        let fault = Fault::new(&description.file, Severity::Invalid, text)
            .at(place.start, place.len())
            .advise(format!("`{}` needs it", operation.request));
        Finding::new(fault).about(&*operation.pointer)
    }
}

fn in_body<'t>(operation: Node<'t>, path: &[Arc<str>]) -> Result<FoundPlace<'t>, Broken> {
    Ok(match body(operation)? {
        LookedUp::Schemas(schemas) => FoundPlace::Found(inside(schemas, path.iter())?),
        LookedUp::Anything => FoundPlace::Found(LookedUp::Anything),
        LookedUp::Nothing(kinds) => FoundPlace::NoJson(kinds),
    })
}

/// Where an operation is described.
fn location(description: &Description, operation: &Operation) -> String {
    let file = &description.file;
    let (line, _) = file.place(operation.place.start);
    format!("`{}` in line {line} of {}", operation.pointer, file.name)
}

/// The name that is read last, from the outside in.
fn last(source: &Source) -> &str {
    match source {
        Source::Path(name) | Source::Query(name) | Source::Header(name) => name,
        // Nothing of a token is described.
        Source::Claim(_) => "",
        Source::Body(path) | Source::Each(path) => path.last().map_or("", |name| &**name),
    }
}

/// Where an entry reads a place: the first reference to it behind its request, before the next entry.
fn reference(table: &str, request: &Range<usize>, source: &Source) -> Range<usize> {
    let rest = table.get(request.end..).unwrap_or_default();
    let entry = rest.split("[[route]]").next().unwrap_or_default();
    let written = format!("{{{source}}}");
    let found = match source {
        // Its name is kept in lower case.
        Source::Header(_) => entry.to_ascii_lowercase().find(&written),
        _ => entry.find(&written),
    };
    match found {
        Some(at) => request.end + at..request.end + at + written.len(),
        None => request.clone(),
    }
}
