//! The rules of the house, over `cargo metadata` and the sources: who may depend on whom, who may
//! print, how long the glue may be. What the code computes is tested elsewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

const WAIST: &str = "tandem-coprocessor";
const GLUE: &str = "tandem-glue";
const EVM: &str = "tandem-evm";
const CLI: &str = "tandem-cli";
const TESTS: &str = "tandem-tests";
const BENCH: &str = "tandem-bench";
/// Forks and prices as data.
const SCHEDULE: &str = "tandem-schedule";
/// What the glue stands on beside the waist: code analysis, the ledger's meter, the buffer of memory,
/// what goes in and out, the tables, the arithmetic of words.
const BELOW_GLUE: [&str; 6] =
    ["tandem-code", "tandem-ledger", "tandem-memory", "tandem-message", SCHEDULE, "tandem-word"];
const COPROCESSORS: [&str; 10] = [
    "tandem-state",
    "tandem-log",
    "tandem-hash",
    "tandem-signature",
    "tandem-bn254",
    "tandem-bls12-381",
    "tandem-kzg",
    "tandem-modexp",
    "tandem-evmmax",
    "tandem-lanes",
];
/// Assembly as text; it knows the opcode table and runs nothing.
const ASM: &str = "tandem-asm";
/// Test tooling that any crate may use as a dev-dependency.
const VECTORS: &str = "tandem-vectors";

/// The most lines the glue may have, tests not counted.
const GLUE_LINES: usize = 2_500;

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

fn package<'m>(metadata: &'m Metadata, name: &str) -> &'m Package {
    let found = metadata.packages.iter().find(|package| package.name.as_str() == name);
    found.unwrap_or_else(|| panic!("the workspace has no {name}: rename it here too"))
}

/// What a package's code depends on in every build, tests aside.
fn dependencies(package: &Package) -> impl Iterator<Item = &Dependency> {
    package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
}

/// The dependencies that are packages of this workspace.
fn internal(package: &Package) -> impl Iterator<Item = &str> {
    dependencies(package).filter(|one| one.path.is_some()).map(|one| one.name.as_str())
}

/// What a package may depend on, of the workspace; `None` for a package no rule knows.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        WAIST => vec![],
        "tandem-code" | "tandem-message" => vec![WAIST, SCHEDULE],
        "tandem-ledger" => vec![WAIST, SCHEDULE, "tandem-code"],
        GLUE => [&[WAIST][..], &BELOW_GLUE].concat(),
        EVM => [&[WAIST, GLUE, SCHEDULE][..], &COPROCESSORS].concat(),
        ASM => vec![SCHEDULE],
        "tandem-fixtures" | "tandem-report" => vec![EVM],
        "tandem-inputs" => vec![EVM, "tandem-report"],
        BENCH => vec![ASM, EVM],
        CLI => vec![ASM, EVM, "tandem-fixtures", "tandem-inputs", "tandem-report"],
        TESTS => vec![ASM, EVM, "tandem-fixtures", "tandem-inputs", "tandem-report"],
        VECTORS => vec![WAIST],
        _ if BELOW_GLUE.contains(&name) || COPROCESSORS.contains(&name) => vec![WAIST],
        _ => return None,
    })
}

#[test]
fn a_package_depends_only_on_the_layers_below_it() {
    let metadata = workspace();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let allowed = allowed(name).unwrap_or_else(|| {
            panic!("{name} belongs to no layer: say in `allowed` what it may depend on")
        });
        for dependency in internal(package) {
            assert!(
                allowed.contains(&dependency),
                "{name} depends on {dependency}, which its layer may not: it may depend on \
                 {allowed:?}. Move the code, or put what both need into a layer below"
            );
        }
    }
}

#[test]
fn a_test_depends_on_the_waist_the_vectors_and_what_its_package_may() {
    let metadata = workspace();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let allowed = allowed(name).unwrap_or_default();
        let development = package.dependencies.iter().filter(|dependency| {
            dependency.kind == DependencyKind::Development && dependency.path.is_some()
        });
        for dependency in development.map(|dependency| dependency.name.as_str()) {
            assert!(
                dependency == VECTORS || allowed.contains(&dependency),
                "the tests of {name} depend on {dependency}: a crate is tested alone, move the \
                 test to {TESTS}"
            );
        }
    }
}

#[test]
fn the_waist_depends_on_primitive_types_only() {
    let metadata = workspace();
    let names: Vec<_> =
        dependencies(package(&metadata, WAIST)).map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        ["alloy-primitives"],
        "the waist depends on nothing but primitive types: move what needs more to a coprocessor \
         or to the glue"
    );
}

#[test]
fn the_glue_has_no_hash_no_curve_and_no_database() {
    let metadata = workspace();
    let allowed = ["foldhash", "hashbrown"];
    for dependency in dependencies(package(&metadata, GLUE)) {
        let name = dependency.name.as_str();
        assert!(
            dependency.path.is_some() || allowed.contains(&name),
            "the glue depends on {name}: expensive work is a coprocessor's, the glue asks for it \
             through the waist. If {name} is neither, add it to this test's list"
        );
    }
}

