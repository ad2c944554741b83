//! EXR: round trips, channel choice, what a copy carries, damage, and real files.

mod picture_util;

use std::fs;
use std::path::Path;

use chiaro::codec::{Compression, Format, Limits, SinkSpec, open};
use chiaro::color::encodings;
use chiaro::error::{Error, ErrorKind};
use chiaro::picture::{Access, Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use exr::prelude::{
    AnyChannel, AnyChannels, AttributeValue, Blocks, Encoding, FlatSamples, Image, IntegerBounds, Layer,
    LayerAttributes, LineOrder, Text, Vec2, WritableImage,
};
use picture_util::{decode, files, layout, pixels, pool, read_all, spec, testdata, torture, write};

const EXTENT: Extent = Extent { width: 61, height: 47 };
const SIZE: Vec2<usize> = Vec2(61, 47);

fn linear_spec(extent: Extent, layout: PixelLayout) -> SinkSpec {
    spec(extent, layout, encodings::linear_rec709())
}

/// Samples 0, 1, 2, ... times `scale`.
fn ramp(scale: f32) -> Vec<f32> {
    (0..EXTENT.pixels()).map(|i| i as f32 * scale).collect()
}

fn halves(scale: f32) -> FlatSamples {
    FlatSamples::F16(ramp(scale).into_iter().map(half::f16::from_f32).collect())
}

fn floats(scale: f32) -> FlatSamples {
    FlatSamples::F32(ramp(scale))
}

fn ids() -> FlatSamples {
    FlatSamples::U32((0..EXTENT.pixels() as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect())
}

/// A file by the exr crate with these channels.
fn by_crate(path: &Path, channels: Vec<(&str, FlatSamples)>, encoding: Encoding, tune: impl Fn(&mut LayerAttributes)) {
    let mut attributes = LayerAttributes::default();
    tune(&mut attributes);
    let list = channels.into_iter().map(|(name, samples)| AnyChannel::new(name, samples)).collect();
    let layer = Layer::new(SIZE, attributes, encoding, AnyChannels::sort(list));
    Image::from_layer(layer).write().non_parallel().to_file(path).unwrap();
}

fn color() -> Vec<(&'static str, FlatSamples)> {
    vec![("R", halves(0.1)), ("G", halves(0.2)), ("B", halves(0.3))]
}

fn flat_of<'a>(channels: &'a AnyChannels<FlatSamples>, name: &str) -> &'a FlatSamples {
    &channels.list.iter().find(|c| c.name == *name).unwrap().sample_data
}

#[test]
fn every_layout_survives_and_the_crate_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(2));
    for sample in [SampleType::F16, SampleType::F32] {
        for channels in [Channels::Gray, Channels::GrayAlpha, Channels::Rgb, Channels::Rgba] {
            for compression in [Compression::Deflate, Compression::None] {
                let layout = layout(sample, channels, Alpha::Associated);
                let samples = pixels(EXTENT, layout);
                let spec = SinkSpec { compression, ..linear_spec(EXTENT, layout) };
                write(&path, Format::Exr, &spec, &samples, 10, &pool).unwrap();
                let (info, back) = decode(&path, &Limits::default(), &pool).unwrap();
                assert_eq!((info.extent, info.layout, info.access), (EXTENT, layout, Access::Whole), "{layout}");
                assert_eq!(info.encoding, encodings::linear_rec709());
                assert_eq!(info.compression, if compression == Compression::None { "none" } else { "zip" });
                assert!(back == samples, "{layout} {compression:?}");

                use exr::prelude::{ReadChannels, ReadLayers};
                let image = exr::prelude::read()
                    .no_deep_data()
                    .largest_resolution_level()
                    .all_channels()
                    .first_valid_layer()
                    .all_attributes()
                    .pedantic()
                    .from_file(&path)
                    .unwrap();
                let name = if channels.is_color() { "R" } else { "Y" };
                let ours = back.chunks_exact(layout.pixel_bytes());
                match flat_of(&image.layer_data.channel_data, name) {
                    FlatSamples::F16(list) => assert!(list.iter().zip(ours).all(|(a, b)| a.to_ne_bytes() == b[..2])),
                    FlatSamples::F32(list) => assert!(list.iter().zip(ours).all(|(a, b)| a.to_ne_bytes() == b[..4])),
                    FlatSamples::U32(_) => panic!("integers"),
                }
            }
        }
    }
}

