//! The `chiaro` program: see `chiaro --help`.

mod cli;

fn main() -> std::process::ExitCode {
    quiet_mesa();
    cli::run().into()
}

/// Mesa's drivers complain on standard error where this variable is missing (cron, containers), although they do not need it.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: first statement of the program: no other thread exists that could read the environment.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}
