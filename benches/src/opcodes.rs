//! Each opcode alone, in a loop of many. Times are of the opcode with the DUPs that give it its
//! operands and the POPs that take its results away; what those take, the rows of DUP1 and POP say.

use alloy_primitives::{Address, U256};
use tandem_evm::{Fork, Opcode, op, opcode};

use crate::{
    assemble::Program,
    case::{Account, Case},
    duel::Round,
};

const FORK: Fork = Fork::Osaka;
/// How often a unit stands in the loop, and how often the loop runs.
const LIGHT: (usize, u64) = (64, 200);
/// The same for opcodes that start a frame or write a log.
const HEAVY: (usize, u64) = (16, 20);
/// Who is asked about or called: an account whose code is the opcode, or a STOP.
const OTHER: Address = Address::repeat_byte(0xaa);

/// A row for each opcode, and more where its time depends on the operands.
pub fn rounds() -> Vec<Round> {
    let rows = (0..=u8::MAX).filter_map(|byte| {
        let row = opcode(byte).filter(|row| row.since <= FORK && row.extension.is_none())?;
        Some((byte, row))
    });
    rows.flat_map(|(byte, row)| rounds_of(byte, row)).collect()
}

fn rounds_of(byte: u8, row: &Opcode) -> Vec<Round> {
    match byte {
        op::STOP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT => {
            vec![called(byte, row)]
        }
        op::JUMPDEST => vec![bare(byte, row.name, |p| p.op(op::JUMPDEST))],
        op::JUMP => vec![bare(byte, row.name, |p| jump(p, op::JUMP))],
        op::JUMPI => vec![
            bare(byte, "JUMPI, taken", |p| jump(p.push(1), op::JUMPI)),
            bare(byte, "JUMPI, not taken", |p| jump(p.push(0), op::JUMPI)),
        ],
        op::POP => vec![bare(byte, "POP, of a PUSH0", |p| p.ops(&[op::PUSH0, op::POP]))],
        op::SWAP1..=op::SWAP16 => vec![bare(byte, row.name, |p| p.op(byte))],
        op::PUSH0..=op::PUSH32 => {
            let data = vec![0x5a; usize::from(row.immediate)];
            vec![bare(byte, row.name, |p| p.push_bytes(&data).op(op::POP))]
        }
        // The gas left is a salt that no other has.
        op::CREATE2 => vec![bare(byte, "CREATE2, of no code", |p| {
            p.ops(&[op::GAS, op::PUSH0, op::PUSH0, op::PUSH0, op::CREATE2, op::POP])
        })],
        op::DUP1..=op::DUP16 => vec![bare(byte, row.name, |p| p.ops(&[byte, op::POP]))],
        _ => operand_sets(byte)
            .into_iter()
            .map(|(suffix, operands)| fed(byte, row, suffix, &operands))
            .collect(),
    }
}

/// The pieces after one another in a loop, on a stack of eighteen words.
fn bare(byte: u8, name: &str, unit: impl Fn(Program) -> Program) -> Round {
    looped(byte, name, Program::new().repeat(17, |p| p.push_word(wide(3))), unit)
}

fn jump(program: Program, byte: u8) -> Program {
    // PUSH2, its data and the jump itself are before the target.
    let target = program.position() as u16 + 4;
    program.push_bytes(&target.to_be_bytes()).ops(&[byte, op::JUMPDEST])
}

/// The opcode with its operands, first on top, copied up from below the loop's counter.
fn fed(byte: u8, row: &Opcode, suffix: &str, operands: &[U256]) -> Round {
    assert_eq!(operands.len(), usize::from(row.inputs), "operands of {}", row.name);
    let setup = operands.iter().rev().fold(grown_memory(), |p, operand| p.push_word(*operand));
    // From the bottom: operands, counter, then copies; the last operand is copied first.
    let dup = op::DUP1 + row.inputs;
    let name = format!("{}{suffix}", row.name);
    looped(byte, &name, setup, |p| {
        let fed = p.repeat(operands.len(), |p| p.op(dup)).op(byte);
        fed.repeat(row.outputs.into(), |p| p.op(op::POP))
    })
}

/// An opcode that ends its frame, as the code of an account that is called.
fn called(byte: u8, row: &Opcode) -> Round {
    let setup = Program::new();
    let round = looped(byte, &format!("{}, called", row.name), setup, |p| {
        let to = p.push(0).push(0).push(0).push(0).push(0).push_address(OTHER);
        to.push(10_000).ops(&[op::CALL, op::POP])
    });
    let code = match row.inputs {
        0 => Program::new(),
        1 => Program::new().op(op::CALLER),
        _ => Program::new().push(32).push(0),
    };
    with_other(round, code.op(byte))
}

fn looped(byte: u8, name: &str, setup: Program, unit: impl Fn(Program) -> Program) -> Round {
    let heavy = matches!(byte, op::STOP | op::LOG0..=u8::MAX);
    let (unrolled, rounds) = if heavy { HEAVY } else { LIGHT };
    let program = setup.count_down(rounds, |body| body.repeat(unrolled, unit));
    let mut case = Case::of_code(name, program.code());
    case.calldata = vec![0x5a; 64].into();
    case.balance = U256::from(u64::MAX);
    with_other(Round { case, units: unrolled as u64 * rounds }, Program::new().op(op::STOP))
}

