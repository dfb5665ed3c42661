//! What each construct of the language assembles to, and what is said of sources that are wrong.

use tandem_asm::{Assembler, Program};
use tandem_schedule::{Extension, Fork};

fn assemble(source: &str) -> Program {
    Assembler::new().assemble("t.easm", source).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The code, in hexadecimal.
fn code(source: &str) -> String {
    const_hex::encode(assemble(source).code)
}

/// What is said of a source: the first line of the message.
fn complaint(source: &str) -> String {
    let wrong = Assembler::new().assemble("t.easm", source).expect_err("it is wrong");
    wrong.to_string().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn numbers_take_the_shortest_push() {
    assert_eq!(code("0 1 255 256 0xffff 0x1_0000"), "5f600160ff61010061ffff62010000");
    let max = "f".repeat(64);
    assert_eq!(code("(2**256 - 1)"), format!("7f{max}"));
    assert_eq!(code("(-1)"), format!("7f{max}"));
    assert_eq!(code("push 2 + 3 * 4"), "600e");
    assert_eq!(code("0b101"), "6005");
    assert_eq!(code("PUSH4 7 push0"), "63000000075f");
    assert_eq!(
        complaint("(2**256)"),
        format!(
            "t.easm:1:1: {} does not fit 32 bytes",
            "1157920892373161954235709850086879078532699846656405640394575840079131".to_owned()
                + "29639936"
        )
    );
    assert_eq!(complaint("PUSH1 256"), "t.easm:1:1: 256 does not fit 1 byte");
}

#[test]
fn a_fork_decides_which_opcodes_there_are() {
    let old = Assembler::new().fork(Fork::London);
    assert_eq!(old.assemble("t", "0").map(|program| program.code), Ok(vec![0x60, 0]));
    let wrong = old.assemble("t", "PUSH0").expect_err("London has no PUSH0");
    assert_eq!(wrong.message, "London has no PUSH0: Shanghai brought it");
}

#[test]
fn labels_take_as_many_bytes_as_they_need() {
    assert_eq!(code("next: @next JUMP"), "5b5f56");
    assert_eq!(code("STOP next: @next JUMP"), "005b600156");
    // With 254 STOPs PUSH1 would put the label at 256, where PUSH1 does not reach.
    let far = code(".rept 254 { STOP } @far far:");
    assert_eq!(&far[2 * 254..], "6101015b");
    let near = code(".rept 253 { STOP } @far far:");
    assert_eq!(&near[2 * 253..], "60ff5b");
    assert_eq!(complaint("@nowhere"), "t.easm:1:2: no label or data block is called nowhere");
}

#[test]
fn two_labels_that_push_each_other_away_settle() {
    let program = assemble("@b @a .rept 251 { STOP } a: b:");
    assert_eq!(program.labels, [("a".to_owned(), 257), ("b".to_owned(), 258)]);
    assert_eq!(program.code[..6], [0x61, 1, 2, 0x61, 1, 1]);
}

#[test]
fn constants_are_expressions() {
    assert_eq!(code(".const A = 5\n.const B = A * A - 1\nB (B << 4 | 1)"), "6018610181");
    assert_eq!(code("(-7 / 2 + 10) (-7 % 3)"), "60066002");
    assert_eq!(code("(2 ** 3 ** 2)"), "610200");
    assert_eq!(code("(1 < 2 && !(3 == 4))"), "6001");
    assert_eq!(
        code("(powmod(3, -1, 7)) (inverse(3, 7)) (bits(255)) (bitreverse(1, 8))"),
        "6005600560086080"
    );
    assert_eq!(code("(select(0, 1, 2)) (min(4, 3, 5)) (max(4, 5))"), "600260036005");
    assert_eq!(complaint(".const A = 1/0"), "t.easm:1:12: division by zero");
    assert_eq!(complaint(".const A = 1\n.const A = 2"), "t.easm:2:1: A has a meaning already");
    assert_eq!(complaint(".const ADD = 1"), "t.easm:1:8: ADD is an instruction's name");
    assert_eq!(
        complaint(".const A = 2 ** 100000"),
        "t.easm:1:12: the power is too large: 65536 bits are the most"
    );
    assert_eq!(
        complaint(".const A = @b\nb:"),
        "t.easm:1:13: a constant may not depend on the place of a label: it decides where labels are"
    );
}

#[test]
fn macros_have_parameters_and_labels_of_their_own() {
    let source = ".macro wait(n) { n again: 1 SWAP1 SUB DUP1 @again JUMPI POP }\nwait(2) wait(3)";
    assert_eq!(code(source), "60025b6001900380600257506003 5b6001900380600e5750".replace(' ', ""));
    assert_eq!(code("go(@end) STOP\n.macro go(to) { @to JUMP }\nend:"), "600456005b");
    assert_eq!(complaint(".macro m(a) { a }\nm()"), "t.easm:2:1: m(a) takes 1 arguments, not 0");
    assert_eq!(complaint("m(1)"), "t.easm:1:1: no macro is called m");
    assert!(complaint(".macro m() { m() }\nm()").contains("does m end?"));
    // A macro does not see the names around its use.
    assert!(
        complaint(".macro m() { X }\n.for X in 0..1 { m() }").contains("neither an instruction")
    );
}

#[test]
fn a_message_says_the_line_and_the_way_there() {
    let wrong = Assembler::new()
        .assemble("t.easm", ".macro m(a) {\n  PUSH1 a + 256\n}\n.for i in 0..2 {\n  m(i)\n}");
    let wrong = wrong.expect_err("it does not fit");
    assert_eq!((wrong.line, wrong.column), (2, 3));
    assert_eq!(
        wrong.to_string(),
        "t.easm:2:3: 256 does not fit 1 byte\n 2 |   PUSH1 a + 256\n   |   ^^^^^^^^^^^^^\n \
         t.easm:5:3: in m\n t.easm:4:1: in the loop, i = 0"
    );
}

#[test]
fn loops_and_conditions_unroll() {
    assert_eq!(code(".for i in 0..3 { (i * 2) }"), "5f60026004");
    assert_eq!(code(".for i in 3..0 step -1 { i }"), "600360026001");
    assert_eq!(code(".rept 2 { ADD }"), "0101");
    assert_eq!(
        code(".for i in 0..3 { .if i == 1 { ADD } .else .if i == 2 { MUL } .else { SUB } }"),
        "030102"
    );
    assert!(complaint(".for i in 0..2 step 0 { }").contains("does not end"));
    assert!(complaint(".for i in 0..2**64 { }").contains("does the loop end?"));
}

#[test]
fn data_lies_behind_the_code() {
    let source = ".data table { .int2 1, 2 .bytes 0x00ff \"ab\" }\n(size(table)) @table 0 CODECOPY";
    assert_eq!(code(source), "600860065f39000100 0200ff6162".replace(' ', ""));
    assert_eq!(
        code(".data t { .int1 0 .place inner .int1 -1 }\n@inner codesize"),
        "60045f".replace("5f", "38") + "00ff"
    );
    assert_eq!(code("(codesize())"), "6002");
    assert_eq!(code(".bytes 0x0c 0x0d\n"), "0c0d");
    assert_eq!(complaint(".data t { ADD }"), "t.easm:1:11: a data block has no instructions");
    assert_eq!(complaint(".data t { .int1 256 }"), "t.easm:1:11: 256 does not fit 1 byte");
    assert!(complaint(".bytes 0x123").contains("whole bytes"));
}

#[test]
fn words_on_the_stack_have_names() {
    // a copy, the word itself, and a store.
    assert_eq!(code("1 =a 2 =b $a $b ADD"), "600160028181 01".replace(' ', ""));
    assert_eq!(code(".stack a b c\n^a ^b ADD"), "919001");
    assert_eq!(code(".stack a b\n5 ->a $b $a"), "6005915080 82".replace(' ', ""));
    assert_eq!(
        complaint("1 =a POP $a"),
        "t.easm:1:10: no word on the stack is called a; it has, up to its top: "
    );
    assert!(complaint("1 =a .rept 16 { 0 }\n$a").contains("word 17 of the stack"));
}

#[test]
fn registers_are_written_with_strides() {
    let program = assemble("mulmodx 10:1, 20:0, 3:2, 4\nADDMODX 1, 2, 3\nae.submodx 1, 2, 3, 2");
    let expected = "c50a0114000302 04c30101020103 0101aed40101020103 0102".replace(' ', "");
    assert_eq!(const_hex::encode(&program.code), expected);
    assert_eq!(program.extensions.iter().collect::<Vec<_>>(), [Extension::EvmMax]);
    assert_eq!(program.warnings, []);
    assert!(complaint("mulmodx 256, 1, 1").contains("the output's register is 256: 0 to 255 fit"));
    assert!(complaint("ae.add").contains("no form behind a prefix"));
}

#[test]
fn lane_types_are_written_behind_a_dot() {
    assert_eq!(
        code("xadd.u32x8 XSHUFFLE.U8x32 xconv.u16x8.u32x8 xor.u64x4 xor"),
        "aeb123aebf05aeb81323aec7321 8".replace(' ', "")
    );
    assert!(complaint("xadd").contains("XADD takes a lane type, as in XADD.u32x8"));
    assert!(complaint("xadd.u64x8").contains("u64x8 is no lane type"));
    assert!(complaint("add.u8x1").contains("ADD takes no lane type"));
}

#[test]
fn an_immediate_that_hides_a_jump_target_is_warned_of() {
    let program = assemble("addmodx 1, 2, 3, 96\nnext: @next JUMP");
    let warnings: Vec<_> =
        program.warnings.iter().map(|one| (one.line, one.message.as_str())).collect();
    assert_eq!(
        warnings,
        [(
            2,
            "no jump can come here: the immediate 0x60 at 0x0007 looks like a PUSH to \
        jumpdest analysis, with this JUMPDEST in its data"
        )]
    );
    // The same register, with the label out of its reach.
    assert_eq!(assemble("addmodx 1, 2, 3, 96\nSTOP next: @next JUMP").warnings, []);
    // 0x5b behind an immediate that hides it is none's target.
    let target = assemble("addmodx 91, 2, 3");
    assert_eq!(
        target.warnings[0].message,
        "the immediate 0x5b at 0x0001 is a JUMPDEST to jumpdest analysis"
    );
    assert_eq!(assemble("addmodx 96, 1, 3, 1\naddmodx 97, 91, 3, 1").warnings, []);
    assert_eq!(assemble("addmodx 1, 2, 3, 0").warnings[0].message, "the count is 0: this halts");
}

#[test]
fn includes_are_looked_for_beside_the_source() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("includes");
    std::fs::create_dir_all(folder.join("lib")).expect("there is room");
    std::fs::write(folder.join("main.easm"), ".include \"lib/a.easm\"\ntwo()")
        .expect("there is room");
    std::fs::write(folder.join("lib/a.easm"), ".include \"b.easm\"\n.macro two() { B }")
        .expect("there is room");
    std::fs::write(folder.join("lib/b.easm"), ".const B = 2").expect("there is room");
    let program = Assembler::new().assemble_file(&folder.join("main.easm")).expect("it is right");
    assert_eq!(program.code, [0x60, 2]);
    std::fs::write(folder.join("self.easm"), "\n.include \"self.easm\"").expect("there is room");
    let wrong = Assembler::new().assemble_file(&folder.join("self.easm")).expect_err("no end");
    assert!(wrong.message.contains("does a file include itself?"), "{wrong}");
    assert!(complaint(".include \"no such file\"").contains("cannot read no such file"));
}

#[test]
fn what_is_no_statement_is_said() {
    assert_eq!(complaint("ADD\n  FOO"), "t.easm:2:3: FOO is neither an instruction nor a constant");
    assert_eq!(
        complaint(".foo").split(';').next(),
        Some("t.easm:1:1: no directive is called .foo")
    );
    assert_eq!(complaint("{"), "t.easm:1:1: no statement begins with this");
    assert_eq!(complaint("}"), "t.easm:1:1: no block is open here");
    assert_eq!(complaint(".macro m {"), "t.easm:1:11: a block is not closed: } is missing");
    assert_eq!(complaint("é"), "t.easm:1:1: \"é\" has no meaning here");
    assert_eq!(complaint("\"abc"), "t.easm:1:1: the string has no closing quote on this line");
    assert_eq!(complaint("0xfg"), "t.easm:1:1: 0xfg is no number in base 16");
    assert_eq!(complaint(".assert 1 == 2, \"no way\""), "t.easm:1:1: no way");
    let deep = "(".repeat(100_000);
    assert!(complaint(&deep).contains("nested deeper"));
    let long = format!("push 1{}", " + 1".repeat(100_000));
    assert!(complaint(&long).contains("more than 1000 terms"));
    let large = format!(".rept 4000000 {{ .bytes \"{}\" }}", "x".repeat(1_000));
    assert!(complaint(&large).contains("bytes of code"));
    let deep = format!(".const A = {}1", "-".repeat(100_000));
    assert!(complaint(&deep).contains("nested deeper"));
}
