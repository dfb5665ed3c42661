//! Rows and columns for data people: CSV, and Parquet with the same columns. Every format has its
//! schema's version in the first column. What is in the rows comes from views, timings, comparisons.

use std::fmt;

use tandem_evm::{Fork, Unit};

use crate::{FrameKind, Part, View, status_text};

/// A column: its name, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// Text, or nothing.
    Text(&'static str),
    /// A whole number, or nothing.
    Integer(&'static str),
    /// Any number, or nothing.
    Real(&'static str),
}

impl Column {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Integer(name) | Self::Real(name) => name,
        }
    }
}

/// What is in one column of one row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Datum {
    /// Nothing.
    None,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// Any number.
    Real(f64),
}

impl Datum {
    pub(crate) fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.into()))
    }

    pub(crate) fn integer(number: Option<impl Into<i128>>) -> Self {
        number.map_or(Self::None, |number| Self::Integer(number.into()))
    }

    fn place(number: Option<usize>) -> Self {
        Self::integer(number.map(|number| number as u64))
    }
}

impl fmt::Display for Datum {
    /// As CSV has it (RFC 4180).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) if text.contains([',', '"', '\n', '\r']) => {
                write!(f, "\"{}\"", text.replace('"', "\"\""))
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Rows under their columns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Records {
    /// The columns.
    pub columns: &'static [Column],
    /// The rows, each as long as there are columns.
    pub rows: Vec<Vec<Datum>>,
}

impl Records {
    pub(crate) const fn new(columns: &'static [Column], rows: Vec<Vec<Datum>>) -> Self {
        Self { columns, rows }
    }

    /// The rows as CSV, without the header: those of many transactions go into one file.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
            text.extend([&cells.join(","), "\n"]);
        }
        text
    }
}

/// The header of a CSV file with these columns.
pub fn csv_header(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    names.join(",") + "\n"
}

impl View {
    /// The columns of [`to_records`](Self::to_records): schema `tandem-gas-rows/1`.
    pub const COLUMNS: &'static [Column] = &[
        Column::Text("schema"),
        Column::Text("transaction"),
        Column::Text("fork"),
        Column::Text("status"),
        Column::Integer("gas_used"),
        Column::Text("by"),
        Column::Text("part"),
        Column::Text("label"),
        Column::Text("unit"),
        Column::Text("op"),
        Column::Integer("frame"),
        Column::Integer("parent"),
        Column::Text("kind"),
        Column::Text("address"),
        Column::Text("code_address"),
        Column::Text("selector"),
        Column::Text("function"),
        Column::Text("frame_status"),
        Column::Integer("pc"),
        Column::Integer("opcode"),
        Column::Integer("count"),
        Column::Integer("gas"),
        Column::Integer("total_gas"),
    ];

    /// The rows for data people. Their `gas` adds up to `gas_used`: a refund's is negative.
    pub fn to_records(&self) -> Records {
        let row = |item: &crate::Item| {
            let execution = item.part == Part::Execution;
            let total = (self.by.has_callees() && execution).then_some(item.total);
            let address = |address| Datum::text(Option::map(address, |it| format!("{it:#x}")));
            vec![
                Datum::Text("tandem-gas-rows/1".into()),
                Datum::text(self.name.clone()),
                Datum::text(self.fork.map(Fork::name)),
                Datum::text(self.status.map(status_text)),
                Datum::Integer(self.gas_used.into()),
                Datum::Text(self.by.name().into()),
                Datum::Text(item.part.name().into()),
                Datum::Text(item.label.clone()),
                Datum::text(item.unit.map(Unit::name)),
                Datum::text(item.op),
                Datum::place(item.frame),
                Datum::place(item.parent),
                Datum::text(item.kind.map(FrameKind::name)),
                address(item.address),
                address(item.code_address),
                Datum::text(item.selector.map(|selector| selector.to_string())),
                Datum::text(item.function.clone()),
                Datum::text(item.status.map(status_text)),
                Datum::place(item.pc),
                Datum::integer(item.opcode),
                Datum::Integer(item.count.into()),
                Datum::Integer(item.signed_gas()),
                Datum::integer(total),
            ]
        };
        Records::new(Self::COLUMNS, self.items.iter().map(row).collect())
    }
}

#[cfg(feature = "parquet")]
pub use columns::{ParquetError, ParquetRecords};

#[cfg(feature = "parquet")]
mod columns {
    use std::{io::Write, sync::Arc};

