//! Tests of the walk, on real folders.

use super::*;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"x").unwrap();
    }
    folder
}

fn run(arguments: &[&Path], out: Option<&Path>) -> Vec<Result<Found>> {
    let arguments: Vec<OsString> = arguments.iter().map(|a| a.as_os_str().to_owned()).collect();
    walk(&arguments, out, &mut io::empty())
}

fn relpaths(items: &[Result<Found>]) -> Vec<String> {
    items.iter().map(|item| item.as_ref().unwrap().relpath.to_string_lossy().into_owned()).collect()
}

#[test]
fn folders_are_walked_depth_first_in_order_of_bytes() {
    let folder =
        tree(&["b.tif", "a/z.tif", "a/b/c.tif", "a.tif", "B.tif", "é.tif", ".hidden/x.tif", "._b.tif", "a/.y"]);
    let items = run(&[folder.path()], None);
    assert_eq!(relpaths(&items), ["B.tif", "a/b/c.tif", "a/z.tif", "a.tif", "b.tif", "é.tif"]);
    assert!(items.iter().all(|item| !item.as_ref().unwrap().explicit));
    assert_eq!(items[1].as_ref().unwrap().path, folder.path().join("a/b/c.tif"));
}

#[test]
fn the_output_folder_is_left_out_below_and_kept_as_root() {
    let folder = tree(&["in.tif", "out/a.tif", "outer/b.tif"]);
    let out = folder.path().join("outer/../out");
    assert_eq!(relpaths(&run(&[folder.path()], Some(&out))), ["in.tif", "outer/b.tif"]);
    assert_eq!(relpaths(&run(&[&folder.path().join("out")], Some(&out))), ["a.tif"]);
}

#[test]
fn a_hidden_file_or_folder_that_is_named_is_taken() {
    let folder = tree(&[".shoot/a.tif", ".b.tif"]);
    let items = run(&[&folder.path().join(".shoot"), &folder.path().join(".b.tif")], None);
    assert_eq!(relpaths(&items), ["a.tif", ".b.tif"]);
    assert!(items[1].as_ref().unwrap().explicit);
}

#[test]
fn a_file_named_twice_is_one_item() {
    let folder = tree(&["s/a.tif", "s/b.tif"]);
    let detour = folder.path().join("s/../s/./b.tif");
    let items = run(&[&folder.path().join("s"), &detour, &folder.path().join("s")], None);
    assert_eq!(relpaths(&items), ["a.tif", "b.tif"]);
    let explicit: Vec<bool> = items.iter().map(|item| item.as_ref().unwrap().explicit).collect();
    assert_eq!(explicit, [false, true]);
}

#[test]
fn a_missing_name_is_an_item_and_not_the_end() {
    let folder = tree(&["a.tif"]);
    let missing = folder.path().join("missing.tif");
    let items = run(&[&missing, &folder.path().join("no*match"), folder.path()], None);
    assert!(matches!(&items[0], Err(Error::Input { path, .. }) if *path == missing));
    assert!(items[1].as_ref().unwrap_err().to_string().contains("no file matches"));
    assert_eq!(relpaths(&items[2..]), ["a.tif"]);
}

#[cfg(unix)]
#[test]
fn links_inside_are_not_followed_and_a_named_link_is() {
    use std::os::unix::fs::symlink;
    let folder = tree(&["real/a.tif", "shoot/b.tif"]);
    let shoot = folder.path().join("shoot");
    symlink(folder.path().join("real"), shoot.join("folder")).unwrap();
    symlink(folder.path().join("real/a.tif"), shoot.join("link.tif")).unwrap();
    symlink(&shoot, shoot.join("loop")).unwrap();
    assert_eq!(relpaths(&run(&[&shoot], None)), ["b.tif"]);
    let items = run(&[&shoot.join("link.tif"), &shoot.join("folder")], None);
    assert_eq!(relpaths(&items), ["link.tif", "a.tif"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_found() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"\xff\xfe.tif");
    fs::write(folder.path().join(name), b"x").unwrap();
    let items = run(&[folder.path(), &folder.path().join(name), &folder.path().join("*.tif")], None);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].as_ref().unwrap().relpath, Path::new(name));
}

#[test]
fn globs_are_relative_to_the_folder_before_the_wildcard() {
    let folder = tree(&["s/a.tif", "s/b.png", "s/d/c.tif", "s/d/e/f.tif", "s/.h.tif"]);
    let glob = |pattern: &str| relpaths(&run(&[&folder.path().join("s").join(pattern)], None));
    assert_eq!(glob("*.tif"), ["a.tif"]);
    assert_eq!(glob("**/*.tif"), ["a.tif", "d/c.tif", "d/e/f.tif"]);
    assert_eq!(glob("d*/*.tif"), ["d/c.tif"]);
    assert_eq!(glob("?.{png,tif}"), ["a.tif", "b.png"]);
    assert_eq!(glob("*"), ["a.tif", "b.png", "d/c.tif", "d/e/f.tif"]);
    assert_eq!(glob("d*"), ["d/c.tif", "d/e/f.tif"]);
    assert_eq!(glob("?/e"), ["d/e/f.tif"]);
    let explicit = |pattern: &str| run(&[&folder.path().join("s").join(pattern)], None)[0].as_ref().unwrap().explicit;
    assert!(explicit("*.tif") && !explicit("*") && !explicit("**"));
    assert!(run(&[&folder.path().join("s/[")], None)[0].is_err());
}

