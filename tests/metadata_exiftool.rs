//! The photographer's test: every tag that exiftool finds in a picture it finds again, with the same value, in the graded one; but for the
//! ones that a graded picture must not have, which are listed here.

mod cli_util;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cli_util::{BRIGHTER, Dir};

/// Tags of one file: "Group:Tag" with all raw values, sorted: in which place of the file each stands does not matter.
type Tags = BTreeMap<String, Vec<String>>;

/// Tags of all pictures below `folder`, by file stem.
fn tags(folder: &Path) -> BTreeMap<String, Tags> {
    let run = Command::new("exiftool")
        .args(["-j", "-G1:4", "-a", "-u", "-n", "-b", "-r", "-q", "-q"])
        .arg(folder)
        .output()
        .unwrap();
    let list: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_slice(&run.stdout).unwrap_or_default();
    let mut all = BTreeMap::new();
    for file in list {
        let stem = Path::new(file["SourceFile"].as_str().unwrap()).file_stem().unwrap().to_str().unwrap().to_owned();
        let mut tags = Tags::new();
        for (key, value) in file {
            // "IFD0:Copy1:Make": the number of a tag of the same name, in whatever group.
            let (group, tag) = (key.split(':').next().unwrap_or_default(), key.rsplit(':').next().unwrap_or_default());
            tags.entry(format!("{group}:{tag}")).or_default().push(value.to_string());
        }
        tags.values_mut().for_each(|values| values.sort());
        all.insert(stem, tags);
    }
    all
}

/// Groups that are about the file and its pixels, or are made by exiftool from the others.
const OF_THE_FILE: [&str; 12] = [
    "ExifTool",
    "System",
    "File",
    "Composite",
    "PNG-cICP",
    "OpenEXR",
    "JFIF",
    "RIFF",
    "SubIFD",
    "SubIFD1",
    "Adobe",
    "SourceFile",
];

/// What PNG chunks say about pixels, color and time; all else in the group are texts.
const PNG_CHUNKS: [&str; 27] = [
    "ImageWidth",
    "ImageHeight",
    "BitDepth",
    "ColorType",
    "Compression",
    "Filter",
    "Interlace",
    "Palette",
    "Transparency",
    "BackgroundColor",
    "ProfileName",
    "Gamma",
    "SRGBRendering",
    "WhitePointX",
    "WhitePointY",
    "RedX",
    "RedY",
    "GreenX",
    "GreenY",
    "BlueX",
    "BlueY",
    "ModifyDate",
    "SignificantBits",
    "PaletteHistogram",
    "AnimationFrames",
    "AnimationPlays",
    "ImageOffset",
];

/// Tags of IFD0 and of XMP that describe the old file's storage, resolution (compared through its own place) or the encoding.
const STORAGE: [&str; 46] = [
    "SubfileType",
    "OldSubfileType",
    "BitsPerSample",
    "Compression",
    "PhotometricInterpretation",
    "Thresholding",
    "FillOrder",
    "StripOffsets",
    "SamplesPerPixel",
    "RowsPerStrip",
    "StripByteCounts",
    "MinSampleValue",
    "MaxSampleValue",
    "SMinSampleValue",
    "SMaxSampleValue",
    "PlanarConfiguration",
    "FreeOffsets",
    "FreeByteCounts",
    "GrayResponseUnit",
    "GrayResponseCurve",
    "T4Options",
    "T6Options",
    "PageNumber",
    "TransferFunction",
    "Predictor",
    "WhitePoint",
    "PrimaryChromaticities",
    "ColorMap",
    "HalftoneHints",
    "TileWidth",
    "TileLength",
    "TileOffsets",
    "TileByteCounts",
    "ExtraSamples",
    "SampleFormat",
    "JPEGTables",
    "JPEGProc",
    "YCbCrCoefficients",
    "YCbCrSubSampling",
    "YCbCrPositioning",
    "ReferenceBlackWhite",
    "Orientation",
    "XResolution",
    "YResolution",
    "ResolutionUnit",
    "ApplicationNotes",
];

