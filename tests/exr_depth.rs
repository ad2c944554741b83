//! Depth in EXR files: channels by any name, windows that say where pixels lie, and parts in any order.

mod common;

use std::path::{Path, PathBuf};

use chiaro::codec::{self, Compression, Format, SinkSpec};
use chiaro::color::encodings;
use chiaro::engine::job::{DepthExport, Outcome, Status, Work};
use chiaro::picture::{Channels, Extent, Frame, Metadata, Region, SampleType, Strip, Window};
use exr::prelude::{
    AnyChannel, AnyChannels, Encoding, FlatSamples, Image, ImageAttributes, IntegerBounds, Layer, LayerAttributes,
    Vec2, WritableImage,
};

const EXTENT: Extent = Extent { width: 96, height: 64 };

/// Depth of a pixel: a floor and a box in front of it.
fn depth(x: u32, y: u32) -> f32 {
    if (30..48).contains(&x) && (12..58).contains(&y) { 2.0 } else { 96.0 / (3.0 + y as f32) }
}

fn depths(extent: Extent) -> Vec<f32> {
    (0..extent.height).flat_map(|y| (0..extent.width).map(move |x| depth(x, y))).collect()
}

fn window(min: [i32; 2], max: [i32; 2]) -> Window {
    Window { min, max }
}

/// Overscan: the picture reaches beyond what is shown.
fn over() -> Frame {
    Frame { data: window([-8, -4], [87, 59]), display: window([0, 0], [79, 55]), elsewhere: Vec::new() }
}

