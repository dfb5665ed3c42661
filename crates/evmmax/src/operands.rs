//! The registers that an arithmetic instruction names, and what has to be known of them before it works on
//! them. All three runs are looked at at once, in parts of a word and without branches: an instruction on two
//! elements, as programs have most, otherwise took longer to check than to add.

/// So many registers from a first one on, at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: usize,
    pub(crate) stride: usize,
}

impl Run {
    /// Register by register.
    #[cfg(feature = "native")]
    pub(crate) const WHOLE: Self = Self { first: 0, stride: 1 };

    /// The `n`th register of the run.
    #[inline(always)]
    pub(crate) fn at(self, n: usize) -> usize {
        self.first + n * self.stride
    }
}

/// From so many elements on a kernel for many may be another one.
pub(crate) const MANY: usize = 5;

/// The low byte of each part of 16 bits.
const LOW: u64 = 0x00ff_00ff_00ff_00ff;
/// Times a byte: that byte in a part for each of the three runs.
const EACH: u64 = 0x0000_0001_0001_0001;
/// The same for two.
const BOTH: u64 = 0x0000_0000_0001_0001;

/// The highest register of a field, in a part for each run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Highest(u64);

impl Highest {
    /// Of 1 to 256 registers.
    pub(crate) fn of(registers: usize) -> Self {
        Self((registers as u64 - 1) * EACH)
    }
}

/// The seven immediates of an arithmetic instruction and a byte that does not count. In one piece, so that it
/// travels in a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands(u64);

