//! Traces of small transactions, line by line.

use std::io::{self, Write};

use tandem_evm::{
    Block, Evm, Fork, InMemoryState, Meter, Outcome, Transaction, deploy, fund,
    primitives::{Address, B256, Bytes, U256, address, bytes},
};
use tandem_report::{Eip3155, state_root_line};

const SENDER: Address = address!("1000000000000000000000000000000000000001");
const CONTRACT: Address = address!("2000000000000000000000000000000000000002");

fn run<W: Write>(code: Bytes, tracer: &mut Eip3155<W>) -> Outcome {
    let mut state = InMemoryState::default();
    fund(&mut state, SENDER, U256::from(10).pow(U256::from(18)));
    deploy(&mut state, CONTRACT, code);
    let tx = Transaction::call(SENDER, CONTRACT, Bytes::new());
    let mut evm = Evm::builder(Fork::Cancun).meter(Meter::Gas).build();
    evm.transact_traced(&mut state, &Block::default(), &tx, tracer).expect("a valid transaction")
}

fn trace(code: Bytes) -> String {
    let mut tracer = Eip3155::new(Vec::new());
    let outcome = run(code, &mut tracer);
    tracer.end(&outcome);
    String::from_utf8(tracer.finish().expect("a vector takes anything")).expect("it is text")
}

#[test]
fn a_trace_has_a_line_for_each_step_and_an_end() {
    // MSTORE 0xff at 0, a call of this contract's own address that runs out of gas, RETURN
    insta::assert_snapshot!(
        trace(bytes!("60ff6000526000600060006000600030612710f15060206000f3"))
            .lines()
            .take(14)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn a_fault_is_one_line_with_its_error() {
    let last_two = |code| trace(code).lines().rev().take(2).collect::<Vec<_>>().join("\n");
    // ADD of nothing, an undefined opcode, a jump to nowhere, a revert.
    insta::assert_snapshot!(last_two(bytes!("600101")));
    insta::assert_snapshot!(last_two(bytes!("0c")));
    insta::assert_snapshot!(last_two(bytes!("600456")));
    insta::assert_snapshot!(last_two(bytes!("60006000fd")));
}

#[test]
fn memory_and_return_data_are_opt_in() {
    let mut tracer = Eip3155::new(Vec::new()).memory(true).return_data(true);
    // MSTORE 0xff at 0, call the identity with a byte, STOP
    run(bytes!("60ff600052600060006001601f600060045af100"), &mut tracer);
    let text =
        String::from_utf8(tracer.finish().expect("a vector takes anything")).expect("it is text");
    insta::assert_snapshot!(text.lines().last().expect("the STOP"));
}

#[test]
fn the_writers_first_error_ends_the_trace() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut tracer = Eip3155::new(Full(0));
    run(bytes!("6001600155"), &mut tracer);
    let error = tracer.finish().err().map(|error| error.kind());
    assert_eq!(error, Some(io::ErrorKind::StorageFull));
}

#[test]
fn the_state_roots_line_has_its_space() {
    let expected = format!("{{\"stateRoot\": \"0x{}\"}}\n", "11".repeat(32));
    assert_eq!(state_root_line(&B256::repeat_byte(0x11)), expected);
}
