//! An allocator for a policy that lives for one call: it only goes up, and frees nothing.
//!
//! The host makes a fresh instance for each decision and throws its memory away afterwards, so all that an allocator
//! can do between is cost fuel: each string of a situation is one allocation, and there are thousands of them. At 64 KiB
//! of situation this saves about a seventh of a decision. In an instance that served many calls it would only leak.
//!
//! The arithmetic is [`Region`], which is plain numbers and tested natively; the rest is the part that needs `unsafe`.

/// The piece of linear memory that is still to be given away, as addresses: `next..end`.
#[derive(Clone, Copy)]
struct Region {
    next: usize,
    end: usize,
}

impl Region {
    /// Gives away `size` bytes at a multiple of `align`, a power of two; none where they do not fit. Address 0 is never
    /// given away.
    #[inline]
    fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let mask = align - 1;
        let at = self.next.checked_add(mask)? & !mask;
        let after = at.checked_add(size)?;
        if at == 0 || after > self.end {
            return None;
        }
        self.next = after;
        Some(at)
    }

    /// Lets the block at `at`, which was given away last, become `size` bytes long where it lies.
    #[inline]
    fn resize_last(&mut self, at: usize, old: usize, size: usize) -> bool {
        let is_last = at.checked_add(old) == Some(self.next);
        match at.checked_add(size) {
            Some(after) if is_last && after <= self.end => {
                self.next = after;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Adds new memory `start..end`. What was left is joined to it where the two touch, and given up where not.
    fn add(&mut self, start: usize, end: usize) {
        if self.end != start {
            self.next = start;
        }
        self.end = end;
    }
}

#[cfg(all(target_arch = "wasm32", feature = "bump"))]
mod global {
    //! The allocator itself, and the only `unsafe` code of the project that is written by hand.
    #![allow(unsafe_code, reason = "a global allocator is an unsafe trait over raw memory")]

    use super::Region;
    use core::alloc::{GlobalAlloc, Layout};
    use core::cell::Cell;

    /// What wasm gives memory in, in bytes.
    const PAGE: usize = 65_536;

    /// At least this many pages at a time, 256 KiB: one growth costs the host about as much as a hundred calls.
    const PAGES_MIN: usize = 4;

    struct Bump(Cell<Region>);

    // SAFETY: an instance of a component without threads is entered by one thread at a time, and the target is built
    // without `atomics`, so no second one can exist that shares this memory.
    unsafe impl Sync for Bump {}

    #[global_allocator]
    static ALLOCATOR: Bump = Bump(Cell::new(Region { next: 0, end: 0 }));

    /// Asks for memory that holds `size` bytes at any alignment up to `align`. False where the host says no.
    #[cold]
    #[inline(never)]
    fn grow(region: &mut Region, size: usize, align: usize) -> bool {
        let Some(wanted) = size.checked_add(align) else { return false };
        let pages = wanted.div_ceil(PAGE).max(PAGES_MIN);
        let old = core::arch::wasm32::memory_grow(0, pages);
        if old == usize::MAX {
            return false;
        }
        // The last page of a full 4 GiB ends at 2^32, which is no address: such memory stays unused.
        let (Some(start), Some(end)) =
            (old.checked_mul(PAGE), old.checked_add(pages).and_then(|all| all.checked_mul(PAGE)))
        else {
            return false;
        };
        region.add(start, end);
        true
    }

    // SAFETY: blocks never overlap, for `next` only rises past what was given away, or moves within the last block in
    // `realloc`; they lie in memory that `memory.grow` gave us and nobody else; alignment is `Region::take`'s. No
    // function unwinds, and none allocates.
    unsafe impl GlobalAlloc for Bump {
        #[inline]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let mut region = self.0.get();
            let mut at = region.take(layout.size(), layout.align());
            if at.is_none() && grow(&mut region, layout.size(), layout.align()) {
                at = region.take(layout.size(), layout.align());
            }
            self.0.set(region);
            at.map_or(core::ptr::null_mut(), core::ptr::with_exposed_provenance_mut)
        }

        #[inline]
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's contract. Fresh wasm memory is zero, and no byte is given away twice but by
            // `realloc`, whose shrinking keeps `next` where it was.
            unsafe { self.alloc(layout) }
        }

        #[inline]
        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

        #[inline]
        unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            if size <= layout.size() {
                return old;
            }
            let mut region = self.0.get();
            if region.resize_last(old.expose_provenance(), layout.size(), size) {
                self.0.set(region);
                return old;
            }
            // SAFETY: the caller promises that `size`, rounded up to this alignment, does not overflow.
            let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
            if !new.is_null() {
                // SAFETY: `old` holds `layout.size()` bytes, `new` more than that, and the two are different blocks.
                unsafe { core::ptr::copy_nonoverlapping(old, new, layout.size()) };
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn blocks_are_aligned_and_do_not_overlap() {
        let mut region = Region { next: 65_537, end: 131_072 };
        assert_eq!(region.take(3, 1), Some(65_537));
        assert_eq!(region.take(8, 8), Some(65_544));
        assert_eq!(region.take(1, 4096), Some(69_632));
        assert_eq!(region.take(0, 1), Some(69_633));
        assert_eq!(region.next, 69_633);
    }

    #[test]
    fn the_end_is_the_end_and_address_zero_is_nobodys() {
        let mut region = Region { next: 100, end: 110 };
        assert_eq!(region.take(11, 1), None);
        assert_eq!(region.take(10, 1), Some(100));
        assert_eq!(region.take(1, 1), None);
        assert_eq!(Region { next: 0, end: 0 }.take(0, 1), None);
        assert_eq!(Region { next: 0, end: 64 }.take(1, 1), None);
    }

    #[test]
    fn sizes_beyond_the_address_space_are_refused() {
        let mut region = Region { next: usize::MAX - 2, end: usize::MAX };
        assert_eq!(region.take(1, 16), None);
        assert_eq!(region.take(usize::MAX, 1), None);
        assert!(!region.resize_last(usize::MAX - 4, 2, usize::MAX));
        assert_eq!(region.next, usize::MAX - 2);
    }

    #[test]
    fn only_the_last_block_grows_in_place() {
        let mut region = Region { next: 64, end: 128 };
        let first = region.take(8, 8).unwrap();
        let second = region.take(8, 8).unwrap();
        assert!(!region.resize_last(first, 8, 16));
        assert!(region.resize_last(second, 8, 56));
        assert_eq!(region.next, 128);
        assert!(!region.resize_last(second, 56, 57));
    }

    #[test]
    fn new_memory_joins_what_is_left_only_where_they_touch() {
        let mut touching = Region { next: 100, end: 128 };
        touching.add(128, 256);
        assert_eq!(touching.take(100, 1), Some(100));
        let mut apart = Region { next: 100, end: 128 };
        apart.add(192, 256);
        assert_eq!(apart.take(1, 1), Some(192));
    }
}
