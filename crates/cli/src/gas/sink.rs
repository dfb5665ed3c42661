//! Where results go: text and rows as they come, in the order of the files; trees and sums when all
//! is done.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
};

use tandem_report::{
    By, Comparison, Names, Page, Places, Records, Timed, Tree, View, csv_header, summary_header,
    summary_line,
};
#[cfg(feature = "parquet")]
use tandem_report::{Column, ParquetError, ParquetRecords};

use super::{Color, Done, Format, Gas, Weight};
use crate::output::Failure;

/// The most transactions a page lists.
const LISTED: usize = 200;

/// What the transactions of a file, or of several, came to.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) transactions: u64,
    text: String,
    records: Option<Records>,
    pub(super) timed: Option<Timed>,
    /// By what was asked for, all together.
    pub(super) view: Option<View>,
    places: Places,
    tree: Tree,
    operations: Option<View>,
    operation_places: Places,
    code: Option<View>,
    code_places: Places,
    /// Name and gas used, for pages.
    list: Vec<(String, u64)>,
}

impl Sheet {
    pub(super) fn new(_: &Gas) -> Self {
        Self {
            transactions: 0,
            text: String::new(),
            records: None,
            timed: None,
            view: None,
            places: Places::default(),
            tree: Tree::new("transaction"),
            operations: None,
            operation_places: Places::default(),
            code: None,
            code_places: Places::default(),
            list: Vec::new(),
        }
    }

    /// Adds a transaction, in the forms that are asked for.
    pub(super) fn add_done(&mut self, gas: &Gas, names: &Names, done: Done) {
        self.transactions += 1;
        if let (1, Some(name)) = (self.transactions, &done.breakdown.name) {
            self.tree.rename(name.clone());
        }
        match gas.format {
            _ if gas.format.is_tree() => self.add_to_trees(gas, names, &done),
            Format::Table | Format::Json => self.text.push_str(&gas.text(names, &done)),
            _ => self.add_records(match &done.timed {
                Some(timed) => timed.to_records(),
                None => gas.view(names, &done).to_records(),
            }),
        }
        if gas.keeps_view() {
            let view = plain_view(gas.by(), names, &done);
            add_view(&mut self.view, view, &mut self.places);
        }
        self.timed = done.timed;
    }

    fn add_to_trees(&mut self, gas: &Gas, names: &Names, done: &Done) {
        match (&done.timed, &done.attribution) {
            (Some(timed), _) if gas.weight == Weight::Time => self.tree.add(&timed.to_tree()),
            (_, Some(attribution)) => self.tree.add_attribution(attribution, names),
            _ => self.tree.add_breakdown(&done.breakdown),
        }
        if gas.format != Format::Html {
            return;
        }
        let view = plain_view(By::Opcode, names, done);
        add_view(&mut self.operations, view, &mut self.operation_places);
        if done.attribution.is_some() {
            let view = plain_view(By::Pc, names, done);
            add_view(&mut self.code, view, &mut self.code_places);
        }
        let name = done.breakdown.name.clone().unwrap_or_default();
        self.list(vec![(name, done.breakdown.gas_used)]);
    }

    fn list(&mut self, more: Vec<(String, u64)>) {
        self.list.extend(more);
        if self.list.len() > 2 * LISTED {
            self.cut_list();
        }
    }

    fn cut_list(&mut self) {
        self.list.sort_by_key(|(_, gas)| std::cmp::Reverse(*gas));
        self.list.truncate(LISTED);
    }

    fn add_records(&mut self, records: Records) {
        match &mut self.records {
            Some(own) => own.rows.extend(records.rows),
            none => *none = Some(records),
        }
    }

    /// Adds another file's, but for its text and rows.
    pub(super) fn merge(&mut self, other: Self) {
        self.transactions += other.transactions;
        for (own, places, other) in [
            (&mut self.view, &mut self.places, other.view),
            (&mut self.operations, &mut self.operation_places, other.operations),
            (&mut self.code, &mut self.code_places, other.code),
        ] {
            if let Some(other) = other {
                add_view(own, other, places);
            }
        }
        self.tree.add(&other.tree);
        self.list(other.list);
        self.timed = other.timed.or(self.timed.take());
    }
}

