//! The arguments, exactly as typed: parsing touches no file and no device. Doc comments are the help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use chiaro::depth::engine::EngineChoice;
use chiaro::depth::provider::Provider;
use chiaro::engine::job::DepthExport;
use chiaro::engine::options::{Device, EngineOptions};
use chiaro::recipe::{Colors, DepthSource, DepthUnit};
use clap::{Args, Parser, Subcommand, ValueHint};

use super::cache_args::{self, CacheArg, CacheCommand};
use super::lut_args::LutCommand;
use super::values::{self, LogFormat, MaxFailures, OnExistArg, PagesArg, ProgressArg, SchemaArg};

/// Grade folders of 16-bit pictures knowing the depth of each pixel
#[derive(Debug, Parser)]
#[command(name = "chiaro", version, arg_required_else_help = true, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all done or up to date, 1 some items failed, 2 usage or recipe error, \
3 nothing matched, 4 environment (device, model, disk), 75 stopped on request: run it again, 130 interrupted.";

const RUN_EXAMPLES: &str = "\
Examples:
  chiaro run shoot/ -r interior -o out/
  chiaro run shoot/ -r look.toml -o out/ --set exposure.ev=0.3 --on-exist rename
  chiaro run 'renders/*.exr' -r exterior -o out/ --name '{date}/{stem}_{recipe}.{ext}'
  chiaro run shoot/ -r exterior -o out/ --include '*.tif' --exclude proxies
  find . -name '*.tif' -print0 | chiaro run - -0 -r exterior -o out/
  chiaro run shoot/ -r interior -o out/ --dry-run
  chiaro run shoot/ -r look.toml -o masks/ --show-mask 2

--name may hold {relpath} {stem} {ext} {input_ext} {parent} {n:04} {recipe} {hash:8} {date} {exif.Model} {output}:
{n:04} is the place among the inputs, from 0001; {date} the day of the camera, or undated; {exif.NAME} any EXIF fact, or unknown;
{output} the name of the output, for recipes with several.

Run it again after any interruption: what is up to date is recognized, the rest is done.
A first Ctrl-C stops after the strips in work and keeps what is finished; a second one ends at once.

With --log-format json every line on stderr is one JSON object; `chiaro schema log` describes them, `chiaro schema report`
the file of --report.";

const DEPTH_EXAMPLES: &str = "\
Examples:
  chiaro depth shoot/ -o depth/ --kind tiff,side-by-side
  chiaro depth shoot/ -o depth/ --kind npy --set depth.gate=usual
  chiaro depth renders/ -o depth/ --kind exr --unit meters --depth-from exr:Z
  chiaro depth shoot/ -o depth/ --kind preview --colors viridis

What the numbers of a map mean (kind, unit, polarity, model and its hash) is written into it; beside pfm and npy, which have no room for
it, into NAME.json. docs/depth.md says how to read it.";

const PLAN_HELP: &str = "\
The time is taken from the last run of the same recipe into the same folder; without one it is unknown until the first
picture is done. The room on disk is that of uncompressed samples: compressed outputs need less.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Grade pictures with a recipe
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Show what a run would do: passes, depth, names, collisions, disk, memory, time
    #[command(after_help = PLAN_HELP)]
    Plan(PlanArgs),
    /// Write depth maps only
    #[command(after_help = DEPTH_EXAMPLES)]
    Depth(DepthArgs),
    /// Show header facts of pictures, .cube LUTs and .onnx models
    Probe(ProbeArgs),
    /// Check, show, make, convert and apply LUT files
    #[command(subcommand)]
    Lut(LutCommand),
    /// Depth models: list, describe, add, check, remove
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Look at the cache of estimated depth, or clean it
    #[command(subcommand)]
    Cache(CacheCommand),
    /// List the operations of recipes, or explain one
    Ops(OpsArgs),
    /// List the recipes that ship with the program, show one, or print their schema
    Recipes(RecipesArgs),
    /// Show cores, memory, adapters, inference engines and codecs of this machine
    Doctor,
    /// Print a JSON Schema: of recipes, of JSON lines on stderr, of reports
    Schema(SchemaArgs),
    /// Write a completion script for a shell
    Completions(CompletionsArgs),
    /// Write man pages
    Man(ManArgs),
    /// Write the reference of the command line in Markdown
    #[command(hide = true)]
    Reference,
}

