//! Work that is shared among threads.

/// More threads than any machine has cores for, and few enough to be had.
pub(crate) const MOST_THREADS: usize = 256;

/// Returns what each share gives, in order: each on a thread of its own, a single one on the caller's.
pub(crate) fn on_threads<S: Send, A: Send>(shares: Vec<S>, run: &(dyn Fn(S) -> A + Sync)) -> Vec<A> {
    if shares.len() < 2 {
        return shares.into_iter().map(run).collect();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || run(share))).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Returns slices of about the same length, as many as there are threads, or elements.
pub(crate) fn shares<T>(of: &[T], threads: usize) -> Vec<&[T]> {
    of.chunks(of.len().div_ceil(threads.clamp(1, MOST_THREADS)).max(1)).collect()
}
