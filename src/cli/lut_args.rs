//! The arguments of `chiaro lut`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::{InputArgs, JobArgs};
use super::values;

#[derive(Debug, Subcommand)]
pub enum LutCommand {
    /// Check LUT files: problems and warnings with line numbers
    Check {
        /// .cube files
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Show sizes, ranges and what a LUT does to neutrals
    Info {
        /// .cube files
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a recipe as a .cube file; recipes that read depth or neighbors are refused
    Bake(BakeArgs),
    /// Write a LUT anew, as it is or as one 3D table
    Convert(ConvertArgs),
    /// Apply a LUT to pictures (= run with a recipe of one operation)
    Apply(Box<ApplyArgs>),
}

/// Where a LUT is written.
#[derive(Debug, Args)]
pub struct CubeOut {
    /// The .cube file to write
    #[arg(short, long, value_name = "FILE.cube", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct BakeArgs {
    /// Recipe: a file, or the name of one that ships
    #[arg(value_hint = ValueHint::FilePath)]
    pub recipe: String,
    #[command(flatten)]
    pub out: CubeOut,
    /// Nodes along one axis
    #[arg(long, value_name = "N", default_value = "33", value_parser = values::bake_size())]
    pub size: u32,
    /// Encoding of the code values that the table takes and gives
    #[arg(long, value_name = "NAME", default_value = "srgb", value_parser = values::encoding())]
    pub encoding: String,
    /// Change a value of the recipe: op.param=value
    #[arg(long, value_name = "OP.PARAM=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The LUT to read
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub out: CubeOut,
    /// Resample into one 3D table with so many nodes along one axis
    #[arg(long, value_name = "N", value_parser = values::bake_size())]
    pub size: Option<u32>,
    /// Leave the title out, for programs that refuse it
    #[arg(long)]
    pub no_title: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The .cube file
    #[arg(value_name = "FILE.cube", value_hint = ValueHint::FilePath)]
    pub lut: OsString,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub job: JobArgs,
    /// Mix of the LUT with the picture, 0 to 1
    #[arg(long, default_value_t = 1.0, value_parser = values::strength)]
    pub strength: f64,
    /// Encoding the LUT was made for [default: the picture's own code values]
    #[arg(long, value_name = "NAME", value_parser = values::encoding())]
    pub encoding: Option<String>,
    /// How values between nodes are found
    #[arg(long, default_value = "tetrahedral", value_parser = ["tetrahedral", "trilinear"])]
    pub interpolation: String,
    /// Name of an output below the output folder; fields as in chiaro run
    #[arg(long, value_name = "TEMPLATE", default_value = chiaro::engine::naming::DEFAULT_NAME)]
    pub name: String,
}