fn add_view(own: &mut Option<View>, other: View, places: &mut Places) {
    match own {
        Some(own) => own.add(&other, places),
        none => *none = Some(other),
    }
}

/// A view as it is.
fn plain_view(by: By, names: &Names, done: &Done) -> View {
    match &done.attribution {
        Some(attribution) if by.needs_frames() => View::of_attribution(attribution, by, names),
        _ => View::of_breakdown(&done.breakdown, by)
            .expect("frames are attributed where a ledger is not enough"),
    }
}

impl Gas {
    /// Whether views are summed: for what is said of all, and for comparisons.
    fn keeps_view(&self) -> bool {
        (self.summarises()
            || self.paths.len() == 2
            || self.fork.len() == 2
            || self.backend.len() > 1)
            && matches!(self.format, Format::Table | Format::Json)
            || self.compares_rows()
    }

    /// Whether a comparison goes into rows.
    fn compares_rows(&self) -> bool {
        !self.format.is_tree()
            && (self.fork.len() == 2 || self.backend.len() > 1 || self.paths.len() == 2)
    }

    /// A view as it was asked for.
    fn view(&self, names: &Names, done: &Done) -> View {
        let mut view = plain_view(self.by(), names, done);
        self.shape(&mut view);
        view
    }

    /// A transaction as a table, a row of one, or a line of JSON.
    fn text(&self, names: &Names, done: &Done) -> String {
        let json = self.format == Format::Json;
        if let Some(timed) = &done.timed {
            return if json { timed.to_json() + "\n" } else { timed.to_table(self.coloured()) };
        }
        let whole = self.by() == By::Unit && !self.is_shaped();
        match (json, whole) {
            (true, true) => done.breakdown.to_json() + "\n",
            (true, false) => self.view(names, done).to_json() + "\n",
            (false, _) if self.summarises() => summary_line(&done.breakdown),
            (false, true) if self.coloured() => done.breakdown.to_coloured_table(),
            (false, true) => done.breakdown.to_table(),
            (false, false) => self.view(names, done).to_table(self.coloured()),
        }
    }

    fn coloured(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                self.output.is_none() && !plain && io::stdout().is_terminal()
            }
        }
    }

    /// The columns of a file without rows.
    #[cfg(feature = "parquet")]
    fn columns(&self) -> &'static [Column] {
        if self.time { Timed::COLUMNS } else { View::COLUMNS }
    }
}

/// Where results go.
pub(super) struct Sink<'a> {
    gas: &'a Gas,
    output: Output,
    sum: Option<Sheet>,
    /// Whether something was written already.
    begun: bool,
}

enum Output {
    Stream(Stream),
    /// The file once its columns are known, till then where it goes.
    #[cfg(feature = "parquet")]
    Parquet(Option<Box<ParquetRecords<Stream>>>, Option<Stream>),
}

type Stream = Box<dyn Write + Send>;

impl<'a> Sink<'a> {
    /// # Errors
    /// If the output file cannot be made, or a terminal is to get a binary file.
    pub(super) fn new(gas: &'a Gas, _: &Names) -> Result<Self, Failure> {
        let stream: Stream = match &gas.output {
            Some(file) => {
                let made = File::create(file).map_err(|error| {
                    Failure::Input(format!("cannot write {}: {error}", file.display()))
                })?;
                Box::new(BufWriter::new(made))
            }
            None => Box::new(io::stdout()),
        };
        #[cfg(feature = "parquet")]
        if gas.format == Format::Parquet {
            if gas.output.is_none() && io::stdout().is_terminal() {
                let message = "Parquet is no text: use --output FILE, or pipe it somewhere";
                return Err(Failure::Input(message.into()));
            }
            let output = Output::Parquet(None, Some(stream));
            return Ok(Self { gas, output, sum: None, begun: false });
        }
        Ok(Self { gas, output: Output::Stream(stream), sum: None, begun: false })
    }

