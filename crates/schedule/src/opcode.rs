//! The opcode table: one row an opcode, from which come dispatch, stack checks, names, gas and the
//! unit column of the ledger. What an opcode does is in `body`; what forks changed is in `fork`.

use tandem_coprocessor::Unit;

use crate::{Extension, Fork};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode {
    /// The mnemonic.
    pub name: &'static str,
    /// First fork that has it.
    pub since: Fork,
    /// Words it takes from the stack.
    pub inputs: u8,
    /// Words it leaves on the stack.
    pub outputs: u8,
    /// Gas charged before the body runs, at the first fork; see `fork` for later prices.
    pub gas: u16,
    /// Bytes of immediate data after the opcode.
    pub immediate: u8,
    /// Whose work it is.
    pub unit: Unit,
    /// The extension that has it; `None` for an opcode of the forks themselves.
    pub extension: Option<Extension>,
}

impl Opcode {
    /// Whether it works on registers alone: EVM-MAX's arithmetic.
    pub const fn on_registers(&self) -> bool {
        matches!(self.extension, Some(Extension::EvmMax)) && self.inputs == 0
    }
}

/// The opcode of a byte, on the newest fork with every extension; see
/// [`Schedule::has`](crate::Schedule::has) for those that a fork or a machine has.
pub const fn opcode(byte: u8) -> Option<&'static Opcode> {
    OPCODES[byte as usize].as_ref()
}

/// Makes the next byte the opcode, one of [`prefixed_op`] (EIP-8163).
pub const PREFIX: u8 = 0xae;

/// The opcode of a byte behind [`PREFIX`] (EIP-8163); all of them are extensions'.
pub const fn prefixed(byte: u8) -> Option<&'static Opcode> {
    PREFIXED[byte as usize].as_ref()
}

