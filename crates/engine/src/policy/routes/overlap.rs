//! No two entries match one request.

use std::collections::HashMap;

use miette::LabeledSpan;

use super::Route;
use super::pattern::Method;
use super::toml::TomlReader;

/// Notes each entry that matches what one before it matches, with an example.
pub(super) fn overlaps(routes: &[Route], reader: &mut TomlReader<'_>) {
    // Others cannot have a path in common.
    let mut alike: HashMap<(Method, usize), Vec<&Route>> = HashMap::new();
    for route in routes {
        let others = route.pattern.method.and_alike().iter();
        let other = others
            .filter_map(|method| alike.get(&(*method, route.pattern.len())))
            .flatten()
            .find_map(|other| Some((other, route.pattern.common(&other.pattern)?)));
        if let Some((other, path)) = other {
            let (line, _) = reader.file.place(other.place.start);
            let text = format!(
                "`{}` and `{}` in line {line} match the same requests, as `{path}`",
                route.request, other.request
            );
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
        for method in route.pattern.method.and_alike() {
            alike
                .entry((*method, route.pattern.len()))
                .or_default()
                .push(route);
        }
    }
}