#[test]
fn bits_of_nan_and_infinity_survive() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    let extent = Extent { width: 256, height: 256 };
    let layout = layout(SampleType::F16, Channels::Gray, Alpha::None);
    let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_ne_bytes).collect();
    write(&path, Format::Exr, &linear_spec(extent, layout), &all, 256, &pool).unwrap();
    assert!(decode(&path, &Limits::default(), &pool).unwrap().1 == all);
}

#[test]
fn bytes_do_not_depend_on_strips_threads_or_runs() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.exr");
    by_crate(&input, [color(), vec![("Z", floats(1.0)), ("id", ids())]].concat(), Encoding::SMALL_FAST_LOSSLESS, |a| {
        for i in 0..20 {
            a.other.insert(Text::from(format!("note{i}").as_str()), AttributeValue::F32(i as f32));
        }
    });
    let make = |rows, threads, n| {
        let pool = pool(threads);
        let mut source = open::open(&input, &Limits::default()).unwrap();
        let samples = read_all(source.as_mut(), 11, &pool).unwrap();
        let mut spec = linear_spec(EXTENT, source.info().layout);
        spec.extras = source.extras();
        spec.compression = Compression::Input;
        let path = folder.path().join(format!("{n}.exr"));
        write(&path, Format::Exr, &spec, &samples, rows, &pool).unwrap();
        fs::read(&path).unwrap()
    };
    let reference = make(47, 1, 0);
    for (n, (rows, threads)) in [(1, 1), (7, 3), (16, 2), (47, 8)].into_iter().enumerate() {
        assert!(make(rows, threads, n + 1) == reference, "strips of {rows}, {threads} threads");
    }
}

/// Tiles, scan lines in both orders, windows away from the origin: color replaced, all else as it was.
#[test]
fn a_copy_carries_everything_but_color() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output, pool) = (folder.path().join("in.exr"), folder.path().join("out.exr"), pool(2));
    let scan = |c, line_order| Encoding { compression: c, blocks: Blocks::ScanLines, line_order };
    let encodings = [
        scan(exr::prelude::Compression::ZIP1, LineOrder::Increasing),
        scan(exr::prelude::Compression::PIZ, LineOrder::Decreasing),
        scan(exr::prelude::Compression::Uncompressed, LineOrder::Increasing),
        scan(exr::prelude::Compression::RLE, LineOrder::Increasing),
        Encoding {
            compression: exr::prelude::Compression::ZIP16,
            blocks: Blocks::Tiles(Vec2(16, 13)),
            line_order: LineOrder::Unspecified,
        },
    ];
    for encoding in encodings {
        let mut z = ramp(0.5);
        z[3] = f32::INFINITY;
        z[4] = f32::from_bits(0x7fc1_2345);
        let others = vec![("Z", FlatSamples::F32(z.clone())), ("id", ids()), ("mask.A", halves(0.01))];
        by_crate(&input, [color(), others].concat(), encoding, |a| {
            a.layer_position = Vec2(-7, 19);
            a.owner = Some(Text::from("somebody"));
            let custom =
                AttributeValue::Custom { kind: Text::from("weird"), bytes: [1u8, 2, 250].into_iter().collect() };
            a.other.insert(Text::from("studio/custom"), custom);
        });
        let mut source = open::open(&input, &Limits::default()).unwrap();
        assert_eq!(source.info().depth_channel.as_deref(), Some("Z"));
        let extras = source.extras();
        let samples = read_all(source.as_mut(), 7, &pool).unwrap();
        let mut depth = vec![0.0; 2 * 61];
        source.read_depth(Region { width: 61, y: 0, rows: 2 }, &mut depth, &pool).unwrap();
        assert!(depth.iter().zip(&z).all(|(a, b)| a.to_bits() == b.to_bits()));

        let inverted: Vec<u8> = samples.iter().map(|b| !b).collect();
        let mut spec = linear_spec(EXTENT, source.info().layout);
        spec.extras = extras;
        spec.compression = Compression::Input;
        spec.text = vec![("chiaro/kind".into(), "graded".into())];
        drop(source);
        write(&output, Format::Exr, &spec, &inverted, 13, &pool).unwrap();

        let read = |path: &Path| {
            use exr::prelude::{ReadChannels, ReadLayers};
            exr::prelude::read()
                .no_deep_data()
                .largest_resolution_level()
                .all_channels()
                .first_valid_layer()
                .all_attributes()
                .pedantic()
                .from_file(path)
                .unwrap()
        };
        let (before, after) = (read(&input), read(&output));
        let (layer_in, layer_out) = (&before.layer_data, &after.layer_data);
        assert_eq!(layer_in.encoding.compression, layer_out.encoding.compression);
        assert_eq!(layer_in.encoding.blocks, layer_out.encoding.blocks);
        assert_eq!(before.attributes.display_window, after.attributes.display_window);
        assert!(after.attributes.chromaticities.is_some());
        let mut attributes = layer_out.attributes.clone();
        assert!(attributes.other.remove(&Text::from("chiaro/kind")).is_some());
        assert_eq!(attributes, layer_in.attributes);
        for name in ["Z", "id", "mask.A"] {
            let bits =
                |image: &Image<Layer<AnyChannels<FlatSamples>>>| match flat_of(&image.layer_data.channel_data, name) {
                    FlatSamples::F16(v) => v.iter().map(|v| u32::from(v.to_bits())).collect::<Vec<_>>(),
                    FlatSamples::F32(v) => v.iter().map(|v| v.to_bits()).collect(),
                    FlatSamples::U32(v) => v.clone(),
                };
            assert!(bits(&before) == bits(&after), "{name} with {encoding:?}");
        }
        let (_, back) = decode(&output, &Limits::default(), &pool).unwrap();
        assert!(back == inverted, "{encoding:?}");
    }
}

