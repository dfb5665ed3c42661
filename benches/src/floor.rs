//! The floor of a transaction: what it takes when there is nothing to execute.

use alloy_primitives::{Address, Bytes, U256};

use crate::{
    case::{Account, Case},
    duel::Round,
};

/// A call of an account without code, of a STOP, and plain transfers.
pub fn rounds() -> Vec<Round> {
    let cases = [
        Case::of_code("call of an account without code", Bytes::new()),
        Case::of_code("call of a STOP", Bytes::from_static(&[0])),
        transfer("transfer", Bytes::new()),
        Case { nonce: U256::ZERO, ..transfer("transfer to a new account", Bytes::new()) },
        transfer("transfer to a contract that stops", Bytes::from_static(&[0])),
    ];
    cases.map(|case| Round { case, units: 1 }).into()
}

fn transfer(name: &str, code: Bytes) -> Case {
    let mut case = Case::of_code(name, code);
    let balance = U256::from(10).pow(U256::from(18));
    case.pre.insert(case.caller, Account { balance, ..Account::default() });
    case.env.coinbase = Address::repeat_byte(0xc0);
    case.value = U256::ONE;
    case
}
