//! Text to tokens. What tokens mean together is the parser's affair.

use num_bigint::BigInt;

use crate::diagnostic::{Problem, Span};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name; a dot may start it and stand between its parts: `.const`, `xadd.u32x8`.
    Name(String),
    /// A number; of one written in whole hexadecimal bytes, the bytes.
    Number(BigInt, Option<Vec<u8>>),
    Text(String),
    Sign(&'static str),
    Newline,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) span: Span,
    /// Whether nothing separates it from the one before.
    pub(crate) joined: bool,
}

/// Longest first, since the first that fits is taken.
const SIGNS: [&str; 35] = [
    "**", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "..", "->", "(", ")", "{", "}", "[", "]",
    ",", ":", "@", "$", "=", "!", "~", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "?",
];

/// Longer numbers are mistakes, and would take long to read.
const MOST_DIGITS: usize = 10_000;

pub(crate) fn lex(file: u32, text: &str) -> Result<Vec<Lexeme>, Problem> {
    if u32::try_from(text.len()).is_err() {
        let span = Span { file, start: 0, end: 0 };
        return Err(Problem::at(span, "the source is larger than 4 GiB"));
    }
    let mut lexemes = Vec::new();
    let mut at = 0;
    let mut joined = false;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let len = match c {
            '\n' => 1,
            c if c.is_whitespace() => {
                at += c.len_utf8();
                joined = false;
                continue;
            }
            ';' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '/' if rest.starts_with("//") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' => text_len(rest),
            c if starts_name(c) || (c == '.' && rest[1..].starts_with(starts_name)) => {
                name_len(rest)
            }
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            c => {
                SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(c.len_utf8(), |s| s.len())
            }
        };
        let span = Span { file, start: at as u32, end: (at + len) as u32 };
        let token = token(&rest[..len]).map_err(|message| Problem::at(span, message))?;
        lexemes.push(Lexeme { token, span, joined });
        joined = true;
        at += len;
    }
    let end = text.trim_end().len() as u32;
    for token in [Token::Newline, Token::End] {
        lexemes.push(Lexeme { token, span: Span { file, start: end, end }, joined: false });
    }
    Ok(lexemes)
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn name_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut len = 1;
    while let Some(byte) = bytes.get(len) {
        // A dot before a dot is the sign of a range.
        let dot = *byte == b'.' && bytes.get(len + 1).is_some_and(|b| b.is_ascii_alphanumeric());
        if !(byte.is_ascii_alphanumeric() || *byte == b'_' || dot) {
            break;
        }
        len += 1;
    }
    len
}

/// Up to the closing quote, or the end of the line.
fn text_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at,
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

fn token(text: &str) -> Result<Token, String> {
    Ok(match text.as_bytes()[0] {
        b'\n' => Token::Newline,
        b'"' => Token::Text(unescape(text)?),
        b'0'..=b'9' => number(text)?,
        b'.' if text != ".." => Token::Name(text.into()),
        byte if starts_name(byte.into()) => Token::Name(text.into()),
        _ => match SIGNS.iter().find(|sign| **sign == text) {
            Some(sign) => Token::Sign(sign),
            None => return Err(format!("{text:?} has no meaning here")),
        },
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let inner = text[1..].strip_suffix('"').filter(|inner| {
        let backslashes = inner.len() - inner.trim_end_matches('\\').len();
        backslashes % 2 == 0
    });
    let mut chars = inner.ok_or("the string has no closing quote on this line")?.chars();
    let mut unescaped = String::new();
    while let Some(c) = chars.next() {
        unescaped.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(c @ ('"' | '\\')) => c,
                _ => return Err("the escapes are \\n \\t \\\" \\\\".into()),
            },
            c => c,
        });
    }
    Ok(unescaped)
}

fn number(text: &str) -> Result<Token, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.len() > MOST_DIGITS {
        return Err(format!("a number of {} digits is too long", digits.len()));
    }
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ => (10, &digits[..]),
    };
    if radix == 16 && digits.is_empty() {
        // What an empty byte string looks like.
        return Ok(Token::Number(BigInt::ZERO, Some(Vec::new())));
    }
    let value = BigInt::parse_bytes(digits.as_bytes(), radix)
        .ok_or_else(|| format!("{text} is no number in base {radix}"))?;
    let bytes = if radix == 16 { const_hex::decode(digits).ok() } else { None };
    Ok(Token::Number(value, bytes))
}
