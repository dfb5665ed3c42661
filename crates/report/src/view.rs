//! One transaction's gas seen from one side: by unit, operation, call frame, contract, function or
//! place in the code. Whatever is left out or put together, the rows of a view add up to the gas used.
//! Where the gas went is the ledger's and the attribution's to say; how a view looks, the formats'.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use tandem_evm::{
    Fork, Gas, Intrinsic, Refund, Status, Unit,
    primitives::{Address, FixedBytes},
};

use crate::{Attribution, Breakdown, CallFrame, Cell, FrameKind, Names};

/// What the rows of a view stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum By {
    /// The glue, and each coprocessor.
    Unit,
    /// A row of the ledger: an opcode, a precompile, a named cost.
    Opcode,
    /// A call frame, in a tree.
    Frame,
    /// The contract whose code ran.
    Contract,
    /// A function of a contract.
    Selector,
    /// A place in a contract's code.
    Pc,
}

impl By {
    /// Its name in the formats.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Opcode => "opcode",
            Self::Frame => "frame",
            Self::Contract => "contract",
            Self::Selector => "selector",
            Self::Pc => "pc",
        }
    }

    /// Whether the rows have callees, whose gas counts in their total.
    pub const fn has_callees(self) -> bool {
        matches!(self, Self::Frame | Self::Contract | Self::Selector)
    }

    /// Whether a ledger is not enough for it: it takes an [`Attribution`].
    pub const fn needs_frames(self) -> bool {
        !matches!(self, Self::Unit | Self::Opcode)
    }
}

/// By what the rows of a view are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// The most gas of their own first.
    Gas,
    /// The most gas with their callees first.
    Total,
    /// The most often counted first.
    Count,
    /// By label.
    Name,
    /// As they come: frames as they were entered, code from its beginning.
    Place,
}

/// Which part of the gas used a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// Due before the execution.
    Intrinsic,
    /// A row of the execution.
    Execution,
    /// Given back: its gas counts against the others.
    Refund,
    /// Added to reach the calldata floor (EIP-7623).
    Floor,
}

impl Part {
    /// Its name in the formats.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intrinsic => "intrinsic",
            Self::Execution => "execution",
            Self::Refund => "refund",
            Self::Floor => "floor",
        }
    }
}

/// One row of a view. What does not apply to it is `None`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item {
    /// Which part of the gas used it belongs to.
    pub part: Part,
    /// What it is called in tables.
    pub label: String,
    /// How deep a frame is, 0 for the transaction's own.
    pub depth: usize,
    /// Whose work it is.
    pub unit: Option<Unit>,
    /// The ledger row's operation, or the intrinsic part.
    pub op: Option<&'static str>,
    /// The frame's place in the order of entering.
    pub frame: Option<usize>,
    /// The caller's.
    pub parent: Option<usize>,
    /// How the frame was entered.
    pub kind: Option<FrameKind>,
    /// The account the frame works on.
    pub address: Option<Address>,
    /// The account whose code ran.
    pub code_address: Option<Address>,
    /// The function's selector.
    pub selector: Option<FixedBytes<4>>,
    /// The function's signature, if it is known.
    pub function: Option<String>,
    /// How the frame ended.
    pub status: Option<Status>,
    /// The program counter.
    pub pc: Option<usize>,
    /// The opcode there.
    pub opcode: Option<u8>,
    /// How often: operations, or frames.
    pub count: u64,
    /// Its own gas.
    pub gas: Gas,
    /// Its gas with its callees'; a function that calls itself counts once.
    pub total: u64,
}

impl Item {
    fn new(part: Part, label: impl Into<String>, count: u64, gas: Gas) -> Self {
        Self {
            part,
            label: label.into(),
            depth: 0,
            unit: None,
            op: None,
            frame: None,
            parent: None,
            kind: None,
            address: None,
            code_address: None,
            selector: None,
            function: None,
            status: None,
            pc: None,
            opcode: None,
            count,
            gas,
            total: gas.total(),
        }
    }

    /// A row of the execution without gas.
    pub(crate) fn execution(label: &str, count: u64) -> Self {
        Self::new(Part::Execution, label, count, Gas::default())
    }

    /// The gas as it counts towards the gas used: negative for a refund.
    pub fn signed_gas(&self) -> i128 {
        let gas = i128::from(self.gas.execution) + i128::from(self.gas.state);
        if self.part == Part::Refund { -gas } else { gas }
    }
}

/// What two views call the same row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    part: Part,
    unit: Option<Unit>,
    label: String,
    frame: Option<usize>,
    code_address: Option<Address>,
    pc: Option<usize>,
}

impl Item {
    pub(crate) fn key(&self) -> Key {
        let unit = self.unit.filter(|_| self.pc.is_none());
        Key {
            part: self.part,
            unit,
            label: self.label.clone(),
            frame: self.frame,
            code_address: self.code_address,
            pc: self.pc,
        }
    }
}

