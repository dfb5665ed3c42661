//! A tree as a file for speedscope.app: weighted stacks, heaviest subtrees as they come.

use serde::Serialize;

use crate::Tree;

#[derive(Serialize)]
struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    name: &'a str,
    #[serde(rename = "activeProfileIndex")]
    active: usize,
    shared: Shared<'a>,
    profiles: [Profile<'a>; 1],
}

#[derive(Serialize)]
struct Shared<'a> {
    frames: Vec<Frame<'a>>,
}

#[derive(Serialize)]
struct Frame<'a> {
    name: &'a str,
    /// Speedscope colours by file: a unit has one colour.
    file: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a> {
    r#type: &'static str,
    name: &'a str,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl Tree {
    /// The tree for speedscope.app, in one line of JSON: its nodes are the frames, each node with a
    /// weight of its own is a sample. Gas has no unit there; time is in nanoseconds.
    pub fn to_speedscope(&self, time: bool) -> String {
        let nodes = self.nodes();
        let frames =
            nodes.iter().map(|node| Frame { name: &node.label, file: node.kind.name() }).collect();
        let stack = |mut index: usize| {
            let mut stack = vec![index];
            while let Some(parent) = nodes[index].parent {
                stack.push(parent);
                index = parent;
            }
            stack.reverse();
            stack
        };
        let heavy = || (0..nodes.len()).filter(|&index| nodes[index].own > 0);
        let name = &nodes[0].label;
        let file = File {
            schema: "https://www.speedscope.app/file-format-schema.json",
            exporter: concat!("tandem@", env!("CARGO_PKG_VERSION"), " tandem-gas-speedscope/1"),
            name,
            active: 0,
            shared: Shared { frames },
            profiles: [Profile {
                r#type: "sampled",
                name: if time { "time" } else { "gas" },
                unit: if time { "nanoseconds" } else { "none" },
                start_value: 0,
                end_value: nodes.iter().map(|node| node.own).sum(),
                samples: heavy().map(stack).collect(),
                weights: heavy().map(|index| nodes[index].own).collect(),
            }],
        };
        serde_json::to_string(&file).expect("a tree of strings and numbers has a JSON form")
    }
}
