//! `tandem asm` and `tandem disasm`: source to code and back.

use std::fs;

use crate::command::{folder, tandem, tandem_with_input, text};

#[test]
fn a_source_becomes_code_and_code_a_source() {
    let folder = folder("assembly");
    let file = folder.join("loop.easm");
    let source = "3 next: 1 SWAP1 SUB DUP1 @next JUMPI mulmodx 4, 5:0, 6, 2\n";
    fs::write(&file, source).expect("there is room");
    let code = "0x60035b6001900380600257c504010500060102";
    let assembled = tandem(&["asm", text(&file)]);
    assert_eq!((assembled.code, assembled.stderr.as_str()), (Some(0), ""));
    assert_eq!(assembled.stdout, format!("{code}\n"));
    assert_eq!(tandem_with_input(&["asm", "-"], source).stdout, assembled.stdout);
    assert_eq!(tandem(&["asm", "--labels", text(&file)]).stdout, "0002  next\n");

    let listing = tandem(&["disasm", code, "--extensions", "evmmax"]);
    assert_eq!(listing.code, Some(0));
    let line = "000b  c504010500060102  MULMODX 4:1, 5:0, 6:1, 2";
    assert_eq!(listing.stdout.lines().last(), Some(line));
    for place in [folder.join("code.hex"), folder.join("code.json")] {
        let is_json = place.extension().is_some_and(|extension| extension == "json");
        let content =
            if is_json { format!("{{\"code\": \"{code}\"}}") } else { format!("{code}\n") };
        fs::write(&place, content).expect("there is room");
        let source = tandem(&["disasm", text(&place), "--extensions", "evmmax", "--source"]);
        assert_eq!(tandem_with_input(&["asm", "-"], &source.stdout).stdout, assembled.stdout);
    }
}

#[test]
fn a_wrong_source_is_shown_where_it_is_wrong() {
    let wrong = tandem_with_input(&["asm", "-"], "ADD\n  PUSH1 256\n");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    let message = "tandem: -:2:3: 256 does not fit 1 byte\n 2 |   PUSH1 256\n   |   ^^^^^^^^^\n";
    assert_eq!(wrong.stderr, message);
    let old = tandem_with_input(&["asm", "--fork", "London", "-"], "PUSH0");
    assert!(old.stderr.contains("London has no PUSH0: Shanghai brought it"), "{}", old.stderr);
    assert_eq!(tandem(&["asm", "no such file"]).code, Some(2));
}

#[test]
fn a_hidden_jump_target_is_warned_of() {
    let warned = tandem_with_input(&["asm", "-"], "addmodx 1, 2, 3, 96\nnext: @next JUMP");
    assert_eq!(
        (warned.code, warned.stdout.as_str()),
        (Some(0), "0xc301010201030160 5b600856\n".replace(' ', "").as_str())
    );
    assert!(
        warned.stderr.starts_with("tandem: warning: -:2:1: no jump can come here"),
        "{}",
        warned.stderr
    );
}

#[test]
fn what_is_no_code_is_refused() {
    for (arguments, complaint) in [
        (&["disasm", "0x123"][..], "0x123 is neither hexadecimal nor a file"),
        (&["disasm", "nothing"], "nothing is neither hexadecimal nor a file"),
        (&["disasm", "00", "--extensions", "none"], "no such extension"),
    ] {
        let run = tandem(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        assert!(run.stderr.contains(complaint), "{}", run.stderr);
    }
    assert!(tandem_with_input(&["disasm", "-"], "xyz").stderr.contains("no code in hexadecimal"));
}