#[test]
fn only_evm_wires_coprocessors_to_the_glue() {
    let metadata = workspace();
    for package in &metadata.packages {
        let name = package.name.as_str();
        for dependency in package.dependencies.iter().map(|one| one.name.as_str()) {
            let wires = dependency == GLUE || COPROCESSORS.contains(&dependency);
            assert!(
                !wires || name == EVM,
                "{name} depends on {dependency}: only {EVM} may; use what {EVM} exports, or export \
                 it there"
            );
        }
    }
    let evm: Vec<_> = internal(package(&metadata, EVM)).collect();
    for part in [&[GLUE][..], &COPROCESSORS].concat() {
        assert!(evm.contains(&part), "{EVM} does not depend on {part}: who wires it?");
    }
}

#[test]
fn every_native_coprocessor_library_can_be_left_out() {
    let metadata = workspace();
    for name in COPROCESSORS {
        for dependency in dependencies(package(&metadata, name)) {
            let needs_c = ["aws-lc-rs", "aws-lc-sys", "blst", "c-kzg", "secp256k1"]
                .contains(&dependency.name.as_str());
            assert!(
                !needs_c || dependency.optional,
                "{name} cannot be built without {}, which needs a C compiler: make it optional, \
                 behind the feature `native`",
                dependency.name
            );
        }
    }
}

#[test]
fn evm_asks_for_every_native_backend() {
    let metadata = workspace();
    let native = &package(&metadata, EVM).features["native"];
    for name in COPROCESSORS {
        if package(&metadata, name).features.contains_key("native") {
            let feature = format!("{name}/native");
            assert!(
                native.contains(&feature),
                "{name} has a native backend which nobody gets: add \"{feature}\" to the feature \
                 `native` of {EVM}"
            );
        }
    }
}

#[test]
fn revm_is_a_peer_of_the_benches_and_of_nothing_else() {
    let metadata = workspace();
    for package in metadata.packages.iter().filter(|package| package.name.as_str() != BENCH) {
        for dependency in package.dependencies.iter().map(|one| one.name.as_str()) {
            assert!(
                !dependency.starts_with("revm") && dependency != BENCH,
                "{} depends on {dependency}: comparisons with revm live in {BENCH}, which neither \
                 of the README's commands builds",
                package.name
            );
        }
    }
}

#[test]
fn a_plain_build_builds_the_program() {
    let metadata = workspace();
    let names: Vec<_> =
        metadata.workspace_default_packages().iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, [CLI], "`cargo build --release` at the root builds `tandem` alone");
    let program = &package(&metadata, CLI).targets;
    let binaries: Vec<_> = program
        .iter()
        .filter(|target| target.is_bin())
        .map(|target| target.name.as_str())
        .collect();
    assert_eq!(binaries, ["tandem"], "{CLI} has one program, `tandem`");
}

#[test]
fn only_the_command_line_prints() {
    let metadata = workspace();
    let prints = ["print!", "println!", "eprint!", "eprintln!", "dbg!", "stdout()", "stderr()"];
    for package in &metadata.packages {
        if [CLI, BENCH].contains(&package.name.as_str()) {
            continue;
        }
        for file in sources(package) {
            for (number, line) in code_lines(&file) {
                let words = line.split(|c: char| !(c.is_alphanumeric() || "_!()".contains(c)));
                for word in words {
                    assert!(
                        !prints.iter().any(|print| word.starts_with(print)),
                        "{}:{number} prints ({word}): return the text, or write it to the caller's \
                         writer; only {CLI} prints",
                        file.display()
                    );
                }
            }
        }
    }
}

#[test]
fn the_glue_can_be_read_in_an_afternoon() {
    let metadata = workspace();
    let files = sources(package(&metadata, GLUE));
    let lines: usize = files.iter().map(|file| untested(&read(file)).lines().count()).sum();
    assert!(
        lines <= GLUE_LINES,
        "the glue has {lines} lines without tests, {} too many: simplify it, or move what is data \
         or arithmetic to {BELOW_GLUE:?}",
        lines - GLUE_LINES
    );
}

/// The files below a package's `src`.
fn sources(package: &Package) -> Vec<PathBuf> {
    let mut directories = vec![package.manifest_path.with_file_name("src").into_std_path_buf()];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        // A package of tests has no `src`.
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.expect("a readable directory").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem().is_some_and(|stem| stem != "tests")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A source file without its test module, which by custom is its end.
fn untested(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source)
}

/// The lines of a file that are neither comment nor test, with their numbers.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    untested(&read(file))
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim().to_owned()))
        .filter(|(_, line)| !line.starts_with("//"))
        .collect()
}
