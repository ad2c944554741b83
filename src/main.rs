//! The `chiaro` program: see `chiaro --help`.

mod cli;

fn main() -> std::process::ExitCode {
    quiet_mesa();
    few_arenas();
    cli::run().into()
}

/// Mesa's drivers complain on standard error where this variable is missing (cron, containers), although they do not need it.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: first statement of the program: no other thread exists that could read the environment.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}

/// glibc gives every thread that allocates an arena of its own, which keeps what was freed in it: with many threads their working space would
/// stay many times over, so they share four. An arena also reserves 64 MiB of addresses; where those are limited (`ulimit -v`, batch systems)
/// that would leave no room to work in, and there is one.
fn few_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let arenas = if chiaro::codec::mapping::has_limited_addresses() { 1 } else { 4 };
        // SAFETY: mallopt(3) takes two numbers; no other thread exists that could be allocating.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}
