//! Each rule of EIP-6690 once: what is the last thing allowed, and the first that is not.

use tandem_coprocessor::{
    Facts, Fault, Instruction, Instructions, ModularSize, Op, Size, primitives::U256,
};
use tandem_evmmax::BACKENDS;

const SETMODX: u8 = 0xc0;
const LOADX: u8 = 0xc1;
const STOREX: u8 = 0xc2;
const MULMODX: u8 = 0xc5;

/// A frame with 1 KiB of memory in which the byte at 31 is 13, at 63 is 16, and the rest is zero, but
/// that 96 bytes of ones are at 64.
struct Frame {
    instructions: Box<dyn Instructions>,
    memory: Vec<u8>,
}

impl Frame {
    fn new() -> Self {
        let mut memory = vec![0; 1024];
        (memory[31], memory[63]) = (13, 16);
        memory[64..160].fill(0xff);
        let instructions = (BACKENDS[0].new)().instructions().expect("EVM-MAX has instructions");
        Self { instructions, memory }
    }

    /// Runs an opcode with words, the top first.
    fn words(&mut self, op: u8, words: &[U256]) -> Result<Facts, Fault> {
        let words: Vec<_> = words.iter().rev().copied().collect();
        self.run(&Instruction { op, immediates: &[], words: &words })
    }

    fn run(&mut self, instruction: &Instruction<'_>) -> Result<Facts, Fault> {
        let facts = self.instructions.measure(instruction, &self.memory);
        let done = self.instructions.execute(instruction, &mut self.memory);
        assert!(facts.is_ok() || done == Err(Fault::Input), "measured and executed alike");
        done.and(facts)
    }

    fn numbers<const N: usize>(&mut self, op: u8, words: [u64; N]) -> Result<Facts, Fault> {
        self.words(op, &words.map(U256::from))
    }

    fn multiply(&mut self, immediates: [u8; 7]) -> Result<Facts, Fault> {
        self.run(&Instruction { op: MULMODX, immediates: &immediates, words: &[] })
    }

    /// With a field of ten registers modulo 13.
    fn with_field() -> Self {
        let mut frame = Self::new();
        frame.numbers(SETMODX, [0, 31, 1, 10]).expect("a valid field");
        frame
    }
}

const INVALID: Result<Facts, Fault> = Err(Fault::Input);

#[test]
fn an_identifier_is_a_byte() {
    assert!(Frame::new().numbers(SETMODX, [255, 31, 1, 1]).is_ok());
    assert_eq!(Frame::new().numbers(SETMODX, [256, 31, 1, 1]), INVALID);
}

#[test]
fn a_modulus_is_at_most_96_bytes_long() {
    assert!(Frame::new().numbers(SETMODX, [0, 64, 96, 1]).is_ok());
    // A zero in front makes it no larger, but longer.
    assert_eq!(Frame::new().numbers(SETMODX, [0, 63 - 32, 97, 1]), INVALID);
}

#[test]
fn a_modulus_lies_in_memory_that_is_there() {
    let mut frame = Frame::new();
    frame.memory[1023] = 13;
    assert!(frame.numbers(SETMODX, [0, 1023, 1, 1]).is_ok());
    assert_eq!(frame.numbers(SETMODX, [1, 1023, 2, 1]), INVALID);
    assert_eq!(frame.numbers(SETMODX, [1, u64::MAX, 2, 1]), INVALID);
    let mut nowhere = Frame::new();
    nowhere.memory.clear();
    assert_eq!(nowhere.numbers(SETMODX, [1, 0, 1, 1]), INVALID);
}

#[test]
fn a_modulus_is_odd_or_a_power_of_two_and_at_least_three() {
    for (modulus, valid) in [(0, false), (1, false), (2, false), (3, true), (4, true), (6, false)] {
        let mut frame = Frame::new();
        frame.memory[0] = modulus;
        let set = frame.numbers(SETMODX, [0, 0, 1, 1]);
        assert_eq!(set.is_ok(), valid, "{modulus}");
    }
    // Nothing at all.
    assert_eq!(Frame::new().numbers(SETMODX, [0, 31, 0, 1]), INVALID);
}