impl Operands {
    #[inline(always)]
    pub(crate) fn new(immediates: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(immediates))
    }

    /// Of an instruction's eight bytes, and its opcode.
    #[inline(always)]
    pub(crate) fn of(instruction: u64) -> (u8, Self) {
        (instruction as u8, Self(instruction >> 8))
    }

    /// These operands, whose count is 1, for the compiler to see that it is.
    #[inline(always)]
    pub(crate) fn with_count_1(self) -> Self {
        Self(self.0 & 0xffff_ffff_ffff | 1 << 48)
    }

    #[inline(always)]
    fn byte(self, n: usize) -> usize {
        (self.0 >> (8 * n) & 0xff) as usize
    }

    #[inline(always)]
    fn run(self, n: usize) -> Run {
        Run { first: self.byte(n), stride: self.byte(n + 1) }
    }

    #[inline(always)]
    pub(crate) fn out(self) -> Run {
        self.run(0)
    }

    #[inline(always)]
    pub(crate) fn x(self) -> Run {
        self.run(2)
    }

    #[inline(always)]
    pub(crate) fn y(self) -> Run {
        self.run(4)
    }

    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        self.byte(6)
    }

    /// Whether both inputs are the same run.
    #[inline(always)]
    pub(crate) fn has_one_input(self) -> bool {
        (self.0 >> 16 ^ self.0 >> 32) as u16 == 0
    }

    /// The first registers: the results' in the lowest part, then those of the inputs.
    #[inline(always)]
    fn firsts(self) -> u64 {
        self.0 & (LOW >> 16)
    }

    #[inline(always)]
    fn strides(self) -> u64 {
        self.0 >> 8 & (LOW >> 16)
    }

    /// The last registers, of a count above 0. No part overflows: 255 + 255 * 254 is below 2^16.
    #[inline(always)]
    fn lasts(self) -> u64 {
        self.firsts() + self.strides() * (self.count() as u64 - 1)
    }

    /// Whether an instruction may name these.
    #[inline(always)]
    pub(crate) fn are_valid(self, highest: Highest) -> bool {
        if self.count() == 0 || self.out().stride == 0 {
            return false;
        }
        if self.count() == 1 {
            return highest.0.wrapping_sub(self.firsts()) & !LOW == 0;
        }
        // A last register above the highest either is no byte or leaves none when subtracted.
        let lasts = self.lasts();
        (lasts | highest.0.wrapping_sub(lasts)) & !LOW == 0
    }

    /// Whether results may be written as they come: all inputs are to be read before any output is written
    /// (EIP-6690). Of valid operands. At times it says no where they may, never yes where they may not.
    #[inline(always)]
    pub(crate) fn in_place(self) -> bool {
        match self.count() {
            1 => true,
            ..MANY => self.few_in_place(),
            _ => self.many_in_place(),
        }
    }

    /// No register is read by an element behind the one that writes it. For counts of 2 to 4.
    #[inline(always)]
    fn few_in_place(self) -> bool {
        let (first, stride) = (self.firsts(), self.strides());
        let places = [first, first + stride, first + 2 * stride, first + 3 * stride];
        // Sets the highest bit of a part where that input's register is not the result's.
        let differ = |written: usize, read: usize| {
            ((places[read] >> 16) ^ ((places[written] & 0xff) * BOTH)) + 0x7fff * BOTH
        };
        let mut apart = differ(0, 1);
        if self.count() > 2 {
            apart &= differ(0, 2) & differ(1, 2);
        }
        if self.count() > 3 {
            apart &= differ(0, 3) & differ(1, 3) & differ(2, 3);
        }
        !apart & (0x8000 * BOTH) == 0
    }

    /// For any count: a run that is written begins no later than the one that is read and has the same stride,
    /// or one of them ends before the other begins.
    #[inline(always)]
    fn many_in_place(self) -> bool {
        let (firsts, strides, lasts) = (self.firsts(), self.strides(), self.lasts());
        let (first, stride, last) = (firsts >> 16, strides >> 16, lasts >> 16);
        let out = (firsts & 0xff) * BOTH;
        let (out_stride, out_last) = ((strides & 0xff) * BOTH, (lasts & 0xff) * BOTH);
        // Each of these sets bit 8 of the parts it holds for, and no higher one: all are bytes.
        let no_later = first + 0x100 * BOTH - out;
        let same_stride = 0x100 * BOTH - (stride ^ out_stride);
        let before = first + 0xff * BOTH - out_last;
        let behind = out + 0xff * BOTH - last;
        !((no_later & same_stride) | before | behind) & (0x100 * BOTH) == 0
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    /// Small numbers, which meet each other, and any; the runs and the count.
    fn immediates() -> impl Strategy<Value = [u8; 8]> {
        let byte = prop_oneof![4 => 0..12_u8, 1 => any::<u8>(), 1 => select(&[254, 255])];
        vec(byte, 8).prop_map(|bytes| bytes.try_into().expect("as many as asked for"))
    }

    /// The registers of a run.
    fn run(immediates: [u8; 8], n: usize) -> Vec<usize> {
        let [first, stride, count] = [n, n + 1, 6].map(|n| usize::from(immediates[n]));
        (0..count).map(|element| first + stride * element).collect()
    }

    /// Whether no element writes what a later one reads.
    fn apart(written: &[usize], read: &[usize]) -> bool {
        let later = |n| read[n + 1..].iter();
        written.iter().enumerate().all(|(n, place)| !later(n).any(|later| later == place))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn operands_are_valid_if_all_their_registers_exist(
            immediates in immediates(), registers in prop_oneof![1..=256_usize, 1..40_usize],
        ) {
            let exist = [0, 2, 4].iter().all(|n| run(immediates, *n).iter().all(|r| *r < registers));
            let expected = immediates[1] > 0 && immediates[6] > 0 && exist;
            let operands = Operands::new(immediates);
            prop_assert_eq!(operands.are_valid(Highest::of(registers)), expected);
        }

        #[test]
        fn results_are_written_as_they_come_only_if_nothing_reads_them(immediates in immediates()) {
            let operands = Operands::new(immediates);
            if operands.are_valid(Highest::of(256)) {
                let out = run(immediates, 0);
                let expected = [2, 4].iter().all(|n| apart(&out, &run(immediates, *n)));
                prop_assert!(!operands.in_place() || expected);
                if (2..MANY).contains(&operands.count()) {
                    prop_assert_eq!(operands.in_place(), expected);
                }
            }
        }
    }
}
