//! What the journal promises, through the interface that the machine and the embedder have.

use tandem_coprocessor::{
    Access, State,
    primitives::{Address, Bytes, U256},
};
use tandem_state::{AccountInfo, InMemoryState, Journal, Session};

const RIPEMD160: u8 = 3;

fn address(n: u8) -> Address {
    Address::with_last_byte(n)
}

/// Accounts 1 and 2 have 100 wei, account 4 has as much as there can be.
fn state() -> InMemoryState {
    let mut state = InMemoryState::default();
    for (n, balance) in [(1, U256::from(100)), (2, U256::from(100)), (4, U256::MAX)] {
        let info = AccountInfo { balance, nonce: 1, ..AccountInfo::default() };
        state.insert_account(address(n), info, Bytes::new());
    }
    state
}

fn balance(session: &mut Session<'_>, n: u8) -> U256 {
    let id = session.resolve(&address(n));
    session.account(id).expect("the state answers").balance
}

/// Moves value from one account to another.
fn transfer(session: &mut Session<'_>, from: u8, to: u8, value: u64) -> bool {
    let (from, to) = (session.resolve(&address(from)), session.resolve(&address(to)));
    session.transfer(from, to, &U256::from(value)).expect("the state answers")
}

#[test]
fn a_transfer_moves_value_and_its_revert_moves_it_back() {
    let (mut state, mut journal) = (state(), Journal::default());
    let mut session = journal.begin(&mut state);
    let checkpoint = session.checkpoint();
    assert!(transfer(&mut session, 1, 2, 30));
    assert!(transfer(&mut session, 2, 9, 130));
    assert_eq!([1, 2, 9].map(|n| balance(&mut session, n)), [70, 0, 130].map(U256::from));
    assert!(!transfer(&mut session, 1, 2, 71), "there is not enough");
    session.revert(checkpoint);
    assert_eq!([1, 2, 9].map(|n| balance(&mut session, n)), [100, 100, 0].map(U256::from));
    let new = session.resolve(&address(9));
    assert!(!session.account(new).expect("the state answers").exists, "made by the transfer");
    assert_eq!(session.finish(true), []);
}

#[test]
fn a_transfer_to_oneself_changes_nothing() {
    let (mut state, mut journal) = (state(), Journal::default());
    let mut session = journal.begin(&mut state);
    let checkpoint = session.checkpoint();
    assert!(transfer(&mut session, 1, 1, 100));
    assert_eq!(balance(&mut session, 1), U256::from(100));
    session.revert(checkpoint);
    assert_eq!(balance(&mut session, 1), U256::from(100));
    assert_eq!(session.finish(true), []);
}

#[test]
fn wei_beyond_all_numbers_are_lost_but_not_to_a_revert() {
    let (mut state, mut journal) = (state(), Journal::default());
    let mut session = journal.begin(&mut state);
    let checkpoint = session.checkpoint();
    assert!(transfer(&mut session, 1, 4, 40));
    assert_eq!([1, 4].map(|n| balance(&mut session, n)), [U256::from(60), U256::MAX]);
    assert!(transfer(&mut session, 4, 2, 7));
    session.revert(checkpoint);
    assert_eq!(
        [1, 2, 4].map(|n| balance(&mut session, n)),
        [U256::from(100), U256::from(100), U256::MAX]
    );
    assert_eq!(session.finish(true), []);
}

#[test]
fn one_touch_outlives_its_revert() {
    for (value, n, goes) in
        [(0, RIPEMD160, true), (1, RIPEMD160, true), (0, 5, false), (1, 5, false)]
    {
        let (mut state, mut journal) = (state(), Journal::default());
        // Before EIP-161 there were accounts with nothing in them.
        state.insert_account(address(n), AccountInfo::default(), Bytes::new());
        let mut session = journal.begin(&mut state);
        let checkpoint = session.checkpoint();
        assert!(transfer(&mut session, 1, n, value));
        session.revert(checkpoint);
        let gone: Vec<_> = session.finish(true).iter().map(|change| change.address).collect();
        assert_eq!(gone, if goes { vec![address(n)] } else { vec![] }, "account {n}, {value} wei");
    }
}

#[test]
fn what_was_taken_and_given_back_is_no_change() {
    let (mut state, mut journal) = (state(), Journal::default());
    let mut session = journal.begin(&mut state);
    assert!(transfer(&mut session, 1, 2, 30));
    assert!(transfer(&mut session, 2, 1, 30));
    let id = session.resolve(&address(9));
    session.credit(id, &U256::ONE).expect("the state answers");
    let changes = session.finish(true);
    let changed: Vec<_> = changes.iter().map(|change| (change.address, change.account)).collect();
    let info = AccountInfo { balance: U256::ONE, ..AccountInfo::default() };
    assert_eq!(changed, [(address(9), Some(info))]);
}

#[test]
fn few_and_many_accounts_keep_their_handles_and_warmth() {
    let (mut state, mut journal) = (state(), Journal::new(vec![address(1)]));
    for round in 0..2 {
        let mut session = journal.begin(&mut state);
        let opened = session.open(&address(40));
        let ids: Vec<_> = (1..=20).map(|n| session.resolve(&address(n))).collect();
        for (n, id) in (1..=20).zip(&ids) {
            let (found, access) = session.access(&address(n));
            let expected = if n == 1 { Access::Warm } else { Access::Cold };
            assert_eq!((found, access), (*id, expected), "account {n}, round {round}");
            assert_eq!(session.access(&address(n)), (*id, Access::Warm));
        }
        assert_eq!(session.access(&address(40)), (opened, Access::Warm));
        assert_eq!(session.open(&address(20)), ids[19]);
    }
}
