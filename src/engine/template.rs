//! Name templates: `--name "{relpath}/{stem}_{recipe}.{ext}"`, parsed once, filled for every picture.
//!
//! | field | value |
//! |---|---|
//! | `{relpath}` | the folder of the picture below the folder that was named |
//! | `{stem}` | its file name without the last extension |
//! | `{ext}` | the extension of the output's format |
//! | `{input_ext}` | the picture's own extension |
//! | `{parent}` | the name of the folder that holds it |
//! | `{n}`, `{n:04}` | its place in the list of inputs, from 1; with a width, filled with zeros |
//! | `{recipe}` | the name of the recipe |
//! | `{hash}`, `{hash:8}` | the hash of the recipe, or its first digits |
//! | `{date}` | the day it was taken, `2026-11-20` (EXIF DateTimeOriginal, else another date of the camera); `undated` without one |
//! | `{exif.Model}` | a fact of its EXIF data ([`crate::picture::exif::names`]); `unknown` where it is not there |
//! | `{output}` | the name of the output, for recipes with several |
//!
//! A value never makes a folder and never hides a file: separators, control characters and what Windows reserves become `_`, dots at
//! the front are dropped. `{stem}`, `{relpath}` and `{input_ext}` come from names that exist and stay as bytes. A name that would be
//! `.`, `..` or longer than a file system takes is an error of that picture.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::picture::exif;
use crate::recipe::nearest;

/// Longest name of a file or folder, in bytes: NAME_MAX of Linux and macOS; NTFS counts 255 UTF-16 units.
const MAX_NAME_BYTES: usize = 255;

/// Longest value of a field that comes from inside a file, in characters.
const MAX_VALUE_CHARS: usize = 80;

/// Widest `{n:WIDTH}`.
const MAX_WIDTH: usize = 12;

/// Digits of a recipe hash.
const HASH_DIGITS: usize = 32;

/// The fields with a fixed name, for messages and suggestions.
const NAMES: [&str; 10] = ["relpath", "stem", "ext", "input_ext", "parent", "n", "recipe", "hash", "date", "output"];

/// A parsed template: the components of a relative path, each a row of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    components: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Relpath,
    Stem,
    Ext,
    InputExt,
    Parent,
    Number { width: usize },
    Recipe,
    Hash { digits: usize },
    Date,
    Exif(String),
    Output,
}

/// What fills a template for one output of one picture.
pub struct Fields<'a> {
    /// The picture.
    pub path: &'a Path,
    /// Its path relative to what was named.
    pub relpath: &'a Path,
    /// Extension of the output, without the dot.
    pub ext: &'a str,
    /// Place in the list of inputs, from 1.
    pub number: u64,
    /// Name of the recipe.
    pub recipe: &'a str,
    /// Hash of the recipe, hexadecimal digits.
    pub hash: &'a str,
    /// Name of the output block; "" when the recipe has one output without a name.
    pub output: &'a str,
    /// Looks up an EXIF value by name; only asked when [`Template::reads_exif`].
    pub exif: &'a dyn Fn(&str) -> Option<String>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// A sentence: an unknown field, a brace without its partner, a name that leaves the output folder, or one that is the same for
    /// every picture.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') || text.split('/').any(|part| part == "..") || Path::new(text).is_absolute() {
            return Err(format!("{text:?} leads out of the output folder"));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("{text:?} holds a control character"));
        }
        let components: Result<Vec<_>, _> =
            text.split('/').filter(|part| *part != ".").map(|part| component(part, text)).collect();
        let template = Self { components: components?.into_iter().filter(|parts| !parts.is_empty()).collect() };
        let varies = |field: &Field| matches!(field, Field::Stem | Field::Number { .. } | Field::Exif(_));
        if !template.fields().any(varies) {
            return Err(format!("{text:?} gives every picture the same name: {{stem}} or {{n}} is missing"));
        }
        Ok(template)
    }

    /// True when a field needs the picture's EXIF data, so that its header must be read to name its outputs.
    pub fn reads_exif(&self) -> bool {
        self.fields().any(|field| matches!(field, Field::Date | Field::Exif(_)))
    }

    /// True when the outputs of a recipe with several get different names.
    pub fn names_outputs(&self) -> bool {
        self.fields().any(|field| *field == Field::Output)
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.components.iter().flatten().filter_map(|part| match part {
            Part::Field(field) => Some(field),
            Part::Text(_) => None,
        })
    }

    /// The relative path of an output. Names stay as bytes, so that those that are no UTF-8 survive.
    ///
    /// # Errors
    /// A sentence, when the values make a name that no file can have.
    pub fn fill(&self, fields: &Fields) -> Result<PathBuf, String> {
        let mut path = PathBuf::new();
        for parts in &self.components {
            match parts.as_slice() {
                // The one field that may be several folders, or none.
                [Part::Field(Field::Relpath)] => path.extend(folders(fields.relpath)),
                parts => push(&mut path, filled(parts, fields))?,
            }
        }
        if path.as_os_str().is_empty() { Err("the template gives an empty name".to_owned()) } else { Ok(path) }
    }
}