/// What is looked at: shared by everything that takes pictures.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Files, folders, globs, @list.txt, - (list on standard input), name_%04d.tif (sequence)
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<OsString>,
    /// Take only files of folders and globs that match: '*.tif' by name, 'day1/**' by path
    #[arg(help_heading = "Which pictures", long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Leave out files and folders that match; wins over --include
    #[arg(help_heading = "Which pictures", long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Lists hold paths that end with NUL instead of line ends (find -print0)
    #[arg(help_heading = "Which pictures", short = '0', long)]
    pub null: bool,
}

/// What is to be graded, and how: shared by `run` and `plan`.
#[derive(Debug, Args)]
pub struct LookArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Recipe: a file, or the name of one that ships (see `chiaro recipes`)
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub recipe: String,
    /// Change a value of the recipe: op.param=value, op#2.param=value, depth.KEY=value, input.KEY=value, output.KEY=value
    #[arg(long, value_name = "OP.PARAM=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub from: DepthFromArgs,
    /// Name of an output below the output folder; fields: see below
    #[arg(help_heading = "Outputs", long, value_name = "TEMPLATE", default_value = chiaro::engine::naming::DEFAULT_NAME)]
    pub name: String,
    /// Pages of TIFF files: first, or all (outputs _p2, _p3, ...; reduced copies and masks are no pages)
    #[arg(long, value_enum, value_name = "WHICH", default_value = "first")]
    pub pages: PagesArg,
}

/// Where depth comes from: shared by `run`, `plan` and `depth`.
#[derive(Debug, Args)]
pub struct DepthFromArgs {
    /// Where depth comes from: auto (what the picture carries, else the model), model, exr:NAME (its channel), jpeg (of a phone),
    /// or a file beside each picture: '{stem}_depth.png', '../z/{stem}.exr:depth.Z' [default: as the recipe says, else auto]
    #[arg(long, value_name = "SOURCE", value_parser = values::depth_source)]
    pub depth_from: Option<DepthSource>,
}

impl DepthFromArgs {
    /// The same as a value of the recipe.
    pub fn set(&self) -> Option<String> {
        self.depth_from.as_ref().map(|source| format!("depth.source={source}"))
    }
}

impl LookArgs {
    /// Everything that changes values of the recipe.
    pub fn sets(&self) -> Vec<String> {
        self.from.set().into_iter().chain(self.set.iter().cloned()).collect()
    }
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub look: LookArgs,
    #[command(flatten)]
    pub job: JobArgs,
    /// Show the plan and do nothing (= `chiaro plan`)
    #[arg(long)]
    pub dry_run: bool,
    /// Write the mask of operation N of the recipe (1 = the first) as a gray PNG, instead of the graded picture
    #[arg(long, value_name = "N", conflicts_with = "dry_run")]
    pub show_mask: Option<usize>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub look: LookArgs,
    /// Output folder; without it, collisions and names are shown below OUT
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What would happen to outputs that exist
    #[arg(long, value_enum, value_name = "POLICY", default_value = "skip-if-valid")]
    pub on_exist: OnExistArg,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DepthArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Forms of maps: png, tiff (16 bit, 65535 = nearest), tiff32, pfm, npy (floats, 1 = nearest), exr (float Z, 1 = nearest), preview
    /// (colored), side-by-side (the picture and its preview)
    #[arg(
        long = "kind",
        visible_alias = "export",
        value_delimiter = ',',
        value_name = "KIND",
        default_value = "png",
        value_parser = values::depth_export
    )]
    pub export: Vec<DepthExport>,
    /// Colors of preview and side-by-side: turbo (red is near), viridis (yellow), magma (pale), gray (white)
    #[arg(long, value_name = "MAP", default_value = "turbo", value_parser = values::colors)]
    pub colors: Colors,
    /// What tiff32, exr, pfm and npy count: relative, or meters where depth is metric
    #[arg(long, value_name = "UNIT", default_value = "relative", value_parser = values::depth_unit)]
    pub unit: DepthUnit,
    /// Depth model: an id (see `chiaro models list`) or an .onnx file
    #[arg(long, value_name = "ID|FILE", default_value = chiaro::depth::registry::EMBEDDED)]
    pub model: String,
    #[command(flatten)]
    pub from: DepthFromArgs,
    /// Change a key of [depth] of recipes: depth.preset=midas-small for an .onnx file, depth.gate=usual to hold back what looks wrong
    #[arg(long, value_name = "depth.KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub job: JobArgs,
}