    /// Writes what can be written already, and keeps the rest.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn add(&mut self, mut sheet: Sheet) -> Result<(), Failure> {
        if let Some(records) = sheet.records.take() {
            self.records(records)?;
        }
        let mut text = std::mem::take(&mut sheet.text);
        if !text.is_empty()
            && !self.begun
            && self.gas.summarises()
            && self.gas.format == Format::Table
        {
            text.insert_str(0, &summary_header());
        }
        self.write(&text)?;
        match &mut self.sum {
            Some(sum) => sum.merge(sheet),
            none => *none = Some(sheet),
        }
        Ok(())
    }

    /// Writes a comparison.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn comparison(mut self, comparison: &Comparison) -> Result<(), Failure> {
        match self.gas.format {
            Format::Table => self.write(&comparison.to_table(self.gas.coloured()))?,
            Format::Json => self.write(&(comparison.to_json() + "\n"))?,
            _ => self.records(comparison.to_records())?,
        }
        self.close()
    }

    /// Writes what is said of all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let Some(mut sum) = self.sum.take() else { return self.close() };
        let count = sum.transactions;
        if count > 1 {
            sum.tree.rename(format!("{count} transactions"));
        }
        let time = self.gas.weight == Weight::Time;
        match self.gas.format {
            Format::Table | Format::Json if self.gas.summarises() => self.all(sum)?,
            Format::Folded => self.write(&sum.tree.to_folded())?,
            Format::Speedscope => self.write(&(sum.tree.to_speedscope(time) + "\n"))?,
            #[cfg(feature = "svg")]
            Format::Svg => {
                let svg = sum.tree.to_svg(time).map_err(Failure::Input)?;
                self.write(&svg)?;
            }
            Format::Html => {
                let page = page(&mut sum);
                self.write(&page)?;
            }
            _ => {}
        }
        self.close()
    }

    fn all(&mut self, sum: Sheet) -> Result<(), Failure> {
        let Some(mut view) = sum.view else { return Ok(()) };
        view.order();
        self.gas.shape(&mut view);
        view.name = None;
        match self.gas.format {
            Format::Json => self.write(&(view.to_json() + "\n")),
            _ => {
                let table = view.to_table(self.gas.coloured());
                self.write(&format!("\n{table}"))
            }
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        self.begun = true;
        match &mut self.output {
            Output::Stream(stream) => {
                stream.write_all(text.as_bytes())?;
                Ok(stream.flush()?)
            }
            // Rows are all it gets.
            #[cfg(feature = "parquet")]
            Output::Parquet(..) => Ok(()),
        }
    }

    fn records(&mut self, records: Records) -> Result<(), Failure> {
        match &mut self.output {
            Output::Stream(_) => {
                let header = if self.begun { String::new() } else { csv_header(records.columns) };
                self.write(&(header + &records.to_csv()))
            }
            #[cfg(feature = "parquet")]
            Output::Parquet(writer, stream) => {
                if let Some(stream) = stream.take() {
                    let file = ParquetRecords::new(stream, records.columns).map_err(parquet)?;
                    *writer = Some(Box::new(file));
                }
                match writer {
                    Some(writer) => writer.add(records).map_err(parquet),
                    None => Ok(()),
                }
            }
        }
    }

    fn close(self) -> Result<(), Failure> {
        match self.output {
            Output::Stream(mut stream) => Ok(stream.flush()?),
            #[cfg(feature = "parquet")]
            Output::Parquet(writer, stream) => {
                let writer = match (writer, stream) {
                    (None, Some(stream)) => {
                        let file =
                            ParquetRecords::new(stream, self.gas.columns()).map_err(parquet)?;
                        Some(Box::new(file))
                    }
                    (writer, _) => writer,
                };
                match writer {
                    Some(writer) => Ok(writer.finish().map_err(parquet)?.flush()?),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(feature = "parquet")]
fn parquet(error: ParquetError) -> Failure {
    match error {
        ParquetError::TooLarge(_) => Failure::Input(error.to_string()),
        error => Failure::Output(io::Error::other(error)),
    }
}

fn page(sum: &mut Sheet) -> String {
    sum.cut_list();
    let Some(operations) = &mut sum.operations else { return String::new() };
    operations.order();
    if operations.transactions > 1 {
        operations.name = None;
    }
    let mut page = Page::new(operations, &sum.tree);
    if let Some(code) = &mut sum.code {
        code.order();
        page = page.places(code);
    }
    if let Some(timed) = &sum.timed {
        page = page.timed(timed);
    }
    if operations.transactions > 1 {
        page = page.transactions(&sum.list);
    }
    page.to_html()
}
