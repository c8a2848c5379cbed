//! How much memory an input may cost.
//!
//! Every allocation of the process is counted. What a run holds at its peak, beyond what was held before it, must be within
//! a bound that the target names and justifies; and nothing may ask for a GiB, however small the bound is broken: such a
//! request fails, which ends the process where it was made.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most that may be held at any time.
const LIMIT: usize = 1 << 30;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

impl Counting {
    /// Counts `size` bytes, or returns `false` if they are too many.
    fn take(size: usize) -> bool {
        let held = HELD.fetch_add(size, Relaxed).saturating_add(size);
        if held > LIMIT {
            HELD.fetch_sub(size, Relaxed);
            return false;
        }
        PEAK.fetch_max(held, Relaxed);
        true
    }
}

// SAFETY: every call is handed on to the system's allocator as it came, or refused with a null pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::take(layout.size()) { unsafe { System.alloc(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::take(layout.size()) { unsafe { System.alloc_zeroed(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // For a moment the old and the new block may both be there.
        if !Self::take(size) {
            return std::ptr::null_mut();
        }
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Does the work, and panics if it held more than `bound` bytes at a time.
pub fn within<T>(bound: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    let most = PEAK.load(Relaxed).saturating_sub(before);
    assert!(most <= bound, "{most} bytes were held at a time, of which {bound} are justified");
    result
}