/// How much of the machine is used.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// Pictures in work at the same time [default: one more than there are cores]
    #[arg(help_heading = "Machine", short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Bytes all jobs may hold together, for example 2GiB [default: a quarter of the free memory, at most 4GiB]
    #[arg(help_heading = "Machine", long, value_name = "SIZE", value_parser = values::memory)]
    pub memory: Option<u64>,
    /// Let a depth model run whose license does not allow commercial use
    #[arg(help_heading = "Depth", long)]
    pub allow_noncommercial: bool,
}

/// How a batch runs: shared by `run` and `depth`.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Output folder; created when it is not there
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Threads that compute [default: one per core]
    #[arg(help_heading = "Machine", short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Where pixels are computed: auto, cpu, gpu, or part of an adapter's name
    #[arg(help_heading = "Machine", long, default_value = "auto", value_parser = clap::builder::StringValueParser::new())]
    pub device: String,
    /// What runs depth models: auto, rten (built in), ort (ONNX Runtime), ort=PATH
    #[arg(help_heading = "Machine", long, value_name = "ENGINE", default_value = "auto", value_parser = values::inference)]
    pub inference: EngineChoice,
    /// What ONNX Runtime computes on: cpu, cuda, tensorrt, coreml, directml, openvino (see chiaro doctor)
    #[arg(help_heading = "Machine", long, value_name = "PROVIDER", default_value = "cpu", value_parser = values::provider)]
    pub provider: Provider,
    /// Pictures of one size that go through a depth model together, or fewer for want of memory, where it takes more than one
    /// [default: 4, on the CPU 1]
    #[arg(help_heading = "Machine", long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub depth_batch: Option<u16>,
    /// Where estimated depth is kept for further runs: a folder, or off [default: $CHIARO_CACHE, or the user's caches]
    #[arg(help_heading = "Machine", long, value_name = "FOLDER|off", value_parser = cache_args::cache)]
    pub depth_cache: Option<CacheArg>,
    /// What happens to outputs that exist
    #[arg(help_heading = "Outputs", long, value_enum, value_name = "POLICY", default_value = "skip-if-valid")]
    pub on_exist: OnExistArg,
    /// Accept results of another device or inference engine as up to date
    #[arg(help_heading = "Outputs", long)]
    pub allow_mixed: bool,
    /// Take no further picture after the first failure
    #[arg(help_heading = "Progress and failures", long, conflicts_with = "max_failures")]
    pub fail_fast: bool,
    /// Take no further picture after more than this many failures, or this share of the inputs
    #[arg(help_heading = "Progress and failures", long, value_name = "N|P%", value_parser = values::max_failures)]
    pub max_failures: Option<MaxFailures>,
    /// Write a report of the run as JSON
    #[arg(help_heading = "Progress and failures", long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// Print where the time went, stage by stage, and the peak of memory, at the end
    #[arg(help_heading = "Progress and failures", long)]
    pub profile: bool,
    /// Write every step of every stage as a trace for Chrome or Perfetto (docs/profiling.md)
    #[arg(help_heading = "Progress and failures", long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    /// How progress is shown
    #[arg(help_heading = "Progress and failures", long, value_enum, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressArg,
    /// Form of everything on stderr; json shows progress as JSON too
    #[arg(help_heading = "Progress and failures", long, value_enum, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,
    /// Print failures and warnings only
    #[arg(help_heading = "Progress and failures", short, long)]
    pub quiet: bool,
    /// Print every warning and the time of each stage
    #[arg(help_heading = "Progress and failures", short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

