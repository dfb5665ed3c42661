//! A transaction's rows, which are made from what its meter noted when somebody asks for them: most of
//! what a ledger would cost a short transaction. The meter goes back to the machine for the next one. The
//! settlement lies with them, so that what is handed on is a pointer.
//!
//! Machine and rows share a loan without counting each other: two locked instructions would be half of what
//! is left. So a loan is never freed, but used again, and the rows only have to say that they are gone.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};

use core::{
    cell::UnsafeCell,
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use once_cell::race::OnceBox;
use spin::Mutex;
use tandem_schedule::Row;

use crate::{Ledger, Meter, Settlement};

/// The rows of a transaction, made when first asked for (a clone's are), and its settlement.
pub(crate) struct Rows(Source);

enum Source {
    Made(Box<(Settlement, Vec<Row>)>),
    Lent(&'static Loan),
}

/// What is between a machine and the rows of its last transaction.
#[derive(Default)]
struct Loan {
    /// Whether the rows are there. Set by the machine, cleared by them when they go.
    is_out: AtomicBool,
    /// Whether the machine is done with it. Set by the machine while the rows are there.
    is_theirs: AtomicBool,
    content: UnsafeCell<Content>,
}

// SAFETY: while a loan is out, its content is only read, which many threads may do. While it is not, whoever
// holds it alone changes it: the machine, or the list of loans left.
unsafe impl Sync for Loan {}

#[derive(Default)]
struct Content {
    settlement: Settlement,
    made: OnceBox<Vec<Row>>,
    /// What they are made from, until the machine takes it back.
    meter: Mutex<Option<Box<Meter>>>,
}

const _: () = {
    const fn may_be_anywhere<T: Send + Sync>() {}
    may_be_anywhere::<Content>();
};

/// Loans that no machine has. Their rows may still be there.
static LEFT: Mutex<VecDeque<&'static Loan>> = Mutex::new(VecDeque::new());

impl Loan {
    /// One that is not out. Of those left, a few are looked at.
    fn new() -> &'static Self {
        let mut left = LEFT.lock();
        for _ in 0..left.len().min(4) {
            let Some(loan) = left.pop_front() else { break };
            if loan.is_back() {
                // Rows that went while the machine left may have forgotten to clear up.
                // SAFETY: neither rows nor a machine have it.
                unsafe { *loan.content.get() = Content::default() };
                loan.is_theirs.store(false, Ordering::Relaxed);
                return loan;
            }
            left.push_back(loan);
        }
        Box::leak(Box::default())
    }

    /// Whether the rows are gone; what they did happened before.
    fn is_back(&self) -> bool {
        !self.is_out.load(Ordering::Acquire)
    }
}

impl Content {
    fn rows(&self) -> &[Row] {
        if self.made.get().is_none() {
            self.make(&mut self.meter.lock());
        }
        self.made.get().map_or(&[], Vec::as_slice)
    }

    /// Makes the rows, unless somebody else has by now.
    fn make(&self, meter: &mut Option<Box<Meter>>) {
        self.made.get_or_init(|| {
            Box::new(meter.as_mut().map(|meter| meter.take_rows()).unwrap_or_default())
        });
    }
}

impl Rows {
    /// Rows that are there already.
    pub(crate) fn made(settlement: Settlement, rows: Vec<Row>) -> Self {
        Self(Source::Made(Box::new((settlement, rows))))
    }

    /// The rows, one for each unit and operation.
    pub(crate) fn get(&self) -> &[Row] {
        match &self.0 {
            Source::Made(made) => &made.1,
            Source::Lent(loan) => self.content(loan).rows(),
        }
    }

    pub(crate) fn settlement(&self) -> &Settlement {
        match &self.0 {
            Source::Made(made) => &made.0,
            Source::Lent(loan) => &self.content(loan).settlement,
        }
    }

    /// What is in the loan that these rows have out.
    fn content<'a>(&'a self, loan: &'a Loan) -> &'a Content {
        // SAFETY: the loan is out as long as these rows are there, so the content is only read.
        unsafe { &*loan.content.get() }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if let Source::Lent(loan) = self.0 {
            if loan.is_theirs.load(Ordering::Acquire) {
                // SAFETY: the machine is done with it, and there are no other rows.
                unsafe { *loan.content.get() = Content::default() };
            }
            loan.is_out.store(false, Ordering::Release);
        }
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self::made(Settlement::default(), Vec::new())
    }
}

impl Clone for Rows {
    fn clone(&self) -> Self {
        Self::made(*self.settlement(), self.get().to_vec())
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        (self.settlement(), self.get()) == (other.settlement(), other.get())
    }
}

impl Eq for Rows {}

/// The machine's side of the last transaction's rows. Whoever holds rows longer than the machine goes
/// on keeps no meter with them.
#[derive(Default)]
pub struct LastRows(Option<&'static Loan>);

impl fmt::Debug for LastRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastRows").finish_non_exhaustive()
    }
}

impl LastRows {
    /// Hands out a transaction's ledger: takes the meter, and leaves nothing.
    pub fn hand_out(&mut self, meter: &mut Option<Box<Meter>>, settlement: &Settlement) -> Ledger {
        let loan = match self.0.filter(|loan| loan.is_back()) {
            Some(loan) => loan,
            None => {
                self.leave();
                self.0.insert(Loan::new())
            }
        };
        // SAFETY: the loan is not out, and this machine's.
        let content = unsafe { &mut *loan.content.get() };
        content.settlement = *settlement;
        content.made = OnceBox::new();
        core::mem::swap(content.meter.get_mut(), meter);
        loan.is_out.store(true, Ordering::Relaxed);
        Rows(Source::Lent(loan)).into()
    }

    /// Puts the meter back where there is none, from the rows handed out last: if they are still held and
    /// were not asked for, they are made first. Nothing happens if none were.
    pub fn take_back(&mut self, meter: &mut Option<Box<Meter>>) {
        let Some(loan) = self.0 else { return };
        if !loan.is_back() {
            *meter = self.leave();
            return;
        }
        // SAFETY: the loan is not out, and this machine's.
        let content = unsafe { &mut *loan.content.get() };
        core::mem::swap(content.meter.get_mut(), meter);
    }

    /// Leaves the loan, if there is one, to the rows that are still there, and takes the meter.
    #[cold]
    fn leave(&mut self) -> Option<Box<Meter>> {
        let loan = self.0.take()?;
        let meter = if loan.is_back() {
            // SAFETY: the loan is not out, and this machine's.
            let content = unsafe { &mut *loan.content.get() };
            core::mem::take(content).meter.into_inner()
        } else {
            // SAFETY: the rows only read the content as long as the loan is not theirs.
            let content = unsafe { &*loan.content.get() };
            let mut meter = content.meter.lock();
            content.make(&mut meter);
            meter.take()
        };
        loan.is_theirs.store(true, Ordering::Release);
        LEFT.lock().push_back(loan);
        meter
    }
}

impl Drop for LastRows {
    fn drop(&mut self) {
        self.leave();
    }
}
