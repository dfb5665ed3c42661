//! The breakdown as JSON. Fields are only ever added to a schema's version.

use serde::Serialize;

use crate::{Breakdown, Part, View, status_text};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    fork: &'static str,
    status: &'static str,
    gas_limit: u64,
    gas_used: u64,
    intrinsic: Intrinsic,
    rows: Vec<Row>,
    glue_gas: u64,
    coprocessor_gas: u64,
    refund: Refund,
    floor_top_up: u64,
}

/// The parts add up to the total.
#[derive(Serialize)]
struct Intrinsic {
    base: u64,
    calldata: u64,
    creation: u64,
    initcode_words: u64,
    access_list_addresses: u64,
    access_list_keys: u64,
    authorizations: u64,
    /// What a trace without its transaction does not tell apart.
    #[serde(skip_serializing_if = "is_zero")]
    unsplit: u64,
    total: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct Row {
    unit: &'static str,
    op: &'static str,
    count: u64,
    gas: u64,
}

#[derive(Serialize)]
struct Refund {
    raw: u64,
    capped: u64,
}

pub(crate) fn json(breakdown: &Breakdown) -> String {
    let ledger = &breakdown.ledger;
    let intrinsic = &ledger.intrinsic;
    let rows = ledger.rows().iter().map(|row| Row {
        unit: row.unit.name(),
        op: row.op,
        count: row.count,
        gas: row.gas.total(),
    });
    let document = Document {
        schema: "tandem-gas/1",
        name: breakdown.name.as_deref(),
        fork: breakdown.fork.name(),
        status: status_text(breakdown.status),
        gas_limit: breakdown.gas_limit,
        gas_used: breakdown.gas_used,
        intrinsic: Intrinsic {
            base: intrinsic.base,
            calldata: intrinsic.calldata(),
            creation: intrinsic.creation,
            initcode_words: intrinsic.initcode_words,
            access_list_addresses: intrinsic.access_list_addresses,
            access_list_keys: intrinsic.access_list_keys,
            authorizations: intrinsic.authorizations,
            unsplit: intrinsic.unsplit,
            total: intrinsic.total(),
        },
        rows: rows.collect(),
        glue_gas: ledger.glue_gas(),
        coprocessor_gas: ledger.coprocessor_gas(),
        refund: Refund { raw: ledger.refund.raw, capped: ledger.refund.capped },
        floor_top_up: ledger.floor_top_up,
    };
    serde_json::to_string(&document).expect("a tree of strings and numbers has a JSON form")
}

#[derive(Serialize)]
struct ViewDocument<'a> {
    schema: &'static str,
    by: &'static str,
    name: Option<&'a str>,
    transactions: u64,
    fork: Option<&'static str>,
    status: Option<&'static str>,
    gas_limit: u64,
    gas_used: u64,
    /// Their gas adds up to the gas used.
    rows: Vec<ViewRow<'a>>,
}

#[derive(Serialize)]
struct ViewRow<'a> {
    part: &'static str,
    label: &'a str,
    #[serde(flatten)]
    what: What<'a>,
    count: u64,
    gas: i128,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_gas: Option<u64>,
}

#[derive(Serialize)]
struct What<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pc: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opcode: Option<u8>,
}

pub(crate) fn view(view: &View) -> String {
    let rows = view.items.iter().map(|item| ViewRow {
        part: item.part.name(),
        label: &item.label,
        what: What {
            unit: item.unit.map(tandem_evm::Unit::name),
            op: item.op,
            frame: item.frame,
            parent: item.parent,
            kind: item.kind.map(crate::FrameKind::name),
            address: item.address.map(|address| format!("{address:#x}")),
            code_address: item.code_address.map(|address| format!("{address:#x}")),
            selector: item.selector.map(|selector| selector.to_string()),
            function: item.function.as_deref(),
            status: item.status.map(status_text),
            pc: item.pc,
            opcode: item.opcode,
        },
        count: item.count,
        gas: item.signed_gas(),
        total_gas: (view.by.has_callees() && item.part == Part::Execution).then_some(item.total),
    });
    let document = ViewDocument {
        schema: "tandem-gas-view/1",
        by: view.by.name(),
        name: view.name.as_deref(),
        transactions: view.transactions,
        fork: view.fork.map(tandem_evm::Fork::name),
        status: view.status.map(status_text),
        gas_limit: view.gas_limit,
        gas_used: view.gas_used,
        rows: rows.collect(),
    };
    serde_json::to_string(&document).expect("a tree of strings and numbers has a JSON form")
}
