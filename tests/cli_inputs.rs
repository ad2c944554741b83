//! What is taken and what outputs are called: lists, filters, sequences, templates, and every wrong way to say it.

mod cli_util;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use cli_util::{BRIGHTER, Dir, Ran};

fn folder(pictures: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    for name in pictures {
        dir.picture(name);
    }
    dir
}

/// A run that reads `list` from standard input.
fn piped(dir: &Dir, arguments: &[&str], list: &[u8]) -> Ran {
    let mut command = dir.grade_command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list).unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn lists_name_pictures_and_one_that_is_missing_fails_alone() {
    let dir = folder(&["in/a.tif", "in/b.tif", "in/c d.tif"]);
    dir.file("list.txt", "in/a.tif\r\nin/gone.tif\n\nin/c d.tif");
    let ran = dir.grade(&["@list.txt", "--report", "r.json"]).ends(1);
    assert_eq!(dir.tree("out"), ["a.tif", "c d.tif"]);
    assert!(ran.stderr.contains("in/gone.tif") && ran.stderr.contains("2 done, 1 failed"), "{}", ran.stderr);
    assert_eq!(dir.json("r.json")["totals"]["failed"], 1);
    piped(&dir, &["-", "-0", "--on-exist", "skip"], b"in/b.tif\0in/a.tif\0").ends(0);
    assert_eq!(dir.tree("out").len(), 3);
    piped(&dir, &["-"], b"in/b.tif\nin/a.tif\n").ends(0);
}

#[test]
fn lists_that_name_nothing_are_nothing() {
    let dir = folder(&["in/a.tif"]);
    let ran = dir.grade(&["@no-list.txt"]).ends(3);
    assert!(ran.stderr.contains("no-list.txt") && ran.stderr.contains("cannot open the list"), "{}", ran.stderr);
    dir.file("empty.txt", "\n\n");
    let ran = dir.grade(&["@empty.txt"]).ends(3);
    assert!(ran.stderr.contains("@empty.txt: the list names no file"), "{}", ran.stderr);
    let ran = piped(&dir, &["-"], b"").ends(3);
    assert!(ran.stderr.contains("names no file"), "{}", ran.stderr);
    let ran = dir.grade(&["in", "@empty.txt"]).ends(1);
    assert_eq!(ran.count("done"), 1);
    dir.file("picture.txt", fs::read(dir.path("in/a.tif")).unwrap());
    dir.grade(&["@in"]).ends(1);
    dir.grade(&["@in/a.tif"]).ends(3);
}

#[test]
fn filters_choose_among_what_folders_hold() {
    let dir = folder(&["in/a.tif", "in/b.png", "in/proxies/a.tif", "in/day/c.tif"]);
    dir.grade(&["in", "--include", "*.tif", "--exclude", "proxies"]).ends(0);
    assert_eq!(dir.tree("out"), ["a.tif", "day/c.tif"]);
    dir.grade(&["in/*", "--include", "day/**", "--include", "*.png"]).ends(0);
    assert_eq!(dir.tree("out"), ["a.tif", "b.png", "day/c.tif"]);
    dir.grade(&["in", "--include", "*.jpg"]).ends(3);
    dir.grade(&["in/proxies/a.tif", "--exclude", "*", "--on-exist", "overwrite"]).ends(0);
    for wrong in ["[", "", "a{b"] {
        let ran = dir.grade(&["in", "--exclude", wrong]).ends(2);
        assert!(ran.stderr.contains("--exclude") && ran.stderr.contains(&format!("{wrong:?}")), "{}", ran.stderr);
    }
}

#[test]
fn a_sequence_with_holes_is_graded_and_told() {
    let dir = folder(&["in/s_0001.tif", "in/s_0002.tif", "in/s_0005.tif"]);
    let ran = dir.grade(&["in/s_%04d.tif"]).ends(0);
    assert_eq!(ran.count("done"), 3);
    assert!(ran.stderr.contains("2 numbers between 1 and 5 are missing"), "{}", ran.stderr);
    dir.grade(&["in/t_%04d.tif"]).ends(3);
}

#[test]
fn outputs_are_called_by_the_template() {
    let dir = folder(&["in/b/x.tif", "in/a.tif", "in/c.png"]);
    dir.file("in/notes.txt", "not counted");
    let named = |template: &str| {
        let _ = fs::remove_dir_all(dir.path("out"));
        dir.grade(&["in", "--name", template]).ends(0);
        dir.tree("out")
    };
    assert_eq!(named("{n:03}_{stem}.{ext}"), ["001_a.tif", "002_x.tif", "003_c.png"]);
    assert_eq!(named("{parent}/{stem}.{ext}"), ["b/x.tif", "in/a.tif", "in/c.png"]);
    assert_eq!(named("{date}/{exif.Model}/{stem}.{ext}")[0], "undated/unknown/a.tif");
    let hashed = named("{recipe}-{hash:8}/{stem}.{input_ext}.{ext}");
    assert!(hashed[0].starts_with("look-") && hashed[0].ends_with("/a.tif.tif"), "{hashed:?}");
    assert_eq!(hashed[0].len(), "look-01234567/a.tif.tif".len());
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/data/samples/interior.tif");
    dir.grade(&[samples, "--name", "{date}_{exif.Model}.{ext}", "--on-exist", "skip"]).ends(0);
    assert!(dir.path("out/2024-03-16_Scene generator.tif").is_file(), "{:?}", dir.tree("out"));
}

