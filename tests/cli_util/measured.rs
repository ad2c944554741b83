//! Peak residence of a real program, as the kernel counts it for a process that has ended (getrusage(2), `ru_maxrss`). The measured process
//! begins as a copy of the one that starts it, whose own peak is a lower bound of the figure; so tests that measure hold nothing large.

use std::fs::File;
use std::process::Command;

use super::Dir;

/// A program that has ended: its exit code, its largest residence in bytes, and what it said.
pub struct Measured {
    pub code: Option<i32>,
    pub peak: u64,
    pub said: String,
}

/// Runs `command` to its end.
pub fn measure(dir: &Dir, mut command: Command) -> Measured {
    let said = dir.path("said");
    let out = File::create(&said).unwrap();
    command.stdout(out.try_clone().unwrap()).stderr(out);
    #[allow(clippy::zombie_processes, reason = "wait4 below reaps it")]
    let child = command.spawn().unwrap();
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: wait4(2) writes one int and one rusage to the pointers, both of which outlive the call; the child is ours and not waited for
    // elsewhere.
    let waited = unsafe { libc::wait4(child.id() as i32, &mut status, 0, usage.as_mut_ptr()) };
    assert_eq!(waited, child.id() as i32);
    // SAFETY: the structure was zeroed, a valid value of it, and wait4 has filled it.
    let usage = unsafe { usage.assume_init() };
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    Measured { code, peak: usage.ru_maxrss as u64 * 1024, said: std::fs::read_to_string(said).unwrap() }
}
