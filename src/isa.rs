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
