//! The ring of slots: each slot holds the buffers one band needs on its way up, through and down again, so that the upload of one band,
//! the computation of another and the readback of a third overlap, and device memory stays bounded whoever waits.

use std::sync::{Condvar, Mutex, PoisonError};

use super::context::Context;
use crate::error::Result;

/// Slots of a device.
pub(super) const SLOTS: usize = 3;

/// Buffers smaller than this are not worth telling apart.
const SMALLEST_BUFFER: u64 = 64 << 10;

/// Buffers of one band; empty until first used, grown as needed, and reused.
#[derive(Default)]
pub(super) struct Slot {
    /// Mappable memory (mapped whenever the slot is free) and device memory of what goes up.
    pub up: Option<Pair>,
    /// Device memory and mappable memory of what comes down.
    pub down: Option<Pair>,
    /// Device memory of the planes between passes: one is read while the other is written.
    planes: [Option<wgpu::Buffer>; 2],
}

/// Mappable memory and device memory of the same size.
pub(super) struct Pair {
    pub staging: wgpu::Buffer,
    pub device: wgpu::Buffer,
}

/// Bytes that a band needs of each buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    pub up: u64,
    pub down: u64,
    /// 0 = none.
    pub planes: [u64; 2],
}

/// The buffers of a slot, large enough.
pub(super) struct Buffers<'a> {
    pub up: &'a Pair,
    pub down: &'a Pair,
    pub planes: [Option<&'a wgpu::Buffer>; 2],
}

impl Slot {
    /// Makes all buffers at least as large as they are needed and returns them.
    pub fn reserve(&mut self, context: &Context, needs: Needs) -> Result<Buffers<'_>> {
        use wgpu::BufferUsages as Usage;
        let fits = |pair: &Option<Pair>, bytes| pair.as_ref().is_some_and(|p| p.device.size() >= bytes);
        if !fits(&self.up, needs.up) {
            let usages = [Usage::MAP_WRITE | Usage::COPY_SRC, Usage::STORAGE | Usage::UNIFORM | Usage::COPY_DST];
            self.up = None;
            self.up = Some(pair(context, "input", needs.up, usages, true)?);
        }
        if !fits(&self.down, needs.down) {
            let usages = [Usage::MAP_READ | Usage::COPY_DST, Usage::STORAGE | Usage::COPY_SRC];
            self.down = None;
            self.down = Some(pair(context, "output", needs.down, usages, false)?);
        }
        for (planes, bytes) in self.planes.iter_mut().zip(needs.planes) {
            if bytes > planes.as_ref().map_or(0, wgpu::Buffer::size) {
                *planes = None;
                *planes = Some(working(context, bytes)?);
            }
        }
        match (&self.up, &self.down) {
            (Some(up), Some(down)) => Ok(Buffers { up, down, planes: self.planes.each_ref().map(Option::as_ref) }),
            _ => Err(context.error("a slot has no buffers")),
        }
    }
}

/// Device memory of planes.
fn working(context: &Context, bytes: u64) -> Result<wgpu::Buffer> {
    let (size, usage) = (size_class(bytes), wgpu::BufferUsages::STORAGE);
    context.checked(&format!("working buffer of {size} bytes"), || {
        let label = Some("planes");
        context.device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
    })
}

/// The largest buffer that never grows beyond `limit` by being rounded up.
pub(super) fn largest_buffer(limit: u64) -> u64 {
    let step = limit.next_power_of_two() / 8;
    if step > SMALLEST_BUFFER { limit / step * step } else { limit / SMALLEST_BUFFER * SMALLEST_BUFFER }
}

fn pair(context: &Context, what: &str, bytes: u64, usages: [wgpu::BufferUsages; 2], mapped: bool) -> Result<Pair> {
    let size = size_class(bytes);
    let buffer = |usage, mapped_at_creation| {
        context.device.create_buffer(&wgpu::BufferDescriptor { label: Some("band"), size, usage, mapped_at_creation })
    };
    context.checked(&format!("{what} buffers of {size} bytes"), || Pair {
        staging: buffer(usages[0], mapped),
        device: buffer(usages[1], false),
    })
}

/// Rounds up to one of eight sizes per power of two.
fn size_class(bytes: u64) -> u64 {
    bytes.next_multiple_of((bytes.next_power_of_two() / 8).max(SMALLEST_BUFFER))
}

/// The free slots.
pub(super) struct Ring {
    free: Mutex<Vec<Slot>>,
    returned: Condvar,
}

impl Ring {
    pub fn new() -> Self {
        Self { free: Mutex::new((0..SLOTS).map(|_| Slot::default()).collect()), returned: Condvar::new() }
    }

    /// A slot, if one is free.
    pub fn try_acquire(&self) -> Option<Lease<'_>> {
        let slot = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Lease { ring: self, slot, clean: true })
    }

    /// A slot; waits for one. Whoever holds a slot already must not wait here: finish it instead.
    pub fn acquire(&self) -> Lease<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(slot) = free.pop() {
                return Lease { ring: self, slot, clean: true };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A slot in use; goes back when dropped. Between submission and completion it is not `clean`: should the run fail there, the
/// buffers are given up, because nobody knows what state they are in.
pub(super) struct Lease<'a> {
    ring: &'a Ring,
    pub slot: Slot,
    pub clean: bool,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let slot = std::mem::take(&mut self.slot);
        let slot = if self.clean { slot } else { Slot::default() };
        self.ring.free.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        self.ring.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_and_come_back() {
        let ring = Ring::new();
        let all: Vec<_> = (0..SLOTS).map_while(|_| ring.try_acquire()).collect();
        assert_eq!(all.len(), SLOTS);
        assert!(ring.try_acquire().is_none());
        drop(all);
        ring.acquire();
    }

    #[test]
    fn size_classes_waste_at_most_a_quarter_of_large_buffers() {
        for bytes in [1u64, 65_536, 65_537, 4 << 20, (4 << 20) + 1, 9_999_999] {
            let size = size_class(bytes);
            assert!(size >= bytes && size.is_multiple_of(4), "{bytes} {size}");
            assert!(bytes < 1 << 20 || size * 4 <= bytes * 5, "{bytes} {size}");
        }
        for limit in [1u64 << 20, 128 << 20, (1 << 31) - 4, (1 << 32) - 1] {
            let largest = largest_buffer(limit);
            assert!(size_class(largest) <= limit && size_class(largest) == largest, "{limit} {largest}");
            assert!(largest * 10 >= limit * 8, "{limit} {largest}");
        }
    }
}
