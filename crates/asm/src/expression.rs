//! Expressions: integers of any size, names, places. Here they are evaluated; where a name leads is the
//! scope's affair.

use std::rc::Rc;

use num_bigint::{BigInt, Sign};

use crate::{
    diagnostic::{Problem, Span},
    scope::{Binding, Scope},
};

#[derive(Debug)]
pub(crate) enum Expression {
    Number(BigInt),
    Name(String, Span),
    /// Where a label or data block is.
    Place(String, Span),
    Unary(&'static str, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>, Span),
    Call(String, Vec<Expression>, Span),
}

/// Where labels are, once that is known.
pub(crate) type Places<'p> = Option<&'p [usize]>;

/// Why an expression has no value.
pub(crate) enum Unknown {
    /// Labels have no place yet.
    Place(Span),
    Wrong(Problem),
}

impl From<Problem> for Unknown {
    fn from(problem: Problem) -> Self {
        Self::Wrong(problem)
    }
}

impl Unknown {
    /// For where a value is needed before labels have places.
    pub(crate) fn now(self, what: &str) -> Problem {
        match self {
            Self::Place(span) => Problem::at(
                span,
                format!(
                    "{what} may not depend on the place of a label: it decides where labels are"
                ),
            ),
            Self::Wrong(problem) => problem,
        }
    }
}

/// Numbers may not grow beyond so many bits.
const MOST_BITS: u64 = 1 << 16;

impl Expression {
    pub(crate) fn value(&self, scope: &Rc<Scope>, places: Places<'_>) -> Result<BigInt, Unknown> {
        Ok(match self {
            Self::Number(value) => value.clone(),
            Self::Name(name, span) => match scope.find(name) {
                Some(Binding::Value(value)) => value,
                Some(Binding::Later(expression, scope)) => expression.value(&scope, places)?,
                Some(Binding::Label(_) | Binding::Data { .. }) => {
                    let message = format!("{name} is a place: write @{name}");
                    return Err(Problem::at(*span, message).into());
                }
                None => {
                    return Err(Problem::at(*span, format!("no constant is called {name}")).into());
                }
            },
            Self::Place(name, span) => {
                let id = match scope.find(name) {
                    Some(Binding::Label(id)) | Some(Binding::Data { start: id, .. }) => id,
                    // A label that a macro was given.
                    Some(Binding::Later(expression, scope)) => {
                        return expression.value(&scope, places);
                    }
                    _ if places.is_none() => return Err(Unknown::Place(*span)),
                    _ => {
                        let message = format!("no label or data block is called {name}");
                        return Err(Problem::at(*span, message).into());
                    }
                };
                places.ok_or(Unknown::Place(*span))?[id].into()
            }
            Self::Unary(sign, operand) => {
                let value = operand.value(scope, places)?;
                match *sign {
                    "-" => -value,
                    "~" => -value - 1,
                    _ => truth(value == BigInt::ZERO),
                }
            }
            Self::Binary(sign, left, right, span) => {
                let left = left.value(scope, places)?;
                // The two that need not look further.
                match *sign {
                    "&&" if left == BigInt::ZERO => return Ok(BigInt::ZERO),
                    "||" if left != BigInt::ZERO => return Ok(truth(true)),
                    _ => {}
                }
                let right = right.value(scope, places)?;
                binary(sign, &left, &right).map_err(|message| Problem::at(*span, message))?
            }
            Self::Call(name, operands, span) => {
                if let Some(value) = sizes(name, operands, *span, scope, places)? {
                    return Ok(value);
                }
                let values: Result<Vec<_>, _> =
                    operands.iter().map(|operand| operand.value(scope, places)).collect();
                call(name, &values?).map_err(|message| Problem::at(*span, message))?
            }
        })
    }
}

/// `size(block)` and `codesize()`, which are about places.
fn sizes(
    name: &str,
    operands: &[Expression],
    span: Span,
    scope: &Rc<Scope>,
    places: Places<'_>,
) -> Result<Option<BigInt>, Unknown> {
    match (name, operands) {
        ("size", [Expression::Name(block, at) | Expression::Place(block, at)]) => {
            match scope.find(block) {
                Some(Binding::Data { start, end }) => {
                    let places = places.ok_or(Unknown::Place(span))?;
                    Ok(Some((places[end] - places[start]).into()))
                }
                _ if places.is_none() => Err(Unknown::Place(span)),
                _ => Err(Problem::at(*at, format!("no data block is called {block}")).into()),
            }
        }
        ("codesize", []) => {
            let places = places.ok_or(Unknown::Place(span))?;
            Ok(Some(places[places.len() - 1].into()))
        }
        _ => Ok(None),
    }
}

fn truth(value: bool) -> BigInt {
    BigInt::from(u8::from(value))
}

fn binary(sign: &str, left: &BigInt, right: &BigInt) -> Result<BigInt, String> {
    Ok(match sign {
        "+" => left + right,
        "-" => left - right,
        "*" => bounded(left * right)?,
        "/" => divide(left, right)?.0,
        "%" => divide(left, right)?.1,
        "**" => power(left, right)?,
        "<<" => bounded(left << shift(right, left.bits())?)?,
        ">>" => left >> shift(right, 0)?,
        "&" => left & right,
        "|" => left | right,
        "^" => left ^ right,
        "<" => truth(left < right),
        ">" => truth(left > right),
        "<=" => truth(left <= right),
        ">=" => truth(left >= right),
        "==" => truth(left == right),
        "!=" => truth(left != right),
        "&&" | "||" => truth(*right != BigInt::ZERO),
        _ => return Err(format!("{sign} is no operator")),
    })
}

fn bounded(value: BigInt) -> Result<BigInt, String> {
    match value.bits() {
        0..=MOST_BITS => Ok(value),
        bits => Err(format!("a number of {bits} bits is too large: {MOST_BITS} is the most")),
    }
}

fn shift(by: &BigInt, bits: u64) -> Result<u64, String> {
    let by = u64::try_from(by).map_err(|_| format!("a shift by {by} bits makes no sense"))?;
    if by > MOST_BITS || by + bits > MOST_BITS + 64 {
        return Err(format!("a shift by {by} bits is too far"));
    }
    Ok(by)
}

/// Rounds down, so that the remainder has the divisor's sign.
fn divide(left: &BigInt, right: &BigInt) -> Result<(BigInt, BigInt), String> {
    if *right == BigInt::ZERO {
        return Err("division by zero".into());
    }
    let (mut quotient, mut remainder) = (left / right, left % right);
    if remainder != BigInt::ZERO && remainder.sign() != right.sign() {
        quotient -= 1;
        remainder += right;
    }
    Ok((quotient, remainder))
}

fn power(base: &BigInt, exponent: &BigInt) -> Result<BigInt, String> {
    let small = u32::try_from(exponent).map_err(|_| format!("{exponent} is no exponent"))?;
    if base.bits().max(1) * u64::from(small) > MOST_BITS && base.bits() > 1 {
        return Err(format!("the power is too large: {MOST_BITS} bits are the most"));
    }
    Ok(base.pow(small))
}

fn call(name: &str, values: &[BigInt]) -> Result<BigInt, String> {
    Ok(match (name, values) {
        ("powmod", [base, exponent, modulus]) => {
            positive(modulus)?;
            if exponent.sign() == Sign::Minus {
                inverse(base, modulus)?.modpow(&-exponent, modulus)
            } else {
                base.modpow(exponent, modulus)
            }
        }
        ("inverse", [value, modulus]) => inverse(value, modulus)?,
        ("bits", [value]) => value.bits().into(),
        ("min", [first, rest @ ..]) => rest.iter().fold(first, |a, b| a.min(b)).clone(),
        ("max", [first, rest @ ..]) => rest.iter().fold(first, |a, b| a.max(b)).clone(),
        ("select", [condition, yes, no]) => {
            if *condition == BigInt::ZERO {
                no.clone()
            } else {
                yes.clone()
            }
        }
        ("bitreverse", [value, bits]) => {
            let bits = shift(bits, 0)?;
            (0..bits).fold(BigInt::ZERO, |reversed, bit| {
                (reversed << 1_u32) | ((value >> bit) & BigInt::from(1))
            })
        }
        ("powmod" | "select", _) => return Err(format!("{name} takes three values")),
        ("inverse" | "bitreverse", _) => return Err(format!("{name} takes two values")),
        ("bits", _) => return Err("bits takes one value".into()),
        ("min" | "max", _) => return Err(format!("{name} takes one value or more")),
        ("size", _) => return Err("size takes the name of a data block".into()),
        ("codesize", _) => return Err("codesize takes nothing".into()),
        _ => {
            return Err(format!(
                "no function is called {name}; there are powmod, inverse, bits, bitreverse, min, max, \
                 select, size, codesize"
            ));
        }
    })
}

fn positive(modulus: &BigInt) -> Result<(), String> {
    match modulus.sign() {
        Sign::Plus => Ok(()),
        _ => Err(format!("{modulus} is no modulus")),
    }
}

fn inverse(value: &BigInt, modulus: &BigInt) -> Result<BigInt, String> {
    positive(modulus)?;
    value.modinv(modulus).ok_or_else(|| format!("{value} has no inverse modulo {modulus}"))
}