#[test]
fn zeros_in_front_of_a_modulus_do_not_count() {
    let size = Size::Modular(ModularSize { limbs: 1, count: 0, odd: true });
    let facts = Facts { size, register_bytes: 80 };
    assert_eq!(Frame::new().numbers(SETMODX, [0, 0, 32, 10]), Ok(facts));
}

#[test]
fn a_power_of_two_is_as_long_as_itself() {
    let mut frame = Frame::new();
    frame.memory[0] = 1;
    let size = Size::Modular(ModularSize { limbs: 5, count: 0, odd: false });
    // 2^256, with the 32 bytes behind it: not the modulus 13.
    frame.memory[31] = 0;
    let set = frame.numbers(SETMODX, [0, 0, 33, 2]);
    assert_eq!(set, Ok(Facts { size, register_bytes: 80 }));
}

#[test]
fn a_field_has_1_to_256_registers() {
    assert_eq!(Frame::new().numbers(SETMODX, [0, 31, 1, 0]), INVALID);
    assert!(Frame::new().numbers(SETMODX, [0, 31, 1, 256]).is_ok());
    assert_eq!(Frame::new().numbers(SETMODX, [0, 31, 1, 257]), INVALID);
}

#[test]
fn a_frame_has_24576_bytes_of_registers() {
    let mut frame = Frame::new();
    assert!(frame.numbers(SETMODX, [0, 64, 96, 255]).is_ok());
    for id in 1..=12 {
        assert!(frame.numbers(SETMODX, [id, 31, 1, 1]).is_ok(), "{id}");
    }
    assert_eq!(frame.numbers(SETMODX, [13, 31, 1, 1]), INVALID);
}

#[test]
fn a_field_that_is_there_is_only_activated() {
    let mut frame = Frame::with_field();
    assert!(frame.numbers(SETMODX, [1, 63, 1, 1]).is_ok());
    // Its other operands are not looked at, nor is it made anew.
    let again = frame.numbers(SETMODX, [0, u64::MAX, u64::MAX, 0]);
    assert_eq!(again, Ok(Facts { size: Size::Constant, register_bytes: 88 }));
    assert!(frame.multiply([9, 1, 9, 1, 9, 1, 1]).is_ok());
    // But they are numbers, as far as they are looked at.
    let huge = U256::MAX;
    assert_eq!(frame.words(SETMODX, &[huge, U256::ZERO, U256::ZERO, U256::ZERO]), INVALID);
}

#[test]
fn nothing_works_without_a_field() {
    assert_eq!(Frame::new().numbers(LOADX, [0, 0, 0]), INVALID);
    assert_eq!(Frame::new().numbers(STOREX, [0, 0, 0]), INVALID);
    assert_eq!(Frame::new().multiply([0, 1, 0, 1, 0, 1, 1]), INVALID);
}

#[test]
fn registers_are_transferred_within_field_and_memory() {
    let mut frame = Frame::with_field();
    let size = Size::Modular(ModularSize { limbs: 1, count: 10, odd: true });
    let facts = Ok(Facts { size, register_bytes: 80 });
    assert_eq!(frame.numbers(LOADX, [1024 - 80, 0, 10]), facts);
    assert_eq!(frame.numbers(STOREX, [0, 1024 - 80, 10]), facts);
    assert_eq!(frame.numbers(LOADX, [1024 - 79, 0, 10]), INVALID);
    assert_eq!(frame.numbers(STOREX, [0, 1024 - 79, 10]), INVALID);
    assert_eq!(frame.numbers(LOADX, [0, 1, 10]), INVALID);
    assert_eq!(frame.numbers(STOREX, [1, 200, 10]), INVALID);
    assert_eq!(frame.numbers(LOADX, [0, 0, u64::MAX]), INVALID);
    assert_eq!(frame.words(LOADX, &[U256::ZERO, U256::MAX, U256::ONE]), INVALID);
    assert_eq!(frame.words(STOREX, &[U256::ZERO, U256::MAX, U256::ONE]), INVALID);
}

#[test]
fn no_elements_are_transferred_without_a_fault_if_the_destination_exists() {
    let mut frame = Frame::with_field();
    assert!(frame.numbers(LOADX, [1024, 999, 0]).is_ok());
    assert_eq!(frame.numbers(LOADX, [1025, 0, 0]), INVALID);
    assert!(frame.numbers(STOREX, [10, 9999, 0]).is_ok());
    assert_eq!(frame.numbers(STOREX, [11, 0, 0]), INVALID);
}

