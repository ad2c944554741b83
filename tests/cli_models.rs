//! `chiaro models`: the user's own list, licenses, and files that are no depth models.

mod cli_util;

use std::fs;
use std::path::{Path, PathBuf};

use cli_util::{Dir, Ran, finish};

const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/depth_models");

fn stand_in(name: &str) -> PathBuf {
    Path::new(STAND_INS).join(name).with_extension("onnx")
}

/// The program with its models in `models` of this folder.
fn run(dir: &Dir, arguments: &[&str]) -> Ran {
    let mut command = dir.command(arguments);
    command.env("CHIARO_MODELS", dir.path("models"));
    finish(command)
}

fn folder() -> Dir {
    let dir = Dir::new();
    dir.picture("in/a.tif");
    for name in ["patches", "patches_metric", "focal", "boxed", "half"] {
        fs::copy(stand_in(name), dir.path(format!("{name}.onnx"))).unwrap();
    }
    dir
}

fn contains(ran: &Ran, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word) || ran.stdout.contains(word), "{word:?}\n{}\n{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_model_is_added_used_verified_and_removed() {
    let dir = folder();
    let listed = run(&dir, &["models", "list"]).ends(0);
    contains(
        &listed,
        &["chiaro-small", "built in", "depth-anything-v2-small", "needs file", "(non-commercial)", "meters"],
    );
    contains(&run(&dir, &["models", "info", "midas-small"]).ends(0), &["MIT", "https://", "models add", "upper-bound"]);

    // Known by family, without a file: what to do is said.
    let depth = ["depth", "in", "-o", "out", "--device", "cpu", "--inference", "rten", "--model"];
    let with = |model: &str, more: &[&str]| {
        [&depth[..], &[model], more].concat().iter().map(|s| s.to_string()).collect::<Vec<_>>()
    };
    let run_depth = |model: &str, more: &[&str]| {
        let arguments = with(model, more);
        run(&dir, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    contains(&run_depth("dpt-large", &[]).ends(4), &["https://", "chiaro models add FILE.onnx --id dpt-large"]);

    contains(
        &run(&dir, &["models", "add", "half.onnx", "--id", "dpt-large"]).ends(0),
        &["dpt-large", "MIT", "multiples of 32"],
    );
    contains(&run(&dir, &["models", "list"]).ends(0), &["dpt-large", "ready"]);
    if cfg!(feature = "onnx") {
        run_depth("dpt-large", &[]).ends(0);
        assert_eq!(dir.tree("out"), ["a_depth.png"]);
        // Another contract of the same file is another result.
        run(&dir, &["models", "add", "half.onnx", "--id", "dpt-large", "--set", "depth.mean=0", "--replace"]).ends(0);
        assert_eq!(run_depth("dpt-large", &[]).ends(0).count("done"), 1);
        assert_eq!(run_depth("dpt-large", &[]).ends(0).count("up-to-date"), 1);
    }
    assert_eq!(run(&dir, &["models", "verify"]).ends(0).count("ok "), 2);
    let json: serde_json::Value =
        serde_json::from_str(&run(&dir, &["models", "list", "--json"]).ends(0).stdout).unwrap();
    let ours = json.as_array().unwrap().iter().find(|model| model["id"] == "dpt-large").unwrap();
    assert_eq!((&ours["state"], &ours["license"], &ours["mean"][0]), (&"ready".into(), &"MIT".into(), &0.0.into()));
    let json: serde_json::Value =
        serde_json::from_str(&run(&dir, &["models", "info", "dpt-large", "--json"]).ends(0).stdout).unwrap();
    assert_eq!(json["output_name"], "depth");

    // A file that changed is not used in silence.
    fs::copy(stand_in("boxed"), dir.path("half.onnx")).unwrap();
    contains(&run(&dir, &["models", "verify"]).ends(1), &["has changed", "half.onnx"]);
    contains(&run_depth("dpt-large", &[]).ends(4), &["has changed", "models add"]);
    fs::remove_file(dir.path("half.onnx")).unwrap();
    contains(&run(&dir, &["models", "list"]).ends(0), &["file gone"]);
    contains(&run(&dir, &["models", "remove", "dpt-large"]).ends(0), &["removed  dpt-large"]);
    contains(&run(&dir, &["models", "remove", "dpt-large"]).ends(2), &["no model \"dpt-large\" was added"]);
    run(&dir, &["models", "remove", "chiaro-small"]).ends(2);
}

#[test]
fn copies_go_with_the_model_and_nothing_else_does() {
    let dir = folder();
    contains(
        &run(&dir, &["models", "add", "patches.onnx", "--preset", "depth-anything-v2", "--copy"]).ends(0),
        &["patches", "unknown"],
    );
    fs::remove_file(dir.path("patches.onnx")).unwrap();
    assert_eq!(run(&dir, &["models", "verify", "patches"]).ends(0).count("ok "), 1);
    dir.file("models/patches/mine.txt", "kept");
    contains(&run(&dir, &["models", "remove", "patches"]).ends(0), &["deleted", "patches.onnx"]);
    assert!(dir.path("models/patches/mine.txt").is_file() && !dir.path("models/patches/patches.onnx").exists());
    run(&dir, &["models", "add", "half.onnx", "--id", "dpt-hybrid"]).ends(0);
    run(&dir, &["models", "remove", "dpt-hybrid"]).ends(0);
    assert!(dir.path("half.onnx").is_file());
}

#[test]
fn a_copy_takes_no_files_place_and_goes_alone() {
    let dir = folder();
    let read = |name: &str| fs::read(dir.path(name)).unwrap();
    let (patches, half) = (read("patches.onnx"), read("half.onnx"));
    dir.file("models/a/model.onnx", &patches);
    dir.file("dl/model.onnx", &half);
    let preset = ["--preset", "depth-anything-v2"];
    let add = |file: &str, more: &[&str]| run(&dir, &[&["models", "add", file][..], &preset, more].concat());
    // Of nobody, then of another model: not even --replace is a word for it.
    contains(&add("dl/model.onnx", &["--id", "a", "--copy"]).ends(1), &["models/a/model.onnx", "another file", "--id"]);
    add("models/a/model.onnx", &["--id", "b"]).ends(0);
    let ran = add("dl/model.onnx", &["--id", "a", "--copy", "--replace"]).ends(1);
    contains(&ran, &["another listed model uses", "leave --copy out"]);
    assert_eq!(read("models/a/model.onnx"), patches);
    // The same content is no harm, and stays for the other model.
    dir.file("dl/model.onnx", &patches);
    add("dl/model.onnx", &["--id", "a", "--copy"]).ends(0);
    contains(&run(&dir, &["models", "remove", "a"]).ends(0), &["removed  a", "stays"]);
    contains(&run(&dir, &["models", "verify", "b"]).ends(0), &["ok "]);
    // A file that lies where its copy would is the user's.
    dir.file("models/c/half.onnx", &half);
    add("models/c/half.onnx", &["--id", "c", "--copy"]).ends(0);
    run(&dir, &["models", "remove", "c"]).ends(0);
    assert_eq!(read("models/c/half.onnx"), half);
    // A copy that was changed is no copy any more.
    add("half.onnx", &["--id", "d", "--copy"]).ends(0);
    dir.file("models/d/half.onnx", &patches);
    contains(&run(&dir, &["models", "verify", "d"]).ends(1), &["has changed", "--replace --copy`"]);
    dir.file("models/d/half.onnx", [&half[..], b"\0"].concat());
    let mut changed = half.clone();
    changed.push(0);
    let ran = add("half.onnx", &["--id", "d", "--copy", "--replace"]).ends(1);
    contains(&ran, &["has changed since", "models/d/half.onnx"]);
    contains(&run(&dir, &["models", "remove", "d"]).ends(0), &["removed  d", "stays", "SHA-256"]);
    assert_eq!(read("models/d/half.onnx"), changed);
}

#[test]
fn adding_again_changes_nothing_unasked() {
    let dir = folder();
    let add = |more: &[&str]| run(&dir, &[&["models", "add", "half.onnx", "--id", "x"][..], more].concat());
    let keys = ["--preset", "dpt", "--license", "CC-BY-NC-4.0", "--name", "Mine", "--set", "depth.mean=0.25"];
    add(&[&keys[..], &["--allow-noncommercial"]].concat()).ends(0);
    let list = || fs::read_to_string(dir.path("models/registry.toml")).unwrap();
    let before = list();
    // Nothing said, or the same said: the same model, license included.
    contains(&add(&[]).ends(0), &["listed already", "nothing changed", "(non-commercial)"]);
    add(&keys).ends(0);
    assert_eq!(list(), before);
    for other in [&["--set", "depth.mean=0"][..], &["--preset", "midas-small"], &["--license", "MIT"], &["--name", "N"]]
    {
        contains(&add(other).ends(2), &["\"x\" already", "other facts", "--replace"]);
    }
    contains(&add(&["--license", ""]).ends(2), &["--license", "SPDX"]);
    assert_eq!(list(), before);
    // A file that is not the license's: the known facts stay, but for what is said.
    let free = ["--set", "depth.mean=0", "--replace"];
    contains(&add(&free).ends(2), &["CC-BY-NC-4.0", "--allow-noncommercial"]);
    contains(
        &add(&[&free[..], &["--allow-noncommercial"]].concat()).ends(0),
        &["CC-BY-NC-4.0", "[0.0, 0.0, 0.0]", "kept from the model it replaces"],
    );
    contains(&add(&["--license", "MIT", "--replace"]).ends(0), &["MIT"]);
    assert!(!list().contains("noncommercial") && list().contains("mean = ") && list().contains("Mine"), "{}", list());
}

#[test]
fn the_advice_about_a_changed_file_works() {
    let dir = folder();
    fs::create_dir(dir.path("my nets")).unwrap();
    let file = dir.path("my nets/net.onnx");
    fs::copy(stand_in("half"), &file).unwrap();
    let file = file.canonicalize().unwrap();
    run(&dir, &["models", "add", "my nets/net.onnx", "--id", "x", "--preset", "dpt", "--license", "MIT"]).ends(0);
    fs::copy(stand_in("boxed"), &file).unwrap();
    let ran = run(&dir, &["models", "verify", "x"]).ends(1);
    let command = format!("chiaro models add '{}' --id x --replace`", file.display());
    if !cfg!(windows) {
        contains(&ran, &[&command]);
    }
    let ran = run(&dir, &["models", "add", "my nets/net.onnx", "--id", "x", "--replace"]).ends(0);
    contains(&ran, &["license MIT", "preset = ", "kept"]);
    contains(&run(&dir, &["models", "verify", "x"]).ends(0), &["ok "]);
    fs::remove_file(&file).unwrap();
    contains(&run(&dir, &["models", "verify", "x"]).ends(1), &["is gone", "models add FILE.onnx --id x --replace"]);
    // The published file of this id is another: the command says the hash that is meant.
    fs::copy(stand_in("patches"), dir.path("p.onnx")).unwrap();
    let id = "depth-anything-v2-small";
    let hash = |ran: &Ran| ran.stderr.split("--sha256 ").nth(1).map(|text| text[..64].to_owned()).unwrap();
    let first = hash(&run(&dir, &["models", "add", "p.onnx", "--id", id]).ends(1));
    run(&dir, &["models", "add", "p.onnx", "--id", id, "--sha256", &first]).ends(0);
    fs::copy(stand_in("boxed"), dir.path("p.onnx")).unwrap();
    let second = hash(&run(&dir, &["models", "verify", id]).ends(1));
    run(&dir, &["models", "add", "p.onnx", "--id", id, "--replace", "--sha256", &second]).ends(0);
    assert_ne!(first, second);
}

#[test]
fn commands_end_with_the_code_of_what_was_done() {
    let dir = folder();
    run(&dir, &["models", "add", "half.onnx", "--id", "x", "--preset", "dpt"]).ends(0);
    contains(&run(&dir, &["models", "remove", "x", "nosuch"]).ends(2), &["no model \"nosuch\"", "nothing was removed"]);
    run(&dir, &["models", "verify", "x"]).ends(0);
    contains(&run(&dir, &["models", "verify", "nosuch"]).ends(1), &["neither the id of a model", "models list"]);
    // A model that cannot be used is one problem, however many pictures wait for it.
    dir.picture("in/b.tif");
    fs::remove_file(dir.path("half.onnx")).unwrap();
    dir.recipe("version = 1\n[depth]\nmodel = \"x\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n");
    let ran = run(&dir, &["plan", "in", "-r", "look.toml"]).ends(4);
    assert_eq!(
        (ran.stderr.matches("is gone").count(), ran.stdout.contains("0 pictures")),
        (1, false),
        "{}",
        ran.stderr
    );
    run(&dir, &["models", "remove", "x", "x"]).ends(0);
}

#[test]
fn licenses_that_exclude_commerce_need_a_word() {
    let dir = folder();
    let add = ["models", "add", "patches.onnx", "--id", "depth-anything-v2-base"];
    contains(&run(&dir, &add).ends(2), &["CC-BY-NC-4.0", "--allow-noncommercial"]);
    assert!(!dir.path("models/registry.toml").exists());
    run(&dir, &[&add[..], &["--allow-noncommercial"]].concat()).ends(0);
    // Having it is not using it: every run says so again.
    let depth =
        ["depth", "in", "-o", "out", "--model", "depth-anything-v2-base", "--device", "cpu", "--inference", "rten"];
    contains(&run(&dir, &depth).ends(2), &["does not allow commercial use", "--allow-noncommercial"]);
    dir.recipe("version = 1\n[depth]\nmodel = \"depth-anything-v2-base\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n");
    let plan = ["plan", "in", "-r", "look.toml"];
    let ran = run(&dir, &plan).ends(2);
    contains(&ran, &["--allow-noncommercial"]);
    assert_eq!(ran.stderr.matches("does not allow").count(), 1, "{}", ran.stderr);
    contains(&run(&dir, &[&plan[..], &["--allow-noncommercial"]].concat()).ends(0), &["depth-anything-v2-base at"]);
    // A known id stands for its weights; another id for the user's word, which is noted.
    let free = ["--license", "MIT", "--replace"];
    contains(&run(&dir, &[&add[..], &free].concat()).ends(2), &["CC-BY-NC-4.0", "not \"MIT\"", "another --id"]);
    let own = ["models", "add", "boxed.onnx", "--id", "own", "--preset", "depth-anything-v2-base"];
    run(&dir, &own).ends(2);
    contains(&run(&dir, &[&own[..], &free].concat()).ends(0), &["MIT is your word", "CC-BY-NC-4.0"]);
    // A file that is named by its path is asked the same.
    let by_path =
        ["depth", "in", "-o", "out", "--model", "focal.onnx", "--set", "depth.preset=depth-pro", "--device", "cpu"];
    contains(&run(&dir, &by_path).ends(2), &["LicenseRef-Apple-AMLR"]);
    if cfg!(feature = "onnx") {
        run(&dir, &[&by_path[..], &["--allow-noncommercial", "--inference", "rten"]].concat()).ends(0);
    }
}

#[test]
fn hashes_and_ids_are_checked() {
    let dir = folder();
    let add = ["models", "add", "patches.onnx"];
    let wrong = "0".repeat(64);
    contains(
        &run(&dir, &[&add[..], &["--preset", "depth-anything-v2", "--sha256", &wrong]].concat()).ends(1),
        &["expected 0000"],
    );
    // The published file of this one is another.
    let ran = run(&dir, &[&add[..], &["--id", "depth-anything-v2-small"]].concat()).ends(1);
    contains(&ran, &["afb6a5c2", "another export"]);
    let hash = ran.stderr.split("--sha256 ").nth(1).unwrap()[..64].to_owned();
    run(&dir, &[&add[..], &["--id", "depth-anything-v2-small", "--sha256", &hash]].concat()).ends(0);
    contains(&run(&dir, &[&add[..], &["--id", "chiaro-small"]].concat()).ends(2), &["built-in"]);
    contains(&run(&dir, &[&add[..], &["--id", "../evil", "--preset", "dpt"]].concat()).ends(2), &["a-z 0-9"]);
    run(&dir, &[&add[..], &["--id", "mine", "--preset", "depth-anything-v2"]].concat()).ends(0);
    let other = ["models", "add", "half.onnx", "--id", "mine", "--preset", "dpt"];
    contains(&run(&dir, &other).ends(2), &["--replace"]);
    run(&dir, &[&other[..], &["--replace"]].concat()).ends(0);
    contains(
        &run(&dir, &[&add[..], &["--preset", "depth-anythin"]].concat()).ends(2),
        &["allowed:", "depth-anything-v2"],
    );

    dir.file("models/registry.toml", "version = 1\n[[model]]\nid = \"a\"\nfle = \"x\"\n");
    contains(&run(&dir, &["models", "list"]).ends(2), &["registry.toml:4:", "did you mean \"file\""]);
    contains(&run(&dir, &[&add[..], &["--id", "b", "--preset", "dpt"]].concat()).ends(2), &["registry.toml:4:"]);
    // The built-in model needs no list.
    run(&dir, &["models", "info", "chiaro-small"]).ends(0);
}

/// A protocol-buffer field of bytes.
fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 128);
    [&[number << 3 | 2, payload.len() as u8], payload].concat()
}

