//! Looks at many files on several threads.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Files that a thread takes at once.
const SHARE: usize = 64;

/// Most threads. More would wait for the same disk.
const THREADS_MAX: usize = 8;

/// Applies `look` to every item, on as many threads as there are processors, and returns its
/// results in the order of the items. Each thread has a `scratch` of its own. Few items stay on
/// this thread.
pub(super) fn each<T: Sync, S: Default, R: Send>(
    items: &[T],
    look: impl Fn(&mut S, &T) -> Option<R> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut scratch = S::default();
        let mut results = Vec::new();
        loop {
            let start = next.fetch_add(SHARE, Ordering::Relaxed);
            let Some(rest) = items.get(start..).filter(|rest| !rest.is_empty()) else {
                return results;
            };
            for (index, item) in (start..).zip(rest.iter().take(SHARE)) {
                results.extend(look(&mut scratch, item).map(|result| (index, result)));
            }
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(THREADS_MAX).min(items.len().div_ceil(SHARE)).max(1);
    let mut results = thread::scope(|scope| {
        let others = (1..threads)
            // Without a further thread, this one does the work.
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect::<Vec<_>>();
        let mut results = work();
        for other in others {
            match other.join() {
                Ok(more) => results.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, SHARE, 10 * SHARE + 3] {
            let items: Vec<usize> = (0..count).collect();
            let odd = each(&items, |_: &mut (), item| (item % 2 == 1).then_some(item * 2));
            let expected: Vec<_> = items.iter().filter(|i| *i % 2 == 1).map(|i| i * 2).collect();
            assert_eq!(odd, expected);
        }
    }
}