fn push(path: &mut PathBuf, name: OsString) -> Result<(), String> {
    let shown = || crate::error::escape(Path::new(&name));
    let bytes = name.len();
    match name.as_encoded_bytes() {
        b"" => {}
        b"." | b".." => return Err(format!("the template gives the name {:?}, which no file can have", shown())),
        _ if bytes > MAX_NAME_BYTES => {
            return Err(format!(
                "the template gives a name of {bytes} bytes, {MAX_NAME_BYTES} are allowed: {}",
                shown()
            ));
        }
        _ => path.push(&name),
    }
    Ok(())
}

fn filled(parts: &[Part], fields: &Fields) -> OsString {
    let mut name = OsString::new();
    for part in parts {
        match part {
            Part::Text(text) => name.push(text),
            Part::Field(field) => name.push(value(field, fields)),
        }
    }
    name
}

fn value(field: &Field, fields: &Fields) -> OsString {
    let or = |text: String, fallback: &str| if text.is_empty() { fallback.to_owned() } else { text };
    let exif = |name: &str| (fields.exif)(name).map(|text| safe(&text)).unwrap_or_default();
    match field {
        // Beside other text in one component, folders are joined: a value makes no folder.
        Field::Relpath => folders(fields.relpath).collect::<Vec<_>>().join(OsStr::new("_")),
        Field::Stem => fields.relpath.file_stem().unwrap_or_default().to_owned(),
        Field::Ext => fields.ext.into(),
        Field::InputExt => fields.relpath.extension().unwrap_or_default().to_owned(),
        Field::Parent => parent(fields.path).unwrap_or_else(|| "root".into()),
        Field::Number { width } => format!("{:0width$}", fields.number).into(),
        Field::Recipe => or(safe(fields.recipe), "recipe").into(),
        Field::Hash { digits } => fields.hash.chars().take(*digits).collect::<String>().into(),
        Field::Date => or(exif("Date"), "undated").into(),
        Field::Exif(name) => or(exif(name), "unknown").into(),
        Field::Output => or(safe(fields.output), "main").into(),
    }
}