#[test]
fn a_filter_chooses_among_what_folders_and_wildcards_hold() {
    let folder = tree(&["s/a.tif", "s/b.png", "s/raw/c.tif", "s/d/c.tif"]);
    let s = folder.path().join("s");
    let own = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
    let filtered = |arguments: &[&Path], include: &[&str], exclude: &[&str]| {
        let filter = Filter::new(&own(include), &own(exclude)).unwrap();
        let arguments: Vec<OsString> = arguments.iter().map(|a| a.as_os_str().to_owned()).collect();
        let options = WalkOptions { filter, null: false };
        relpaths(&walk_with(&arguments, None, &options, &mut io::empty()))
    };
    assert_eq!(filtered(&[&s], &["*.tif"], &["raw"]), ["a.tif", "d/c.tif"]);
    assert_eq!(filtered(&[&s.join("*")], &[], &["*.tif"]), ["b.png"]);
    assert_eq!(filtered(&[&s], &["d/*"], &[]), ["d/c.tif"]);
    // What is named itself is taken.
    assert_eq!(filtered(&[&s.join("b.png")], &["*.tif"], &["*"]), ["b.png"]);
}

#[test]
fn a_name_with_wildcards_that_exists_is_that_file() {
    let folder = tree(&["[1].tif", "1.tif"]);
    assert_eq!(relpaths(&run(&[&folder.path().join("[1].tif")], None)), ["[1].tif"]);
}

#[test]
fn lists_come_from_files_and_standard_input() {
    let folder = tree(&["a.tif", "b*.tif", "d/c.tif"]);
    let line = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let text = format!("\u{feff}{}\r\n\n{}\n{}", line("a.tif"), line("b*.tif"), line("d"));
    fs::write(folder.path().join("list.txt"), &text).unwrap();
    let at = format!("@{}", line("list.txt"));
    let expected = ["a.tif", "b*.tif", "c.tif"];
    assert_eq!(relpaths(&run(&[Path::new(&at)], None)), expected);
    assert_eq!(relpaths(&walk(&["-".into()], None, &mut text.as_bytes())), expected);
    let zero = format!("{}\0{}\0", line("a.tif"), line("d"));
    assert_eq!(relpaths(&walk(&["-".into()], None, &mut zero.as_bytes())), ["a.tif", "c.tif"]);
    let options = WalkOptions { null: true, ..WalkOptions::default() };
    let one = format!("{}\0", line("a.tif"));
    assert_eq!(relpaths(&walk_with(&["-".into()], None, &options, &mut one.as_bytes())), ["a.tif"]);
    assert!(run(&[Path::new("@/nonexistent")], None)[0].is_err());
    let empty = walk(&["-".into()], None, &mut "\n\r\n".as_bytes());
    assert_eq!(empty[0].as_ref().unwrap_err().to_string(), "-: the list names no file");
    let missing = walk(&["-".into()], None, &mut format!("{}\n{}", line("no.tif"), line("a.tif")).as_bytes());
    assert!(missing[0].is_err() && missing[1].is_ok());
    let endless = vec![b'x'; 1 << 20];
    let items = walk(&["-".into()], None, &mut endless.as_slice());
    assert!(items[0].as_ref().unwrap_err().to_string().contains("is this a list?"));
}

#[test]
fn a_numbered_pattern_is_one_item() {
    let folder =
        tree(&["s_0001.exr", "s_0003.exr", "s_0002.exr", "s_10000.exr", "s_5.exr", "s_0004.png", "s_00x1.exr"]);
    let pattern = folder.path().join("s_%04d.exr");
    let items = run(&[&pattern, &pattern], None);
    assert_eq!(items.len(), 1);
    let found = items[0].as_ref().unwrap();
    assert_eq!((found.path.as_path(), found.relpath.as_path()), (pattern.as_path(), Path::new("s_%04d.exr")));
    let sequence = found.sequence.as_ref().unwrap();
    assert_eq!(sequence.numbers(), [1, 2, 3, 10000]);
    assert_eq!((sequence.len(), sequence.missing()), (4, 9996));
    assert_eq!(sequence.frames().next().unwrap(), folder.path().join("s_0001.exr"));
    let plain = run(&[&folder.path().join("s_%d.exr")], None);
    assert_eq!(plain[0].as_ref().unwrap().sequence.as_ref().unwrap().numbers(), [5, 10000]);
    for wrong in ["s_%04x.exr", "s_%d_%d.exr", "t_%04d.exr"] {
        assert!(run(&[&folder.path().join(wrong)], None)[0].is_err(), "{wrong}");
    }
}
