//! Pieces to code: every PUSH as short as its number allows, though that depends on where labels are, and
//! the other way round. Then the code is looked at as the EVM will, for jump targets that are none.

use num_bigint::BigInt;
use tandem_schedule::{Extensions, Fork, op};

use crate::{
    diagnostic::{Origin, Problem},
    expand::{Content, Expanded, Open, Piece},
    expression::{Places, Unknown},
};

#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) code: Vec<u8>,
    pub(crate) labels: Vec<(String, usize)>,
    pub(crate) extensions: Extensions,
    pub(crate) warnings: Vec<Problem>,
}

pub(crate) fn layout(expanded: Expanded) -> Result<Placed, Problem> {
    let Expanded { pieces, places, labels, fork, extensions, mut warnings } = expanded;
    let mut sizes = first_sizes(&pieces, fork)?;
    let places = loop {
        let places = place(&pieces, &sizes, places);
        if !grow(&pieces, &mut sizes, &places, fork)? {
            break places;
        }
    };
    let mut code = Vec::with_capacity(places.last().copied().unwrap_or(0));
    let mut parts = Vec::new();
    for (piece, size) in pieces.iter().zip(&sizes) {
        let start = code.len();
        emit(piece, *size, &places, &mut code)?;
        if let Content::Instruction(bytes, immediates) = &piece.content {
            let (immediates, is_target) = (*immediates, bytes[0] == op::JUMPDEST);
            parts.push(Part {
                start,
                end: code.len(),
                immediates,
                is_target,
                origin: &piece.origin,
            });
        }
    }
    warn(&code, &parts, &mut warnings);
    let labels = labels.into_iter().map(|(name, id)| (name, places[id])).collect();
    Ok(Placed { code, labels, extensions, warnings })
}

/// Sizes to begin with, in bytes: those that are certain, and the least for a PUSH that is open.
fn first_sizes(pieces: &[Piece], fork: Fork) -> Result<Vec<usize>, Problem> {
    let size = |piece: &Piece| {
        Ok(match &piece.content {
            Content::Bytes(bytes) | Content::Instruction(bytes, _) => bytes.len(),
            Content::Push(_, Some(len)) => 1 + len,
            Content::Push(open, None) => match value(open, None) {
                Ok(number) => 1 + push_len(&number, fork, &piece.origin)?,
                Err(Unknown::Place(_)) => 1,
                Err(Unknown::Wrong(problem)) => {
                    return Err(problem.within(piece.origin.within.as_ref()));
                }
            },
            Content::Integer(_, len) => *len,
            Content::Place(_) => 0,
        })
    };
    pieces.iter().map(size).collect()
}

/// Where places are, with pieces of those sizes. The last is the code's end.
fn place(pieces: &[Piece], sizes: &[usize], count: usize) -> Vec<usize> {
    let mut places = vec![0; count + 1];
    let mut at = 0;
    for (piece, size) in pieces.iter().zip(sizes) {
        if let Content::Place(id) = piece.content {
            places[id] = at;
        }
        at += size;
    }
    places[count] = at;
    places
}

/// Makes PUSHes longer whose numbers do not fit. None is ever made shorter, so this ends.
fn grow(
    pieces: &[Piece],
    sizes: &mut [usize],
    places: &[usize],
    fork: Fork,
) -> Result<bool, Problem> {
    let mut grown = false;
    for (piece, size) in pieces.iter().zip(sizes) {
        if let Content::Push(open, None) = &piece.content {
            let needed = 1 + push_len(&known(open, &piece.origin, places)?, fork, &piece.origin)?;
            grown |= needed > *size;
            *size = needed.max(*size);
        }
    }
    Ok(grown)
}

fn value(open: &Open, places: Places<'_>) -> Result<BigInt, Unknown> {
    open.expression.value(&open.scope, places)
}

fn known(open: &Open, origin: &Origin, places: &[usize]) -> Result<BigInt, Problem> {
    let number = value(open, Some(places)).map_err(|unknown| unknown.now("this"));
    number.map_err(|problem| problem.within(origin.within.as_ref()))
}

