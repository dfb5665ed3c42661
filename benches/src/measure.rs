//! The measuring core: contestants run by turns in short batches, so that drift of the machine hits
//! all of them, and each is judged by its best batch, the one least disturbed. Time is the thread's
//! own on the processor, so that a batch does not pay for what else runs on a shared machine.

use std::time::{Duration, Instant};

/// A contestant: runs its work as often as told.
pub type Contestant<'c> = &'c mut dyn FnMut(u64);

/// Batches of each contestant, if its work is short enough for the time there is.
const ROUNDS: u32 = 25;
/// Batches of each contestant at least.
const MIN_ROUNDS: u32 = 9;

/// Runs the contestants by turns for about `time` altogether and returns nanoseconds a run for each.
pub fn race<const N: usize>(time: Duration, mut contestants: [Contestant<'_>; N]) -> [f64; N] {
    let best = race_all(time, &mut contestants);
    std::array::from_fn(|n| best[n])
}

/// The same for any number of them.
pub fn race_all(time: Duration, contestants: &mut [Contestant<'_>]) -> Vec<f64> {
    let len = contestants.len();
    let batch = time.as_secs_f64() / f64::from(ROUNDS) / len as f64;
    let counts: Vec<_> = contestants.iter_mut().map(|one| runs_in(batch, one)).collect();
    // One run may fill more than its batch: then there are fewer rounds.
    let mut rounds = ROUNDS;
    let mut best = vec![f64::INFINITY; len];
    let (start, mut round) = (Instant::now(), 0);
    while round < rounds {
        // Forward and backward by turns: nobody always comes after the same one.
        for turn in 0..len {
            let who = if round % 2 == 0 { turn } else { len - 1 - turn };
            best[who] = best[who].min(nanoseconds(contestants[who], counts[who]));
        }
        round += 1;
        if start.elapsed() > time {
            rounds = rounds.min(MIN_ROUNDS.max(round));
        }
    }
    best
}

/// How many runs fit into so many seconds, at least one; warms caches and predictors up as well.
fn runs_in(seconds: f64, contestant: &mut Contestant<'_>) -> u64 {
    let mut count = 1;
    loop {
        let each = nanoseconds(contestant, count);
        if each * count as f64 > seconds * 0.25e9 {
            return ((seconds * 1e9 / each) as u64).max(1);
        }
        count *= 2;
    }
}

fn nanoseconds(contestant: &mut dyn FnMut(u64), count: u64) -> f64 {
    let start = thread_time();
    contestant(count);
    (thread_time() - start).as_nanos() as f64 / count as f64
}

/// Time this thread has run on a processor.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time since the first call: elsewhere than on Unix, a quiet machine is needed.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

/// The geometric mean; 1 of nothing.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value.ln();
        count += 1.0;
    }
    if count == 0.0 { 1.0 } else { f64::exp(sum / count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_twice_as_long_takes_twice_as_long() {
        let spin = |nanoseconds: u64| {
            move |count| {
                for _ in 0..count {
                    let start = thread_time();
                    while thread_time() - start < Duration::from_nanos(nanoseconds) {}
                }
            }
        };
        let (mut slow, mut fast) = (spin(20_000), spin(10_000));
        let [slow, fast] = race(Duration::from_millis(50), [&mut slow, &mut fast]);
        assert!((1.8..2.2).contains(&(slow / fast)), "{slow} ns against {fast} ns");
    }

    #[test]
    fn the_mean_is_geometric() {
        assert!((geometric_mean([1.0, 4.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((geometric_mean([]) - 1.0).abs() < 1e-12);
    }
}
