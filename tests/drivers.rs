//! What has to hold for both of the glue's drivers: the loop in debug builds, handlers that end in jumps in
//! optimised ones, for which `.ci/run` runs this a second time.

mod dispatch;
mod ledger;
