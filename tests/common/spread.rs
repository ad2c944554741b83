//! An area operation for tests alone: two stages with a margin, which read every plane there is. The listed operations may do without any.

use chiaro::ops::area::{Area, Planes, Reach};
use chiaro::ops::{CHUNK, Chunk, Context, Op, Step, Tables};
use chiaro::picture::Extent;

pub struct Spread;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    stage: u32,
    reach: i32,
}

/// Mixes guide and disparity of a column into `aux`, then colors of a row with that and the mask above.
const TEXT: &str = "struct Spread {
    stage: u32,
    reach: i32,
}

fn spread(c: Spread, before: Px) -> Px {
    var px = before;
    let x = i32(px.x);
    let y = i32(px.y);
    let count = f32(2 * c.reach + 1);
    var sum = 0.0;
    var rgb = vec3(0.0);
    for (var d = -c.reach; d <= c.reach; d++) {
        if c.stage == 0u {
            sum += area_guide(x, y + d) - 0.5 * area_disparity(x, y + d);
        } else {
            rgb += area_color(x + d, y);
        }
    }
    if c.stage == 0u {
        px.aux = sum / count;
    } else {
        let added = 0.2 * area_aux(x + c.reach, y) + 0.1 * area_mask(x, y - 1);
        px.rgb = rgb / count + vec3(added * area_alpha(x, y));
    }
    return px;
}
";

impl Op for Spread {
    const ID: &'static str = "spread";
    const WGSL: &'static str = TEXT;
    const AREA: bool = true;
    type Params = chiaro::ops::invert::Params;
    type Constants = Constants;

    fn prepare(_: &Self::Params, context: &Context, _: &mut Tables) -> Result<Constants, String> {
        Ok(Constants { stage: context.stage, reach: 3 })
    }

    fn gather(c: &Constants, _: &[u32], planes: &Planes, chunk: &mut Chunk) {
        let (n, y) = (chunk.len.min(CHUNK), i64::from(chunk.y));
        let count = (2 * c.reach + 1) as f32;
        for i in 0..n {
            let at = |plane: usize, dx: i32, dy: i32| {
                let x = chunk.x as i64 + i as i64 + i64::from(dx) + planes.pad() as i64;
                planes.row(plane, y + i64::from(dy))[x as usize]
            };
            let sum = |value: &dyn Fn(i32) -> f32| (-c.reach..=c.reach).map(value).sum::<f32>() / count;
            if c.stage == 0 {
                let aux = sum(&|d| at(4, 0, d) - 0.5 * at(5, 0, d));
                chunk.aux[i] = aux;
            } else {
                let added = (0.2 * at(7, c.reach, 0) + 0.1 * at(6, 0, -1)) * at(3, 0, 0);
                let rgb = [0, 1, 2].map(|channel| sum(&|d| at(planes.color(channel), d, 0)) + added);
                (0..3).for_each(|channel| chunk.rgb[channel][i] = rgb[channel]);
            }
        }
    }
}

/// Both stages for a picture of `extent`.
pub fn stages(extent: Extent, strength: f32) -> Vec<Step> {
    let reach = 3;
    let margins = [Reach::Margin { x: 0, y: reach as u32 }, Reach::Margin { x: reach as u32, y: 1 }];
    let stage = |(stage, reach_of): (u32, Reach)| {
        let mut step = Step::new::<Spread>(&Constants { stage, reach }, if stage == 1 { strength } else { 1.0 });
        step.area = Some(Area { extent_in: extent, extent_out: extent, reach: reach_of });
        step.last = stage == 1;
        step
    };
    (0..).zip(margins).map(stage).collect()
}