/// A declared value of ONNX: name, element type, shape.
fn value(name: &str, element: u8, shape: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|&size| field(1, &[8, size])).collect();
    let tensor = [vec![8, element], field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

fn graph(inputs: &[(&str, u8, &[u8])], output: (&str, u8, &[u8]), weights: Option<&str>) -> Vec<u8> {
    let mut graph: Vec<u8> = inputs.iter().flat_map(|(n, e, s)| field(11, &value(n, *e, s))).collect();
    graph.extend(field(12, &value(output.0, output.1, output.2)));
    if let Some(file) = weights {
        let said = [("location", file), ("offset", "32"), ("length", "4")];
        let said = said.map(|(key, value)| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
        graph.extend(field(5, &[field(8, b"weights"), said.concat()].concat()));
    }
    [&[7 << 3 | 2, graph.len() as u8 | 0x80, (graph.len() >> 7) as u8][..], &graph].concat()
}

#[test]
fn files_that_are_no_depth_models_are_told_apart() {
    let dir = folder();
    let picture = ("image", 1u8, &[1u8, 3, 8, 8][..]);
    let map = ("depth", 1u8, &[1u8, 8, 8][..]);
    dir.file("short.bin", b"1234");
    let cases: [(&str, Vec<u8>, &[&str]); 11] = [
        (
            "short.onnx",
            graph(&[picture], map, Some("short.bin")),
            &["\"short.bin\" are too short", "4 bytes", "needs 36"],
        ),
        ("wide.onnx", graph(&[("image", 1, &[1, 3, 8, 0])], map, None), &["8 high and 0 wide", "4096"]),
        (
            "classifier.onnx",
            graph(&[picture], ("logits", 1, &[1, 100]), None),
            &["\"logits\" is float [1, 100]", "classifier"],
        ),
        ("masks.onnx", graph(&[picture], ("masks", 1, &[1, 21, 8, 8]), None), &["\"masks\" is float [1, 21, 8, 8]"]),
        ("two.onnx", graph(&[picture, ("k", 1, &[1, 9])], map, None), &["has 2", "\"k\" [1, 9]"]),
        ("int.onnx", graph(&[("image", 2, &[1, 3, 8, 8])], map, None), &["uint8", "float input (f32 or f16)"]),
        ("gray.onnx", graph(&[("image", 1, &[1, 1, 8, 8])], map, None), &["[1, 1, 8, 8]", "channels"]),
        (
            "passwd.onnx",
            graph(&[picture], map, Some("../../etc/passwd")),
            &["outside its own folder", "../../etc/passwd"],
        ),
        ("gone.onnx", graph(&[picture], map, Some("gone.bin")), &["\"gone.bin\" belong beside it"]),
        ("cut.onnx", graph(&[picture], map, None)[..40].to_vec(), &["truncated", "again"]),
        ("text.onnx", b"hello".to_vec(), &["no ONNX model"]),
    ];
    for (name, bytes, words) in cases {
        dir.file(name, bytes);
        for arguments in [
            &["models", "add", name, "--preset", "dpt"][..],
            &["models", "info", name, "--set", "depth.preset=dpt"],
            &["depth", "in", "-o", "out", "--model", name, "--set", "depth.preset=dpt", "--device", "cpu"],
        ] {
            let ran = run(&dir, arguments);
            assert!([Some(1), Some(4)].contains(&ran.code), "{arguments:?}\n{}", ran.stderr);
            contains(&ran, words);
            contains(&ran, &[name]);
        }
    }
    assert!(!dir.path("models/registry.toml").exists());
    // What is missing is asked for with the flags of this command.
    contains(
        &run(&dir, &["models", "add", "boxed.onnx"]).ends(1),
        &["--preset ID", "--set depth.KEY=VALUE", "mean=", "output="],
    );
    let keys = [
        "--set",
        "depth.mean=0",
        "--set",
        "depth.std=1",
        "--set",
        "depth.output=inverse-meters",
        "--set",
        "depth.fit=letterbox",
    ];
    let ran = run(&dir, &[&["models", "add", "boxed.onnx", "--license", "MIT"][..], &keys].concat()).ends(0);
    contains(&ran, &["64x48, the whole picture inside", "inverse metric depth"]);
}

#[test]
#[cfg(unix)]
fn weights_behind_a_link_are_outside() {
    let dir = folder();
    let picture = ("image", 1u8, &[1u8, 3, 8, 8][..]);
    dir.file("sub/m.onnx", graph(&[picture], ("depth", 1, &[1, 8, 8]), Some("w.bin")));
    dir.file("secret", "x");
    std::os::unix::fs::symlink(dir.path("secret"), dir.path("sub/w.bin")).unwrap();
    contains(&run(&dir, &["models", "add", "sub/m.onnx", "--preset", "dpt"]).ends(1), &["outside its own folder"]);
}

/// The built-in engine says what to do about weights that it does not take.
#[test]
fn weights_in_other_files_have_advice() {
    let dir = folder();
    dir.file("net.onnx", graph(&[("image", 1, &[1, 3, 8, 8])], ("depth", 1, &[1, 8, 8]), Some("w/1.bin")));
    dir.file("w/1.bin", [0; 36]);
    run(&dir, &["models", "add", "net.onnx", "--id", "net", "--preset", "dpt"]).ends(0);
    if cfg!(feature = "onnx") {
        let ran = run(&dir, &["depth", "in", "-o", "out", "--model", "net", "--inference", "rten"]);
        assert_ne!(ran.code, Some(0));
        contains(&ran, &["--inference ort", "weights inside", ".onnx_data"]);
    }
}