/// One transaction's gas from one side, or that of many together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct View {
    /// What the rows stand for.
    pub by: By,
    /// What the transaction is called, if it has a name.
    pub name: Option<String>,
    /// How many transactions it is of.
    pub transactions: u64,
    /// The fork it ran on; `None` if it is of transactions on several.
    pub fork: Option<Fork>,
    /// How its execution ended; `None` if it is of several transactions.
    pub status: Option<Status>,
    /// Its gas limit.
    pub gas_limit: u64,
    /// The gas paid for; what the rows add up to.
    pub gas_used: u64,
    /// The execution's rows, then the other parts'.
    pub items: Vec<Item>,
}

impl View {
    /// A view for which a ledger is enough; `None` for the others.
    pub fn of_breakdown(breakdown: &Breakdown, by: By) -> Option<Self> {
        let ledger = &breakdown.ledger;
        let mut groups: BTreeMap<(Unit, &'static str), (u64, Gas)> = BTreeMap::new();
        for row in ledger.rows() {
            let group = match by {
                By::Unit => groups.entry((row.unit, "")).or_default(),
                By::Opcode => groups.entry((row.unit, row.op)).or_default(),
                _ => return None,
            };
            // Growing memory is no operation of its own.
            let counts = by == By::Opcode || row.op != "memory growth";
            add(group, if counts { row.count } else { 0 }, row.gas);
        }
        let execution = groups.into_iter().map(|((unit, op), (count, gas))| {
            let label = if by == By::Unit { unit.name() } else { op };
            let op = (by == By::Opcode).then_some(op);
            Item { unit: Some(unit), op, ..Item::new(Part::Execution, label, count, gas) }
        });
        let mut items: Vec<_> = execution.collect();
        other_parts(&mut items, &ledger.intrinsic, ledger.refund, ledger.floor_top_up);
        let mut view = Self {
            by,
            name: breakdown.name.clone(),
            transactions: 1,
            fork: Some(breakdown.fork),
            status: Some(breakdown.status),
            gas_limit: breakdown.gas_limit,
            gas_used: breakdown.gas_used,
            items,
        };
        view.sort(Sort::Gas);
        Some(view)
    }

    /// Any view.
    pub fn of_attribution(attribution: &Attribution, by: By, names: &Names) -> Self {
        let frames = Frames::new(&attribution.frames, names);
        let mut items = match by {
            By::Unit | By::Opcode => return Self::of_ledger_of(attribution, by),
            By::Frame => frames.each(),
            By::Contract => frames.grouped(|frame| (frame.code_address, None)),
            By::Selector => frames.grouped(|frame| {
                let function = (frame.kind.creates(), frame.selector);
                (frame.code_address, Some(function))
            }),
            By::Pc => frames.places(),
        };
        other_parts(
            &mut items,
            &attribution.intrinsic,
            attribution.refund,
            attribution.floor_top_up,
        );
        let mut view = Self {
            by,
            name: attribution.name.clone(),
            transactions: 1,
            fork: Some(attribution.fork),
            status: Some(attribution.status),
            gas_limit: attribution.gas_limit,
            gas_used: attribution.gas_used,
            items,
        };
        match by {
            By::Frame => {}
            By::Contract | By::Selector => view.sort(Sort::Total),
            _ => view.sort(Sort::Gas),
        }
        view
    }

    /// Adds another view's rows, from the same side.
    pub fn add(&mut self, other: &Self, places: &mut Places) {
        if places.0.is_empty() {
            places.0 = self.items.iter().enumerate().map(|(at, item)| (item.key(), at)).collect();
        }
        for item in &other.items {
            match places.0.entry(item.key()) {
                Entry::Vacant(place) => {
                    place.insert(self.items.len());
                    self.items.push(item.clone());
                }
                Entry::Occupied(place) => {
                    let own = &mut self.items[*place.get()];
                    own.count += item.count;
                    own.gas.execution += item.gas.execution;
                    own.gas.state += item.gas.state;
                    own.total += item.total;
                }
            }
        }
        self.transactions += other.transactions;
        self.fork = self.fork.filter(|fork| Some(*fork) == other.fork);
        self.status = None;
        self.gas_limit = self.gas_limit.saturating_add(other.gas_limit);
        self.gas_used += other.gas_used;
    }

    /// Puts the parts of the gas used in order, after [`add`](Self::add).
    pub fn order(&mut self) {
        let rank = |part| match part {
            Part::Execution => 0,
            Part::Intrinsic => 1,
            Part::Refund => 2,
            Part::Floor => 3,
        };
        self.items.sort_by_key(|item| rank(item.part));
        self.sort(if self.by.has_callees() { Sort::Total } else { Sort::Gas });
    }

    fn of_ledger_of(attribution: &Attribution, by: By) -> Self {
        let breakdown = attribution.breakdown();
        Self::of_breakdown(&breakdown, by).expect("a ledger is enough for units and operations")
    }

    /// Sorts the execution's rows; equal ones stay as they were.
    pub fn sort(&mut self, sort: Sort) {
        let end = self.execution_len();
        let items = &mut self.items[..end];
        let descending = std::cmp::Reverse::<u64>;
        match sort {
            Sort::Gas => items.sort_by_key(|item| descending(item.gas.total())),
            Sort::Total => items.sort_by_key(|item| descending(item.total)),
            Sort::Count => items.sort_by_key(|item| descending(item.count)),
            Sort::Name => items.sort_by(|a, b| a.label.cmp(&b.label)),
            Sort::Place => {
                items.sort_by_key(|item| (item.frame, item.code_address, item.pc, item.unit));
            }
        }
    }

    /// Keeps the execution's rows that `wanted` takes, and puts the others together in one.
    pub fn filter(&mut self, wanted: impl Fn(&Item) -> bool) {
        self.put_together("filtered out", |items| items.iter().map(&wanted).collect());
    }

    /// Keeps the first `count` of the execution's rows (of a tree of frames those with the greatest
    /// totals, which leaves no frame without its caller), and puts the others together in one.
    pub fn top(&mut self, count: usize) {
        let tree = self.by == By::Frame;
        self.put_together("others", |items| {
            let mut order: Vec<_> = (0..items.len()).collect();
            if tree {
                order.sort_by_key(|&index| std::cmp::Reverse(items[index].total));
            }
            let mut keep = vec![false; items.len()];
            order.iter().take(count).for_each(|&index| keep[index] = true);
            keep
        });
    }

    fn put_together(&mut self, label: &str, choose: impl FnOnce(&[Item]) -> Vec<bool>) {
        let end = self.execution_len();
        let keep = choose(&self.items[..end]);
        let mut rest = (0, Gas::default());
        let mut hidden = 0_usize;
        let mut index = 0;
        self.items.retain(|item| {
            let kept = keep.get(index).copied().unwrap_or(true);
            index += 1;
            if !kept {
                hidden += 1;
                add(&mut rest, item.count, item.gas);
            }
            kept
        });
        if hidden > 0 {
            let item = Item::new(Part::Execution, format!("{label} ({hidden})"), rest.0, rest.1);
            self.items.insert(end - hidden, item);
        }
    }

    /// How many rows are the execution's; they come first.
    fn execution_len(&self) -> usize {
        self.items.partition_point(|item| item.part == Part::Execution)
    }
}

/// Where a view to which others are added has which row.
#[derive(Debug, Default)]
pub struct Places(HashMap<Key, usize>);

fn add(sum: &mut (u64, Gas), count: u64, gas: Gas) {
    sum.0 += count;
    sum.1.execution += gas.execution;
    sum.1.state += gas.state;
}

/// What is not the execution's: intrinsic parts that are not zero, the refund, the floor.
fn other_parts(items: &mut Vec<Item>, intrinsic: &Intrinsic, refund: Refund, floor: u64) {
    let item = |part, op: &'static str, gas| {
        let gas = Gas { execution: gas, state: 0 };
        Item { op: Some(op), ..Item::new(part, op, 0, gas) }
    };
    let parts = intrinsic.parts().into_iter().filter(|(_, gas)| *gas > 0);
    items.extend(parts.map(|(op, gas)| item(Part::Intrinsic, op, gas)));
    if refund.raw > 0 {
        items.push(item(Part::Refund, "refund", refund.capped));
    }
    if floor > 0 {
        items.push(item(Part::Floor, "floor top-up", floor));
    }
}

