//! Decides whether the tail-dispatched driver is built. A call in tail position becomes a jump only
//! when the optimiser makes it one, so the driver is kept to optimised builds for targets where
//! `tests/dispatch.rs` and `.ci/run` check that it did; with debug assertions it does not, so `drive`
//! leaves the driver out there. Nor does a build script see whether the profile has LTO, so whoever
//! builds asks for the driver with `TANDEM_DISPATCH=tail`, as this workspace's `.cargo/config.toml`
//! does for its own release profile; everyone else gets the plain loop.

use std::env;

fn main() {
    println!("cargo:rustc-check-cfg=cfg(tail_dispatch)");
    println!("cargo:rerun-if-env-changed=TANDEM_DISPATCH");
    println!("cargo:rerun-if-changed=build.rs");
    let var = |name: &str| env::var(name).unwrap_or_default();
    let optimised = matches!(var("OPT_LEVEL").as_str(), "2" | "3");
    let checked_target = var("CARGO_CFG_TARGET_ARCH") == "x86_64";
    let instrumented = var("CARGO_ENCODED_RUSTFLAGS").contains("instrument-coverage")
        || var("CARGO_ENCODED_RUSTFLAGS").contains("sanitizer")
        || env::var_os("CARGO_CFG_MIRI").is_some();
    if optimised && checked_target && !instrumented && var("TANDEM_DISPATCH") == "tail" {
        println!("cargo:rustc-cfg=tail_dispatch");
    }
}
