//! When a recipe is one function of code values, and when it is not.

use std::path::Path;

use chiaro::color::encodings;
use chiaro::picture::{Access, Alpha, Channels, ColorModel, Extent, Metadata, PictureInfo, PixelLayout, SampleType};
use chiaro::plan::{Exports, PlanRequest, RenderFacts, plan};
use chiaro::recipe::Recipe;

const RGB16: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

/// True when the plan of an sRGB picture of this layout, under a recipe of these operations, is one function of codes.
fn is_one_function(layout: PixelLayout, ops: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let identity = "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";
    std::fs::write(folder.path().join("a.cube"), identity).unwrap();
    let recipe =
        Recipe::from_text("test", &format!("version = 1\n{ops}"), folder.path(), &folder.path().join("test.toml"));
    let recipe = recipe.unwrap();
    let info = PictureInfo {
        extent: Extent { width: 600, height: 40 },
        layout,
        encoding: encodings::srgb(),
        model: ColorModel::AsLayout,
        encoding_source: "test",
        orientation: 1,
        metadata: Metadata::default(),
        access: Access::Random,
        chunk_rows: 16,
        format: "tiff",
        compression: "none",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings: Vec::new(),
    };
    let path = Path::new("picture.tif");
    let plan = plan(&PlanRequest {
        path,
        info: &info,
        recipe: &recipe,
        share_bytes: 1 << 30,
        total_bytes: 1 << 30,
        source_bytes: &|_| 0,
        exports: Exports::default(),
        threads: 2,
        strip_rows: None,
    });
    let plan = plan.unwrap();
    plan.program(&plan.outputs[0], path, &RenderFacts::default()).unwrap().codes.is_some()
}

#[test]
fn a_lut_alone_on_16_bit_color_is_one_function_of_codes() {
    let rgba = PixelLayout { channels: Channels::Rgba, alpha: Alpha::Unassociated, ..RGB16 };
    for layout in [RGB16, rgba] {
        assert!(is_one_function(layout, "[[op]]\nid = \"lut\"\nfile = \"a.cube\"\n"), "{layout}");
    }
    let named = "[[op]]\nid = \"lut\"\nfile = \"a.cube\"\nencoding = \"srgb\"\n";
    assert!(is_one_function(RGB16, named), "the picture's own encoding by its name");
}

#[test]
fn whatever_else_there_is_to_do_needs_the_pass() {
    const ALONE: &str = "[[op]]\nid = \"lut\"\nfile = \"a.cube\"\n";
    let more = [
        "strength = 0.5\n",
        "mask = { luma = [0.2, 0.5] }\n",
        "interpolation = \"trilinear\"\n",
        "encoding = \"rec2020\"\n",
        "[[op]]\nid = \"exposure\"\nev = 1\n",
        "[output]\nbits = 8\n",
        "[output]\ncolor = \"display-p3\"\n",
        "[output]\nlong_edge_px = 100\n",
    ];
    for more in more {
        assert!(!is_one_function(RGB16, &format!("{ALONE}{more}")), "{more}");
    }
    let layouts = [
        PixelLayout { channels: Channels::Gray, ..RGB16 },
        PixelLayout { channels: Channels::Rgba, alpha: Alpha::Associated, ..RGB16 },
        PixelLayout { sample: SampleType::U8, ..RGB16 },
        PixelLayout { sample: SampleType::F32, ..RGB16 },
    ];
    for layout in layouts {
        assert!(!is_one_function(layout, ALONE), "{layout}");
    }
}