/// A transaction's frames with what is summed over them.
struct Frames<'a> {
    frames: &'a [CallFrame],
    names: &'a Names,
    depths: Vec<usize>,
    totals: Vec<u64>,
}

impl<'a> Frames<'a> {
    fn new(frames: &'a [CallFrame], names: &'a Names) -> Self {
        let mut depths: Vec<usize> = Vec::with_capacity(frames.len());
        for frame in frames {
            depths.push(frame.parent.map_or(0, |parent| depths[parent] + 1));
        }
        let mut totals: Vec<_> = frames.iter().map(CallFrame::gas).collect();
        for (index, frame) in frames.iter().enumerate().rev() {
            if let Some(parent) = frame.parent {
                totals[parent] += totals[index];
            }
        }
        Self { frames, names, depths, totals }
    }

    fn each(&self) -> Vec<Item> {
        let item = |(index, frame): (usize, &CallFrame)| {
            let label = format!("{} {}", frame.kind.name(), frame_label(frame, self.names, short));
            let mut item = Item::new(Part::Execution, label, 1, own(frame));
            describe(&mut item, frame, self.names);
            Item {
                depth: self.depths[index],
                frame: Some(index),
                parent: frame.parent,
                kind: Some(frame.kind),
                address: Some(frame.address),
                status: Some(frame.status),
                total: self.totals[index],
                ..item
            }
        };
        self.frames.iter().enumerate().map(item).collect()
    }

