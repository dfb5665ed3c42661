//! Statements to pieces of code: macros are used, loops run, names bound. What remains open is what
//! depends on places.

use std::{collections::HashMap, rc::Rc};

use num_bigint::{BigInt, Sign};
use tandem_schedule::{Extensions, Fork, op};

use crate::{
    diagnostic::{Expansion, Origin, Problem, Span},
    expression::{Expression, Unknown},
    instruction::{Immediate, Instruction, Mnemonic},
    parse::{Block, Kind, Macro, Operands, StackStep, Statement},
    scope::{Binding, Scope},
    stack::StackNames,
};

/// What code is made of.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) content: Content,
    pub(crate) origin: Origin,
}

#[derive(Debug)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// An instruction without operands that are open, and how many of its bytes are immediates.
    Instruction(Vec<u8>, usize),
    /// A PUSH of so many bytes, or of as few as will do.
    Push(Open, Option<usize>),
    /// A number in so many bytes.
    Integer(Open, usize),
    /// Here is a place.
    Place(usize),
}

/// An expression and what its names mean.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) expression: Rc<Expression>,
    pub(crate) scope: Rc<Scope>,
}

/// A source, expanded.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// Data last.
    pub(crate) pieces: Vec<Piece>,
    /// How many places there are, the code's end aside.
    pub(crate) places: usize,
    pub(crate) labels: Vec<(String, usize)>,
    pub(crate) fork: Fork,
    pub(crate) extensions: Extensions,
    pub(crate) warnings: Vec<Problem>,
}

/// Macros may use macros so deep.
const MOST_NESTED: usize = 64;
/// More statements than this are a mistake.
const MOST_STATEMENTS: usize = 4_000_000;
/// Code of more bytes too.
const MOST_BYTES: usize = 1 << 24;

pub(crate) fn expand(
    fork: Fork,
    definitions: &[(String, BigInt)],
    block: &Block,
) -> Result<Expanded, Problem> {
    let scope = Rc::new(Scope::default());
    for (name, value) in definitions {
        scope.bind(name, Binding::Value(value.clone()));
    }
    let mut expander = Expander {
        fork,
        macros: HashMap::new(),
        code: Vec::new(),
        data: Vec::new(),
        in_data: false,
        places: 0,
        labels: Vec::new(),
        stack: StackNames::default(),
        extensions: Extensions::NONE,
        warnings: Vec::new(),
        statements: 0,
        bytes: 0,
        depth: 0,
    };
    expander.define_macros(block)?;
    expander.block(block, &scope, None)?;
    let Expander { fork, mut code, data, places, labels, extensions, warnings, .. } = expander;
    code.extend(data);
    Ok(Expanded { pieces: code, places, labels, fork, extensions, warnings })
}

struct Expander {
    fork: Fork,
    macros: HashMap<String, Rc<Macro>>,
    code: Vec<Piece>,
    data: Vec<Piece>,
    in_data: bool,
    places: usize,
    labels: Vec<(String, usize)>,
    stack: StackNames,
    extensions: Extensions,
    warnings: Vec<Problem>,
    statements: usize,
    /// At least so many bytes so far.
    bytes: usize,
    depth: usize,
}

type Within<'w> = Option<&'w Rc<Expansion>>;

