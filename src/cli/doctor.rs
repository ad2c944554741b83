//! `chiaro doctor`: what this machine has and what Chiaro makes of it. The only command besides `run` and `depth` that
//! starts drivers and inference libraries: that is its purpose. Always succeeds.

use chiaro::engine::budget::{available_memory, default_memory};
use chiaro::ops::Isa;
use chiaro::picture::Format;

use super::exit::Exit;
use super::output::{self, Facts};

/// Runs the command.
///
/// # Errors
/// What writing to stdout returns.
pub fn run() -> anyhow::Result<Exit> {
    let mut facts = Facts::default();
    facts.add("version", env!("CARGO_PKG_VERSION")).add("system", system());
    facts.add("cores", super::batch::cores());
    let sets: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    facts.add("instruction sets", format!("{}; used: {}", sets.join(", "), Isa::best().name()));
    facts.add("memory available", available_memory().map_or_else(|| "unknown".to_owned(), output::bytes));
    facts.add("memory budget", format!("{} unless --memory says otherwise", output::bytes(default_memory())));
    facts.add("adapters", adapters());
    facts.add("inference", inference());
    let cache = chiaro::engine::depth_cache::default_folder();
    facts.add("depth cache", cache.map_or_else(|| "off".to_owned(), |folder| chiaro::error::escape(&folder)));
    facts.add("codecs", codecs());
    facts.add("clips", clip_worker());
    output::line(&format!("chiaro\n{facts}"))?;
    Ok(Exit::Success)
}

fn codecs() -> String {
    let names =
        |written| Format::ALL.iter().filter(|f| f.is_written() == written).map(|f| f.name()).collect::<Vec<_>>();
    let maps: Vec<_> = Format::MAPS.iter().filter(|f| !f.is_written()).map(|f| f.name()).collect();
    let (both, read) = (names(true).join(", "), names(false).join(", "));
    format!("{both} (read and write); {read} (read); depth maps also as {}", maps.join(", "))
}

fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(feature = "gpu")]
fn adapters() -> String {
    let adapters = chiaro::exec::gpu::list_adapters();
    let hardware = adapters.iter().any(|a| a.kind != "software");
    let mut lines: Vec<String> = adapters
        .iter()
        .map(|a| {
            let remark = if a.kind == "software" { "; used only when named" } else { "" };
            format!("{a}{remark}")
        })
        .collect();
    if !hardware {
        lines.push("no hardware adapter: pixels are computed on the CPU".to_owned());
    }
    lines.join("\n")
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> String {
    "this build has no GPU executor: pixels are computed on the CPU".to_owned()
}

#[cfg(feature = "onnx")]
fn inference() -> String {
    use chiaro::depth::engine::{Engine, EngineChoice};
    let describe = |choice: &EngineChoice| match Engine::resolve(choice, 1) {
        Ok(engine) => {
            let notes: String = engine.notes().iter().map(|note| format!("\n{note}")).collect();
            let library = engine.library().map(|path| format!(" from {}", chiaro::error::escape(path)));
            let providers = chiaro::depth::provider::names(engine.providers());
            format!("{}{}; providers: {providers}{notes}", engine.info(), library.unwrap_or_default())
        }
        Err(error) => error.to_string(),
    };
    format!("{}\n{}", describe(&EngineChoice::Rten), describe(&EngineChoice::Ort(None)))
}

#[cfg(not(feature = "onnx"))]
fn inference() -> String {
    "this build runs no depth models (feature `onnx` is off)".to_owned()
}

/// Clips are the work of a second program beside this one.
fn clip_worker() -> String {
    let name = format!("chiaro-video{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::current_exe().ok().map(|exe| exe.with_file_name(&name)).filter(|path| path.is_file());
    match found {
        Some(path) => format!("{} is there", chiaro::error::escape(&path)),
        None => format!("not supported here: there is no {name} beside this program"),
    }
}