/// Of another size: facts stay, what counts pixels and the other channels go.
#[test]
fn a_resized_copy_carries_what_does_not_speak_of_places() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output, pool) = (folder.path().join("in.exr"), folder.path().join("out.exr"), pool(1));
    let tiled = Encoding {
        compression: exr::prelude::Compression::ZIP1,
        blocks: Blocks::Tiles(Vec2(16, 13)),
        line_order: LineOrder::Increasing,
    };
    by_crate(&input, [color(), vec![("Z", floats(1.0)), ("mask.A", halves(0.01))]].concat(), tiled, |a| {
        a.layer_position = Vec2(-7, 19);
        a.owner = Some(Text::from("somebody"));
        let custom = AttributeValue::Custom { kind: Text::from("weird"), bytes: [1u8, 2, 250].into_iter().collect() };
        a.other.insert(Text::from("studio/custom"), custom);
        let bounds = exr::meta::attribute::IntegerBounds::new(Vec2(1, 2), Vec2(3usize, 4));
        a.other.insert(Text::from("studio/place"), AttributeValue::IntegerBounds(bounds));
    });
    let source = open::open(&input, &Limits::default()).unwrap();
    assert_eq!(source.info().metadata.own_channels, ["Z", "mask.A"]);
    let small = Extent { width: 30, height: 23 };
    let layout = source.info().layout;
    let extras = source.extras();
    let spec = SinkSpec { extras, compression: Compression::Input, ..linear_spec(small, layout) };
    let samples = pixels(small, layout);
    write(&output, Format::Exr, &spec, &samples, 9, &pool).unwrap();

    use exr::prelude::{ReadChannels, ReadLayers};
    let image = exr::prelude::read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .pedantic()
        .from_file(&output)
        .unwrap();
    let layer = &image.layer_data;
    assert_eq!((layer.size, layer.encoding.blocks), (Vec2(30, 23), Blocks::ScanLines));
    assert_eq!(layer.attributes.layer_position, Vec2(0, 0));
    assert_eq!(image.attributes.display_window.size, Vec2(30, 23));
    assert_eq!(layer.attributes.owner, Some(Text::from("somebody")));
    assert!(layer.attributes.other.contains_key(&Text::from("studio/custom")));
    assert!(!layer.attributes.other.contains_key(&Text::from("studio/place")));
    assert_eq!(layer.channel_data.list.len(), 3);
    assert!(decode(&output, &Limits::default(), &pool).unwrap().1 == samples);
}

