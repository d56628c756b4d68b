//! No two entries match one request.

use std::collections::HashMap;

use miette::LabeledSpan;

use super::Route;
use super::pattern::Method;
use super::toml::TomlReader;

/// Steps to hold all entries against each other. So many take some seconds.
const MAX_STEPS: u64 = 20_000_000;

/// Notes each entry that matches what one before it matches, with an example.
pub(super) fn overlaps(routes: &[Route], reader: &mut TomlReader<'_>) {
    if let Some(route) = beyond_bound(routes) {
        let text = format!(
            "with `{}` it takes more than {MAX_STEPS} steps to hold the entries against each other",
            route.request
        );
        let fault = reader.fault_at(route.place.clone(), text);
        let advice = "write fewer entries of one length, or shorter shapes with fewer `*`";
        reader.faults.push(fault.advise(advice));
        return;
    }
    let mut alike = Alike::default();
    for route in routes {
        let other = alike
            .to(route)
            .find_map(|other| Some((other, clash(route, other, reader)?)));
        if let Some((other, text)) = other {
            let mut fault = reader.fault_at(route.place.clone(), text);
            fault.labels.push(LabeledSpan::new(
                Some("this one, too".to_owned()),
                other.place.start,
                other.place.len(),
            ));
            reader.faults.push(
                fault.advise("give a parameter a shape, as `{party=*::*}`, or leave one out"),
            );
        }
        alike.add(route);
    }
}

/// The first entry with which it would take too many steps.
fn beyond_bound(routes: &[Route]) -> Option<&Route> {
    let (mut alike, mut steps) = (Alike::default(), 0_u64);
    routes.iter().find(|route| {
        for other in alike.to(route) {
            steps = steps.saturating_add(route.pattern.steps(&other.pattern));
            if steps > MAX_STEPS {
                return true;
            }
        }
        alike.add(route);
        false
    })
}

/// Entries by method and length: others cannot have a path in common.
#[derive(Default)]
struct Alike<'a>(HashMap<(Method, usize), Vec<&'a Route>>);

impl<'a> Alike<'a> {
    /// Those that may have a path in common with an entry.
    fn to(&self, route: &Route) -> impl Iterator<Item = &'a Route> {
        let methods = route.pattern.method.and_alike().iter();
        let alike = methods.filter_map(|method| self.0.get(&(*method, route.pattern.len())));
        alike.flatten().copied()
    }

    fn add(&mut self, route: &'a Route) {
        for method in route.pattern.method.and_alike() {
            let key = (*method, route.pattern.len());
            self.0.entry(key).or_default().push(route);
        }
    }
}

/// Why two entries cannot stand beside each other. One that denies may share requests with another,
/// as long as it leaves it some.
fn clash(route: &Route, other: &Route, reader: &TomlReader<'_>) -> Option<String> {
    let path = route.pattern.common(&other.pattern)?;
    let (line, _) = reader.file.place(other.place.start);
    let (one, two) = (&route.request, &other.request);
    let never = |denied: &Route, asked: &Route| {
        denied
            .pattern
            .method
            .and_alike()
            .contains(&asked.pattern.method)
            && denied.pattern.covers(&asked.pattern)
    };
    match (&route.denied, &other.denied) {
        (Some(_), Some(_)) => None,
        (None, None) => Some(format!(
            "`{one}` and `{two}` in line {line} match the same requests, as `{path}`"
        )),
        (Some(_), None) => {
            never(route, other).then(|| format!("`{one}` denies all of `{two}` in line {line}"))
        }
        (None, Some(_)) => {
            never(other, route).then(|| format!("`{two}` in line {line} denies all of `{one}`"))
        }
    }
}
