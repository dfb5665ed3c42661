//! Tokens to statements. Includes are read here; macros, loops and names are the expansion's affair.

use std::rc::Rc;

use crate::{
    diagnostic::{Problem, Sources, Span},
    expression::Expression,
    instruction::{Immediate, Mnemonic},
    lexer::{Lexeme, Token, lex},
};

pub(crate) type Block = Vec<Statement>;

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Const(String, Rc<Expression>),
    Macro(String, Rc<Macro>),
    Use(String, Vec<Rc<Expression>>),
    /// The name that counts, from, to, step.
    For(Option<String>, Box<[Expression; 3]>, Block),
    If(Expression, Block, Block),
    Data(String, Block),
    Assert(Expression, String),
    Label(String),
    Place(String),
    Push(Rc<Expression>),
    /// A bare name: a constant to push.
    Constant(String),
    Instruction(Mnemonic, Option<Operands>),
    Bytes(Vec<u8>),
    /// Numbers of so many bytes each.
    Integers(usize, Vec<Rc<Expression>>),
    Stack(StackStep),
}

/// The operands written behind a mnemonic.
#[derive(Debug)]
pub(crate) enum Operands {
    Push(Rc<Expression>),
    /// out, x, y with their strides, and the count.
    Registers(Box<[Expression; 7]>),
}

/// What is done with the names of stack words.
#[derive(Debug)]
pub(crate) enum StackStep {
    /// `.stack a b c`: these are the words on the stack, the last on top.
    Declare(Vec<String>),
    /// `=a`: the word on top is called so.
    Name(String),
    /// `$a`: a copy of it on top.
    Copy(String),
    /// `^a`: it is on top, and the word that was there in its place.
    Take(String),
    /// `->a`: the word on top replaces it.
    Store(String),
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) parameters: Vec<String>,
    pub(crate) body: Block,
    pub(crate) span: Span,
}

/// Includes, blocks and parentheses may nest so deep.
const MOST_NESTED: usize = 64;
/// Terms that an expression may have: its tree may be as deep.
const MOST_TERMS: usize = 1_000;

pub(crate) fn parse_file(sources: &mut Sources, file: u32) -> Result<Block, Problem> {
    parse_nested(sources, file, 0)
}

fn parse_nested(sources: &mut Sources, file: u32, depth: usize) -> Result<Block, Problem> {
    let text = sources.text(file);
    let lexemes = lex(file, &text)?;
    let mut parser = Parser { lexemes, at: 0, depth, terms: 0, sources };
    let block = parser.block(&Token::End)?;
    Ok(block)
}

struct Parser<'s> {
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
    /// Terms of the expression so far.
    terms: usize,
    sources: &'s mut Sources,
}

type Parsed<T> = Result<T, Problem>;

