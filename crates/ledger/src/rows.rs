//! A transaction's rows, which are made from what its meter noted when somebody asks for them: most of
//! what a ledger would cost a short transaction. The meter goes back to the machine for the next one.

use alloc::{boxed::Box, vec::Vec};

use core::fmt;

use once_cell::race::OnceBox;
use spin::Mutex;
use tandem_schedule::Row;
use triomphe::Arc;

use crate::Meter;

/// The rows of a transaction, made when first asked for. Without weak references, which would cost two
/// locked instructions a transaction.
#[derive(Clone, Default)]
pub struct Rows(Arc<Shared>);

#[derive(Default)]
struct Shared {
    made: OnceBox<Vec<Row>>,
    /// What they are made from, until the machine takes it back.
    meter: Mutex<Option<Box<Meter>>>,
}

impl Rows {
    /// The rows, one for each unit and operation.
    pub fn get(&self) -> &[Row] {
        if self.0.made.get().is_none() {
            self.make(&mut self.0.meter.lock());
        }
        self.0.made.get().map_or(&[], Vec::as_slice)
    }

    /// Makes the rows, unless somebody else has by now.
    fn make(&self, meter: &mut Option<Box<Meter>>) {
        self.0.made.get_or_init(|| {
            Box::new(meter.as_mut().map(|meter| meter.take_rows()).unwrap_or_default())
        });
    }
}

impl From<Vec<Row>> for Rows {
    fn from(rows: Vec<Row>) -> Self {
        let made = OnceBox::with_value(Box::new(rows));
        Self(Arc::new(Shared { made, meter: Mutex::new(None) }))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.get()).finish()
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Rows {}

/// The machine's side of the last transaction's rows. Whoever holds rows longer than the machine goes
/// on keeps no meter with them.
#[derive(Debug, Default)]
pub struct LastRows(Option<Rows>);

impl LastRows {
    /// Hands out a transaction's rows.
    pub fn hand_out(&mut self, meter: Box<Meter>) -> Rows {
        let rows = self.0.get_or_insert_default();
        match Arc::get_mut(&mut rows.0) {
            Some(shared) => *shared.meter.get_mut() = Some(meter),
            None => {
                *rows =
                    Rows(Arc::new(Shared { made: OnceBox::new(), meter: Mutex::new(Some(meter)) }));
            }
        }
        rows.clone()
    }

    /// The meter, from the rows handed out last: where they are still held and were not asked for,
    /// they are made first. Nothing if none were.
    pub fn take_back(&mut self) -> Option<Box<Meter>> {
        let rows = self.0.as_mut()?;
        if let Some(shared) = Arc::get_mut(&mut rows.0) {
            shared.made = OnceBox::new();
            return shared.meter.get_mut().take();
        }
        let rows = self.0.take()?;
        let mut meter = rows.0.meter.lock();
        rows.make(&mut meter);
        meter.take()
    }
}

impl Drop for LastRows {
    fn drop(&mut self) {
        self.take_back();
    }
}