/// True when a graded picture may have another value, or none.
fn may_change(key: &str) -> bool {
    let mut parts = key.split(':');
    let group = parts.next().unwrap_or_default();
    let tag = key.rsplit(':').next().unwrap_or_default();
    match group {
        group if OF_THE_FILE.contains(&group) => true,
        // Thumbnails and other pages.
        group if group.strip_prefix("IFD").is_some_and(|n| n.parse().is_ok_and(|n: u32| n > 0)) => true,
        "PNG" => PNG_CHUNKS.contains(&tag),
        "IFD0" | "XMP-tiff" => STORAGE.contains(&tag) || ["ImageWidth", "ImageHeight", "ImageLength"].contains(&tag),
        // Set to the size of the output; where MakerNote lies.
        "ExifIFD" => ["ExifImageWidth", "ExifImageHeight", "OffsetSchema"].contains(&tag),
        "XMP-exif" => ["ExifImageWidth", "ExifImageHeight"].contains(&tag),
        "XMP-xmpMM" => tag == "InstanceID",
        "XMP-dc" => tag == "Format",
        "XMP-xmp" => tag.starts_with("Thumbnail"),
        "XMP-chiaro" | "XMP-xmpGImg" => true,
        // Thumbnails, and the digest that exiftool compares itself.
        "Photoshop" => tag.contains("Thumbnail") || tag == "CurrentIPTCDigest",
        // Positions of previews count from the start of the file.
        // Where an old camera's thumbnail lies, outside of the note that speaks of it.
        "Olympus" => tag == "ThumbnailImage",
        _ => tag == "PreviewImageStart",
    }
}

/// What was lost or changed on the way.
fn differences(before: &Tags, after: &Tags, ignored: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in before.iter().filter(|(key, _)| !may_change(key) && !ignored(key)) {
        let short = |values: &[String]| values.join(", ").chars().take(60).collect::<String>();
        match after.get(key) {
            None => found.push(format!("{key} is lost (was {})", short(value))),
            Some(other) if other != value => found.push(format!("{key} is {}, was {}", short(other), short(value))),
            Some(_) => {}
        }
    }
    found
}

fn compared(tags: &Tags) -> usize {
    tags.keys().filter(|key| !may_change(key)).count()
}

/// Pictures of the test data by extension, at most `most_bytes` large.
fn testdata(extensions: &[&str], most_bytes: u64) -> Vec<PathBuf> {
    let root = PathBuf::from(std::env::var_os("CHIARO_TESTDATA").unwrap());
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(&root)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file() && e.metadata().is_ok_and(|m| m.len() <= most_bytes))
        .map(|e| e.into_path())
        .filter(|p| p.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)))
        .collect();
    files.sort();
    files
}

/// Copies `files` under numbers into `in` and grades them; what cannot be graded is not there.
fn graded(files: &[PathBuf], output: &str) -> (Dir, BTreeMap<String, Tags>, BTreeMap<String, Tags>) {
    let dir = Dir::new();
    dir.recipe(&format!("{BRIGHTER}{output}"));
    for (index, file) in files.iter().enumerate() {
        let extension = file.extension().unwrap().to_str().unwrap();
        dir.file(format!("in/{index:04}.{extension}"), fs::read(file).unwrap());
    }
    dir.grade(&["in"]);
    let (before, after) = (tags(&dir.path("in")), tags(&dir.path("out")));
    (dir, before, after)
}

/// Fails with all differences of all files.
#[track_caller]
fn assert_same(
    files: &[PathBuf],
    before: &BTreeMap<String, Tags>,
    after: &BTreeMap<String, Tags>,
    ignored: impl Fn(&str) -> bool,
) -> usize {
    let mut wrong = Vec::new();
    let mut rich = 0;
    for (stem, old) in before {
        let Some(new) = after.get(stem) else { continue };
        rich += usize::from(compared(old) >= 10);
        let lost = differences(old, new, &ignored);
        if !lost.is_empty() {
            let file = stem.parse::<usize>().ok().and_then(|i| files.get(i));
            wrong.push(format!("{}:\n  {}", file.map_or(stem.clone(), |f| f.display().to_string()), lost.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), after.len(), wrong.join("\n"));
    rich
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "needs CHIARO_TESTDATA")]
#[cfg_attr(not(has_exiftool), ignore = "needs exiftool in the path")]
fn every_tag_of_real_pictures_is_found_again() {
    let files = testdata(&["tif", "tiff", "png", "exr", "jpg", "jpeg"], 1 << 19);
    let (_dir, before, after) = graded(&files, "");
    let rich = assert_same(&files, &before, &after, |_| false);
    assert!(after.len() >= 100 && rich >= 20, "{} graded, {rich} with ten tags or more", after.len());
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "needs CHIARO_TESTDATA")]
#[cfg_attr(not(has_exiftool), ignore = "needs exiftool in the path")]
fn maker_notes_and_all_else_survive_a_change_of_format() {
    let mut files = testdata(&["png"], 1 << 20);
    files.retain(|path| path.to_str().is_some_and(|p| p.contains("wesaturate") || p.contains("raw.pixls")));
    let (dir, before, after) = graded(&files, "[output]\nformat = \"tiff\"\n");
    // The texts of PNG have no other home, which the program says; the resolution moves from pHYs to tags. Tags of raw pixels (CFA,
    // black level, ...) in a TIFF file would make a raw file of it.
    let of_raw = |tag: &str| {
        ["CFA", "Default", "Black", "White", "Camera", "AsShot", "Noise", "ActiveArea"]
            .iter()
            .any(|w| tag.starts_with(w))
    };
    let pixels = |key: &str| key.starts_with("PNG") || key.strip_prefix("IFD0:").is_some_and(of_raw);
    let rich = assert_same(&files, &before, &after, pixels);
    assert!(rich >= 20, "{rich}");
    // And back: TIFF to PNG, with nothing lost on either way.
    fs::rename(dir.path("out"), dir.path("tiffs")).unwrap();
    dir.recipe(&format!("{BRIGHTER}[output]\nformat = \"png\"\n"));
    dir.grade(&["tiffs"]).ends(0);
    assert_same(&files, &before, &tags(&dir.path("out")), pixels);
}

