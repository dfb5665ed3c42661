//! The breakdown as JSON. Fields are only ever added to a schema's version.

use serde::Serialize;

use crate::{Breakdown, status_text};

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
    total: u64,
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
    let rows = ledger.rows.iter().map(|row| Row {
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