impl JobArgs {
    /// What the engine is told; `max_failures` is settled when the number of pictures is known.
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            out: self.out.clone(),
            jobs: self.machine.jobs.map(usize::from),
            threads: self.threads.map(usize::from),
            memory_bytes: self.machine.memory,
            device: self.device.parse().unwrap_or(Device::Auto),
            on_exist: self.on_exist.into(),
            allow_mixed: self.allow_mixed,
            inference: self.inference.clone(),
            allow_noncommercial: self.machine.allow_noncommercial,
            provider: self.provider,
            depth_batch: self.depth_batch.map(usize::from),
            depth_cache: CacheArg::options(self.depth_cache.as_ref()),
            ..EngineOptions::default()
        }
    }
}

#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Pictures, .cube LUTs, .onnx models
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const ADD_MODEL_HELP: &str = "\
Nothing is downloaded: the file is yours, and its license too. `chiaro models list` shows the models that are known; for one of \
them --id is all that is needed, and for another file of its family --preset. Of any other model say what its graph does not:

  chiaro models add net.onnx --set depth.size=384 --set depth.multiple_of=32 \\
      --set depth.mean=0.5 --set depth.std=0.5 --set depth.output=disparity --license MIT

The list is registry.toml in $CHIARO_MODELS, else in chiaro/models of the data folder (~/.local/share).";

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models that a recipe can name
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is known about a model
    Info {
        /// Id, or an .onnx file
        #[arg(value_name = "ID|FILE")]
        model: String,
        /// Say what the graph of an .onnx file does not: depth.preset=midas-small, depth.size=518, depth.mean=0.5, ...
        #[arg(long, value_name = "depth.KEY=VALUE")]
        set: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an .onnx file known by an id
    #[command(after_help = ADD_MODEL_HELP)]
    Add(AddModelArgs),
    /// Check models by their SHA-256: the built-in and added ones against the recorded one, files against the one given
    Verify {
        /// Ids or .onnx files; without any, the built-in and all added models
        #[arg(value_name = "ID|FILE")]
        models: Vec<String>,
        /// The SHA-256 that one file must have
        #[arg(long, value_name = "HEX", value_parser = values::sha256)]
        sha256: Option<String>,
    },
    /// Forget added models; deletes their files only where --copy had made them
    Remove {
        /// Ids
        #[arg(required = true, value_name = "ID")]
        models: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct AddModelArgs {
    /// The .onnx file; weights it refers to lie beside it
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Name in recipes: of a known model, or your own [default: the known model's, else the file's name]
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Known model or family whose contract this file follows
    #[arg(long, value_name = "ID")]
    pub preset: Option<String>,
    /// Say what neither graph nor preset does: depth.size=518, depth.mean=0.5, depth.output=meters, ...
    #[arg(long, value_name = "depth.KEY=VALUE")]
    pub set: Vec<String>,
    /// License of the weights, an SPDX expression
    #[arg(long, value_name = "SPDX")]
    pub license: Option<String>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// The SHA-256 that the file, with its weights, must have
    #[arg(long, value_name = "HEX", value_parser = values::sha256)]
    pub sha256: Option<String>,
    /// Copy file and weights into the folder of models, instead of remembering where they lie
    #[arg(long)]
    pub copy: bool,
    /// Take the place of an added model of the same id
    #[arg(long)]
    pub replace: bool,
    /// Accept a license that does not allow commercial use
    #[arg(long)]
    pub allow_noncommercial: bool,
}

#[derive(Debug, Args)]
pub struct OpsArgs {
    /// Operation to explain
    pub id: Option<String>,
}

#[derive(Debug, Args)]
pub struct RecipesArgs {
    #[command(subcommand)]
    pub command: Option<RecipesCommand>,
}

#[derive(Debug, Subcommand)]
pub enum RecipesCommand {
    /// List what ships, and the keys a recipe can hold
    List,
    /// Show a recipe: what ships, or a file
    Show {
        /// Name or file
        #[arg(value_name = "RECIPE")]
        recipe: String,
    },
    /// Print the JSON Schema of recipes, for editors (= chiaro schema recipe)
    Schema,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    pub what: SchemaArg,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for one page per command; without it the page of chiaro goes to stdout
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    fn explained(command: &clap::Command) {
        assert!(command.get_about().is_some() || command.get_name() == "help", "{}", command.get_name());
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(explained);
    }

    #[test]
    fn every_command_and_flag_is_explained() {
        let mut command = Cli::command();
        command.build();
        explained(&command);
    }
}