#[test]
fn lossy_input_compression_becomes_zip() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output, pool) = (folder.path().join("in.exr"), folder.path().join("out.exr"), pool(1));
    let b44 = Encoding {
        compression: exr::prelude::Compression::B44,
        blocks: Blocks::ScanLines,
        line_order: LineOrder::Increasing,
    };
    by_crate(&input, color(), b44, |_| ());
    let mut source = open::open(&input, &Limits::default()).unwrap();
    let samples = read_all(source.as_mut(), 47, &pool).unwrap();
    let mut spec = linear_spec(EXTENT, source.info().layout);
    (spec.extras, spec.compression) = (source.extras(), Compression::Input);
    write(&output, Format::Exr, &spec, &samples, 47, &pool).unwrap();
    let (info, back) = decode(&output, &Limits::default(), &pool).unwrap();
    assert_eq!(info.compression, "zip");
    assert!(back == samples);
}

#[test]
fn channels_are_chosen_or_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.exr");
    let open = |list: Vec<(&str, FlatSamples)>| {
        by_crate(&path, list, Encoding::UNCOMPRESSED, |_| ());
        open::open(&path, &Limits::default())
            .map(|s| (s.info().layout, s.info().depth_channel.clone(), s.info().warnings.clone()))
    };
    let layer = |p: &str| ["R", "G", "B"].map(|c| (format!("{p}.{c}"), halves(0.1)));
    let beauty = layer("beauty");
    let named =
        |l: &'static str| beauty.iter().map(move |(n, s)| (n.replace("beauty", l), s.clone())).collect::<Vec<_>>();
    let refs = |l: &'static [(String, FlatSamples)]| l.iter().map(|(n, s)| (n.as_str(), s.clone())).collect::<Vec<_>>();

    // A single layer, mixed sample types, depth by its second name.
    let one: &'static [_] = named("beauty").leak();
    let (l, depth, _) = open([refs(one), vec![("beauty.A", floats(1.0)), ("depth.Z", halves(1.0))]].concat()).unwrap();
    assert_eq!(l, layout(SampleType::F32, Channels::Rgba, Alpha::Associated));
    assert_eq!(depth.as_deref(), Some("depth.Z"));

    let two: &'static [_] = named("diffuse").leak();
    let error = open([refs(one), refs(two)].concat()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("beauty, diffuse"), "{error}");

    // Plain color wins over layers.
    let (_, _, warnings) = open([color(), refs(one)].concat()).unwrap();
    assert!(warnings.iter().any(|w| w.contains("beauty")), "{warnings:?}");

    let error = open(vec![("U", halves(1.0)), ("V", halves(1.0))]).unwrap_err();
    assert!(error.to_string().contains("U, V"), "{error}");
    let luminance_chroma = vec![("Y", halves(1.0)), ("RY", halves(1.0)), ("BY", halves(1.0))];
    assert_eq!(open(luminance_chroma).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(open(vec![("Y", ids())]).unwrap_err().kind(), ErrorKind::Unsupported);

    // A depth map alone is gray and depth.
    let (l, depth, _) = open(vec![("Z", floats(1.0))]).unwrap();
    assert_eq!((l, depth.as_deref()), (layout(SampleType::F32, Channels::Gray, Alpha::None), Some("Z")));
}

#[test]
fn depth_maps_xmp_and_texts_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    let gray = layout(SampleType::F32, Channels::Gray, Alpha::None);
    let samples = pixels(EXTENT, gray);
    let mut spec = linear_spec(EXTENT, gray);
    spec.gray_name = "Z";
    spec.metadata.xmp = Some("<x>ä</x>".into());
    spec.text = vec![
        ("chiaro.kind".into(), "metric depth".into()),
        ("dataWindow".into(), "no".into()),
        ("a name of more than 31 bytes, legal".into(), "x".into()),
    ];
    write(&path, Format::Exr, &spec, &samples, 5, &pool).unwrap();
    let mut source = open::open(&path, &Limits::default()).unwrap();
    assert_eq!(source.info().depth_channel.as_deref(), Some("Z"));
    assert_eq!(source.info().metadata.xmp, spec.metadata.xmp);
    let mut depth = vec![0.0f32; 61 * 47];
    source.read_depth(Region { width: 61, y: 0, rows: 47 }, &mut depth, &pool).unwrap();
    assert!(bytemuck::cast_slice::<f32, u8>(&depth) == samples);
    let meta = exr::meta::MetaData::read_from_file(&path, true).unwrap();
    let other = &meta.headers[0].own_attributes.other;
    let text = |name: &str| other.get(&Text::from(name)).cloned();
    assert_eq!(text("chiaro.kind"), Some(AttributeValue::Text(Text::from("metric depth"))));
    assert!(text("chiaro.dataWindow").is_some() && text("a name of more than 31 bytes, legal").is_some());
}