fn with_other(mut round: Round, code: Program) -> Round {
    let account = Account { code: code.code(), nonce: U256::ONE, ..Account::default() };
    round.case.pre.insert(OTHER, account);
    round
}

fn grown_memory() -> Program {
    Program::new().push_word(wide(5)).push(0).op(op::MSTORE).push(0).push(1024).op(op::MSTORE)
}

/// Operands, first on top, by opcode; with a name where there is more than one set.
fn operand_sets(byte: u8) -> Vec<(&'static str, Vec<U256>)> {
    let numbers = |operands: &[u64]| operands.iter().map(|number| U256::from(*number)).collect();
    let address = U256::from_be_slice(OTHER.as_slice());
    let narrow = U256::from(0x9e37_79b9_7f4a_7c15_u64);
    let [dividend, divisor] = [wide(2), wide(3) >> 20_u32];
    let half = wide(5) >> 128_u32;
    match byte {
        op::DIV | op::SDIV | op::MOD | op::SMOD => vec![
            (", 256 bits by 236", vec![dividend, divisor]),
            (", 256 bits by 128", vec![dividend, half]),
            (", 256 bits by 64", vec![dividend, narrow]),
            (", 64 bits by 20", vec![narrow, U256::from(1_000_003)]),
            (", by a power of two", vec![dividend, U256::ONE << 32_u32]),
        ],
        op::ADDMOD | op::MULMOD => vec![
            (", below the modulus", vec![divisor - U256::ONE, half, divisor]),
            (", above the modulus", vec![wide(7), dividend, divisor]),
            (", 64 bits", vec![narrow, narrow, narrow - U256::ONE]),
        ],
        op::MUL => vec![("", vec![wide(2), wide(3)]), (", 64 bits", vec![narrow, narrow])],
        op::EXP => vec![
            (", exponent 2", vec![wide(3), U256::from(2)]),
            (", exponent of 8 bits", vec![wide(3), U256::from(0xa7)]),
            (", exponent of 256 bits", vec![wide(3), wide(7)]),
        ],
        op::SIGNEXTEND | op::BYTE => vec![("", vec![U256::from(5), wide(3)])],
        op::SHL | op::SHR | op::SAR => vec![("", vec![U256::from(77), wide(3)])],
        op::KECCAK256 => vec![
            (", 32 bytes", numbers(&[0, 32])),
            (", 64 bytes", numbers(&[0, 64])),
            (", 1024 bytes", numbers(&[0, 1024])),
        ],
        op::BALANCE | op::EXTCODESIZE | op::EXTCODEHASH => vec![("", vec![address])],
        op::CALLDATALOAD | op::MLOAD => vec![("", numbers(&[5]))],
        op::CALLDATACOPY | op::CODECOPY => vec![(", 32 bytes", numbers(&[64, 0, 32]))],
        op::MCOPY => {
            vec![(", 32 bytes", numbers(&[64, 0, 32])), (", 256 bytes", numbers(&[512, 0, 256]))]
        }
        op::RETURNDATACOPY => vec![(", 0 bytes", numbers(&[64, 0, 0]))],
        op::EXTCODECOPY => {
            let copied = numbers(&[64, 0, 32]);
            vec![(", 32 bytes", [vec![address], copied].concat())]
        }
        op::MSTORE | op::MSTORE8 => vec![("", vec![U256::from(64), wide(3)])],
        op::SLOAD | op::TLOAD | op::BLOBHASH | op::BLOCKHASH => vec![("", numbers(&[0]))],
        op::SSTORE | op::TSTORE => vec![("", numbers(&[0, 1]))],
        op::LOG0..=op::LOG4 => {
            let topics = usize::from(byte - op::LOG0);
            vec![(", 32 bytes", [numbers(&[0, 32]), vec![wide(3); topics]].concat())]
        }
        op::CREATE => vec![(", of no code", numbers(&[0, 0, 0]))],
        op::CALL | op::CALLCODE => {
            let [gas, rest] = [U256::from(10_000), U256::ZERO];
            vec![(" of a STOP", vec![gas, address, rest, rest, rest, rest, rest])]
        }
        op::DELEGATECALL | op::STATICCALL => {
            let [gas, rest] = [U256::from(10_000), U256::ZERO];
            vec![(" of a STOP", vec![gas, address, rest, rest, rest, rest])]
        }
        _ => {
            let inputs = opcode(byte).map_or(0, |row| row.inputs);
            vec![("", (0..inputs).map(|i| wide(u64::from(i) + 2)).collect())]
        }
    }
}

/// A word with all its limbs in use, another for each seed.
fn wide(seed: u64) -> U256 {
    let odd = U256::from_limbs([
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
        0x2545_f491_4f6c_dd1d,
    ]);
    odd.wrapping_mul(U256::from(seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;

    #[test]
    fn every_opcode_of_the_fork_runs_alike_on_both_engines() {
        let rounds = rounds();
        for byte in 0..=u8::MAX {
            if let Some(row) =
                opcode(byte).filter(|row| row.since <= FORK && row.extension.is_none())
            {
                let has_row =
                    |round: &Round| round.case.name.split([',', ' ']).next() == Some(row.name);
                assert!(rounds.iter().any(has_row), "{} has no row", row.name);
            }
        }
        for round in &rounds {
            check(&round.case).expect("runs alike");
        }
    }
}