/// Writes floats as an EXR file; one channel is named `gray`.
fn write(
    path: &Path,
    extent: Extent,
    (channels, gray): (Channels, &'static str),
    values: &[f32],
    frame: Option<Frame>,
) {
    let region = Region { width: extent.width, y: 0, rows: extent.height };
    let mut strip = Strip::new(region, common::layout(SampleType::F32, channels));
    bytemuck::cast_slice_mut::<_, f32>(strip.words_mut())[..values.len()].copy_from_slice(values);
    let spec = SinkSpec {
        encoding: encodings::linear_rec709(),
        metadata: Metadata { frame, ..Metadata::default() },
        gray_name: gray,
        ..common::spec(extent, strip.layout, Compression::Deflate)
    };
    let pool = common::pool(1);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut sink = codec::create(Format::Exr, file, path, spec).unwrap();
    sink.write(&strip, &pool).unwrap();
    sink.finish(&pool).unwrap();
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A picture in color.
    fn picture(&self, name: &str, frame: Option<Frame>) {
        let values: Vec<f32> = (0..EXTENT.pixels() * 3).map(|i| (i % 251) as f32 / 251.0).collect();
        write(&self.path(name), EXTENT, (Channels::Rgb, "Y"), &values, frame);
    }

    fn map(&self, name: &str, channel: &'static str, extent: Extent, frame: Option<Frame>) {
        write(&self.path(name), extent, (Channels::Gray, channel), &depths(extent), frame);
    }

    fn run(&self, out: &str, text: &str, work: &Work) -> Outcome {
        let recipe = common::recipe(&format!("version = 1\n{text}"));
        let (_, mut outcomes) = common::run(common::options(&self.path(out)), recipe, &self.path("in"), work);
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    /// The 16-bit map of depth from `source`.
    fn codes(&self, source: &str) -> Vec<u16> {
        let outcome = self.depth(source);
        assert_eq!(outcome.status, Status::Done, "{source}");
        common::samples_u16(&common::read(&self.path("out/a_depth.png"))).to_vec()
    }

    fn depth(&self, source: &str) -> Outcome {
        let _ = std::fs::remove_dir_all(self.path("out"));
        self.run("out", &format!("[depth]\nsource = {source:?}\n"), &Work::Depth(vec![DepthExport::Png]))
    }

    fn refusal(&self, source: &str) -> String {
        match self.depth(source).status {
            Status::Failed { message, .. } => message,
            other => panic!("{source}: {other:?}"),
        }
    }

    fn frame(&self, name: &str) -> (Window, Window) {
        let source = codec::open(&self.path(name), &Default::default()).unwrap();
        let frame = source.info().metadata.frame.clone().unwrap();
        (frame.data, frame.display)
    }
}

/// A file beside the picture is read for the channel that is named, whatever its name and whatever else is there.
#[test]
fn a_named_channel_needs_no_color() {
    let place = Place::new();
    place.picture("in/a.exr", None);
    place.map("m/a.exr", "Z", EXTENT, None);
    let truth = place.codes("../m/{stem}.exr:Z");
    assert!(truth.iter().max() > Some(&60_000) && truth.iter().min() < Some(&5000));
    for name in ["depth", "z", "Depth.V", "Depth.X", "depth.Y", "Y", "beauty.Depth.Z"] {
        place.map("m/a.exr", name, EXTENT, None);
        assert!(place.codes(&format!("../m/{{stem}}.exr:{name}")) == truth, "{name}");
    }
    // The only channel need not be named.
    place.map("m/a.exr", "depth", EXTENT, None);
    assert!(place.codes("../m/{stem}.exr") == truth);
    let message = place.refusal("../m/{stem}.exr:Z");
    assert!(message.contains("no channel \"Z\"; it has \"depth\""), "{message}");

    // Of several something must be said, and a channel of integers or of color is a channel, too.
    let ids = FlatSamples::U32(depths(EXTENT).iter().map(|z| (z * 1e6) as u32).collect());
    parts(&place.path("m/a.exr"), vec![part("", [0, 0], vec![("near", floats()), ("id", ids)])]);
    let message = place.refusal("../m/{stem}.exr");
    assert!(message.contains("it has: id, near") && message.contains("FILE.exr:CHANNEL"), "{message}");
    assert!(place.codes("../m/{stem}.exr:near") == truth);
    let off = place.codes("../m/{stem}.exr:id").into_iter().zip(&truth).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off < Some(64), "{off:?}");
    parts(&place.path("m/a.exr"), vec![part("", [0, 0], ["R", "G", "B"].map(|name| (name, floats())).to_vec())]);
    assert!(place.codes("../m/{stem}.exr:G") == truth);
}

/// A depth map has the windows of its picture, and comes home.
#[test]
fn maps_are_written_where_the_picture_lies() {
    let place = Place::new();
    place.picture("in/a.exr", Some(over()));
    place.map("m/a.exr", "Z", EXTENT, Some(over()));
    let truth = place.codes("../m/{stem}.exr");
    let keys = "[depth]\nsource = \"../m/{stem}.exr\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n";
    let exports = Work::Depth(vec![DepthExport::Exr]);
    assert_eq!(place.run("maps", keys, &exports).status, Status::Done);
    let outputs = "[[output]]\nname = \"graded\"\n[[output]]\nname = \"z\"\nkind = \"depth\"\nformat = \"exr\"\n";
    assert_eq!(place.run("all", &format!("{keys}{outputs}"), &Work::Grade).status, Status::Done);
    for name in ["in/a.exr", "maps/a_depth.exr", "all/graded/a.exr", "all/z/a_depth.exr"] {
        assert_eq!(place.frame(name), (over().data, over().display), "{name}");
    }
    let back = place.codes("../maps/{stem}_depth.exr");
    let off = back.iter().zip(&truth).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(off < 700, "{off}");
}

/// As many pixels are not the same pixels.
#[test]
fn maps_of_other_windows_are_refused() {
    let place = Place::new();
    place.picture("in/a.exr", Some(over()));
    place.map("m/a.exr", "Z", EXTENT, None);
    let message = place.refusal("../m/{stem}.exr");
    let (here, there) =
        ("data window (-8, -4) to (87, 59) in display window (0, 0) to (79, 55)", "data window (0, 0) to (95, 63)");
    assert!(message.contains(here) && message.contains(there) && message.contains("without windows"), "{message}");
    // A part of what is shown, once of another aspect and once of the same.
    for (width, height) in [(80, 64), (48, 32)] {
        let extent = Extent { width, height };
        let data = window([8, 0], [7 + width as i32, height as i32 - 1]);
        let frame = Frame { data, display: Window::at_origin(EXTENT), elsewhere: Vec::new() };
        place.map("m/a.exr", "Z", extent, Some(frame));
        for (picture, frame) in [("in/a.exr", None), ("in/a.tif", None)] {
            let _ = std::fs::remove_dir_all(place.path("in"));
            match picture {
                "in/a.exr" => place.picture(picture, frame),
                _ => common::write(&place.path(picture), Format::Tiff, &common::scene(EXTENT, 7), Compression::None),
            }
            let message = place.refusal("../m/{stem}.exr");
            assert!(message.contains(&format!("data window {data} in display window (0, 0) to (95, 63)")), "{message}");
        }
    }
    // Of half the size, of the same place.
    let _ = std::fs::remove_dir_all(place.path("in"));
    place.picture("in/a.exr", Some(over()));
    let half = Frame { data: window([-4, -2], [43, 29]), display: window([0, 0], [39, 27]), elsewhere: Vec::new() };
    place.map("m/a.exr", "Z", Extent { width: 48, height: 32 }, Some(half));
    place.codes("../m/{stem}.exr");
}

/// The part with color is the picture, the part with depth its depth, whichever stands first.
#[test]
fn color_is_the_picture_wherever_it_stands() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    let color = || part("beauty", [0, 0], ["R", "G", "B"].map(|name| (name, ramp())).to_vec());
    let gray = || part("matte", [0, 0], vec![("Y", floats())]);
    let z = || part("depth", [0, 0], vec![("Z", floats())]);
    let keys = "[depth]\nsource = \"auto\"\n[[op]]\nid = \"haze\"\ndensity = 0.5\n";
    let mut graded = Vec::new();
    for list in [vec![color(), z()], vec![z(), color()], vec![z(), gray(), color()]] {
        parts(&place.path("in/a.exr"), list);
        let _ = std::fs::remove_dir_all(place.path("out"));
        let outcome = place.run("out", keys, &Work::Grade);
        assert_eq!((outcome.status, outcome.depth.as_deref()), (Status::Done, Some("channel Z")));
        let said = outcome.warnings.join("\n");
        assert!(said.contains("only \"beauty\" is graded") && !said.contains("no color"), "{said}");
        let strip = common::read(&place.path("out/a.exr"));
        assert_eq!(strip.layout.channels, Channels::Rgb);
        graded.push(strip.words().to_vec());
    }
    assert!(graded.windows(2).all(|pair| pair[0] == pair[1]));
    // Y is color where no part has more, and depth is gray where no part has any.
    for (list, name) in [(vec![z(), gray()], Some("matte")), (vec![z()], None)] {
        parts(&place.path("in/a.exr"), list);
        let source = codec::open(&place.path("in/a.exr"), &Default::default()).unwrap();
        let said = source.info().warnings.join("\n");
        match name {
            Some(name) => assert!(said.contains(&format!("only {name:?} is graded")), "{said}"),
            None => assert!(said.contains("no color"), "{said}"),
        }
        assert_eq!(source.info().depth_channel.as_deref(), Some("Z"));
    }
    // Color that cannot be read is no reason to grade depth.
    let many = ["a.R", "a.G", "a.B", "b.R", "b.G", "b.B"].map(|name| (name, ramp())).to_vec();
    parts(&place.path("in/a.exr"), vec![z(), part("layers", [0, 0], many)]);
    let error = codec::open(&place.path("in/a.exr"), &Default::default()).err().unwrap().to_string();
    assert!(error.contains("several layers hold color"), "{error}");
}