#[test]
fn depth_of_another_part_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    let part = |name: &str, list: Vec<(&str, FlatSamples)>| {
        let list = list.into_iter().map(|(n, s)| AnyChannel::new(n, s)).collect();
        Layer::new(SIZE, LayerAttributes::named(name), Encoding::SMALL_LOSSLESS, AnyChannels::sort(list))
    };
    let parts = vec![
        part("normals", vec![("N.X", halves(1.0))]),
        part("rgb", color()),
        part("depth", vec![("Z", floats(0.25))]),
    ];
    let window = exr::prelude::ImageAttributes::new(IntegerBounds::from_dimensions(SIZE));
    let image = Image::from_layers(window, parts);
    image.write().non_parallel().to_file(&path).unwrap();
    let mut source = open::open(&path, &Limits::default()).unwrap();
    assert!(source.info().warnings.iter().any(|w| w.contains("normals, depth")), "{:?}", source.info().warnings);
    let mut depth = vec![0.0; 61 * 47];
    source.read_depth(Region { width: 61, y: 0, rows: 47 }, &mut depth, &pool).unwrap();
    assert_eq!(depth, ramp(0.25));
    let samples = read_all(source.as_mut(), 9, &pool).unwrap();
    assert_eq!(samples[6..8], half::f16::from_f32(0.1).to_ne_bytes());
    torture(&fs::read(&path).unwrap(), folder.path(), &pool);
}

