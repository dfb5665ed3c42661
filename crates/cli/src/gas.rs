//! `tandem gas`: where the gas of transactions went. Here are the options and what follows from them;
//! `input` opens what people have, `source` takes transactions out of it, `measure` executes, `sink`
//! writes.

mod input;
mod measure;
mod sink;
mod source;

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regex::Regex;
use std::io::{self, IsTerminal};
use tandem_evm::{Backend, Extension, Fork, Unit, backends};
use tandem_fixtures::find_files;
use tandem_report::{By, Comparison, Names, Sort, View};

use crate::{
    output::{Failure, NOT_DONE, complain},
    parse_extension, parse_fork,
};
use input::Input;
use measure::{Done, Measure};
use sink::{Sheet, Sink};
use source::{Refused, Selector, each};

/// Show where the gas of transactions went.
///
/// The parts add up to the gas used, exactly: base, calldata and the other intrinsic parts, the
/// execution by coprocessor and glue, the refund, the calldata floor.
#[derive(Args, Debug)]
#[command(after_help = "\
Files are state tests, which are executed; bundles (prestate, transaction and
block; or geth's genesis, context and input), which are executed too; and traces
that somebody else has made (geth's structLogs, EIP-3155 lines), which are not.
Programs as in fixtures/programs are called, with the extensions they name.
The parts of a bundle may be files of their own, or come from a node.

One file: each transaction in full. A directory, three files or more, or
--summary: a row for each transaction, then all together. Two files, two --fork,
or two --backend of one unit: side by side, with differences.

Whatever is chosen, sorted, filtered or cut, what is shown adds up to the gas
used. Flame graphs (folded, speedscope, svg, html) are of the gas before the
refund. Row formats and JSON name their schema and its version; the schemas are
in crates/report/schemas.

Exit code: 0 if every chosen transaction is accounted for; 2 if one is invalid
(unless its test expects that, in a summary) or came to another result than its
receipt, or a file is unreadable.

Examples:
  tandem gas fixtures/ens-set-contenthash.json
  tandem gas tx.json --by selector --abi Token.json
  tandem gas tx.json --time --by opcode --anchor 100
  tandem gas tx.json --fork Cancun --fork Osaka --by opcode
  tandem gas tx.json --time --backend modexp=dashu-int --backend modexp=aurora-engine-modexp
  tandem gas tx.json --format html --output gas.html
  tandem gas state_tests/ --format parquet --output rows.parquet
  tandem gas tests.json --fork Osaka --case test_sload/0 --format json | jq .glue_gas
  tandem gas --rpc http://127.0.0.1:8545 0x5c50…
  curl … debug_traceTransaction … | tandem gas - --by frame")]
pub(crate) struct Gas {
    /// Files, and directories to search for *.json; - reads standard input. With --rpc, a
    /// transaction's hash.
    paths: Vec<PathBuf>,

    /// Only cases of tests whose name contains NAME, and with /INDEX only those at that place in
    /// their fork's list; /INDEX alone goes too.
    #[arg(long, value_name = "NAME/INDEX", value_parser = Selector::parse)]
    case: Option<Selector>,

    /// Only cases of this fork; of a bundle or a trace, the fork it is taken for. Given twice: the
    /// same transactions on both, side by side, executed as a what-if where the file has none.
    #[arg(long, value_name = "NAME", value_parser = parse_fork)]
    fork: Vec<Fork>,

    /// Opcodes and precompiles beyond the fork's: evmmax, simd; separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_extension)]
    extensions: Vec<Extension>,

    /// What a row stands for.
    #[arg(long, value_enum, default_value_t = Grouping::Unit)]
    by: Grouping,

    /// Only the first N rows; the others together in one.
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// What comes first. Without it: the most gas; of contracts and functions, with their callees';
    /// frames as they were entered.
    #[arg(long, value_enum)]
    sort: Option<Order>,

    /// Only rows whose label the regular expression matches; the others together in one.
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,

    /// A contract's ABI, for the names of its functions: a JSON list, or an artifact with `abi`.
    #[arg(long, value_name = "FILE")]
    abi: Vec<PathBuf>,

    /// A list of function signatures, a line each, with or without their selectors; or a JSON object
    /// of both.
    #[arg(long, value_name = "FILE")]
    signatures: Vec<PathBuf>,

    /// Which backend a coprocessor has. Given twice for one unit: both, side by side; with --time.
    #[arg(long, value_name = "UNIT=NAME", value_parser = parse_backend)]
    backend: Vec<Choice>,

    /// Time beside gas: repeats the transaction until its median is stable. By unit or opcode.
    #[arg(long)]
    time: bool,

    /// With --time: the rate at which a row's time is turned into gas, in million gas a second.
    #[arg(long, value_name = "MGAS", default_value_t = 100.0, value_parser = parse_anchor)]
    anchor: f64,

    /// What flame graphs are of.
    #[arg(long, value_enum, default_value_t = Weight::Gas)]
    weight: Weight,

    /// A row for each transaction, then all together.
    #[arg(long)]
    summary: bool,

    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Where it is written, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Whether tables are coloured: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,

    /// How many files to work on at once [default: one for each core].
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    #[command(flatten)]
    input: Input,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// A line for each transaction.
    Json,
    /// Rows and columns.
    Csv,
    /// The same, in a binary file.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Stacks and weights, for flamegraph.pl, inferno and their like.
    Folded,
    /// For speedscope.app.
    Speedscope,
    /// A flame graph as a picture.
    #[cfg(feature = "svg")]
    Svg,
    /// One page with everything.
    Html,
}

impl Format {
    /// Whether it is drawn from a tree of calls.
    fn is_tree(self) -> bool {
        let flat = matches!(self, Self::Table | Self::Json | Self::Csv);
        #[cfg(feature = "parquet")]
        let flat = flat || self == Self::Parquet;
        !flat
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Grouping {
    /// The glue and each coprocessor.
    Unit,
    /// Opcodes, precompiles and named costs.
    Opcode,
    /// Call frames, as a tree.
    Frame,
    /// Contracts, by the code that ran.
    Contract,
    /// Functions of contracts.
    Selector,
    /// Places in contracts' code.
    Pc,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Gas,
    /// Gas with callees.
    Total,
    Count,
    Name,
    /// Frames as entered, code from its beginning.
    Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weight {
    Gas,
    /// Nanoseconds; with --time.
    Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// A backend for a unit.
#[derive(Clone, Copy, Debug)]
struct Choice {
    unit: Unit,
    backend: &'static Backend,
}

fn parse_backend(text: &str) -> Result<Choice, String> {
    let (unit, name) = text.split_once('=').ok_or("not of the form UNIT=NAME")?;
    let with_backends = || Unit::ALL.into_iter().filter(|unit| !backends(*unit).is_empty());
    let unit = with_backends().find(|one| one.name() == unit).ok_or_else(|| {
        let names: Vec<_> = with_backends().map(Unit::name).collect();
        format!("no unit {unit} with backends; there are {}", names.join(", "))
    })?;
    let backend = backends(unit).iter().find(|one| one.name == name).ok_or_else(|| {
        let names: Vec<_> = backends(unit).iter().map(|one| one.name).collect();
        format!("{} has no backend {name}; there are {}", unit.name(), names.join(", "))
    })?;
    Ok(Choice { unit, backend })
}

fn parse_anchor(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("not above 0".into()) }
}

/// One side of a comparison, or the only one.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Executes on this fork, whatever the file says.
    what_if: Option<Fork>,
    /// Takes cases of this fork only.
    only: Option<Fork>,
    backends: Vec<Choice>,
    label: String,
    paths: Vec<PathBuf>,
}

/// How the transactions went that are not shown.
#[derive(Clone, Copy, Debug, Default)]
struct Troubles {
    /// Invalid, unreadable, or another result than the receipt's.
    failed: bool,
    /// Invalid, as their tests expect: not shown in a summary.
    expected: u64,
}

impl Troubles {
    fn exit_code(self) -> ExitCode {
        if self.failed { ExitCode::from(NOT_DONE) } else { ExitCode::SUCCESS }
    }
}

impl Gas {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let names = self.names()?;
        let sides = self.sides()?;
        self.check(sides.len())?;
        if self.time && cfg!(debug_assertions) {
            complain("this build is not optimised, so its times say little: build with --release");
        }
        match &sides[..] {
            [a, b] => self.compare(a, b, &names),
            sides => self.show(&sides[0], &names),
        }
    }

    /// Options that do not go together.
    fn check(&self, sides: usize) -> Result<(), Failure> {
        let refuse = |message: &str| Err(Failure::Input(message.into()));
        let by = self.by();
        if self.time && by.needs_frames() {
            return refuse("time is known by unit and by opcode: use --by unit or --by opcode");
        }
        if self.time && self.summarises() {
            return refuse("--time is of one transaction: give one file, and choose with --case");
        }
        if self.weight == Weight::Time && !self.time {
            return refuse("--weight time needs --time");
        }
        if self.weight == Weight::Time && !self.format.is_tree() {
            return refuse("--weight is of flame graphs: use --format folded, speedscope or svg");
        }
        if sides == 2 && self.format.is_tree() {
            return refuse("a comparison is written as table, json, csv or parquet");
        }
        if sides == 2 && self.sort.is_some() {
            return refuse("a comparison has its greatest rows first: --sort is for one side");
        }
        if (sides == 2 || self.summarises()) && by == By::Frame {
            return refuse("frames are one transaction's: use --by contract or --by selector");
        }
        Ok(())
    }

    fn by(&self) -> By {
        match self.by {
            Grouping::Unit => By::Unit,
            Grouping::Opcode => By::Opcode,
            Grouping::Frame => By::Frame,
            Grouping::Contract => By::Contract,
            Grouping::Selector => By::Selector,
            Grouping::Pc => By::Pc,
        }
    }

    fn names(&self) -> Result<Names, Failure> {
        let mut names = Names::default();
        let read = |file: &Path| {
            fs::read_to_string(file)
                .map_err(|error| Failure::Input(format!("{}: {error}", file.display())))
        };
        let bad = |file: &Path, error| Failure::Input(format!("{}: {error}", file.display()));
        for file in &self.abi {
            names.add_abi(&read(file)?).map_err(|error| bad(file, error))?;
        }
        for file in &self.signatures {
            names.add_signatures(&read(file)?).map_err(|error| bad(file, error))?;
        }
        Ok(names)
    }

    /// What is compared; one side if nothing is.
    fn sides(&self) -> Result<Vec<Side>, Failure> {
        let mut common = Vec::new();
        let mut twice = None;
        for choice in &self.backend {
            let same: Vec<_> = self.backend.iter().filter(|one| one.unit == choice.unit).collect();
            match same[..] {
                [_] => common.push(*choice),
                [a, b] => twice = Some([*a, *b]),
                _ => return Err(Failure::Input("no more than two backends of a unit".into())),
            }
        }
        let files =
            self.paths.len() == 2 && !self.summary && !self.paths.iter().any(|it| it.is_dir());
        let base = Side { backends: common, paths: self.paths.clone(), ..Side::default() };
        let mut choices: Vec<[Side; 2]> = Vec::new();
        if files {
            choices.push([0, 1].map(|place| {
                let path = &self.paths[place];
                let label = path.display().to_string();
                Side { paths: vec![path.clone()], label, only: self.one_fork(), ..base.clone() }
            }));
        }
        match self.fork[..] {
            [] | [_] => {}
            [a, b] => choices.push([a, b].map(|fork| Side {
                what_if: Some(fork),
                label: fork.name().into(),
                ..base.clone()
            })),
            _ => return Err(Failure::Input("no more than two forks are compared".into())),
        }
        if let Some(pair) = twice {
            choices.push(pair.map(|choice| {
                let label = format!("{}={}", choice.unit.name(), choice.backend.name);
                let backends = [&base.backends[..], &[choice]].concat();
                Side { backends, label, only: self.one_fork(), ..base.clone() }
            }));
        }
        match choices.len() {
            0 => Ok(vec![Side { only: self.one_fork(), ..base }]),
            1 => Ok(choices.remove(0).into()),
            _ => Err(Failure::Input(
                "compare one thing at a time: two files, two forks, or two backends".into(),
            )),
        }
    }

    fn one_fork(&self) -> Option<Fork> {
        match self.fork[..] {
            [fork] => Some(fork),
            _ => None,
        }
    }

    /// Whether each transaction gets but a row.
    fn summarises(&self) -> bool {
        self.summary || self.paths.len() > 2 || self.paths.iter().any(|path| path.is_dir())
    }

    /// What has to be found out about each transaction.
    fn measure<'a>(&'a self, side: &Side) -> Measure<'a> {
        Measure {
            input: &self.input,
            case: self.case.clone(),
            extensions: &self.extensions,
            names_files: self.summarises() || !matches!(self.format, Format::Table | Format::Json),
            side: side.clone(),
            frames: self.by().needs_frames()
                || (self.format.is_tree() && self.weight == Weight::Gas),
            time: self.time.then_some(self.by()),
            anchor: self.anchor,
        }
    }

    fn show(&self, side: &Side, names: &Names) -> Result<ExitCode, Failure> {
        let mut sink = Sink::new(self, names)?;
        let (troubles, count) = self.work(side, names, |sheet| sink.add(sheet))?;
        if count > 0 {
            sink.finish()?;
        }
        if troubles.expected > 0 {
            complain(&format!(
                "left out {} transactions that are invalid, as their tests expect",
                troubles.expected
            ));
        }
        Ok(troubles.exit_code())
    }

    fn compare(&self, a: &Side, b: &Side, names: &Names) -> Result<ExitCode, Failure> {
        let mut sheets = Vec::new();
        for side in [a, b] {
            let mut sum: Option<Sheet> = None;
            let (troubles, count) = self.work(side, names, |sheet| {
                match &mut sum {
                    Some(sum) => sum.merge(sheet),
                    none => *none = Some(sheet),
                }
                Ok(())
            })?;
            if troubles.failed {
                return Ok(troubles.exit_code());
            }
            if self.time && count != 1 {
                let message = format!(
                    "{count} transactions of {}: --time compares one, choose it with --case",
                    side.label
                );
                return Err(Failure::Input(message));
            }
            sheets.extend(sum);
        }
        let [mut a_sheet, mut b_sheet]: [Sheet; 2] =
            sheets.try_into().map_err(|_| Failure::Input("nothing to compare".into()))?;
        let labels = [a, b].map(|side| side.label.clone());
        let mut comparison = match (a_sheet.timed.take(), b_sheet.timed.take()) {
            (Some(a), Some(b)) => Comparison::of_times(&a, &b, labels),
            _ => {
                let view = |sheet: &mut Sheet| {
                    let mut view = sheet.view.take();
                    if let Some(view) = &mut view {
                        view.order();
                    }
                    view
                };
                let (Some(a), Some(b)) = (view(&mut a_sheet), view(&mut b_sheet)) else {
                    return Err(Failure::Input("nothing to compare".into()));
                };
                Comparison::new(&a, &b, labels)
            }
        };
        if let Some(filter) = &self.filter {
            comparison.filter(|label| filter.is_match(label));
        }
        if let Some(top) = self.top {
            comparison.top(top);
        }
        Sink::new(self, names)?.comparison(&comparison)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Sorts, filters and cuts a view as asked.
    fn shape(&self, view: &mut View) {
        if let Some(sort) = self.sort {
            view.sort(match sort {
                Order::Gas => Sort::Gas,
                Order::Total => Sort::Total,
                Order::Count => Sort::Count,
                Order::Name => Sort::Name,
                Order::Place => Sort::Place,
            });
        }
        if let Some(filter) = &self.filter {
            view.filter(|item| filter.is_match(&item.label));
        }
        if let Some(top) = self.top {
            view.top(top);
        }
    }

    fn is_shaped(&self) -> bool {
        self.sort.is_some() || self.filter.is_some() || self.top.is_some()
    }

    /// Works through a side's files and hands what each came to on, in order: a worker waits for its
    /// turn, so there is never more in memory than a file a worker. Returns how many transactions
    /// there were.
    fn work(
        &self,
        side: &Side,
        names: &Names,
        add: impl FnMut(Sheet) -> Result<(), Failure> + Send,
    ) -> Worked {
        let files = self.files(side)?;
        let bar = self.progress(&files);
        let measure = self.measure(side);
        let next = AtomicUsize::new(0);
        let turn = Turn {
            state: Mutex::new((0, add, Ok((Troubles::default(), 0)))),
            moved: Condvar::new(),
        };
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(index) else { break };
                let mut sheet = Sheet::new(self);
                let mut lines = Vec::new();
                let mut troubles = Troubles::default();
                let result = each(file, &measure, |done| match done {
                    Ok(done) => {
                        lines.extend(done.complaints.iter().cloned());
                        troubles.failed |= done.differs;
                        sheet.add_done(self, names, done);
                    }
                    Err(Refused { expected: true, .. }) if self.summarises() => {
                        troubles.expected += 1;
                    }
                    Err(refused) => {
                        lines.push(refused.line);
                        troubles.failed = true;
                    }
                });
                if let Err(line) = result {
                    lines.push(line);
                    troubles.failed = true;
                }
                bar.inc(1);
                let go_on = turn.take(index, &bar, lines, troubles, sheet);
                if !go_on {
                    break;
                }
            }
        };
        thread::scope(|scope| {
            let others: Vec<_> =
                (1..self.workers().min(files.len())).map(|_| scope.spawn(work)).collect();
            work();
            for worker in others {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        bar.finish_and_clear();
        turn.state.into_inner().unwrap_or_else(PoisonError::into_inner).2
    }

    fn files(&self, side: &Side) -> Result<Vec<PathBuf>, Failure> {
        if !self.input.takes_files() {
            return Ok(side
                .paths
                .iter()
                .take(1)
                .cloned()
                .chain([PathBuf::new()])
                .take(1)
                .collect());
        }
        if side.paths.is_empty() {
            let message = "nothing to do: give a file, - for standard input, or --prestate, --tx and \
                           --block";
            return Err(Failure::Input(message.into()));
        }
        let mut files = Vec::new();
        for path in &side.paths {
            if path == Path::new("-") {
                files.push(path.clone());
                continue;
            }
            let found = find_files(path)
                .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
            if found.is_empty() {
                return Err(Failure::Input(format!("{}: has no *.json files", path.display())));
            }
            files.extend(found);
        }
        Ok(files)
    }

    fn workers(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // Two runs at once would time each other.
        if self.time { 1 } else { self.workers.map_or_else(cores, NonZeroUsize::get) }
    }

    fn progress(&self, files: &[PathBuf]) -> ProgressBar {
        if files.len() < 2 || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(files.len() as u64);
        let style =
            ProgressStyle::with_template("{wide_bar} {pos} of {len} files {elapsed_precise}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar
    }
}

/// Lets workers deliver in the order of their files.
struct Turn<A> {
    state: Mutex<(usize, A, Worked)>,
    moved: Condvar,
}

/// How it went, and how many transactions there were.
type Worked = Result<(Troubles, u64), Failure>;

impl<A: FnMut(Sheet) -> Result<(), Failure>> Turn<A> {
    /// Waits until it is the `index`th file's turn, and delivers. Returns whether to go on.
    fn take(
        &self,
        index: usize,
        bar: &ProgressBar,
        lines: Vec<String>,
        troubles: Troubles,
        sheet: Sheet,
    ) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .moved
            .wait_while(state, |state| state.0 < index)
            .unwrap_or_else(PoisonError::into_inner);
        let (next, add, result) = &mut *state;
        *next += 1;
        if let Ok((all, count)) = result {
            all.failed |= troubles.failed;
            all.expected += troubles.expected;
            *count += sheet.transactions;
            let delivered = bar.suspend(|| {
                lines.iter().for_each(|line| complain(line));
                add(sheet)
            });
            if let Err(failure) = delivered {
                *result = Err(failure);
            }
        }
        self.moved.notify_all();
        state.2.is_ok()
    }
}
