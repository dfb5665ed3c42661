//! Disassembled code assembles to the same bytes, whatever the bytes; and no text makes the assembler panic.

use proptest::{collection::vec, prelude::*};
use tandem_asm::{Assembler, Disassembler};
use tandem_schedule::{Extension, Extensions};

fn all() -> Extensions {
    Extension::ALL.into_iter().collect()
}

fn comes_back(code: &[u8], extensions: Extensions) {
    let disassembly = Disassembler::new().extensions(extensions).disassemble(code);
    let source = disassembly.to_source();
    let program = Assembler::new().assemble("back.easm", &source);
    let program = program.unwrap_or_else(|wrong| panic!("{wrong}\nin\n{source}"));
    assert_eq!(program.code, code, "by way of\n{source}");
    let lengths: usize = disassembly.lines.iter().map(|line| line.bytes.len()).sum();
    assert_eq!(lengths, code.len());
    assert_eq!(disassembly.to_string().lines().count(), disassembly.lines.len());
}

#[test]
fn every_opcode_comes_back() {
    for byte in 0..=u8::MAX {
        for second in 0..=u8::MAX {
            let code = [byte, second, 0x13, 0x20, 1, 2, 3, 4, 5, 6];
            comes_back(&code, all());
            comes_back(&code[..2], all());
        }
        comes_back(&[byte], Extensions::NONE);
    }
}

#[test]
fn jumps_are_resolved_to_legal_targets_alone() {
    // PUSH1 3 JUMP JUMPDEST; PUSH1 7 JUMPI over data; PUSH1 1 JUMP into data.
    let code = [0x60, 3, 0x56, 0x5b, 0x60, 1, 0x56];
    let disassembly = Disassembler::new().disassemble(&code);
    assert_eq!(
        disassembly.to_string(),
        "0000  6003  PUSH1 0x03  ; to L_0003\n0002  56    JUMP\n0003  5b    JUMPDEST  ; L_0003\n\
         0004  6001  PUSH1 0x01\n0006  56    JUMP\n"
    );
    let source = "    PUSH1 @L_0003\n    JUMP\nL_0003:\n    PUSH1 0x01\n    JUMP\n";
    assert_eq!(disassembly.to_source(), source);
    // JUMPDEST PUSH0 JUMP: there is no immediate to be a label.
    let code = [0x5b, 0x5f, 0x56];
    comes_back(&code, Extensions::NONE);
    assert_eq!(
        Disassembler::new().disassemble(&code).to_source(),
        "L_0000:\n    PUSH0\n    JUMP\n"
    );
}

#[test]
fn extensions_are_read_where_they_are_enabled() {
    let code = const_hex::decode("c50a011400030204aeb123").expect("it is hexadecimal");
    let listing = Disassembler::new().extensions(all()).disassemble(&code).to_string();
    assert_eq!(
        listing,
        "0000  c50a011400030204  MULMODX 10:1, 20:0, 3:2, 4\n\
         0008  aeb123            XADD.u32x8\n"
    );
    // EVM-MAX behind the prefix.
    let code = const_hex::decode("aed401010201030102").expect("it is hexadecimal");
    let only = Extensions::NONE.with(Extension::EvmMax);
    for extensions in [all(), only] {
        let lines = Disassembler::new().extensions(extensions).disassemble(&code).lines;
        assert_eq!((&*lines[0].mnemonic, &*lines[0].operands), ("AE.SUBMODX", "1:1, 2:1, 3:1, 2"));
    }
    let plain = Disassembler::new().disassemble(&code);
    assert_eq!(plain.lines[0].mnemonic, ".bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_code_comes_back(code in vec(any::<u8>(), 0..400)) {
        comes_back(&code, Extensions::NONE);
        comes_back(&code, all());
    }

    #[test]
    fn code_of_jumps_and_extensions_comes_back(code in vec(prop_oneof![
        Just(0x5b), Just(0x56), Just(0x57), Just(0x5f), Just(0x60), Just(0x61), Just(0xae), 0xb0..=0xcf_u8, 0..=0x33_u8,
    ], 0..400)) {
        comes_back(&code, all());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Assembler::new().assemble("any", &text);
    }

    #[test]
    fn no_tokens_make_it_panic(tokens in vec(prop_oneof![
        Just("{"), Just("}"), Just("("), Just(")"), Just(","), Just(":"), Just("@"), Just("$"), Just("="),
        Just("->"), Just("^"), Just("a"), Just("b"), Just("1"), Just("0xff"), Just(".const"), Just(".macro"),
        Just(".for"), Just("in"), Just(".."), Just(".if"), Just(".else"), Just(".data"), Just(".bytes"),
        Just(".int2"), Just(".stack"), Just("PUSH1"), Just("mulmodx"), Just("+"), Just("-"), Just("\n"),
        Just("ADD"), Just(".rept"), Just("size"), Just("<<"), Just("**"), Just("a:"), Just("a("),
    ], 0..60)) {
        let _ = Assembler::new().assemble("any", &tokens.join(" "));
    }
}