/// How many bytes of data the shortest PUSH of a number has.
fn push_len(number: &BigInt, fork: Fork, origin: &Origin) -> Result<usize, Problem> {
    let len = in_bytes(number, 32, origin)?.iter().skip_while(|byte| **byte == 0).count();
    Ok(if fork < Fork::Shanghai { len.max(1) } else { len })
}

/// A number as so many bytes, a negative one as its two's complement.
fn in_bytes(number: &BigInt, len: usize, origin: &Origin) -> Result<Vec<u8>, Problem> {
    let does_not_fit = || {
        let message =
            format!("{number} does not fit {len} {}", if len == 1 { "byte" } else { "bytes" });
        Problem::of(origin, message)
    };
    let bits = 8 * len as u64;
    let unsigned = match number.sign() {
        num_bigint::Sign::Minus if bits == 0 || *number < -(BigInt::from(1) << (bits - 1)) => {
            return Err(does_not_fit());
        }
        num_bigint::Sign::Minus => (BigInt::from(1) << bits) + number,
        _ if number.bits() > bits => return Err(does_not_fit()),
        _ => number.clone(),
    };
    let digits = if unsigned == BigInt::ZERO { Vec::new() } else { unsigned.to_bytes_be().1 };
    let mut bytes = vec![0; len - digits.len()];
    bytes.extend(digits);
    Ok(bytes)
}

fn emit(piece: &Piece, size: usize, places: &[usize], code: &mut Vec<u8>) -> Result<(), Problem> {
    let origin = &piece.origin;
    match &piece.content {
        Content::Bytes(bytes) | Content::Instruction(bytes, _) => code.extend(bytes),
        Content::Push(open, _) => {
            let number = known(open, origin, places)?;
            code.push(op::PUSH0 + (size - 1) as u8);
            code.extend(in_bytes(&number, size - 1, origin)?);
        }
        Content::Integer(open, len) => {
            let number = known(open, origin, places)?;
            code.extend(in_bytes(&number, *len, origin)?);
        }
        Content::Place(_) => {}
    }
    Ok(())
}

/// An instruction in the code.
struct Part<'p> {
    start: usize,
    end: usize,
    immediates: usize,
    is_target: bool,
    origin: &'p Origin,
}

/// Jumpdest analysis knows of PUSH's data alone: the other immediates it takes for opcodes.
fn warn(code: &[u8], parts: &[Part<'_>], warnings: &mut Vec<Problem>) {
    let owner = owners_of_data(code);
    for part in parts {
        if part.is_target
            && let Some(push) = owner[part.start]
        {
            let before = &parts[..parts.partition_point(|part| part.start <= push)];
            let what = match before.last() {
                Some(part) if push < part.end => "the immediate",
                _ => "the byte",
            };
            let message = format!(
                "no jump can come here: {what} {:#04x} at {push:#06x} looks like a PUSH to jumpdest analysis, \
                 with this JUMPDEST in its data",
                code[push]
            );
            warnings.push(Problem::of(part.origin, message));
        }
        let immediates = part.end - part.immediates..part.end;
        if let Some(at) =
            immediates.into_iter().find(|at| code[*at] == op::JUMPDEST && owner[*at].is_none())
        {
            let message =
                format!("the immediate 0x5b at {at:#06x} is a JUMPDEST to jumpdest analysis");
            warnings.push(Problem::of(part.origin, message));
        }
    }
}

/// For each byte, the PUSH whose data it is to jumpdest analysis.
fn owners_of_data(code: &[u8]) -> Vec<Option<usize>> {
    let mut owner = vec![None; code.len()];
    let mut pc = 0;
    while let Some(&byte) = code.get(pc) {
        let len = match byte {
            op::PUSH1..=op::PUSH32 => usize::from(byte - op::PUSH0),
            _ => 0,
        };
        let end = (pc + 1 + len).min(code.len());
        owner[pc + 1..end].fill(Some(pc));
        pc += 1 + len;
    }
    owner
}
