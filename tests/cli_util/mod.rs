//! Shared by the tests of the command line: a fresh folder, made-up pictures in it, and the real program.

#![allow(dead_code, reason = "each test program uses its own part")]

#[cfg(target_os = "linux")]
pub mod black;
#[cfg(target_os = "linux")]
pub mod measured;
#[path = "../picture_util/mod.rs"]
pub mod pictures;
pub mod schema;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use chiaro::codec::{Compression, Format};
use chiaro::picture::{Alpha, Channels, Extent, SampleType};

/// A fresh folder, gone afterwards.
pub struct Dir(tempfile::TempDir);

/// What a program said and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails with everything that was said when the code is another one.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Lines of stdout that begin with `word`.
    pub fn count(&self, word: &str) -> usize {
        self.stdout.lines().filter(|line| line.starts_with(word)).count()
    }
}

/// A recipe that changes every pixel.
pub const BRIGHTER: &str = "version = 1\n[[op]]\nid = \"exposure\"\nev = 0.5\n";

impl Dir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, folders included.
    pub fn file(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a 16-bit RGB picture of made-up content in the format of the extension.
    pub fn picture(&self, name: impl AsRef<Path>) -> PathBuf {
        self.picture_of(name, Extent { width: 40, height: 30 })
    }

    /// As [`Dir::picture`], of a given size.
    pub fn picture_of(&self, name: impl AsRef<Path>, extent: Extent) -> PathBuf {
        let path = self.file(name, []);
        let (format, sample) = match path.extension().and_then(OsStr::to_str) {
            Some("png") => (Format::Png, SampleType::U16),
            Some("exr") => (Format::Exr, SampleType::F16),
            _ => (Format::Tiff, SampleType::U16),
        };
        let layout = pictures::layout(sample, Channels::Rgb, Alpha::None);
        let mut spec = pictures::srgb_spec(extent, layout);
        spec.compression = Compression::None;
        if format == Format::Exr {
            spec.encoding = chiaro::color::encodings::linear_rec709();
        }
        let pixels = pictures::pixels(extent, layout);
        pictures::write(&path, format, &spec, &pixels, 16, &pictures::pool(1)).unwrap();
        path
    }

    /// Writes a picture and cuts the second half of the file off.
    pub fn broken_picture(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.picture(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        path
    }

    /// Writes the recipe `look.toml`.
    pub fn recipe(&self, text: &str) {
        self.file("look.toml", text);
    }

    /// The program, to be started in this folder without anything of the caller's environment that changes results.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chiaro"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("ORT_DYLIB_PATH").env("CHIARO_CACHE", self.path(".cache"));
        command
    }

    /// Runs the program to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        finish(self.command(arguments))
    }

    /// `chiaro run` on the CPU with `look.toml` into `out`.
    pub fn grade<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        finish(self.grade_command(arguments))
    }

    /// As [`Dir::grade`], to be started by the caller.
    pub fn grade_command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.command(&["run", "-r", "look.toml", "-o", "out", "--device", "cpu"]);
        command.args(arguments);
        command
    }

    /// Names of the files below `folder`, without the program's own.
    pub fn tree(&self, folder: &str) -> Vec<String> {
        let root = self.path(folder);
        let mut names: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with(".chiaro"))
            .collect();
        names.sort();
        names
    }

    /// A JSON file.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// Runs `command` to its end.
pub fn finish(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts a run that speaks `--progress json` and returns when its first picture has begun, with what it goes on to say.
#[track_caller]
pub fn started(command: &mut Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"started\"") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the run ended before it began");
    }
    (child, said)
}
