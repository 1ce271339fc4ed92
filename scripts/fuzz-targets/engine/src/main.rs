//! Runs the target that `CORREIO_FUZZ_TARGET` names under libFuzzer.

#![no_main]

use std::{alloc::System, env, process, sync::OnceLock};

use cap::Cap;
use correio_fuzz::Target;

/// No target needs this much memory, whatever its input says.
const MEMORY_MAX: usize = 64 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY_MAX);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = env::var("CORREIO_FUZZ_TARGET").unwrap_or_default();
        Target::named(&name).unwrap_or_else(|| {
            eprintln!("CORREIO_FUZZ_TARGET must name a target; scripts/fuzz --list does");
            process::exit(64);
        })
    });
    (target.run)(data);
});
