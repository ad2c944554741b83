//! The `chiaro` program: see `chiaro --help`.

mod cli;

fn main() -> std::process::ExitCode {
    quiet_mesa();
    spare_addresses();
    cli::run().into()
}

/// Mesa's drivers complain on standard error where this variable is missing (cron, containers), although they do not need it.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: first statement of the program: no other thread exists that could read the environment.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}

/// glibc reserves 64 MiB of addresses for every thread that allocates. Where addresses are limited (`ulimit -v`, batch systems) that would
/// leave no room to work in, so threads share one arena there.
fn spare_addresses() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if chiaro::codec::mapping::has_limited_addresses() {
        // SAFETY: mallopt(3) takes two numbers; no other thread exists that could be allocating.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}
