//! Zones follow the depth of each picture, whether its map is read as it is or joined.

mod common;

use chiaro::codec::{Compression, Format};
use chiaro::engine::job::Work;
use chiaro::picture::{Channels, Extent, Region, SampleType, Strip};

const EXTENT: Extent = Extent { width: 96, height: 64 };
/// The nearer half brighter by a stop, without a soft border. Half of the map is nearer than 1/16 of the range, where even depth would
/// have its border at 1/2.
const RECIPE: &str = "version = 1\n[depth]\nsource = \"../{stem}_depth.png\"\nunit = \"relative\"\n\
    [[op]]\nid = \"zones\"\nquantiles = [0.5]\nsoftness = 0\nexposure = [1, 0]\n";

fn gray(extent: Extent, code: impl Fn(u32) -> u16) -> Strip {
    let region = Region { width: extent.width, y: 0, rows: extent.height };
    let mut strip = Strip::new(region, common::layout(SampleType::U16, Channels::Gray));
    let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
    samples.iter_mut().zip((0..extent.width).cycle()).for_each(|(sample, x)| *sample = code(x));
    strip
}

#[test]
fn halves_are_halves_of_the_picture() {
    for size in [EXTENT, Extent { width: 48, height: 32 }] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let nearer = |x: u32| ((f64::from(x) + 0.5) / f64::from(size.width)).powi(4) * 65_534.0 + 1.0;
        common::write(&folder.join("in/a.tif"), Format::Tiff, &gray(EXTENT, |_| 20_000), Compression::None);
        common::write(
            &folder.join("a_depth.png"),
            Format::Png,
            &gray(size, |x| nearer(x) as u16),
            Compression::Deflate,
        );
        let options = common::options(&folder.join("out"));
        let (summary, outcomes) = common::run(options, common::recipe(RECIPE), &folder.join("in"), &Work::Grade);
        assert_eq!(summary.done, 1, "{outcomes:?}");
        let graded = common::samples_u16(&common::read(&folder.join("out/a.tif"))).to_vec();
        let row = &graded[..EXTENT.width as usize];
        assert!(row[..40].iter().all(|code| *code == 20_000), "{size}: {row:?}");
        assert!(row[56..].iter().all(|code| *code > 25_000), "{size}: {row:?}");
    }
}
