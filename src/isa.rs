//! Which instruction sets this machine has.
//!
//! Loops that are worth it are compiled once per level and chosen at run time; every level gives the same bits. On ARM the baseline
//! of the compiler has NEON already, so its one level is the portable code.

/// An instruction set this machine has. Values can only be obtained from [`Isa::best`] and [`Isa::available`], which is what
/// makes running the specialized loops sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

/// What a loop can be compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Whatever every machine of the target has: SSE2 on x86-64, NEON on 64-bit ARM.
    Baseline,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL: all server and desktop cores with AVX-512 but the first Xeon Phi.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All instruction sets of this machine, the portable one first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "only x86_64 has more than the baseline")]
        let mut all = vec![Self(Level::Baseline)];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                all.push(Self(Level::Avx2));
            }
            let avx512 = [
                std::arch::is_x86_feature_detected!("avx512f"),
                std::arch::is_x86_feature_detected!("avx512bw"),
                std::arch::is_x86_feature_detected!("avx512dq"),
                std::arch::is_x86_feature_detected!("avx512vl"),
            ];
            if avx512 == [true; 4] {
                all.push(Self(Level::Avx512));
            }
        }
        all
    }

    /// The widest instruction set of this machine.
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self(Level::Baseline))
    }

    /// Name for reports: "AVX2", "AVX-512"; the baseline is "NEON" on 64-bit ARM and "portable" elsewhere.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline if cfg!(target_arch = "aarch64") => "NEON",
            Level::Baseline => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "AVX-512",
        }
    }

    /// The level, for dispatch.
    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// One word for the processor's architecture and all of its instruction sets that libraries choose their data layouts by: what was laid out on a
/// processor fits those of the same word.
pub fn processor() -> String {
    let has = features();
    let bits = has.iter().rev().fold(0u32, |bits, has| bits << 1 | u32::from(*has));
    format!("{}-{bits:x}", std::env::consts::ARCH)
}

#[cfg(target_arch = "x86_64")]
fn features() -> [bool; 13] {
    use std::arch::is_x86_feature_detected as has;
    [
        has!("sse4.1"),
        has!("avx"),
        has!("avx2"),
        has!("fma"),
        has!("f16c"),
        has!("avxvnni"),
        has!("avx512f"),
        has!("avx512bw"),
        has!("avx512dq"),
        has!("avx512vl"),
        has!("avx512vnni"),
        has!("avx512bf16"),
        has!("avx512fp16"),
    ]
}

#[cfg(target_arch = "aarch64")]
fn features() -> [bool; 6] {
    use std::arch::is_aarch64_feature_detected as has;
    [has!("neon"), has!("fp16"), has!("dotprod"), has!("i8mm"), has!("bf16"), has!("sve")]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> [bool; 0] {
    []
}

/// A loop that is compiled once for every instruction set: see [`Isa::run`].
pub trait Kernel {
    /// What it finds out.
    type Out;
    /// The loop. Must be `#[inline(always)]`, as must be whatever it calls per element: it takes the instruction set of its caller.
    fn run(self) -> Self::Out;
}

impl Isa {
    /// Runs a loop as compiled for this instruction set. All versions give the same bits: nothing in them is fused or reordered.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            Level::Baseline => kernel.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Isa` of this level exists only after detection found the features.
            Level::Avx2 => unsafe { kernel_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx512 => unsafe { kernel_avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn kernel_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn kernel_avx512<K: Kernel>(kernel: K) -> K::Out {
    kernel.run()
}