#[test]
fn only_reduced_values_are_stored() {
    let mut frame = Frame::with_field();
    frame.memory[207] = 12;
    assert!(frame.numbers(STOREX, [0, 200, 1]).is_ok());
    frame.memory[207] = 13;
    assert_eq!(frame.numbers(STOREX, [0, 200, 1]), INVALID);
    let mut power = Frame::new();
    power.numbers(SETMODX, [0, 63, 1, 1]).expect("a valid field");
    power.memory[207] = 15;
    assert!(power.numbers(STOREX, [0, 200, 1]).is_ok());
    power.memory[207] = 16;
    assert_eq!(power.numbers(STOREX, [0, 200, 1]), INVALID);
}

#[test]
fn arithmetic_names_registers_that_exist() {
    let mut frame = Frame::with_field();
    // The last register is the last element's, also with a stride.
    assert!(frame.multiply([0, 1, 0, 1, 0, 1, 10]).is_ok());
    assert!(frame.multiply([1, 4, 0, 3, 9, 0, 3]).is_ok());
    for bad in [
        [1, 1, 0, 1, 0, 1, 10],
        [0, 1, 1, 1, 0, 1, 10],
        [0, 1, 0, 1, 1, 1, 10],
        [0, 5, 0, 0, 0, 0, 3],
        [0, 1, 0, 5, 0, 0, 3],
        [0, 1, 0, 0, 0, 5, 3],
        [0, 1, 10, 0, 0, 0, 1],
        [255, 255, 255, 255, 255, 255, 255],
    ] {
        assert_eq!(frame.multiply(bad), INVALID, "{bad:?}");
    }
}

#[test]
fn arithmetic_has_elements_and_distinct_results() {
    let mut frame = Frame::with_field();
    assert_eq!(frame.multiply([0, 1, 0, 1, 0, 1, 0]), INVALID, "no elements");
    assert_eq!(frame.multiply([0, 0, 0, 1, 0, 1, 1]), INVALID, "no stride of results");
}

#[test]
fn inputs_are_read_before_results_are_written() {
    let mut frame = Frame::with_field();
    for n in 0..10 {
        frame.memory[200 + 8 * n + 7] = n as u8 + 1;
    }
    frame.numbers(STOREX, [0, 200, 10]).expect("valid");
    // Registers 1 to 9 become the ones before them times register 0; element by element they would
    // all become powers.
    frame.multiply([1, 1, 0, 1, 0, 0, 9]).expect("valid");
    frame.numbers(LOADX, [200, 0, 10]).expect("valid");
    let values: Vec<_> = (0..10).map(|n| frame.memory[200 + 8 * n + 7]).collect();
    assert_eq!(values, [1, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn instructions_at_once_are_no_more_than_asked_for() {
    let mut frame = Frame::with_field();
    let code = [MULMODX, 2, 1, 0, 1, 1, 1, 1].repeat(300);
    for (most, expected) in [(0, None), (1, Some(1)), (7, Some(7)), (1_000, Some(256))] {
        let run = frame.instructions.on_registers(&code, most);
        assert_eq!(run.map(|run| run.instructions()), expected, "at most {most}");
    }
    // All elements of as many are still counted.
    let code = [MULMODX, 0, 1, 0, 0, 1, 0, 10].repeat(256);
    let run = frame.instructions.on_registers(&code, 256).expect("valid");
    assert_eq!(run.done[2].elements, 2_560);
    let none = Frame::new().instructions.on_registers(&code, 256);
    assert_eq!(none, None, "there is no field");
}

#[test]
fn another_units_requests_are_declined() {
    for backend in BACKENDS {
        let coprocessor = (backend.new)();
        assert_eq!(coprocessor.measure(Op::Modexp, &[]), Err(Fault::Unsupported));
        assert_eq!(coprocessor.execute(Op::Modexp, &[], &mut []), Err(Fault::Unsupported));
        let mut frame = coprocessor.instructions().expect("EVM-MAX has instructions");
        let other = Instruction { op: 0xb1, immediates: &[0], words: &[] };
        assert_eq!(frame.measure(&other, &[]), Err(Fault::Unsupported));
        assert_eq!(frame.execute(&other, &mut []), Err(Fault::Unsupported));
    }
}