    use parquet::{
        basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical},
        data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
        file::{
            properties::WriterProperties,
            writer::{SerializedFileWriter, SerializedRowGroupWriter},
        },
        schema::types::Type,
    };

    use super::{Column, Datum, Records};

    /// Why rows could not be written as Parquet.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ParquetError {
        /// Parquet's numbers are signed and have 64 bits.
        #[error("{0} does not fit Parquet's 64-bit integers: use --format csv")]
        TooLarge(i128),
        /// The writer failed.
        #[error(transparent)]
        Write(#[from] parquet::errors::ParquetError),
    }

    /// Writes rows as a Parquet file, a group at a time, so that no more than one is in memory.
    #[expect(missing_debug_implementations, reason = "the library's writer has none")]
    pub struct ParquetRecords<W: Write + Send> {
        writer: SerializedFileWriter<W>,
        columns: &'static [Column],
        waiting: Vec<Vec<Datum>>,
    }

    impl<W: Write + Send> ParquetRecords<W> {
        /// Rows of a group.
        const GROUP: usize = 65_536;

        /// Begins a file.
        ///
        /// # Errors
        /// If `output` cannot be written to.
        pub fn new(output: W, columns: &'static [Column]) -> Result<Self, ParquetError> {
            let fields = columns.iter().map(|column| field(*column)).collect::<Result<_, _>>()?;
            let schema = Type::group_type_builder("row").with_fields(fields).build()?;
            let properties =
                WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties))?;
            Ok(Self { writer, columns, waiting: Vec::new() })
        }

        /// Adds rows, which have the file's columns.
        ///
        /// # Errors
        /// If a number is too large, or the output cannot be written to.
        pub fn add(&mut self, records: Records) -> Result<(), ParquetError> {
            self.waiting.extend(records.rows);
            if self.waiting.len() >= Self::GROUP { self.flush() } else { Ok(()) }
        }

        /// Ends the file.
        ///
        /// # Errors
        /// As [`add`](Self::add).
        pub fn finish(mut self) -> Result<W, ParquetError> {
            self.flush()?;
            Ok(self.writer.into_inner()?)
        }

        fn flush(&mut self) -> Result<(), ParquetError> {
            let rows = std::mem::take(&mut self.waiting);
            if rows.is_empty() {
                return Ok(());
            }
            let mut group = self.writer.next_row_group()?;
            for (place, column) in self.columns.iter().enumerate() {
                let data = rows.iter().map(|row| &row[place]);
                match column {
                    Column::Text(_) => write::<ByteArrayType, _>(&mut group, data, text)?,
                    Column::Integer(_) => write::<Int64Type, _>(&mut group, data, integer)?,
                    Column::Real(_) => write::<DoubleType, _>(&mut group, data, real)?,
                }
            }
            group.close()?;
            Ok(())
        }
    }

    fn field(column: Column) -> Result<Arc<Type>, ParquetError> {
        let physical = match column {
            Column::Text(_) => Physical::BYTE_ARRAY,
            Column::Integer(_) => Physical::INT64,
            Column::Real(_) => Physical::DOUBLE,
        };
        let mut builder = Type::primitive_type_builder(column.name(), physical)
            .with_repetition(Repetition::OPTIONAL);
        if matches!(column, Column::Text(_)) {
            builder = builder
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8);
        }
        Ok(Arc::new(builder.build()?))
    }

    fn write<'d, T: DataType, W: Write + Send>(
        group: &mut SerializedRowGroupWriter<'_, W>,
        data: impl Iterator<Item = &'d Datum>,
        convert: fn(&Datum) -> Result<Option<T::T>, ParquetError>,
    ) -> Result<(), ParquetError> {
        let data: Vec<_> = data.map(convert).collect::<Result<_, _>>()?;
        let levels: Vec<i16> = data.iter().map(|datum| i16::from(datum.is_some())).collect();
        let values: Vec<_> = data.into_iter().flatten().collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<T>().write_batch(&values, Some(&levels), None)?;
            column.close()?;
        }
        Ok(())
    }

    fn text(datum: &Datum) -> Result<Option<ByteArray>, ParquetError> {
        Ok(match datum {
            Datum::Text(text) => Some(text.as_str().into()),
            _ => None,
        })
    }

    fn integer(datum: &Datum) -> Result<Option<i64>, ParquetError> {
        match datum {
            Datum::Integer(number) => {
                i64::try_from(*number).map(Some).map_err(|_| ParquetError::TooLarge(*number))
            }
            _ => Ok(None),
        }
    }

    fn real(datum: &Datum) -> Result<Option<f64>, ParquetError> {
        Ok(match datum {
            Datum::Real(number) => Some(*number),
            _ => None,
        })
    }
}