impl Parser<'_> {
    fn peek(&self) -> &Lexeme {
        &self.lexemes[self.at.min(self.lexemes.len() - 1)]
    }

    fn next(&mut self) -> Lexeme {
        let lexeme = self.peek().clone();
        self.at += 1;
        lexeme
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek().token, Token::Sign(found) if found == sign)
    }

    fn skip_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Parsed<Span> {
        let lexeme = self.next();
        match lexeme.token {
            Token::Sign(found) if found == sign => Ok(lexeme.span),
            _ => Err(Problem::at(lexeme.span, format!("here should be {sign:?}"))),
        }
    }

    fn name(&mut self, what: &str) -> Parsed<(String, Span)> {
        let Lexeme { token, span, .. } = self.next();
        match token {
            Token::Name(name) if !name.contains('.') => Ok((name, span)),
            _ => Err(Problem::at(span, format!("here should be the name of {what}"))),
        }
    }

    /// A name that something is given: no instruction's.
    fn new_name(&mut self, what: &str) -> Parsed<(String, Span)> {
        let (name, span) = self.name(what)?;
        match Mnemonic::parse(&name) {
            Ok(None) => Ok((name, span)),
            _ => Err(Problem::at(span, format!("{name} is an instruction's name"))),
        }
    }

    fn skip_newlines(&mut self) {
        while self.peek().token == Token::Newline {
            self.at += 1;
        }
    }

    fn nested<T>(&mut self, span: Span, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MOST_NESTED {
            return Err(Problem::at(span, format!("nested deeper than {MOST_NESTED}")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Statements up to the end token, which is taken too.
    fn block(&mut self, end: &Token) -> Parsed<Block> {
        let mut block = Block::new();
        loop {
            let lexeme = self.peek();
            if lexeme.token == *end {
                self.at += 1;
                return Ok(block);
            }
            match lexeme.token {
                Token::Newline => self.at += 1,
                Token::End => {
                    return Err(Problem::at(lexeme.span, "a block is not closed: } is missing"));
                }
                _ => self.statement(&mut block)?,
            }
        }
    }

    fn braces(&mut self) -> Parsed<Block> {
        self.skip_newlines();
        let span = self.expect_sign("{")?;
        self.nested(span, |parser| parser.block(&Token::Sign("}")))
    }

    fn statement(&mut self, block: &mut Block) -> Parsed<()> {
        self.terms = 0;
        let Lexeme { token, span, .. } = self.next();
        let kind = match token {
            Token::Name(name) if name.starts_with('.') => {
                return self.directive(&name, span, block);
            }
            Token::Name(name) => self.named(name, span)?,
            Token::Number(value, _) => Kind::Push(Expression::Number(value).into()),
            Token::Sign("(") => {
                let value = self.nested(span, Self::whole_expression)?;
                self.expect_sign(")")?;
                Kind::Push(value.into())
            }
            Token::Sign("@") => {
                let (name, at) = self.name("a label or data block")?;
                Kind::Push(Expression::Place(name, at).into())
            }
            Token::Sign("$") => Kind::Stack(StackStep::Copy(self.name("a stack word")?.0)),
            Token::Sign("^") => Kind::Stack(StackStep::Take(self.name("a stack word")?.0)),
            Token::Sign("->") => Kind::Stack(StackStep::Store(self.name("a stack word")?.0)),
            Token::Sign("=") => Kind::Stack(StackStep::Name(self.new_name("a stack word")?.0)),
            Token::Sign("-") => {
                return Err(Problem::at(span, "write a negative number in parentheses"));
            }
            Token::Sign("}") => return Err(Problem::at(span, "no block is open here")),
            _ => return Err(Problem::at(span, "no statement begins with this")),
        };
        block.push(Statement { kind, span: span.to(self.lexemes[self.at - 1].span) });
        Ok(())
    }

    fn named(&mut self, name: String, span: Span) -> Parsed<Kind> {
        let follows = self.peek().clone();
        match follows.token {
            Token::Sign(":") => {
                self.at -= 1;
                let (name, _) = self.new_name("a label")?;
                self.at += 1;
                return Ok(Kind::Label(name));
            }
            Token::Sign("(") if follows.joined => {
                self.at += 1;
                let arguments = self.nested(span, Self::arguments)?;
                return Ok(Kind::Use(name, arguments.into_iter().map(Rc::new).collect()));
            }
            _ => {}
        }
        if name.eq_ignore_ascii_case("push") {
            return Ok(Kind::Push(self.expression()?.into()));
        }
        let mnemonic = Mnemonic::parse(&name).map_err(|message| Problem::at(span, message))?;
        let Some(mnemonic) = mnemonic else { return Ok(Kind::Constant(name)) };
        let operands = match mnemonic.instruction.immediate {
            Immediate::Push(_) => Some(Operands::Push(self.expression()?.into())),
            Immediate::Registers => Some(Operands::Registers(self.registers()?.into())),
            Immediate::None | Immediate::Types(_) => None,
        };
        Ok(Kind::Instruction(mnemonic, operands))
    }

    /// `out:stride, x:stride, y:stride, count`; strides and the count are 1 where left out.
    fn registers(&mut self) -> Parsed<[Expression; 7]> {
        let one = || Expression::Number(1.into());
        let [out, x, y] = [self.register()?, self.next_register()?, self.next_register()?];
        let count = if self.skip_sign(",") { self.expression()? } else { one() };
        Ok([out.0, out.1, x.0, x.1, y.0, y.1, count])
    }

    fn next_register(&mut self) -> Parsed<(Expression, Expression)> {
        self.expect_sign(",")?;
        self.register()
    }

    fn register(&mut self) -> Parsed<(Expression, Expression)> {
        let register = self.expression()?;
        let stride =
            if self.skip_sign(":") { self.expression()? } else { Expression::Number(1.into()) };
        Ok((register, stride))
    }

    fn arguments(&mut self) -> Parsed<Vec<Expression>> {
        let mut arguments = Vec::new();
        self.skip_newlines();
        while !self.skip_sign(")") {
            arguments.push(self.whole_expression()?);
            if !self.is_sign(")") {
                self.expect_sign(",")?;
                self.skip_newlines();
            }
        }
        Ok(arguments)
    }

    fn directive(&mut self, name: &str, span: Span, block: &mut Block) -> Parsed<()> {
        let kind = match name {
            ".include" => return self.include(span, block),
            ".const" => {
                let (name, _) = self.new_name("a constant")?;
                self.expect_sign("=")?;
                Kind::Const(name, self.expression()?.into())
            }
            ".macro" => self.define_macro()?,
            ".for" => {
                let (name, _) = self.new_name("what counts")?;
                match self.next() {
                    Lexeme { token: Token::Name(word), .. } if word == "in" => {}
                    lexeme => return Err(Problem::at(lexeme.span, "here should be \"in\"")),
                }
                let from = self.expression()?;
                self.expect_sign("..")?;
                let to = self.expression()?;
                let step = match &self.peek().token {
                    Token::Name(word) if word == "step" => {
                        self.at += 1;
                        self.expression()?
                    }
                    _ => Expression::Number(1.into()),
                };
                Kind::For(Some(name), [from, to, step].into(), self.braces()?)
            }
            ".rept" => {
                let times = self.expression()?;
                let [from, step] = [0, 1].map(|n| Expression::Number(n.into()));
                Kind::For(None, [from, times, step].into(), self.braces()?)
            }
            ".if" => self.condition(span)?,
            ".data" => {
                let (name, _) = self.new_name("a data block")?;
                Kind::Data(name, self.braces()?)
            }
            ".assert" => {
                let condition = self.expression()?;
                self.expect_sign(",")?;
                let Lexeme { token: Token::Text(text), .. } = self.next() else {
                    return Err(Problem::at(
                        span,
                        ".assert takes an expression, and a text in quotes",
                    ));
                };
                Kind::Assert(condition, text)
            }
            ".place" => Kind::Place(self.new_name("a place")?.0),
            ".bytes" => Kind::Bytes(self.bytes()?),
            ".stack" => {
                let mut names = Vec::new();
                while self.peek().token != Token::Newline && !self.is_sign("}") {
                    names.push(self.new_name("a stack word")?.0);
                }
                Kind::Stack(StackStep::Declare(names))
            }
            _ => match name.strip_prefix(".int").and_then(|len| len.parse().ok()) {
                Some(len @ 1..=1024) => Kind::Integers(len, self.integers()?),
                _ => return Err(Problem::at(span, unknown_directive(name))),
            },
        };
        block.push(Statement { kind, span: span.to(self.lexemes[self.at - 1].span) });
        Ok(())
    }

    fn include(&mut self, span: Span, block: &mut Block) -> Parsed<()> {
        let Lexeme { token: Token::Text(name), span: at, .. } = self.next() else {
            return Err(Problem::at(span, ".include takes a file's name in quotes"));
        };
        if self.depth == MOST_NESTED {
            return Err(Problem::at(span, "includes nest too deep: does a file include itself?"));
        }
        let path = self.sources.beside(span.file, &name);
        let file = self
            .sources
            .read(&path)
            .map_err(|error| Problem::at(at, format!("cannot read {}: {error}", path.display())))?;
        block.extend(parse_nested(self.sources, file, self.depth + 1)?);
        Ok(())
    }

    fn define_macro(&mut self) -> Parsed<Kind> {
        let (name, span) = self.new_name("a macro")?;
        let mut parameters = Vec::new();
        if self.skip_sign("(") {
            while !self.skip_sign(")") {
                parameters.push(self.new_name("a parameter")?.0);
                if !self.is_sign(")") {
                    self.expect_sign(",")?;
                }
            }
        }
        let body = self.braces()?;
        Ok(Kind::Macro(name, Macro { parameters, body, span }.into()))
    }

    fn condition(&mut self, span: Span) -> Parsed<Kind> {
        let condition = self.expression()?;
        let yes = self.braces()?;
        let start = self.at;
        self.skip_newlines();
        if !matches!(&self.peek().token, Token::Name(name) if name == ".else") {
            self.at = start;
            return Ok(Kind::If(condition, yes, Block::new()));
        }
        self.at += 1;
        let no = match &self.peek().token {
            Token::Name(name) if name == ".if" => {
                let at = self.next().span;
                let kind = self.nested(span, |parser| parser.condition(at))?;
                vec![Statement { kind, span: at }]
            }
            _ => self.braces()?,
        };
        Ok(Kind::If(condition, yes, no))
    }

    fn bytes(&mut self) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let Lexeme { token, span, .. } = self.peek().clone();
            match token {
                Token::Number(_, Some(number)) => bytes.extend(number),
                Token::Text(text) => bytes.extend(text.into_bytes()),
                Token::Newline | Token::Sign("}") => return Ok(bytes),
                _ => {
                    let message =
                        ".bytes takes texts and whole bytes in hexadecimal; numbers go with .intN";
                    return Err(Problem::at(span, message));
                }
            }
            self.at += 1;
            if self.skip_sign(",") {
                self.skip_newlines();
            }
        }
    }

    fn integers(&mut self) -> Parsed<Vec<Rc<Expression>>> {
        let mut integers = vec![self.expression()?.into()];
        while self.skip_sign(",") {
            self.skip_newlines();
            integers.push(self.expression()?.into());
        }
        Ok(integers)
    }

    /// An expression between signs that close it, over lines.
    fn whole_expression(&mut self) -> Parsed<Expression> {
        self.skip_newlines();
        let expression = self.binary(0, true)?;
        self.skip_newlines();
        Ok(expression)
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.terms = 0;
        self.binary(0, false)
    }

    fn binary(&mut self, least: u8, over_lines: bool) -> Parsed<Expression> {
        let start = self.peek().span;
        let mut left = self.nested(start, |parser| parser.unary(over_lines))?;
        loop {
            if over_lines {
                self.skip_newlines();
            }
            let Token::Sign(sign) = self.peek().token else { return Ok(left) };
            let Some((binds, right_to_left)) =
                precedence(sign).filter(|(binds, _)| *binds >= least)
            else {
                return Ok(left);
            };
            self.at += 1;
            if over_lines {
                self.skip_newlines();
            }
            let least = if right_to_left { binds } else { binds + 1 };
            let right = self.nested(start, |parser| parser.binary(least, over_lines))?;
            let span = start.to(self.lexemes[self.at - 1].span);
            left = Expression::Binary(sign, left.into(), right.into(), span);
            self.terms += 1;
            if self.terms > MOST_TERMS {
                let message = format!("an expression of more than {MOST_TERMS} terms");
                return Err(Problem::at(start, message));
            }
        }
    }

    fn unary(&mut self, over_lines: bool) -> Parsed<Expression> {
        let Lexeme { token, span, .. } = self.next();
        Ok(match token {
            Token::Number(value, _) => Expression::Number(value),
            Token::Sign(sign @ ("-" | "~" | "!")) => {
                // Binds tighter than all but the power: -2**2 is -(2**2).
                let operand = self.nested(span, |parser| parser.binary(POWER, over_lines))?;
                Expression::Unary(sign, operand.into())
            }
            Token::Sign("(") => {
                let inner = self.nested(span, Self::whole_expression)?;
                self.expect_sign(")")?;
                inner
            }
            Token::Sign("@") => {
                let (name, at) = self.name("a label or data block")?;
                Expression::Place(name, at)
            }
            Token::Name(name) if !name.starts_with('.') => {
                if self.is_sign("(") && self.peek().joined {
                    self.at += 1;
                    let operands = self.nested(span, Self::arguments)?;
                    let span = span.to(self.lexemes[self.at - 1].span);
                    Expression::Call(name, operands, span)
                } else {
                    Expression::Name(name, span)
                }
            }
            _ => return Err(Problem::at(span, "here should be a number, a constant or @label")),
        })
    }
}

const POWER: u8 = 9;

/// How tight a sign binds, and whether from right to left.
fn precedence(sign: &str) -> Option<(u8, bool)> {
    Some(match sign {
        "||" => (0, false),
        "&&" => (1, false),
        "==" | "!=" | "<" | "<=" | ">" | ">=" => (2, false),
        "|" => (3, false),
        "^" => (4, false),
        "&" => (5, false),
        "<<" | ">>" => (6, false),
        "+" | "-" => (7, false),
        "*" | "/" | "%" => (8, false),
        "**" => (POWER, true),
        _ => return None,
    })
}

fn unknown_directive(name: &str) -> String {
    format!(
        "no directive is called {name}; there are .include .const .macro .for .rept .if .else .data .bytes \
         .int1 to .int1024 .place .stack .assert"
    )
}