/// The folders of a relative path, without anything that leads elsewhere.
fn folders(relpath: &Path) -> impl Iterator<Item = &OsStr> {
    let components = relpath.parent().into_iter().flat_map(Path::components);
    components.filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// Name of the folder that holds `path`, looked up on disk where the path does not say (`.`, `..`).
fn parent(path: &Path) -> Option<OsString> {
    let folder = path.parent()?;
    if let Some(name) = folder.file_name() {
        return Some(name.to_owned());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().ok()?.file_name().map(OsStr::to_owned)
}

/// A value from inside a file or recipe as part of a name that every system takes.
fn safe(text: &str) -> String {
    let allowed = |c: char| if c.is_control() || "/\\<>:\"|?*".contains(c) { '_' } else { c };
    let text: String = text.trim().chars().map(allowed).collect();
    let text: String = text.trim_start_matches(['.', ' ']).chars().take(MAX_VALUE_CHARS).collect();
    text.trim_end_matches(['.', ' ']).to_owned()
}

/// The parts of one component of the template `whole`.
fn component(text: &str, whole: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(open);
        let Some(inside) = from.strip_prefix('{') else { return Err(format!("a lone }} in {whole:?}")) };
        let Some((name, after)) = inside.split_once('}') else { return Err(format!("a {{ without }} in {whole:?}")) };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Field(field(name)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

fn field(text: &str) -> Result<Field, String> {
    let (name, format) = text.split_once(':').map_or((text, None), |(name, format)| (name, Some(format)));
    let field = match name {
        "relpath" => Field::Relpath,
        "stem" => Field::Stem,
        "ext" => Field::Ext,
        "input_ext" => Field::InputExt,
        "parent" => Field::Parent,
        "n" => return Ok(Field::Number { width: number(text, format, 1, MAX_WIDTH)? }),
        "recipe" => Field::Recipe,
        "hash" => return Ok(Field::Hash { digits: number(text, format, HASH_DIGITS, HASH_DIGITS)? }),
        "date" => Field::Date,
        "output" => Field::Output,
        _ => match name.strip_prefix("exif.") {
            Some(tag) if exif::is_name(tag) => Field::Exif(tag.to_owned()),
            Some(tag) => return Err(unknown_exif(tag)),
            None => return Err(unknown(name)),
        },
    };
    match format {
        None => Ok(field),
        Some(format) => Err(format!("{{{name}:{format}}}: only {{n:WIDTH}} and {{hash:DIGITS}} take a number")),
    }
}

/// The number behind the colon of a field.
fn number(text: &str, format: Option<&str>, otherwise: usize, most: usize) -> Result<usize, String> {
    let Some(format) = format else { return Ok(otherwise) };
    let digits = !format.is_empty() && format.bytes().all(|b| b.is_ascii_digit());
    let value = format.parse().ok().filter(|n| digits && (1..=most).contains(n));
    value.ok_or_else(|| format!("{{{text}}}: 1 to {most} is allowed behind the colon"))
}

fn unknown(name: &str) -> String {
    let hint = nearest(name, NAMES).map(|near| format!(", did you mean {{{near}}}?")).unwrap_or_default();
    let allowed = NAMES.map(|name| format!("{{{name}}}")).join(" ");
    format!("{{{name}}} is not known{hint} Allowed: {allowed} {{exif.NAME}}")
}

fn unknown_exif(tag: &str) -> String {
    let hint = nearest(tag, exif::names()).map(|near| format!(", did you mean {{exif.{near}}}?")).unwrap_or_default();
    let allowed: Vec<&str> = exif::names().collect();
    format!("{{exif.{tag}}} is not known{hint} Allowed behind the dot: {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_for(template: &str, relpath: &Path) -> Result<PathBuf, String> {
        let exif = |name: &str| match name {
            "Model" => Some("../X-T5 / pro\n".to_owned()),
            "Date" => Some("2026-11-20".to_owned()),
            "ISO" => Some("7".to_owned()),
            _ => None,
        };
        let fields = Fields {
            path: &Path::new("shoot").join(relpath),
            relpath,
            ext: "tif",
            number: 42,
            recipe: "dusk",
            hash: "0123456789abcdef0123456789abcdef",
            output: "",
            exif: &exif,
        };
        Template::parse(template)?.fill(&fields)
    }

    #[test]
    fn names_follow_the_template() {
        let fill = |template| fill_for(template, Path::new("day 1/a.b.TIFF")).unwrap();
        for (template, name) in [
            ("{relpath}/{stem}.{ext}", "day 1/a.b.tif"),
            ("{stem}_{recipe}.{ext}", "a.b_dusk.tif"),
            ("{stem}_{input_ext}.{ext}", "a.b_TIFF.tif"),
            ("{relpath}-{stem}.{ext}", "day 1-a.b.tif"),
            ("{parent}/{n:04}.{ext}", "day 1/0042.tif"),
            ("{n}_{hash:8}", "42_01234567"),
            ("{date}/{exif.ISO}.{ext}", "2026-11-20/7.tif"),
            ("{exif.Model}/{stem}.{ext}", "_X-T5 _ pro/a.b.tif"),
            ("{exif.LensModel}/{stem}_{output}.{ext}", "unknown/a.b_main.tif"),
            ("./{stem}//x.{ext}", "a.b/x.tif"),
        ] {
            assert_eq!(fill(template), Path::new(name), "{template}");
        }
        assert_eq!(fill_for("{parent}_{stem}", Path::new("a.tif")).unwrap(), Path::new("shoot_a"));
    }

    #[test]
    fn bad_templates_say_why() {
        for (template, word) in [
            ("{stem", "without"),
            ("stem}", "lone"),
            ("{name}.x", "Allowed"),
            ("{stme}.x", "{stem}"),
            ("../{stem}", "leads out"),
            ("/tmp/{stem}", "leads out"),
            ("a/../{stem}", "leads out"),
            ("x.{ext}", "same name"),
            ("{stem}\n", "control"),
            ("{n:0}", "1 to 12"),
            ("{n:+4}", "1 to 12"),
            ("{hash:33}{stem}", "1 to 32"),
            ("{stem:3}", "only {n:WIDTH}"),
            ("{exif.}", "not known"),
            ("{exif.Modle}", "{exif.Model}"),
            ("{exif.a/b}", "without"),
        ] {
            let message = Template::parse(template).unwrap_err();
            assert!(message.contains(word), "{template}: {message}");
        }
    }

    #[test]
    fn no_name_leaves_its_folder_or_is_too_long() {
        assert!(fill_for("{stem}", Path::new("...tif")).unwrap_err().contains("\"..\""));
        assert_eq!(fill_for("{stem}.{ext}", Path::new("...tif")).unwrap(), Path::new("...tif"));
        assert_eq!(fill_for("{relpath}/{stem}", Path::new("../../a.tif")).unwrap(), Path::new("a"));
        let long = "x".repeat(250);
        let message = fill_for("{stem}_{recipe}.{ext}", Path::new(&format!("{long}.tif"))).unwrap_err();
        assert!(message.contains("259 bytes"), "{message}");
        for wild in ["...", ".hidden", "a/b", "a\\b", "nul\0", " . ", "c:d"] {
            let value = safe(wild);
            assert!(!value.starts_with('.') && !value.contains(['/', '\\', ':', '\0']), "{wild:?} is {value:?}");
        }
        assert_eq!(safe(&"é".repeat(200)).chars().count(), MAX_VALUE_CHARS);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_survive() {
        use std::os::unix::ffi::OsStrExt;
        let name = Path::new(OsStr::from_bytes(b"d\xff/\xfe\n.tif"));
        let filled = fill_for("{relpath}/{parent}_{stem}.{ext}", name).unwrap();
        assert_eq!(filled.as_os_str().as_bytes(), b"d\xff/d\xff_\xfe\n.tif");
    }
}
