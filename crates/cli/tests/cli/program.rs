//! What holds for every command: version, help, usage errors.

use crate::command::{command, essay, tandem, text};

#[test]
fn the_version_stands_alone_on_standard_output() {
    let expected = concat!("tandem ", env!("CARGO_PKG_VERSION"), "\n");
    for flag in ["-v", "--version", "-V"] {
        let run = tandem(&[flag]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), expected, ""));
    }
}

#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!("help", tandem(&["--help"]).stdout);
    insta::assert_snapshot!("help_gas", tandem(&["gas", "--help"]).stdout);
    insta::assert_snapshot!("help_statetest", tandem(&["statetest", "--help"]).stdout);
    insta::assert_snapshot!("help_asm", tandem(&["asm", "--help"]).stdout);
    insta::assert_snapshot!("help_disasm", tandem(&["disasm", "--help"]).stdout);
}

#[test]
fn usage_errors_exit_with_2_and_leave_standard_output_empty() {
    let bad: [&[&str]; 11] = [
        &[],
        &["nonsense"],
        &["gas"],
        &["gas", "file", "--format", "nonsense"],
        &["gas", "file", "--fork", "nonsense"],
        &["statetest", "--nonsense"],
        &["statetest", "--run", "("],
        &["statetest", "--fork", "nonsense"],
        &["statetest", "--workers", "0"],
        &["asm"],
        &["disasm"],
    ];
    for arguments in bad {
        let run = tandem(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_closed_standard_output_is_no_panic() {
    let file = essay();
    let cases: [(&[&str], i32); 3] = [
        (&["gas", text(&file)], 2),
        (&["statetest", "--json-outcome", text(&file)], 2),
        (&["statetest", text(&file)], 0),
    ];
    for (arguments, code) in cases {
        let (reader, writer) = std::io::pipe().expect("there are pipes");
        drop(reader);
        let output = command(arguments).stdout(writer).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panic"), "{arguments:?}");
    }
}
