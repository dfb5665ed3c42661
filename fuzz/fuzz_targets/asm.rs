//! The assembler and the disassembler: any code comes back by way of its source, and no text makes the
//! assembler panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem_asm::{Assembler, Disassembler};
use tandem_schedule::Extension;

fuzz_target!(|input: &[u8]| {
    for extensions in [&Extension::ALL[..], &[]] {
        let extensions = extensions.iter().copied().collect();
        let source = Disassembler::new().extensions(extensions).disassemble(input).to_source();
        let program = Assembler::new().assemble("back", &source).expect("it is a source");
        assert_eq!(program.code, input);
    }
    // Files are none of the fuzzer's business.
    let text = str::from_utf8(input).ok().filter(|text| !text.contains(".include"));
    let _result = text.map(|text| Assembler::new().assemble("any", text));
});
