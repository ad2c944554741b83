//! The picture and its colored map in one file: two sinks that each take half of every row, from two lanes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::codec::{Pool, Sink};
use crate::error::{Error, Result};
use crate::picture::{Extent, PixelLayout, Region, Strip};

/// Size of the pair of a picture.
///
/// # Errors
/// `Environment` for pictures of more than 2^31 columns.
pub fn extent(picture: Extent) -> Result<Extent> {
    let width = picture.width.checked_mul(2);
    let wide = || Error::Environment(format!("a picture of {picture} is too wide to lie beside its depth map"));
    Ok(Extent { width: width.ok_or_else(wide)?, ..picture })
}

/// Whether the map lies first in the rows as they are stored, so that an upright view has the picture on the left, or on top where the camera
/// was held upright. Orientations are EXIF 2.32, tag 0x0112: these have the left border of the rows on the right or at the bottom.
pub fn is_swapped(orientation: u16) -> bool {
    matches!(orientation, 2 | 3 | 7 | 8)
}

/// What both halves share.
struct Pair {
    inner: Option<Box<dyn Sink>>,
    path: PathBuf,
    layout: PixelLayout,
    /// The half that came first and waits for the other: which, and its rows.
    waiting: Option<(bool, Strip)>,
    finished: usize,
}

/// One half: `second` = the right one of the rows as stored.
struct Half {
    pair: Arc<Mutex<Pair>>,
    second: bool,
}

/// The sinks of the picture and of the map.
pub fn halves(inner: Box<dyn Sink>, path: &Path, layout: PixelLayout, swapped: bool) -> (Box<dyn Sink>, Box<dyn Sink>) {
    let pair = Pair { inner: Some(inner), path: path.to_owned(), layout, waiting: None, finished: 0 };
    let pair = Arc::new(Mutex::new(pair));
    let half = |second| Box::new(Half { pair: pair.clone(), second }) as Box<dyn Sink>;
    (half(swapped), half(!swapped))
}

impl Sink for Half {
    fn write(&mut self, strip: &Strip, pool: &Pool) -> Result<()> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner).take(self.second, strip, pool)
    }

    fn finish(self: Box<Self>, pool: &Pool) -> Result<()> {
        let mut pair = self.pair.lock().unwrap_or_else(PoisonError::into_inner);
        pair.finished += 1;
        if pair.finished < 2 {
            return Ok(());
        }
        let inner = pair.inner.take();
        drop(pair);
        inner.map_or(Ok(()), |inner| inner.finish(pool))
    }
}

impl Pair {
    fn take(&mut self, second: bool, strip: &Strip, pool: &Pool) -> Result<()> {
        let Some((waits, other)) = self.waiting.take() else {
            self.waiting = Some((second, strip.clone()));
            return Ok(());
        };
        if waits == second
            || other.region != strip.region
            || other.layout != strip.layout
            || strip.layout != self.layout
        {
            return Err(Error::output(&self.path, "internal error: the halves of a pair do not belong together"));
        }
        let (left, right) = if second { (&other, strip) } else { (strip, &other) };
        let region = Region { width: strip.region.width * 2, ..strip.region };
        let mut both = Strip::new(region, self.layout);
        let row = strip.row_bytes().max(1);
        let rows = left.bytes().chunks_exact(row).zip(right.bytes().chunks_exact(row));
        for (to, (left, right)) in both.bytes_mut().chunks_exact_mut(2 * row).zip(rows) {
            let (first, rest) = to.split_at_mut(row);
            first.copy_from_slice(left);
            rest.copy_from_slice(right);
        }
        self.inner.as_mut().map_or(Ok(()), |inner| inner.write(&both, pool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Channels, SampleType};

    const LAYOUT: PixelLayout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };

    struct Keep(Arc<Mutex<(Vec<u8>, bool)>>);

    impl Sink for Keep {
        fn write(&mut self, strip: &Strip, _: &Pool) -> Result<()> {
            self.0.lock().unwrap().0.extend_from_slice(strip.bytes());
            Ok(())
        }
        fn finish(self: Box<Self>, _: &Pool) -> Result<()> {
            self.0.lock().unwrap().1 = true;
            Ok(())
        }
    }

    fn strip(y: u32, value: u8) -> Strip {
        let mut strip = Strip::new(Region { width: 2, y, rows: 2 }, LAYOUT);
        strip.bytes_mut().copy_from_slice(&[value, value + 1, value + 2, value + 3]);
        strip
    }

    #[test]
    fn halves_lie_side_by_side_in_either_order() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for (swapped, expected) in [(false, [1, 2, 11, 12, 3, 4, 13, 14]), (true, [11, 12, 1, 2, 13, 14, 3, 4])] {
            for map_first in [false, true] {
                let kept = Arc::new(Mutex::new((Vec::new(), false)));
                let (mut picture, mut map) = halves(Box::new(Keep(kept.clone())), Path::new("p"), LAYOUT, swapped);
                if map_first {
                    map.write(&strip(0, 11), &pool).unwrap();
                    picture.write(&strip(0, 1), &pool).unwrap();
                } else {
                    picture.write(&strip(0, 1), &pool).unwrap();
                    map.write(&strip(0, 11), &pool).unwrap();
                }
                assert_eq!(kept.lock().unwrap().0, expected);
                picture.finish(&pool).unwrap();
                assert!(!kept.lock().unwrap().1, "the other half may still come");
                map.finish(&pool).unwrap();
                assert!(kept.lock().unwrap().1);
            }
        }
        let (mut picture, _map) = halves(Box::new(Keep(Arc::default())), Path::new("p"), LAYOUT, false);
        picture.write(&strip(0, 1), &pool).unwrap();
        assert!(picture.write(&strip(0, 1), &pool).is_err(), "the same half twice");
    }
}