/// A picture with tags of every kind, written by exiftool.
fn tagged(dir: &Dir, name: &str) {
    let path = dir.picture(name);
    let arguments = [
        "-IFD0:Make=Maker",
        "-IFD0:Model=Model 1",
        "-IFD0:Artist=J\u{f6}",
        "-IFD0:Copyright=(c) J\u{f6}",
        "-IFD0:ImageDescription=A cat",
        "-IFD0:Software=Raw converter 5",
        "-IFD0:ModifyDate=2024:05:31 10:00:00",
        "-IFD0:Orientation=Rotate 90 CW",
        "-IFD0:XResolution=240",
        "-IFD0:YResolution=240",
        "-IFD0:ResolutionUnit=inches",
        "-ExifIFD:DateTimeOriginal=2024:05:31 09:59:58",
        "-ExifIFD:OffsetTimeOriginal=+02:00",
        "-ExifIFD:ExposureTime=1/250",
        "-ExifIFD:FNumber=2.8",
        "-ExifIFD:ISO=400",
        "-ExifIFD:LensModel=Lens 35mm",
        "-ExifIFD:UserComment=\u{4f60}\u{597d}",
        "-ExifIFD:ColorSpace=sRGB",
        "-InteropIFD:InteropIndex=R98",
        "-ExifIFD:SubjectDistance=1.5",
        "-GPS:GPSLatitude=33.51",
        "-GPS:GPSLatitudeRef=S",
        "-GPS:GPSLongitude=18.02",
        "-GPS:GPSLongitudeRef=E",
        "-GPS:GPSAltitude=12.5",
        "-IPTC:By-line=Jo",
        "-IPTC:CopyrightNotice=(c) Jo",
        "-IPTC:Keywords=cat",
        "-IPTC:Keywords=dog",
        "-IPTC:Caption-Abstract=A cat",
        "-IPTC:Credit=Agency",
        "-XMP-dc:Creator=J\u{f6}",
        "-XMP-dc:Rights=(c) J\u{f6}",
        "-XMP-dc:Title=A <cat> & \"more\"",
        "-XMP-dc:Subject=cat",
        "-XMP-xmp:Rating=4",
        "-XMP-xmpRights:Marked=True",
        "-XMP-photoshop:Credit=Agency",
        "-XMP-xmpMM:DocumentID=xmp.did:1",
        "-XMP-crs:RawFileName=a.nef",
        "-XMP-iptcCore:Location=Home",
        "-Photoshop:CopyrightFlag=True",
        "-Photoshop:URL=http://example.org",
    ];
    let done =
        Command::new("exiftool").args(["-q", "-q", "-overwrite_original", "-m"]).args(arguments).arg(&path).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[cfg_attr(not(has_exiftool), ignore = "needs exiftool in the path")]
fn tags_of_every_kind_survive_in_every_format() {
    let dir = Dir::new();
    tagged(&dir, "in/a.tif");
    tagged(&dir, "in/b.png");
    let before = tags(&dir.path("in"));
    for format in ["input", "tiff", "png"] {
        dir.recipe(&format!("{BRIGHTER}[output]\nformat = \"{format}\"\n"));
        dir.grade(&["in", "--on-exist", "overwrite"]).ends(0);
        let after = tags(&dir.path("out"));
        assert_eq!(after.len(), 2);
        let (pixels, other) = (|key: &str| key.starts_with("PNG"), format != "input");
        assert_same(&[], &before, &after, |key| other && pixels(key));
        for (stem, tags) in &after {
            assert!(compared(&before[stem]) > 40, "{:?}", before[stem]);
            let value = |key: &str| tags.get(key).map(|values| values.join(" "));
            assert_eq!(value("IFD0:Orientation").as_deref(), Some("6"), "{format} {stem}");
            assert_eq!(value("IFD0:XResolution").as_deref(), Some("240"), "{format} {stem}");
            assert_eq!(value("XMP-chiaro:Recipe").as_deref(), Some("\"look\""), "{format} {stem}: {tags:?}");
        }
        fs::remove_dir_all(dir.path("out")).unwrap();
    }
    // Into JPEG, and from JPEG to JPEG.
    dir.recipe(&format!("{BRIGHTER}[output]\nformat = \"jpeg\"\n"));
    dir.grade(&["in"]).ends(0);
    fs::rename(dir.path("out"), dir.path("jpegs")).unwrap();
    dir.recipe(BRIGHTER);
    dir.grade(&["jpegs"]).ends(0);
    for folder in ["jpegs", "out"] {
        let after = tags(&dir.path(folder));
        assert_same(&[], &before, &after, |key| key.starts_with("PNG"));
        let url = |tags: &Tags| tags.get("Photoshop:URL").cloned();
        assert!(
            after.values().all(|tags| url(tags) == url(&before["a"]) && url(tags).is_some()),
            "{folder}: {after:?}"
        );
    }
    fs::remove_dir_all(dir.path("out")).unwrap();
    // Through EXR and back nothing is lost but the profile and what EXR cannot say.
    dir.recipe(&format!("{BRIGHTER}[output]\nformat = \"exr\"\n"));
    let ran = dir.grade(&["in", "-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    fs::rename(dir.path("out"), dir.path("between")).unwrap();
    dir.recipe(&format!("{BRIGHTER}[output]\nformat = \"tiff\"\nbits = 16\ncolor = \"srgb\"\n"));
    dir.grade(&["between"]).ends(0);
    // The light of EXR is linear, which no index of interoperability says.
    let lossy = |key: &str| key.starts_with("PNG") || key == "InteropIFD:InteropIndex" || key.starts_with("ICC");
    assert_same(&[], &before, &tags(&dir.path("out")), lossy);
}

#[test]
#[cfg_attr(not(has_exiftool), ignore = "needs exiftool in the path")]
fn a_policy_leaves_only_what_it_says() {
    let dir = Dir::new();
    tagged(&dir, "in/a.tif");
    tagged(&dir, "in/b.png");
    let shown = [
        "Orientation",
        "XResolution",
        "YResolution",
        "ResolutionUnit",
        "PixelsPerUnitX",
        "PixelsPerUnitY",
        "PixelUnits",
    ];
    let rights = [
        "Artist",
        "Copyright",
        "Creator",
        "Rights",
        "Marked",
        "Credit",
        "By-line",
        "CopyrightNotice",
        "CodedCharacterSet",
        "CopyrightFlag",
        "URL",
        "ApplicationRecordVersion",
        "XMPToolkit",
        "ExifByteOrder",
    ];
    for (policy, wanted) in [("copyright", &rights[..]), ("none", &["ExifByteOrder"][..])] {
        dir.recipe(&format!("{BRIGHTER}[output]\nmetadata = \"{policy}\"\n"));
        dir.grade(&["in"]).ends(0);
        for (stem, tags) in tags(&dir.path("out")) {
            for key in tags.keys() {
                let (group, tag) = (key.split(':').next().unwrap(), key.rsplit(':').next().unwrap());
                let of_pixels = OF_THE_FILE.contains(&group) || group.starts_with("ICC");
                let storage = STORAGE.contains(&tag) || tag.starts_with("Image") || group == "PNG";
                assert!(
                    of_pixels || storage || shown.contains(&tag) || wanted.contains(&tag),
                    "{policy} {stem}: {key}"
                );
            }
            assert_eq!(tags.get("IFD0:Orientation").map(|v| v.join(" ")).as_deref(), Some("6"), "{policy} {stem}");
            for key in ["IFD0:Artist", "XMP-dc:Rights", "IPTC:By-line"] {
                assert_eq!(tags.contains_key(key), policy == "copyright", "{policy} {stem}: {key}");
            }
        }
        fs::remove_dir_all(dir.path("out")).unwrap();
    }
}
