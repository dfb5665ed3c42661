//! Names of words on the stack. They follow what instructions do to the stack, in the order of the text;
//! where control comes from elsewhere, `.stack` says what lies there.

use tandem_schedule::op;

use crate::instruction::Instruction;

/// The named part of the stack, its top last. Below it lie words without names.
#[derive(Debug, Default)]
pub(crate) struct StackNames(Vec<Option<String>>);

/// DUP and SWAP reach so far.
const REACH: usize = 16;

impl StackNames {
    pub(crate) fn declare(&mut self, names: &[String]) {
        self.0 = names.iter().cloned().map(Some).collect();
    }

    pub(crate) fn name_top(&mut self, name: &str) {
        self.reach(1);
        if let Some(top) = self.0.last_mut() {
            *top = Some(name.into());
        }
    }

    /// How deep a word lies: 1 on top.
    fn depth(&self, name: &str) -> Result<usize, String> {
        let found = self.0.iter().rev().position(|word| word.as_deref() == Some(name));
        found.map(|above| above + 1).ok_or_else(|| {
            let known: Vec<_> = self.0.iter().map(|word| word.as_deref().unwrap_or("_")).collect();
            format!(
                "no word on the stack is called {name}; it has, up to its top: {}",
                known.join(" ")
            )
        })
    }

    /// The DUP that copies a word.
    pub(crate) fn copy(&self, name: &str) -> Result<u8, String> {
        match self.depth(name)? {
            depth @ 1..=REACH => Ok(op::DUP1 + depth as u8 - 1),
            depth => Err(format!("{name} is word {depth} of the stack: DUP reaches {REACH}")),
        }
    }

    /// The SWAP that exchanges a word with the top; `None` if it is the top.
    pub(crate) fn swap(&self, name: &str) -> Result<Option<u8>, String> {
        match self.depth(name)? - 1 {
            0 => Ok(None),
            below @ 1..=REACH => Ok(Some(op::SWAP1 + below as u8 - 1)),
            below => Err(format!("{name} is {below} words below the top: SWAP reaches {REACH}")),
        }
    }

    /// Follows an instruction.
    pub(crate) fn follow(&mut self, instruction: &Instruction) {
        let byte = instruction.byte;
        if !instruction.prefixed {
            match byte {
                op::SWAP1..=op::SWAP16 => {
                    let below = usize::from(byte - op::SWAP1) + 1;
                    self.reach(below + 1);
                    let top = self.0.len() - 1;
                    return self.0.swap(top, top - below);
                }
                op::DUP1..=op::DUP16 => return self.0.push(None),
                op::JUMP | op::STOP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT => {
                    return self.0.clear();
                }
                _ => {}
            }
        }
        let left = self.0.len().saturating_sub(instruction.inputs.into());
        self.0.truncate(left);
        self.0.resize(left + usize::from(instruction.outputs), None);
    }

    /// After SWAP and POP: gives the name to the word that SWAP has sent down.
    pub(crate) fn rename(&mut self, swap: u8, name: &str) {
        let below = usize::from(swap - op::SWAP1) + 1;
        let slot = self.0.len() - below;
        self.0[slot] = Some(name.into());
    }

    pub(crate) fn push(&mut self) {
        self.0.push(None);
    }

    /// Makes the named part so deep.
    fn reach(&mut self, depth: usize) {
        let missing = depth.saturating_sub(self.0.len());
        self.0.splice(..0, std::iter::repeat_n(None, missing));
    }
}
