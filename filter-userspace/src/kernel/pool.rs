//! The pool of frames that the benchmark's program takes one of at each run (filter-ebpf/src/bin/bench.rs).

use aya::Ebpf;
use aya::maps::{Array, MapData};

use super::error::KernelError;
use super::load::{map_error, map_of};

/// Octets of the longest frame; its length follows in eight octets.
const FRAME: usize = 512;

/// Writes the frames and how many there are.
pub(super) fn fill(ebpf: &mut Ebpf, frames: &[Vec<u8>]) -> Result<(), KernelError> {
    let map = map_of(ebpf, "POOL")?;
    let mut pool: Array<&mut MapData, [u8; FRAME + 8]> =
        Array::try_from(map).map_err(|error| map_error("opening POOL", error))?;
    for (number, frame) in (0u32..).zip(frames) {
        let mut element = [0u8; FRAME + 8];
        let (octets, length) = element.split_at_mut(FRAME);
        for (to, from) in octets.iter_mut().zip(frame) {
            *to = *from;
        }
        length.copy_from_slice(&(frame.len().min(FRAME) as u64).to_le_bytes());
        pool.set(number, element, 0).map_err(|error| map_error("writing POOL", error))?;
    }
    let map = map_of(ebpf, "RUN")?;
    let mut run: Array<&mut MapData, u64> =
        Array::try_from(map).map_err(|error| map_error("opening RUN", error))?;
    let last = (frames.len() as u64).saturating_sub(1);
    run.set(1, last, 0).map_err(|error| map_error("writing RUN", error))
}
