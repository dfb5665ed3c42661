//! Gas as a tree, of one transaction or of many: calls, in each call the units, in each unit its
//! operations. Equal calls of one caller are one node. Flame graphs and call trees are drawn from it;
//! drawing is the formats'.

use std::collections::HashMap;

use tandem_evm::{Intrinsic, Unit};

use crate::{Attribution, Breakdown, Names, view};

/// A tree of weights: gas, or nanoseconds.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Callers come before their callees; the first is the root.
    nodes: Vec<Node>,
    children: HashMap<(usize, String), usize>,
}

/// A node of a [`Tree`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// What it is called.
    pub label: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// The node above it; `None` for the root.
    pub parent: Option<usize>,
    /// How often: transactions, calls or operations.
    pub count: u64,
    /// Its own weight, without the nodes' below it.
    pub own: u64,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// All of it.
    Root,
    /// A call.
    Call,
    /// The work of a unit in one call, or an operation of it.
    Work(Unit),
    /// What is not the execution's: intrinsic parts, the floor top-up.
    Other,
}

impl NodeKind {
    /// Its name in the formats: a unit's, or `root`, `call`, `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Call => "call",
            Self::Work(unit) => unit.name(),
            Self::Other => "other",
        }
    }
}

impl Tree {
    /// An empty tree.
    pub fn new(label: impl Into<String>) -> Self {
        let root =
            Node { label: label.into(), kind: NodeKind::Root, parent: None, count: 0, own: 0 };
        Self { nodes: vec![root], children: HashMap::new() }
    }

    /// The nodes, callers before their callees; the first is the root.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Renames the root.
    pub fn rename(&mut self, label: impl Into<String>) {
        self.nodes[0].label = label.into();
    }

    /// Each node's weight with that of the nodes below it.
    pub fn totals(&self) -> Vec<u64> {
        let mut totals: Vec<_> = self.nodes.iter().map(|node| node.own).collect();
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if let Some(parent) = node.parent {
                totals[parent] += totals[index];
            }
        }
        totals
    }

    /// Adds a transaction's gas, call by call. The tree then weighs more by the gas used and the
    /// refund: what was given back has no place in a tree.
    pub fn add_attribution(&mut self, attribution: &Attribution, names: &Names) {
        self.nodes[0].count += 1;
        self.add_others(&attribution.intrinsic, attribution.floor_top_up);
        let mut places: Vec<usize> = Vec::with_capacity(attribution.frames.len());
        for frame in &attribution.frames {
            let above = frame.parent.map_or(0, |parent| places[parent]);
            // A precompile is work of its caller's, not a call with code.
            let place = if frame.precompile().is_some() {
                above
            } else {
                let label = view::frame_label(frame, names, view::full);
                self.child(above, label, NodeKind::Call, 1, 0)
            };
            places.push(place);
            for cell in &frame.cells {
                self.add_work(place, cell.unit, cell.op, cell.count, cell.gas.total());
            }
        }
    }

    /// Adds a transaction's gas without calls: units and operations only.
    pub fn add_breakdown(&mut self, breakdown: &Breakdown) {
        self.nodes[0].count += 1;
        self.add_others(&breakdown.ledger.intrinsic, breakdown.ledger.floor_top_up);
        for row in breakdown.ledger.rows() {
            self.add_work(0, row.unit, row.op, row.count, row.gas.total());
        }
    }

    /// Adds another tree, root to root.
    pub fn add(&mut self, other: &Self) {
        let mut places: Vec<usize> = Vec::with_capacity(other.nodes.len());
        for node in &other.nodes {
            let place = match node.parent {
                None => {
                    self.nodes[0].count += node.count;
                    self.nodes[0].own += node.own;
                    0
                }
                Some(parent) => {
                    let label = node.label.clone();
                    self.child(places[parent], label, node.kind, node.count, node.own)
                }
            };
            places.push(place);
        }
    }

    /// Adds a unit's operation directly below the root, whatever the weight is.
    pub(crate) fn add_timed(&mut self, unit: Unit, op: &str, count: u64, weight: u64) {
        self.add_work(0, unit, op, count, weight);
    }

    /// Adds what is no work of a unit.
    pub fn add_other(&mut self, labels: &[&str], weight: u64) {
        let place = labels
            .iter()
            .fold(0, |above, label| self.child(above, (*label).to_owned(), NodeKind::Other, 0, 0));
        self.nodes[place].own += weight;
    }

    fn add_others(&mut self, intrinsic: &Intrinsic, floor: u64) {
        for (part, gas) in intrinsic.parts().into_iter().filter(|(_, gas)| *gas > 0) {
            self.add_other(&["intrinsic", part], gas);
        }
        if floor > 0 {
            self.add_other(&["floor top-up"], floor);
        }
    }

    fn add_work(&mut self, above: usize, unit: Unit, op: &str, count: u64, weight: u64) {
        let kind = NodeKind::Work(unit);
        let place = self.child(above, unit.name().to_owned(), kind, 0, 0);
        self.child(place, op.to_owned(), kind, count, weight);
    }

    fn child(
        &mut self,
        parent: usize,
        label: String,
        kind: NodeKind,
        count: u64,
        own: u64,
    ) -> usize {
        let place = *self.children.entry((parent, label)).or_insert_with_key(|(_, label)| {
            let (label, parent) = (label.clone(), Some(parent));
            self.nodes.push(Node { label, kind, parent, count: 0, own: 0 });
            self.nodes.len() - 1
        });
        self.nodes[place].count += count;
        self.nodes[place].own += own;
        place
    }

    /// The tree as folded stacks, for flamegraph.pl, inferno and their like: a line for each node
    /// with a weight of its own, the path to it joined by `;`, a space, the weight. Labels are in order.
    pub fn to_folded(&self) -> String {
        let mut lines = String::new();
        let mut path = String::new();
        let below = self.below();
        // Where the label of each node on the way ends in the path.
        let mut open = vec![(0, 0)];
        while let Some((index, start)) = open.pop() {
            let node = &self.nodes[index];
            path.truncate(start);
            if start > 0 {
                path.push(';');
            }
            path.push_str(&folded_label(&node.label));
            if node.own > 0 {
                lines.extend([&path, " ", &node.own.to_string(), "\n"]);
            }
            open.extend(below[index].iter().rev().map(|&child| (child, path.len())));
        }
        lines
    }

    /// Each node's children, by label.
    pub(crate) fn below(&self) -> Vec<Vec<usize>> {
        let mut below = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(parent) = node.parent {
                below[parent].push(index);
            }
        }
        for children in &mut below {
            children.sort_by(|a, b| self.nodes[*a].label.cmp(&self.nodes[*b].label));
        }
        below
    }
}

/// A label without what has a meaning in folded stacks.
fn folded_label(label: &str) -> String {
    label.replace(';', ":").replace(['\n', '\r'], " ")
}