#[test]
fn any_float_channel_can_be_asked_for_as_depth() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    let region = Region { width: 61, y: 0, rows: 47 };
    let asked = |name: &str| {
        let mut source = open::open(&path, &Limits::default()).unwrap();
        let mut depth = vec![0.0; 61 * 47];
        // Also after samples were read.
        read_all(source.as_mut(), 47, &pool).unwrap();
        source.select_depth(name).map(|()| {
            source.read_depth(region, &mut depth, &pool).unwrap();
            depth
        })
    };
    // As Blender names passes; the normal's Z is a choice and no default.
    let blender = [("R", 0.1), ("G", 0.2), ("B", 0.3)].map(|(c, s)| (format!("ViewLayer.Combined.{c}"), halves(s)));
    let mut list: Vec<(&str, FlatSamples)> = blender.iter().map(|(n, s)| (n.as_str(), s.clone())).collect();
    list.extend([("ViewLayer.Normal.Z", floats(0.75)), ("ViewLayer.Depth.Z", floats(0.25)), ("ViewLayer.id", ids())]);
    by_crate(&path, list, Encoding::SMALL_LOSSLESS, |_| ());
    let source = open::open(&path, &Limits::default()).unwrap();
    assert_eq!(source.info().depth_channel.as_deref(), Some("ViewLayer.Depth.Z"));
    assert_eq!(source.info().depth_channels, ["ViewLayer.Depth.Z", "ViewLayer.Normal.Z"]);
    assert_eq!(asked("ViewLayer.Normal.Z").unwrap(), ramp(0.75));
    assert_eq!(asked("ViewLayer.Depth.Z").unwrap(), ramp(0.25));
    assert_eq!(asked("ViewLayer.id").unwrap_err().kind(), ErrorKind::Unsupported);

    // Beside a Z, and in another part under both names.
    let part = |name: &str, list: Vec<(&str, FlatSamples)>| {
        let list = list.into_iter().map(|(n, s)| AnyChannel::new(n, s)).collect();
        Layer::new(SIZE, LayerAttributes::named(name), Encoding::SMALL_LOSSLESS, AnyChannels::sort(list))
    };
    let first = part("rgb", [color(), vec![("Z", floats(0.5)), ("depth.Z", floats(1.0))]].concat());
    let parts = vec![first, part("far", vec![("Z", floats(0.125))])];
    let window = exr::prelude::ImageAttributes::new(IntegerBounds::from_dimensions(SIZE));
    Image::from_layers(window, parts).write().non_parallel().to_file(&path).unwrap();
    assert_eq!((asked("Z").unwrap(), asked("depth.Z").unwrap()), (ramp(0.5), ramp(1.0)));
    assert_eq!((asked("far.Z").unwrap(), asked("rgb.Z").unwrap()), (ramp(0.125), ramp(0.5)));
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    let create = |spec: SinkSpec| {
        let file = fs::File::create(folder.path().join("o.exr")).unwrap();
        open::create(Format::Exr, file, &path, spec)
    };
    let integer = layout(SampleType::U16, Channels::Rgb, Alpha::None);
    assert_eq!(create(linear_spec(EXTENT, integer)).err().unwrap().kind(), ErrorKind::Unsupported);
    let unassociated = layout(SampleType::F16, Channels::Rgba, Alpha::Unassociated);
    assert_eq!(create(linear_spec(EXTENT, unassociated)).err().unwrap().kind(), ErrorKind::Unsupported);

    // Extras of another format, extras that were never filled, rows missing.
    by_crate(&path, [color(), vec![("Z", floats(1.0))]].concat(), Encoding::UNCOMPRESSED, |_| ());
    let source = open::open(&path, &Limits::default()).unwrap();
    let rgb = source.info().layout;
    assert!(create(SinkSpec { extras: Some(std::sync::Arc::new(1u8)), ..linear_spec(EXTENT, rgb) }).is_err());
    let mut sink = create(SinkSpec { extras: source.extras(), ..linear_spec(EXTENT, rgb) }).unwrap();
    sink.write(&Strip::new(Region { width: 61, y: 0, rows: 47 }, rgb), &pool).unwrap();
    assert!(sink.finish(&pool).unwrap_err().to_string().contains("not read"));
    let sink = create(linear_spec(EXTENT, rgb)).unwrap();
    assert_eq!(sink.finish(&pool).unwrap_err().kind(), ErrorKind::Output);

    // A window of 2^30 - 1 squared costs nothing.
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(11).position(|w| w == b"dataWindow\0").unwrap() + 11 + 6 + 4;
    bytes[at..at + 16]
        .copy_from_slice(&[[0, 0, 0, 0], [0, 0, 0, 0], [0xfe, 0xff, 0xff, 0x3f], [0xfe, 0xff, 0xff, 0x3f]].concat());
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(open::open(&path, &Limits::default()), Err(Error::Limit { what: "number of pixels", .. })));
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pool) = (folder.path().join("a.exr"), pool(1));
    use exr::prelude::Compression as C;
    for compression in
        [C::Uncompressed, C::RLE, C::ZIP1, C::ZIP16, C::PIZ, C::PXR24, C::B44, C::B44A, C::DWAA(None), C::DWAB(None)]
    {
        let blocks = if compression == C::ZIP16 { Blocks::Tiles(Vec2(16, 16)) } else { Blocks::ScanLines };
        let encoding = Encoding { compression, blocks, line_order: LineOrder::Increasing };
        by_crate(&path, [color(), vec![("Z", floats(1.0))]].concat(), encoding, |_| ());
        let survivors = torture(&fs::read(&path).unwrap(), folder.path(), &pool);
        println!("{compression:?}: {survivors} of 400 flips gave a picture (EXR has no checksums)");
    }
}

#[test]
#[cfg_attr(not(has_testdata), ignore = "CHIARO_TESTDATA is not set")]
fn real_files() {
    let Some(folder) = testdata("exr") else { return };
    let pool = pool(2);
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for path in files(&folder, "exr") {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        match decode(&path, &Limits::default(), &pool) {
            Ok((info, bytes)) => {
                assert_eq!(bytes.len() as u64, info.extent.pixels() * info.layout.pixel_bytes() as u64);
                println!(
                    "{name}: {} {}, {}, {}, depth {:?} {:?}",
                    info.extent, info.layout, info.compression, info.encoding.name, info.depth_channel, info.warnings
                );
                good.push(name);
            }
            Err(e) => refused.push((name, e)),
        }
    }
    println!("{} decoded, {} refused:", good.len(), refused.len());
    refused.iter().for_each(|(n, e)| println!("{n}: {:?} {e}", e.kind()));
    assert!(good.len() > 30, "only {} were decoded", good.len());
    assert!(refused.iter().all(|(_, e)| e.kind() == ErrorKind::Unsupported), "legal files");
    for known in
        ["TestImages/AllHalfValues", "TestImages/BrightRingsNanInf", "Tiles/GoldenGate", "Beachball/singlepart"]
    {
        assert!(good.iter().any(|n| n.contains(known)), "{known}");
    }
}
