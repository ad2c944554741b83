//! What the system says of this process: memory and processor time.

/// Figures of the process so far; `None` where the system does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Largest resident size in bytes (Linux: `VmHWM` of `/proc/self/status`, proc(5), given in KiB).
    pub peak_bytes: Option<u64>,
    /// Processor seconds of all threads, in the program and in the system (getrusage(2)).
    pub cpu_seconds: Option<f64>,
}

/// The figures at this moment.
pub fn now() -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    Usage { peak_bytes: status.as_deref().and_then(peak), cpu_seconds: cpu_seconds() }
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(unix)]
fn cpu_seconds() -> Option<f64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: getrusage(2) writes one `rusage` to the pointer, which outlives the call.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it filled the structure.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Some(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

#[cfg(not(unix))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_its_line() {
        let status = "Name:\tchiaro\nVmPeak:\t  999999 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak(status), Some(12_345 * 1024));
        assert_eq!(peak("VmHWM: none\n"), None);
        assert_eq!(peak(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something() {
        let used = now();
        assert!(used.peak_bytes.is_some_and(|bytes| bytes > 100_000), "{used:?}");
        // The system counts in ticks that a young process may not have reached.
        let mut sum = 0u64;
        while now().cpu_seconds.is_some_and(|seconds| seconds == 0.0) && sum < 100_000 {
            sum += std::hint::black_box(1);
        }
        assert!(now().cpu_seconds.is_some_and(|seconds| seconds > 0.0), "{used:?}");
    }
}
