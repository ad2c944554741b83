//! Samples that are used where they lie in a mapped file give what samples give that were read and decompressed.
#![cfg(target_os = "linux")]

mod cli_util;

use std::fs;
use std::path::Path;

use chiaro::picture::{Extent, Region, Strip};
use cli_util::Dir;

/// Rows so long that strips have few, and wait for each other where neighbors are read; large enough to be mapped.
const EXTENT: Extent = Extent { width: 60_000, height: 48 };

const LOOKS: [&str; 3] = [
    "[[op]]\nid = \"sharpen\"\namount = 80\nradius_px = 3\n",
    "[[op]]\nid = \"exposure\"\nev = 0.5\n",
    "[[op]]\nid = \"curves\"\npoints = [[0, 0], [0.5, 0.6], [1, 1]]\n[[output]]\nlong_edge_px = 20000\n",
];

fn samples(path: &Path) -> Strip {
    let mut source = chiaro::codec::open(path, &Default::default()).unwrap();
    let Extent { width, height } = source.info().extent;
    let region = Region { width, y: 0, rows: height };
    let mut strip = Strip::new(region, source.info().layout);
    source.read(region, &mut strip, &cli_util::pictures::pool(1)).unwrap();
    strip
}

#[test]
fn mapped_samples_give_what_read_ones_give() {
    let dir = Dir::new();
    dir.picture_of("in/a.tif", EXTENT);
    dir.recipe("version = 1\n[output]\ncompression = \"deflate\"\n");
    dir.run(&["run", "in/a.tif", "-r", "look.toml", "-o", "packed", "--device", "cpu"]).ends(0);
    assert!(fs::metadata(dir.path("in/a.tif")).unwrap().len() > 16 << 20);
    for (number, look) in LOOKS.iter().enumerate() {
        let output = if look.contains("[[output]]") { "" } else { "[output]\n" };
        dir.recipe(&format!("version = 1\n{look}{output}compression = \"none\"\n"));
        let results = ["in/a.tif", "packed/a.tif"].map(|input| {
            let out = format!("out{number}/{}", input.split('/').next().unwrap_or_default());
            dir.run(&["run", input, "-r", "look.toml", "-o", &out, "--device", "cpu"]).ends(0);
            samples(&dir.path(format!("{out}/a.tif")))
        });
        assert!(results[0].bytes() == results[1].bytes(), "{look}");
    }
}