    /// The frames put together by contract, or by contract and function: the key's second part.
    fn grouped(
        &self,
        key: impl Fn(&CallFrame) -> (Address, Option<(bool, Option<FixedBytes<4>>)>),
    ) -> Vec<Item> {
        let mut places = HashMap::new();
        let mut items: Vec<Item> = Vec::new();
        // The frames from the first to the present one, with their items; and how often each item
        // is among them.
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut active: Vec<u32> = Vec::new();
        for (index, frame) in self.frames.iter().enumerate() {
            let key = key(frame);
            let place = *places.entry(key).or_insert_with(|| {
                let label = match key.1 {
                    Some(_) => frame_label(frame, self.names, short),
                    None => contract_label(frame),
                };
                let mut item = Item::new(Part::Execution, label, 0, Gas::default());
                match key.1 {
                    Some(_) => describe(&mut item, frame, self.names),
                    None => item.code_address = Some(frame.code_address),
                }
                items.push(item);
                active.push(0);
                items.len() - 1
            });
            while path.last().is_some_and(|(at, _)| Some(*at) != frame.parent) {
                let (_, place) = path.pop().expect("there is a last one");
                active[place] -= 1;
            }
            let (item, gas) = (&mut items[place], own(frame));
            item.count += 1;
            item.gas.execution += gas.execution;
            item.gas.state += gas.state;
            if active[place] == 0 {
                item.total += self.totals[index];
            }
            active[place] += 1;
            path.push((index, place));
        }
        items
    }

    fn places(&self) -> Vec<Item> {
        let mut groups: BTreeMap<_, Item> = BTreeMap::new();
        for frame in self.frames {
            for cell in &frame.cells {
                let key = (frame.code_address, frame.kind.creates(), cell.pc, cell.opcode);
                let item = groups.entry(key).or_insert_with(|| {
                    let label = place_label(frame, cell);
                    let mut item = Item::new(Part::Execution, label, 0, Gas::default());
                    item.code_address = Some(frame.code_address);
                    item.pc = Some(cell.pc);
                    item.opcode = cell.opcode;
                    item.unit = Some(cell.unit);
                    item
                });
                // Of the rows of one opcode, the one that is its own names the unit.
                if cell.mnemonic() == Some(cell.op) {
                    item.unit = Some(cell.unit);
                    item.count += cell.count;
                } else if cell.opcode.is_none() {
                    item.count += cell.count;
                }
                item.gas.execution += cell.gas.execution;
                item.gas.state += cell.gas.state;
                item.total += cell.gas.total();
            }
        }
        groups.into_values().collect()
    }
}

fn own(frame: &CallFrame) -> Gas {
    let mut sum = (0, Gas::default());
    frame.cells.iter().for_each(|cell| add(&mut sum, 0, cell.gas));
    sum.1
}

fn describe(item: &mut Item, frame: &CallFrame, names: &Names) {
    item.code_address = Some(frame.code_address);
    item.selector = frame.selector;
    item.function = frame.selector.and_then(|selector| names.get(&selector)).map(str::to_owned);
}

/// An address with its middle left out.
pub(crate) fn short(address: &Address) -> String {
    let text = format!("{address:#x}");
    format!("{}…{}", &text[..8], &text[36..])
}

/// An address in full.
pub(crate) fn full(address: &Address) -> String {
    format!("{address:#x}")
}

/// What a frame runs: a precompile, or a function of a contract.
pub(crate) fn frame_label(
    frame: &CallFrame,
    names: &Names,
    write: fn(&Address) -> String,
) -> String {
    if let Some(precompile) = frame.precompile() {
        return precompile.to_owned();
    }
    let function = match frame.selector {
        _ if frame.kind.creates() => "init code".to_owned(),
        Some(selector) => names.get(&selector).map_or_else(|| selector.to_string(), str::to_owned),
        None => "fallback".to_owned(),
    };
    format!("{function} {}", write(&frame.code_address))
}

fn contract_label(frame: &CallFrame) -> String {
    let address = format!("{:#x}", frame.code_address);
    frame.precompile().map_or(address, str::to_owned)
}

fn place_label(frame: &CallFrame, cell: &Cell) -> String {
    let init = if frame.kind.creates() { " init code" } else { "" };
    match cell.mnemonic() {
        Some(name) => format!("{}{init} {:>5} {name}", short(&frame.code_address), cell.pc),
        None => contract_label(frame),
    }
}
