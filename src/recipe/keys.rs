//! The keys of a recipe outside the parameters of operations, declared once: the parser, `--set`, the schema and help read
//! these tables.

use super::{contract, depth_source, gate, settings};
use crate::ops::{Kind, ParamInfo, Value};

/// What a key accepts.
#[derive(Debug, Clone, Copy)]
pub enum Accepts {
    /// The number of the recipe format: 1.
    Version,
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// One of the words that the function returns.
    Words(fn() -> Vec<&'static str>),
    /// `8`, `16`, or one of `"half"`, `"float"`, `"input"`.
    Bits,
    /// `"auto"`, `"model"`, `"jpeg"`, `"exr:NAME"` or the pattern of a file's name.
    DepthSource,
    /// A side in pixels, or `"WIDTHxHEIGHT"`.
    ModelSize,
    /// A number from the first to the second.
    Number(f64, f64),
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// One number for all color channels, or a list of three.
    PerChannel,
    /// One of the words that the function returns, or the path of an ICC profile.
    Color(fn() -> Vec<&'static str>),
}

impl Accepts {
    /// Allowed values in words, as error messages and help print them.
    pub fn expected(self) -> String {
        match self {
            Self::Version => "1".to_owned(),
            Self::Text => "text in quotes".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Words(words) => listed(words),
            Self::Color(words) => format!("{}, or an ICC profile \"name.icc\"", listed(words)),
            Self::Bits => "8, 16, \"half\", \"float\", \"input\"".to_owned(),
            Self::DepthSource => {
                "\"auto\", \"model\", \"jpeg\", \"exr:NAME\", or a file by pattern, \"{stem}_depth.png\"".to_owned()
            }
            Self::ModelSize => "1 to 4096, \"WIDTHxHEIGHT\"".to_owned(),
            Self::Number(least, most) => format!("{least} to {most}"),
            Self::Whole(least, most) => format!("{least} to {most}"),
            Self::PerChannel => "a number, or a list of three numbers".to_owned(),
        }
    }
}

fn listed(words: fn() -> Vec<&'static str>) -> String {
    words().iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(", ")
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct KeyInfo {
    /// Name in recipes.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// What it accepts.
    pub accepts: Accepts,
    /// What holds when a recipe says nothing, in words.
    pub default: &'static str,
}

const fn key(name: &'static str, accepts: Accepts, default: &'static str, doc: &'static str) -> KeyInfo {
    KeyInfo { name, doc, accepts, default }
}

/// Keys at the top of a recipe. The tables `depth`, `input`, `op` and `output` come in addition.
pub static TOP: &[KeyInfo] = &[
    key("version", Accepts::Version, "required", "Version of the recipe format."),
    key("summary", Accepts::Text, "empty", "One line that says what the look is for; shown in lists."),
    key(
        "extends",
        Accepts::Text,
        "nothing",
        "Recipe to start from: the id of a preset, or a file relative to this one.",
    ),
    key(
        "replace_ops",
        Accepts::Flag,
        "false",
        "With extends: run the operations of this recipe instead of those of the extended one, not after them.",
    ),
    key(
        "grading",
        Accepts::Words(settings::grading_words),
        "by the picture",
        "Tonal domain: display (0 = black, 1 = white) or acescct (scene-referred light).",
    ),
];

/// Keys of `[depth]`.
pub static DEPTH: &[KeyInfo] = &[
    key(
        "model",
        Accepts::Text,
        "chiaro-small",
        "Depth model: an id that \"chiaro models list\" shows, or the path of an .onnx file relative to the recipe.",
    ),
    key(
        "source",
        Accepts::DepthSource,
        "auto",
        "auto: what the picture carries (EXR depth channel, depth of a phone in a JPEG), else the model; model: always the model; \
         exr:NAME: this channel; jpeg: the phone's; \"{stem}_depth.png\", \"../z/{stem}.exr:depth.Z\": a file beside each picture.",
    ),
    key(
        "unit",
        Accepts::Words(depth_source::unit_words),
        "by the file",
        "Supplied depth: what its numbers are. meters, millimeters, kitti (1/256 m), tum (1/5000 m); proportional: depth in an \
         unknown unit; relative: disparity; distance: linear from nearest to farthest.",
    ),
    key(
        "polarity",
        Accepts::Words(depth_source::polarity_words),
        "by the unit",
        "Supplied depth, relative or distance: whether larger numbers are nearer (white is near) or farther.",
    ),
    key(
        "scale",
        Accepts::Number(depth_source::NUMBERS.0, depth_source::NUMBERS.1),
        "1",
        "Supplied depth: factor on the numbers of the file.",
    ),
    key(
        "near_m",
        Accepts::Number(depth_source::NUMBERS.0, depth_source::NUMBERS.1),
        "by the picture",
        "Meters that count as distance 0; without it the nearest percent of the picture does. Gives relative depth its meters.",
    ),
    key(
        "far_m",
        Accepts::Number(depth_source::NUMBERS.0, depth_source::NUMBERS.1),
        "infinite with near_m",
        "Meters that count as distance 1; needs near_m. Without both the farthest percent of the picture does.",
    ),
    key(
        "detail",
        Accepts::Words(settings::detail_words),
        "whole",
        "whole: the model sees the picture once; tiled: also tiles of it, for large pictures and models that know fine detail.",
    ),
    key(
        "guide",
        Accepts::Words(settings::guide_words),
        "luma",
        "What places the edges of an estimated map: luma, or rgb, which also sees edges between colors that are equally bright.",
    ),
    key(
        "preset",
        Accepts::Words(contract::preset_words),
        "nothing",
        "For .onnx files: the published model or family it belongs to, which settles all keys below; those given win.",
    ),
    key(
        "size",
        Accepts::ModelSize,
        "by the file",
        "For .onnx files: size of the model's input in pixels, or with multiple_of its short side.",
    ),
    key(
        "multiple_of",
        Accepts::Whole(1, 4096),
        "by the file",
        "For .onnx files: keep the picture's aspect, with sides that are multiples of this.",
    ),
    key(
        "fit",
        Accepts::Words(contract::fit_words),
        "by the file",
        "For .onnx files: how the picture comes to the size; without it lower-bound where multiple_of is given, else stretch.",
    ),
    key("channels", Accepts::Words(contract::channel_words), "rgb", "For .onnx files: order of the color planes."),
    key(
        "mean",
        Accepts::PerChannel,
        "by the file",
        "For .onnx files: subtracted from the samples (0 to 1, sRGB), in the model's order.",
    ),
    key("std", Accepts::PerChannel, "by the file", "For .onnx files: divides what is left, above 0."),
    key(
        "output",
        Accepts::Words(contract::output_words),
        "by the file",
        "For .onnx files: disparity (larger = nearer), meters or depth (larger = farther), inverse-meters, sigmoid.",
    ),
    key(
        "edge_error_px",
        Accepts::Whole(0, 2),
        "1",
        "For .onnx files: how far edges of the model's answer may be off, in its own pixels.",
    ),
    key(
        "gate",
        Accepts::Words(gate::Gate::words),
        "off",
        "Send pictures whose depth looks wrong to the folder review: usual sets all limits below that are not given.",
    ),
    key(
        "max_flatness",
        Accepts::Number(0.0, 1.0),
        "none",
        "To review when more than this share of the picture is at one distance.",
    ),
    key(
        "max_inversion",
        Accepts::Number(-1.0, 1.0),
        "none",
        "To review when the top of the picture is nearer than its bottom by more than this.",
    ),
    key(
        "max_sky_near",
        Accepts::Number(0.0, 1.0),
        "none",
        "To review when blue sky is nearer than this, 0 (farthest) to 1 (nearest).",
    ),
    key(
        "max_seam",
        Accepts::Number(0.0, 1.0),
        "none",
        "To review when depth has a straight step larger than this where the picture has none.",
    ),
    key(
        "min_edge_agreement",
        Accepts::Number(0.0, 1.0),
        "none",
        "To review when edges of the depth agree less than this with those of the picture; 0.5 is chance.",
    ),
];

/// A side of a picture.
const SIDE: Accepts = Accepts::Whole(1, 65_535);

/// Keys of `[output]` and of each `[[output]]`.
pub static OUTPUT: &[KeyInfo] = &[
    key(
        "name",
        Accepts::Text,
        "nothing",
        "Name of this output among several: the folder its files go to, and {output} in name templates.",
    ),
    key(
        "kind",
        Accepts::Words(settings::kind_words),
        "picture",
        "What is written: the graded picture, its depth map, the map colored for people, or the picture beside that.",
    ),
    key("format", Accepts::Words(settings::format_words), "input", "File format of the result."),
    key("bits", Accepts::Bits, "input", "Samples of the result: integers of 8 or 16 bit, half or single floats."),
    key(
        "compression",
        Accepts::Words(settings::compression_words),
        "input",
        "Compression of the result; formats that lack it use the nearest they have (webp: all of them lose nothing).",
    ),
    key(
        "quality",
        Accepts::Whole(1, 100),
        "92",
        "For jpeg and webp: 1 is the smallest file, 100 the best picture; formats that lose nothing ignore it.",
    ),
    key(
        "subsampling",
        Accepts::Words(settings::subsampling_words),
        "auto",
        "For jpeg: how much color detail is kept; auto is 4:4:4 from quality 90 on, else 4:2:0.",
    ),
    key(
        "color",
        Accepts::Color(settings::color_words),
        "input",
        "Color encoding of the result; pictures are converted and the profile is embedded.",
    ),
    key(
        "colors",
        Accepts::Words(settings::color_map_words),
        "turbo",
        "For depth-preview and side-by-side: the color map; in all of them what is near stands out.",
    ),
    key(
        "unit",
        Accepts::Words(settings::unit_words),
        "relative",
        "For depth in formats of floats: relative, or meters where depth is metric.",
    ),
    key("long_edge_px", SIDE, "input", "Length of the longer side; smaller pictures stay as they are."),
    key("short_edge_px", SIDE, "input", "Length of the shorter side; smaller pictures stay as they are."),
    key("width_px", SIDE, "by the aspect", "Width as shown; with height_px exactly this size."),
    key("height_px", SIDE, "by the aspect", "Height as shown; with width_px exactly this size."),
    key(
        "metadata",
        Accepts::Words(settings::metadata_words),
        "all",
        "What travels beside the pixels: all, copyright (who made it, whose it is), or none (only what shows it right).",
    ),
];

/// Keys of `[input]`.
pub static INPUT: &[KeyInfo] = &[
    key(
        "color",
        Accepts::Color(settings::input_color_words),
        "auto",
        "Color encoding of pictures that do not say it (no ICC profile, chromaticities or chunks); auto: the file type's default.",
    ),
    key("override", Accepts::Flag, "false", "Take color for tagged pictures too, in place of what they say."),
];

/// The key `strength` that every operation has beside its parameters.
pub fn strength() -> ParamInfo {
    ParamInfo {
        name: "strength",
        doc: "Mix of the result with what entered the operation: 0 = unchanged, 1 = the full effect.",
        kind: Kind::Number { min: 0.0, max: 1.0, unit: "" },
        default: Value::Number(1.0),
    }
}

/// Keys that people will look for and that do not exist yet: table (or "op"), key, what to do instead.
const LATER: &[(&str, &str, &str)] = &[];

/// The message for a key that is planned and not there yet.
pub(super) fn later(table: &str, key: &str) -> Option<&'static str> {
    LATER.iter().find(|(t, k, _)| *t == table && *k == key).map(|(_, _, message)| *message)
}

#[cfg(test)]
mod tests {
    use crate::ops;

    #[test]
    fn operations_leave_the_words_of_recipes_alone() {
        for op in ops::ALL {
            assert!(!["depth", "input", "output", "op"].contains(&op.id()), "{} is a table of recipes", op.id());
            for p in op.params() {
                assert!(!["id", "strength", "mask"].contains(&p.name), "{}.{} is a key of [[op]]", op.id(), p.name);
            }
        }
    }
}