#[test]
fn no_template_writes_where_it_should_not() {
    let dir = folder(&["in/a.tif", "in/b.tif", "in/...tif"]);
    for (template, word) in [
        ("../{stem}.{ext}", "leads out"),
        ("/tmp/{stem}", "leads out"),
        ("{stme}.{ext}", "did you mean {stem}"),
        ("{exif.Modle}/{stem}", "did you mean {exif.Model}"),
        ("all.{ext}", "same name"),
        ("{n:99}.{ext}", "1 to 12"),
        ("{stem}\u{7}", "control"),
        ("{parent}.{ext}{exif.Model}", "collide"),
    ] {
        let ran = dir.grade(&["in", "--name", template]).ends(2);
        assert!(ran.stderr.contains(word), "{template}: {}", ran.stderr);
        assert!(!dir.path("out").exists(), "{template}");
    }
    // A name that only one picture makes impossible is that picture's failure.
    let ran = dir.grade(&["in", "in/...tif", "--name", "{stem}"]).ends(1);
    assert!(ran.stderr.contains("...tif") && ran.stderr.contains("no file can have"), "{}", ran.stderr);
    assert_eq!(dir.tree("out"), ["a", "b"]);
    let long = format!("in/{}.tif", "x".repeat(240));
    dir.picture(&long);
    let ran = dir.grade(&[&long, "--name", "{stem}_{hash}.{ext}"]).ends(1);
    assert!(ran.stderr.contains("277 bytes, 255 are allowed"), "{}", ran.stderr);
    dir.grade(&[&long]).ends(0);
}

#[test]
fn values_from_inside_a_file_make_no_folder() {
    use chiaro::picture::exif;
    use cli_util::pictures;
    let dir = folder(&[]);
    let path = dir.file("in/a.tif", []);
    let extent = chiaro::picture::Extent { width: 8, height: 4 };
    let layout = pictures::layout(
        chiaro::picture::SampleType::U16,
        chiaro::picture::Channels::Rgb,
        chiaro::picture::Alpha::None,
    );
    let mut spec = pictures::srgb_spec(extent, layout);
    let model = exif::Entry { tag: 272, kind: exif::Kind::Ascii, bytes: b"../../x/\ny\0".to_vec() };
    let tree = exif::Ifd { entries: vec![model], children: Vec::new() };
    spec.metadata.exif = Some(exif::write(&tree).unwrap());
    let pixels = pictures::pixels(extent, layout);
    pictures::write(&path, chiaro::codec::Format::Tiff, &spec, &pixels, 4, &pictures::pool(1)).unwrap();
    dir.grade(&["in", "--name", "{exif.Model}/{stem}.{ext}"]).ends(0);
    assert_eq!(dir.tree("out"), ["_.._x__y/a.tif"]);
}

#[test]
fn what_is_wrong_is_said_in_a_sentence() {
    let dir = folder(&["a.tif"]);
    // (arguments behind `run`, words that must be told: what, its value, what is allowed)
    let cases: &[(&[&str], &[&str])] = &[
        (&["a.tif", "--memory", "1k"], &["--memory", "1k", "16 MiB and more"]),
        (&["a.tif", "--jobs", "0"], &["--jobs", "0", "1..=1024"]),
        (&["a.tif", "--threads", "many"], &["--threads", "many"]),
        (&["a.tif", "--on-exist", "ask"], &["--on-exist", "ask", "skip-if-valid", "rename"]),
        (&["a.tif", "--max-failures", "200%"], &["--max-failures", "200%", "0% to 100%"]),
        (&["a.tif", "--inference", "tract"], &["--inference", "tract", "rten"]),
        (&["a.tif", "--progress", "loud"], &["--progress", "loud", "plain"]),
        (&["a.tif", "--log-format", "xml"], &["--log-format", "xml", "text"]),
        (&["a.tif", "--set", "exposure.ev=99"], &["exposure", "99"]),
        (&["a.tif", "--set", "exposrue.ev=1"], &["exposrue", "exposure"]),
        (&["a.tif", "--set", "ev"], &["--set", "ev"]),
        (&["a.tif", "--fail-fast", "--max-failures", "3"], &["--fail-fast", "--max-failures"]),
        (&["a.tif", "--quiet", "--verbose"], &["--quiet", "--verbose"]),
        (&["a.tif", "--reprot", "x"], &["--reprot", "--report"]),
        (&["a.tif", "--report", "no/r.json"], &["--report", "no/r.json", "does not exist"]),
    ];
    for (arguments, words) in cases {
        let ran = dir.grade(arguments).ends(2);
        assert!(ran.stderr.starts_with("chiaro: "), "{}", ran.stderr);
        for word in *words {
            assert!(ran.stderr.contains(word), "{arguments:?}: {word} is not in {}", ran.stderr);
        }
    }
    assert!(!dir.path("out").exists());
    let ran = dir.run(&["runn", "a.tif"]).ends(2);
    assert!(ran.stderr.contains("runn") && ran.stderr.contains("similar"), "{}", ran.stderr);
    assert!(dir.run(&["run", "a.tif", "-r", "look.toml"]).ends(2).stderr.contains("--out"));
    assert!(dir.run(&["run", "-r", "look.toml", "-o", "out"]).ends(2).stderr.contains("INPUT"));
    // A machine that cannot: 4.
    dir.file("taken", "a file where the output folder should be");
    let ran = dir.run(&["run", "a.tif", "-r", "look.toml", "-o", "taken", "--device", "cpu"]).ends(4);
    assert!(ran.stderr.contains("taken"), "{}", ran.stderr);
    let ran = dir.run(&["run", "a.tif", "-r", "look.toml", "-o", "out", "--device", "nobody's card"]).ends(4);
    assert!(ran.stderr.contains("nobody's card") || cfg!(not(feature = "gpu")), "{}", ran.stderr);
}
