//! The XDP program `interdict`.
#![no_std]
#![no_main]

use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

/// `frags`: a frame of several buffers comes too, instead of forbidding a large MTU.
#[xdp(frags)]
#[inline(always)]
pub fn interdict(context: XdpContext) -> u32 {
    filter_ebpf::run(&context)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
