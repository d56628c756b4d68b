//! A small graph, drawn from left to right. What a node refers by stands in its box, a line for each, so that no name lies
//! over another.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::entity::{brief, seen};

const WIDTH: usize = 190;
/// The height of a box with its name alone, and of each line more.
const HEIGHT: usize = 46;
const LINE: usize = 17;
/// From one column to the next, and between boxes.
const COLUMN: usize = 290;
const GAP: usize = 18;
/// The room for edges at the right.
const BEND: usize = 60;
/// Letters that fit into a box.
const LETTERS: usize = 24;

/// A box.
pub(crate) struct Node {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) title: String,
    /// The class by which it is drawn.
    pub(crate) role: &'static str,
    pub(crate) column: usize,
}

/// A node at its place.
struct Placed<'a> {
    node: &'a Node,
    y: usize,
    /// The attributes by which it refers to others, each with the other node.
    refers: Vec<(String, usize)>,
}

/// From one node to another, by the names of what refers.
pub(crate) type Edges = BTreeMap<(usize, usize), Vec<String>>;

/// The graph, with its name for who does not see it.
pub(crate) fn drawn(nodes: &[Node], edges: &Edges, name: &str) -> Markup {
    let mut below: BTreeMap<usize, usize> = BTreeMap::new();
    let placed = nodes.iter().enumerate().map(|(place, node)| {
        let refers = edges.range((place, 0)..(place + 1, 0));
        let refers: Vec<_> = refers
            .map(|((_, to), names)| (names.join(", "), *to))
            .collect();
        let below = below.entry(node.column).or_insert(8);
        let y = *below;
        *below += HEIGHT + refers.len() * LINE + GAP;
        Placed { node, y, refers }
    });
    let placed: Vec<Placed<'_>> = placed.collect();
    let columns = nodes.iter().map(|node| node.column).max().unwrap_or(0) + 1;
    let height = below.values().max().copied().unwrap_or(0);
    let width = columns * COLUMN - (COLUMN - WIDTH) + BEND;
    html! {
        div.scroll tabindex="0" {
            svg.graph role="img" aria-label=(name) viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) {
                defs {
                    marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                        path d="M0 0 L8 4 L0 8 z" {}
                    }
                }
                // Behind the boxes.
                @for node in &placed {
                    @for (line, (_, to)) in node.refers.iter().enumerate() {
                        @if let Some(to) = placed.get(*to) { (edge(node, line, to)) }
                    }
                }
                @for node in &placed { (boxed(node)) }
            }
        }
    }
}

impl Placed<'_> {
    fn x(&self) -> usize {
        self.node.column * COLUMN + 2
    }

    /// The middle of a line of what it refers by.
    fn line(&self, line: usize) -> usize {
        self.y + HEIGHT + line * LINE + 4
    }
}

fn boxed(node: &Placed<'_>) -> Markup {
    let (x, y, of) = (node.x(), node.y, node.node);
    // A kind that is not told leaves the name its place.
    let name = if of.kind.is_empty() { 27 } else { 35 };
    let height = HEIGHT + node.refers.len() * LINE;
    html! {
        g class=(format!("node {}", of.role)) {
            title { (seen(&of.title)) }
            rect x=(x) y=(y) width=(WIDTH) height=(height) rx="7" {}
            text.kind x=(x + 12) y=(y + 17) { (brief(&seen(&of.kind), LETTERS)) }
            text.id x=(x + 12) y=(y + name) { (brief(&seen(&of.name), LETTERS)) }
        }
        @for (line, (names, _)) in node.refers.iter().enumerate() {
            text.label x=(x + WIDTH - 10) y=(node.line(line) + 4) text-anchor="end" {
                title { (seen(names)) }
                (brief(&seen(names), LETTERS))
            }
        }
    }
}

fn edge(from: &Placed<'_>, line: usize, to: &Placed<'_>) -> Markup {
    let (x1, y1, y2) = (from.x() + WIDTH, from.line(line), to.y + HEIGHT / 2);
    // A reference back, or within a column, arrives at the right.
    let is_onward = to.node.column > from.node.column;
    let x2 = if is_onward { to.x() } else { to.x() + WIDTH };
    let (c1, c2) = match is_onward {
        true => (x1 + (x2 - x1) / 2, x2 - (x2 - x1) / 2),
        // The farther, the wider: each has a way of its own.
        false => {
            let bend = 24 + (y1.abs_diff(y2) / 12).min(BEND - 28);
            (x1 + bend, x2 + bend)
        }
    };
    html! { path.edge d=(format!("M{x1} {y1} C{c1} {y1} {c2} {y2} {x2} {y2}")) marker-end="url(#arrow)" {} }
}