impl Expander {
    /// Macros may be used before they are defined.
    fn define_macros(&mut self, block: &Block) -> Result<(), Problem> {
        for statement in block {
            if let Kind::Macro(name, definition) = &statement.kind
                && self.macros.insert(name.clone(), definition.clone()).is_some()
            {
                return Err(Problem::at(definition.span, format!("{name} is defined twice")));
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        block: &Block,
        scope: &Rc<Scope>,
        within: Within<'_>,
    ) -> Result<(), Problem> {
        for statement in block {
            self.statements += 1;
            if self.statements > MOST_STATEMENTS {
                let message = format!("more than {MOST_STATEMENTS} statements: does a loop end?");
                return Err(Problem::at(statement.span, message).within(within));
            }
            self.statement(statement, scope, within).map_err(|problem| problem.within(within))?;
            if self.bytes > MOST_BYTES {
                let message = format!("more than {MOST_BYTES} bytes of code: does a loop end?");
                return Err(Problem::at(statement.span, message).within(within));
            }
        }
        Ok(())
    }

    fn statement(
        &mut self,
        statement: &Statement,
        scope: &Rc<Scope>,
        within: Within<'_>,
    ) -> Result<(), Problem> {
        let span = statement.span;
        let origin = Origin { span, within: within.cloned() };
        match &statement.kind {
            Kind::Const(name, expression) => {
                let value = now(expression, scope, "a constant")?;
                bind(scope, name, Binding::Value(value), span)?;
            }
            Kind::Macro(name, _) => {
                if !scope.is_outermost() {
                    let message = format!("{name} is defined inside another macro or a loop");
                    return Err(Problem::at(span, message));
                }
            }
            Kind::Use(name, arguments) => self.use_macro(name, arguments, span, scope, within)?,
            Kind::For(name, range, body) => {
                self.repeat(name.as_deref(), range, body, span, scope, within)?;
            }
            Kind::If(condition, yes, no) => {
                let holds = now(condition, scope, "a condition")? != BigInt::ZERO;
                self.block(if holds { yes } else { no }, scope, within)?;
            }
            Kind::Data(name, body) => self.data(name, body, origin, scope)?,
            Kind::Assert(condition, message) => {
                if now(condition, scope, "a condition")? == BigInt::ZERO {
                    return Err(Problem::at(span, message));
                }
            }
            Kind::Label(name) => {
                self.place(name, origin.clone(), scope)?;
                self.instruction(&plain(op::JUMPDEST), None, origin, scope)?;
            }
            Kind::Place(name) => self.place(name, origin, scope)?,
            Kind::Push(expression) => self.push(expression, origin, scope)?,
            Kind::Constant(name) => {
                if scope.find(name).is_none() && self.macros.contains_key(name) {
                    return Err(Problem::at(span, format!("{name} is a macro: write {name}(…)")));
                }
                if scope.find(name).is_none() {
                    let message = format!("{name} is neither an instruction nor a constant");
                    return Err(Problem::at(span, message));
                }
                self.push(&Expression::Name(name.clone(), span).into(), origin, scope)?;
            }
            Kind::Instruction(mnemonic, operands) => {
                self.instruction(mnemonic, operands.as_ref(), origin, scope)?;
            }
            Kind::Bytes(bytes) => self.emit(Content::Bytes(bytes.clone()), origin),
            Kind::Integers(len, expressions) => {
                for expression in expressions {
                    let open = Open { expression: expression.clone(), scope: scope.clone() };
                    self.emit(Content::Integer(open, *len), origin.clone());
                }
            }
            Kind::Stack(step) => self.stack_step(step, origin, scope)?,
        }
        Ok(())
    }

    fn emit(&mut self, content: Content, origin: Origin) {
        self.bytes += match &content {
            Content::Bytes(bytes) | Content::Instruction(bytes, _) => bytes.len(),
            Content::Push(_, len) => 1 + len.unwrap_or(0),
            Content::Integer(_, len) => *len,
            Content::Place(_) => 0,
        };
        let section = if self.in_data { &mut self.data } else { &mut self.code };
        section.push(Piece { content, origin });
    }

    fn new_place(&mut self) -> usize {
        self.places += 1;
        self.places - 1
    }

    fn place(&mut self, name: &str, origin: Origin, scope: &Rc<Scope>) -> Result<(), Problem> {
        let id = self.new_place();
        bind(scope, name, Binding::Label(id), origin.span)?;
        if scope.is_outermost() {
            self.labels.push((name.into(), id));
        }
        self.emit(Content::Place(id), origin);
        Ok(())
    }

    fn data(
        &mut self,
        name: &str,
        body: &Block,
        origin: Origin,
        scope: &Rc<Scope>,
    ) -> Result<(), Problem> {
        if self.in_data {
            return Err(Problem::at(origin.span, "a data block has no data blocks inside"));
        }
        let (start, end) = (self.new_place(), self.new_place());
        bind(scope, name, Binding::Data { start, end }, origin.span)?;
        if scope.is_outermost() {
            self.labels.push((name.into(), start));
        }
        self.in_data = true;
        self.emit(Content::Place(start), origin.clone());
        let inside = origin.within.clone();
        self.block(body, scope, inside.as_ref())?;
        self.emit(Content::Place(end), origin);
        self.in_data = false;
        Ok(())
    }

    fn use_macro(
        &mut self,
        name: &str,
        arguments: &[Rc<Expression>],
        span: Span,
        scope: &Rc<Scope>,
        within: Within<'_>,
    ) -> Result<(), Problem> {
        let Some(definition) = self.macros.get(name).cloned() else {
            return Err(Problem::at(span, format!("no macro is called {name}")));
        };
        let (wanted, given) = (definition.parameters.len(), arguments.len());
        if wanted != given {
            let parameters = definition.parameters.join(", ");
            let message = format!("{name}({parameters}) takes {wanted} arguments, not {given}");
            return Err(Problem::at(span, message));
        }
        if self.depth == MOST_NESTED {
            let message = format!("macros nest deeper than {MOST_NESTED}: does {name} end?");
            return Err(Problem::at(span, message));
        }
        // Macros see the outermost names, not those around their use.
        let inner = Scope::inside(&outermost(scope));
        for (parameter, argument) in definition.parameters.iter().zip(arguments) {
            let binding = match argument.value(scope, None) {
                Ok(value) => Binding::Value(value),
                Err(Unknown::Place(_)) => Binding::Later(argument.clone(), scope.clone()),
                Err(Unknown::Wrong(problem)) => return Err(problem),
            };
            bind(&inner, parameter, binding, span)?;
        }
        let expansion = Expansion { what: name.into(), span, within: within.cloned() };
        self.depth += 1;
        self.block(&definition.body, &inner, Some(&Rc::new(expansion)))?;
        self.depth -= 1;
        Ok(())
    }

    fn repeat(
        &mut self,
        name: Option<&str>,
        [from, to, step]: &[Expression; 3],
        body: &Block,
        span: Span,
        scope: &Rc<Scope>,
        within: Within<'_>,
    ) -> Result<(), Problem> {
        let mut at = now(from, scope, "a loop")?;
        let to = now(to, scope, "a loop")?;
        let step = now(step, scope, "a loop")?;
        if step == BigInt::ZERO {
            return Err(Problem::at(span, "a loop with step 0 does not end"));
        }
        while if step.sign() == Sign::Plus { at < to } else { at > to } {
            // An empty body counts too.
            self.statements += 1;
            if self.statements > MOST_STATEMENTS {
                let message = format!("more than {MOST_STATEMENTS} statements: does the loop end?");
                return Err(Problem::at(span, message));
            }
            let inner = Scope::inside(scope);
            let what = match name {
                Some(name) => {
                    inner.bind(name, Binding::Value(at.clone()));
                    format!("the loop, {name} = {at}")
                }
                None => format!("the loop, round {at}"),
            };
            let expansion = Rc::new(Expansion { what, span, within: within.cloned() });
            self.block(body, &inner, Some(&expansion))?;
            at += &step;
        }
        Ok(())
    }

    fn push(
        &mut self,
        expression: &Rc<Expression>,
        origin: Origin,
        scope: &Rc<Scope>,
    ) -> Result<(), Problem> {
        self.outside_data(&origin)?;
        self.stack.push();
        let open = Open { expression: expression.clone(), scope: scope.clone() };
        self.emit(Content::Push(open, None), origin);
        Ok(())
    }

    fn outside_data(&self, origin: &Origin) -> Result<(), Problem> {
        match self.in_data {
            true => Err(Problem::at(origin.span, "a data block has no instructions")),
            false => Ok(()),
        }
    }

    fn instruction(
        &mut self,
        mnemonic: &Mnemonic,
        operands: Option<&Operands>,
        origin: Origin,
        scope: &Rc<Scope>,
    ) -> Result<(), Problem> {
        self.outside_data(&origin)?;
        let Instruction { name, since, extension, immediate, .. } = mnemonic.instruction;
        if since > self.fork {
            let message =
                format!("{} has no {name}: {} brought it", self.fork.name(), since.name());
            return Err(Problem::at(origin.span, message));
        }
        if let Some(extension) = extension {
            self.extensions = self.extensions.with(extension);
        }
        self.stack.follow(&mnemonic.instruction);
        let mut bytes = mnemonic.bytes();
        let content = match (operands, immediate) {
            (Some(Operands::Push(expression)), Immediate::Push(len)) => {
                let open = Open { expression: expression.clone(), scope: scope.clone() };
                Content::Push(open, Some(len.into()))
            }
            (Some(Operands::Registers(expressions)), _) => {
                let immediates = self.registers(expressions, &origin, scope)?;
                bytes.extend(immediates);
                Content::Instruction(bytes, immediates.len())
            }
            _ => Content::Instruction(bytes, mnemonic.types.len()),
        };
        self.emit(content, origin);
        Ok(())
    }

    fn registers(
        &mut self,
        expressions: &[Expression; 7],
        origin: &Origin,
        scope: &Rc<Scope>,
    ) -> Result<[u8; 7], Problem> {
        const PARTS: [&str; 7] = [
            "the output's register",
            "the output's stride",
            "x's register",
            "x's stride",
            "y's register",
            "y's stride",
            "the count",
        ];
        let mut immediates = [0; 7];
        for (index, expression) in expressions.iter().enumerate() {
            let value = now(expression, scope, PARTS[index])?;
            immediates[index] = u8::try_from(&value).map_err(|_| {
                Problem::at(origin.span, format!("{} is {value}: 0 to 255 fit", PARTS[index]))
            })?;
        }
        for index in [1, 6] {
            if immediates[index] == 0 {
                let message = format!("{} is 0: this halts", PARTS[index]);
                self.warnings.push(Problem::of(origin, message));
            }
        }
        Ok(immediates)
    }

    fn stack_step(
        &mut self,
        step: &StackStep,
        origin: Origin,
        scope: &Rc<Scope>,
    ) -> Result<(), Problem> {
        let at = |message| Problem::at(origin.span, message);
        match step {
            StackStep::Declare(names) => self.stack.declare(names),
            StackStep::Name(name) => self.stack.name_top(name),
            StackStep::Copy(name) => {
                let dup = self.stack.copy(name).map_err(at)?;
                self.instruction(&plain(dup), None, origin, scope)?;
            }
            StackStep::Take(name) => {
                if let Some(swap) = self.stack.swap(name).map_err(at)? {
                    self.instruction(&plain(swap), None, origin, scope)?;
                }
            }
            StackStep::Store(name) => match self.stack.swap(name).map_err(at)? {
                None => return Err(at(format!("{name} is on top already"))),
                Some(swap) => {
                    self.instruction(&plain(swap), None, origin.clone(), scope)?;
                    self.instruction(&plain(op::POP), None, origin, scope)?;
                    // The name stays with its slot, not with the word that was there.
                    self.stack.rename(swap, name);
                }
            },
        }
        Ok(())
    }
}

/// An opcode of the forks that has no immediates.
fn plain(byte: u8) -> Mnemonic {
    Mnemonic { instruction: Instruction::of_fork(byte), types: Vec::new() }
}

fn outermost(scope: &Rc<Scope>) -> Rc<Scope> {
    let mut scope = scope;
    while let Some(parent) = scope.parent() {
        scope = parent;
    }
    scope.clone()
}

fn bind(scope: &Scope, name: &str, binding: Binding, span: Span) -> Result<(), Problem> {
    match scope.bind(name, binding) {
        true => Ok(()),
        false => Err(Problem::at(span, format!("{name} has a meaning already"))),
    }
}

fn now(expression: &Expression, scope: &Rc<Scope>, what: &str) -> Result<BigInt, Problem> {
    expression.value(scope, None).map_err(|unknown| unknown.now(what))
}