/// Depth of the picture's own file that lies elsewhere than the picture.
#[test]
fn a_depth_part_of_another_window_is_told() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    let color = part("beauty", [0, 0], ["R", "G", "B"].map(|name| (name, ramp())).to_vec());
    parts(&place.path("in/a.exr"), vec![color, part("depth", [10, 5], vec![("Z", floats()), ("other", floats())])]);
    let words = "another data window, (10, 5) to (105, 68), than the picture, (0, 0) to (95, 63)";
    for name in ["Z", "depth.Z", "other"] {
        let message = place.refusal(&format!("exr:{name}"));
        assert!(message.contains(words) && message.contains(&format!("{name:?}")), "{message}");
    }
    let outcome = place.depth("auto");
    let said = outcome.warnings.join("\n");
    assert!(outcome.status == Status::Done && outcome.depth.is_some_and(|depth| depth.starts_with("model")), "{said}");
    assert!(said.contains(words) && said.contains("depth is estimated") && said.contains("exr:Z"), "{said}");
    // Nobody asks for it: nothing is said.
    let said = place.depth("model").warnings.join("\n");
    assert!(!said.contains("window"), "{said}");
    // The same part as a map of another picture is what it says.
    std::fs::create_dir(place.path("m")).unwrap();
    std::fs::rename(place.path("in/a.exr"), place.path("m/a.exr")).unwrap();
    let frame = Frame { data: window([10, 5], [105, 68]), display: Window::at_origin(EXTENT), elsewhere: Vec::new() };
    place.picture("in/a.exr", Some(frame));
    place.codes("../m/{stem}.exr:Z");
}

fn floats() -> FlatSamples {
    FlatSamples::F32(depths(EXTENT))
}

fn ramp() -> FlatSamples {
    FlatSamples::F32((0..EXTENT.pixels()).map(|i| (i % 97) as f32 / 97.0).collect())
}

type Part = Layer<AnyChannels<FlatSamples>>;

fn part(name: &str, at: [i32; 2], list: Vec<(&str, FlatSamples)>) -> Part {
    let mut attributes = LayerAttributes { layer_position: Vec2(at[0], at[1]), ..LayerAttributes::default() };
    attributes.layer_name = (!name.is_empty()).then(|| name.into());
    let list = list.into_iter().map(|(name, samples)| AnyChannel::new(name, samples)).collect();
    Layer::new(Vec2(96, 64), attributes, Encoding::SMALL_LOSSLESS, AnyChannels::sort(list))
}

fn parts(path: &Path, list: Vec<Part>) {
    let shown = ImageAttributes::new(IntegerBounds::from_dimensions(Vec2(96, 64)));
    Image::from_layers(shown, list).write().non_parallel().to_file(path).unwrap();
}
