//! A small graph, drawn from left to right.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::entity::{brief, seen};

const WIDTH: usize = 190;
const HEIGHT: usize = 46;
const COLUMN: usize = 310;
const LINE: usize = 66;
/// The room for edges at the right.
const BEND: usize = 90;
/// Letters that fit into a box, and on an edge.
const NAME_LETTERS: usize = 24;
const EDGE_LETTERS: usize = 18;

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
    line: usize,
}

/// From one node to another, by the names of what refers.
pub(crate) type Edges = BTreeMap<(usize, usize), Vec<String>>;

/// The graph, with its name for who does not see it.
pub(crate) fn drawn(nodes: &[Node], edges: &Edges, name: &str) -> Markup {
    let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
    let placed = nodes.iter().map(|node| {
        let line = lines.entry(node.column).or_default();
        *line += 1;
        Placed {
            node,
            line: *line - 1,
        }
    });
    let placed: Vec<Placed<'_>> = placed.collect();
    let columns = nodes.iter().map(|node| node.column).max().unwrap_or(0) + 1;
    let lines = placed.iter().map(|it| it.line).max().unwrap_or(0) + 1;
    let (width, height) = (columns * COLUMN - (COLUMN - WIDTH) + BEND, lines * LINE);
    html! {
        div.scroll tabindex="0" {
            svg.graph role="img" aria-label=(name) viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) {
                defs {
                    marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                        path d="M0 0 L8 4 L0 8 z" {}
                    }
                }
                @for ((from, to), names) in edges {
                    @if let (Some(from), Some(to)) = (placed.get(*from), placed.get(*to)) { (edge(from, to, names)) }
                }
                @for node in &placed { (boxed(node)) }
            }
        }
    }
}

fn corner(node: &Placed<'_>) -> (usize, usize) {
    (node.node.column * COLUMN + 2, node.line * LINE + 8)
}

fn boxed(node: &Placed<'_>) -> Markup {
    let ((x, y), of) = (corner(node), node.node);
    html! {
        g class=(format!("node {}", of.role)) {
            title { (seen(&of.title)) }
            rect x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="7" {}
            text.kind x=(x + 12) y=(y + 17) { (brief(&seen(&of.kind), NAME_LETTERS)) }
            text.id x=(x + 12) y=(y + 35) { (brief(&seen(&of.name), NAME_LETTERS)) }
        }
    }
}

fn edge(from: &Placed<'_>, to: &Placed<'_>, names: &[String]) -> Markup {
    let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
    let (y1, y2) = (y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    // A reference back, or within a column, leaves and arrives at the right.
    let is_onward = to.node.column > from.node.column;
    let (x1, x2) = (x1 + WIDTH, if is_onward { x2 } else { x2 + WIDTH });
    let bend = if is_onward { (x2 - x1) / 2 } else { 46 };
    let (c1, c2) = (x1 + bend, if is_onward { x2 - bend } else { x2 + bend });
    let path = format!("M{x1} {y1} C{c1} {y1} {c2} {y2} {x2} {y2}");
    let label = names.join(", ");
    html! {
        path.edge d=(path) marker-end="url(#arrow)" {}
        text.label x=((x1 + x2) / 2 + if is_onward { 0 } else { 30 }) y=((y1 + y2) / 2 - 5) text-anchor="middle" {
            title { (seen(&label)) }
            (brief(&seen(&label), EDGE_LETTERS))
        }
    }
}