macro_rules! opcodes {
    ($(#[$doc:meta])* $module:ident $table:ident : $($byte:literal $name:ident $since:ident $inputs:literal $outputs:literal $gas:literal $immediate:literal $unit:ident $(in $extension:ident)?)*) => {
        $(#[$doc])*
        pub mod $module {
            $(#[doc = concat!("Opcode ", stringify!($byte), ".")] pub const $name: u8 = $byte;)*
        }

        static $table: [Option<Opcode>; 256] = {
            let mut table = [None; 256];
            $(
                assert!(table[$byte].is_none(), "an opcode is listed twice");
                table[$byte] = Some(Opcode {
                    name: stringify!($name),
                    since: Fork::$since,
                    inputs: $inputs,
                    outputs: $outputs,
                    gas: $gas,
                    immediate: $immediate,
                    unit: Unit::$unit,
                    extension: extension!($($extension)?),
                });
            )*
            table
        };
    };
}

macro_rules! extension {
    () => {
        None
    };
    ($extension:ident) => {
        Some(Extension::$extension)
    };
}

// byte name, first fork, stack in, stack out, gas, immediate bytes, unit, extension
opcodes! {
    /// The bytes of the opcodes by name.
    op OPCODES :
    0x00 STOP           Frontier 0 0 0 0 Glue
    0x01 ADD            Frontier 2 1 3 0 Glue
    0x02 MUL            Frontier 2 1 5 0 Glue
    0x03 SUB            Frontier 2 1 3 0 Glue
    0x04 DIV            Frontier 2 1 5 0 Glue
    0x05 SDIV           Frontier 2 1 5 0 Glue
    0x06 MOD            Frontier 2 1 5 0 Glue
    0x07 SMOD           Frontier 2 1 5 0 Glue
    0x08 ADDMOD         Frontier 3 1 8 0 Glue
    0x09 MULMOD         Frontier 3 1 8 0 Glue
    0x0a EXP            Frontier 2 1 10 0 Glue
    0x0b SIGNEXTEND     Frontier 2 1 5 0 Glue
    0x10 LT             Frontier 2 1 3 0 Glue
    0x11 GT             Frontier 2 1 3 0 Glue
    0x12 SLT            Frontier 2 1 3 0 Glue
    0x13 SGT            Frontier 2 1 3 0 Glue
    0x14 EQ             Frontier 2 1 3 0 Glue
    0x15 ISZERO         Frontier 1 1 3 0 Glue
    0x16 AND            Frontier 2 1 3 0 Glue
    0x17 OR             Frontier 2 1 3 0 Glue
    0x18 XOR            Frontier 2 1 3 0 Glue
    0x19 NOT            Frontier 1 1 3 0 Glue
    0x1a BYTE           Frontier 2 1 3 0 Glue
    0x1b SHL            Constantinople 2 1 3 0 Glue
    0x1c SHR            Constantinople 2 1 3 0 Glue
    0x1d SAR            Constantinople 2 1 3 0 Glue
    0x1e CLZ            Osaka 1 1 5 0 Glue
    0x20 KECCAK256      Frontier 2 1 30 0 Hash
    0x30 ADDRESS        Frontier 0 1 2 0 Glue
    0x31 BALANCE        Frontier 1 1 20 0 State
    0x32 ORIGIN         Frontier 0 1 2 0 Glue
    0x33 CALLER         Frontier 0 1 2 0 Glue
    0x34 CALLVALUE      Frontier 0 1 2 0 Glue
    0x35 CALLDATALOAD   Frontier 1 1 3 0 Glue
    0x36 CALLDATASIZE   Frontier 0 1 2 0 Glue
    0x37 CALLDATACOPY   Frontier 3 0 3 0 Glue
    0x38 CODESIZE       Frontier 0 1 2 0 Glue
    0x39 CODECOPY       Frontier 3 0 3 0 Glue
    0x3a GASPRICE       Frontier 0 1 2 0 Glue
    0x3b EXTCODESIZE    Frontier 1 1 20 0 State
    0x3c EXTCODECOPY    Frontier 4 0 20 0 State
    0x3d RETURNDATASIZE Byzantium 0 1 2 0 Glue
    0x3e RETURNDATACOPY Byzantium 3 0 3 0 Glue
    0x3f EXTCODEHASH    Constantinople 1 1 400 0 State
    0x40 BLOCKHASH      Frontier 1 1 20 0 State
    0x41 COINBASE       Frontier 0 1 2 0 Glue
    0x42 TIMESTAMP      Frontier 0 1 2 0 Glue
    0x43 NUMBER         Frontier 0 1 2 0 Glue
    0x44 PREVRANDAO     Frontier 0 1 2 0 Glue
    0x45 GASLIMIT       Frontier 0 1 2 0 Glue
    0x46 CHAINID        Istanbul 0 1 2 0 Glue
    0x47 SELFBALANCE    Istanbul 0 1 5 0 State
    0x48 BASEFEE        London 0 1 2 0 Glue
    0x49 BLOBHASH       Cancun 1 1 3 0 Glue
    0x4a BLOBBASEFEE    Cancun 0 1 2 0 Glue
    0x50 POP            Frontier 1 0 2 0 Glue
    0x51 MLOAD          Frontier 1 1 3 0 Glue
    0x52 MSTORE         Frontier 2 0 3 0 Glue
    0x53 MSTORE8        Frontier 2 0 3 0 Glue
    0x54 SLOAD          Frontier 1 1 50 0 State
    0x55 SSTORE         Frontier 2 0 0 0 State
    0x56 JUMP           Frontier 1 0 8 0 Glue
    0x57 JUMPI          Frontier 2 0 10 0 Glue
    0x58 PC             Frontier 0 1 2 0 Glue
    0x59 MSIZE          Frontier 0 1 2 0 Glue
    0x5a GAS            Frontier 0 1 2 0 Glue
    0x5b JUMPDEST       Frontier 0 0 1 0 Glue
    0x5c TLOAD          Cancun 1 1 100 0 State
    0x5d TSTORE         Cancun 2 0 100 0 State
    0x5e MCOPY          Cancun 3 0 3 0 Glue
    0x5f PUSH0          Shanghai 0 1 2 0 Glue
    0x60 PUSH1          Frontier 0 1 3 1 Glue
    0x61 PUSH2          Frontier 0 1 3 2 Glue
    0x62 PUSH3          Frontier 0 1 3 3 Glue
    0x63 PUSH4          Frontier 0 1 3 4 Glue
    0x64 PUSH5          Frontier 0 1 3 5 Glue
    0x65 PUSH6          Frontier 0 1 3 6 Glue
    0x66 PUSH7          Frontier 0 1 3 7 Glue
    0x67 PUSH8          Frontier 0 1 3 8 Glue
    0x68 PUSH9          Frontier 0 1 3 9 Glue
    0x69 PUSH10         Frontier 0 1 3 10 Glue
    0x6a PUSH11         Frontier 0 1 3 11 Glue
    0x6b PUSH12         Frontier 0 1 3 12 Glue
    0x6c PUSH13         Frontier 0 1 3 13 Glue
    0x6d PUSH14         Frontier 0 1 3 14 Glue
    0x6e PUSH15         Frontier 0 1 3 15 Glue
    0x6f PUSH16         Frontier 0 1 3 16 Glue
    0x70 PUSH17         Frontier 0 1 3 17 Glue
    0x71 PUSH18         Frontier 0 1 3 18 Glue
    0x72 PUSH19         Frontier 0 1 3 19 Glue
    0x73 PUSH20         Frontier 0 1 3 20 Glue
    0x74 PUSH21         Frontier 0 1 3 21 Glue
    0x75 PUSH22         Frontier 0 1 3 22 Glue
    0x76 PUSH23         Frontier 0 1 3 23 Glue
    0x77 PUSH24         Frontier 0 1 3 24 Glue
    0x78 PUSH25         Frontier 0 1 3 25 Glue
    0x79 PUSH26         Frontier 0 1 3 26 Glue
    0x7a PUSH27         Frontier 0 1 3 27 Glue
    0x7b PUSH28         Frontier 0 1 3 28 Glue
    0x7c PUSH29         Frontier 0 1 3 29 Glue
    0x7d PUSH30         Frontier 0 1 3 30 Glue
    0x7e PUSH31         Frontier 0 1 3 31 Glue
    0x7f PUSH32         Frontier 0 1 3 32 Glue
    0x80 DUP1           Frontier 1 2 3 0 Glue
    0x81 DUP2           Frontier 2 3 3 0 Glue
    0x82 DUP3           Frontier 3 4 3 0 Glue
    0x83 DUP4           Frontier 4 5 3 0 Glue
    0x84 DUP5           Frontier 5 6 3 0 Glue
    0x85 DUP6           Frontier 6 7 3 0 Glue
    0x86 DUP7           Frontier 7 8 3 0 Glue
    0x87 DUP8           Frontier 8 9 3 0 Glue
    0x88 DUP9           Frontier 9 10 3 0 Glue
    0x89 DUP10          Frontier 10 11 3 0 Glue
    0x8a DUP11          Frontier 11 12 3 0 Glue
    0x8b DUP12          Frontier 12 13 3 0 Glue
    0x8c DUP13          Frontier 13 14 3 0 Glue
    0x8d DUP14          Frontier 14 15 3 0 Glue
    0x8e DUP15          Frontier 15 16 3 0 Glue
    0x8f DUP16          Frontier 16 17 3 0 Glue
    0x90 SWAP1          Frontier 2 2 3 0 Glue
    0x91 SWAP2          Frontier 3 3 3 0 Glue
    0x92 SWAP3          Frontier 4 4 3 0 Glue
    0x93 SWAP4          Frontier 5 5 3 0 Glue
    0x94 SWAP5          Frontier 6 6 3 0 Glue
    0x95 SWAP6          Frontier 7 7 3 0 Glue
    0x96 SWAP7          Frontier 8 8 3 0 Glue
    0x97 SWAP8          Frontier 9 9 3 0 Glue
    0x98 SWAP9          Frontier 10 10 3 0 Glue
    0x99 SWAP10         Frontier 11 11 3 0 Glue
    0x9a SWAP11         Frontier 12 12 3 0 Glue
    0x9b SWAP12         Frontier 13 13 3 0 Glue
    0x9c SWAP13         Frontier 14 14 3 0 Glue
    0x9d SWAP14         Frontier 15 15 3 0 Glue
    0x9e SWAP15         Frontier 16 16 3 0 Glue
    0x9f SWAP16         Frontier 17 17 3 0 Glue
    0xa0 LOG0           Frontier 2 0 375 0 Log
    0xa1 LOG1           Frontier 3 0 375 0 Log
    0xa2 LOG2           Frontier 4 0 375 0 Log
    0xa3 LOG3           Frontier 5 0 375 0 Log
    0xa4 LOG4           Frontier 6 0 375 0 Log
    0xc0 SETMODX        Frontier 4 0 1 0 EvmMax in EvmMax
    0xc1 LOADX          Frontier 3 0 1 0 EvmMax in EvmMax
    0xc2 STOREX         Frontier 3 0 1 0 EvmMax in EvmMax
    0xc3 ADDMODX        Frontier 0 0 0 7 EvmMax in EvmMax
    0xc4 SUBMODX        Frontier 0 0 0 7 EvmMax in EvmMax
    0xc5 MULMODX        Frontier 0 0 0 7 EvmMax in EvmMax
    0xf0 CREATE         Frontier 3 1 32000 0 State
    0xf1 CALL           Frontier 7 1 40 0 State
    0xf2 CALLCODE       Frontier 7 1 40 0 State
    0xf3 RETURN         Frontier 2 0 0 0 Glue
    0xf4 DELEGATECALL   Homestead 6 1 40 0 State
    0xf5 CREATE2        Constantinople 4 1 32000 0 State
    0xfa STATICCALL     Byzantium 6 1 700 0 State
    0xfd REVERT         Byzantium 2 0 0 0 Glue
    0xfe INVALID        Frontier 0 0 0 0 Glue
    0xff SELFDESTRUCT   Frontier 1 0 0 0 State
}

// SIMD is EIP-616 in the untyped profile; the immediates are type bytes. EVM-MAX's prefixed form lies
// behind it, since EIP-616 has 0xc0 to 0xc5 itself.
opcodes! {
    /// The bytes behind [`PREFIX`](super::PREFIX) by name.
    prefixed_op PREFIXED :
    0xb1 XADD           Frontier 2 1 1 1 Lanes in Simd
    0xb2 XMUL           Frontier 2 1 1 1 Lanes in Simd
    0xb3 XSUB           Frontier 2 1 1 1 Lanes in Simd
    0xb4 XDIV           Frontier 2 1 2 1 Lanes in Simd
    0xb5 XSDIV          Frontier 2 1 2 1 Lanes in Simd
    0xb6 XMOD           Frontier 2 1 2 1 Lanes in Simd
    0xb7 XSMOD          Frontier 2 1 2 1 Lanes in Simd
    0xb8 XCONV          Frontier 1 1 1 2 Lanes in Simd
    0xb9 XMULHI         Frontier 2 1 1 1 Lanes in Simd
    0xbe XCAST          Frontier 1 1 1 1 Lanes in Simd
    0xbf XSHUFFLE       Frontier 2 1 1 1 Lanes in Simd
    0xc0 XLT            Frontier 2 1 1 1 Lanes in Simd
    0xc1 XGT            Frontier 2 1 1 1 Lanes in Simd
    0xc2 XSLT           Frontier 2 1 1 1 Lanes in Simd
    0xc3 XSGT           Frontier 2 1 1 1 Lanes in Simd
    0xc4 XEQ            Frontier 2 1 1 1 Lanes in Simd
    0xc5 XISZERO        Frontier 1 1 1 1 Lanes in Simd
    0xc6 XAND           Frontier 2 1 1 1 Lanes in Simd
    0xc7 XOR            Frontier 2 1 1 1 Lanes in Simd
    0xc8 XXOR           Frontier 2 1 1 1 Lanes in Simd
    0xc9 XNOT           Frontier 1 1 1 1 Lanes in Simd
    0xca XINDEX         Frontier 2 1 1 1 Lanes in Simd
    0xcb XSHL           Frontier 2 1 1 1 Lanes in Simd
    0xcc XSHR           Frontier 2 1 1 1 Lanes in Simd
    0xcd XSAR           Frontier 2 1 1 1 Lanes in Simd
    0xce XROL           Frontier 2 1 1 1 Lanes in Simd
    0xcf XROR           Frontier 2 1 1 1 Lanes in Simd
    0xd0 SETMODX        Frontier 4 0 1 0 EvmMax in EvmMax
    0xd1 LOADX          Frontier 3 0 1 0 EvmMax in EvmMax
    0xd2 STOREX         Frontier 3 0 1 0 EvmMax in EvmMax
    0xd3 ADDMODX        Frontier 0 0 0 7 EvmMax in EvmMax
    0xd4 SUBMODX        Frontier 0 0 0 7 EvmMax in EvmMax
    0xd5 MULMODX        Frontier 0 0 0 7 EvmMax in EvmMax
}
