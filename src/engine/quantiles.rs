//! How the depth of a picture is spread, from what analyse found.

use std::sync::Arc;

use crate::depth::supplied::SuppliedHistogram;
use crate::ops::quantiles::Quantiles;
use crate::plan::{DepthFacts, RenderFacts};

/// Of estimated depth from the coefficients of the join, of supplied depth from its histogram: values that are no distance do not count.
pub fn of(facts: &RenderFacts, histogram: Option<&SuppliedHistogram>) -> Option<Arc<Quantiles>> {
    let quantiles = match facts.depth.as_ref()? {
        DepthFacts::Joined(join) => Quantiles::of(join.disparities().map(|disparity| (disparity, 1))),
        DepthFacts::Supplied(c) => {
            let normalized = |(disparity, pixels)| (disparity * c.scale + c.offset, pixels);
            Quantiles::of(histogram?.disparities().map(normalized))
        }
    };
    Some(Arc::new(quantiles))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::supplied::SuppliedKind;
    use crate::ops::disparity::{Join, JoinConstants};
    use crate::ops::supplied;

    #[test]
    fn supplied_depth_counts_what_is_a_distance() {
        let mut histogram = SuppliedHistogram::new(SuppliedKind::Depth);
        // A third at 1 m, a third at 2 m, a third of sky; what is no distance does not count.
        histogram.add(&[1.0; 300]);
        histogram.add(&[2.0; 300]);
        histogram.add(&[f32::INFINITY; 300]);
        histogram.add(&[f32::NAN; 900]);
        let norm = histogram.norm();
        let depth = DepthFacts::Supplied(supplied::Constants { scale: norm.scale, offset: norm.offset });
        let facts = RenderFacts { depth: Some(depth), ..RenderFacts::default() };
        let found = of(&facts, Some(&histogram)).unwrap();
        let near = |share: f32, expected: f32| (found.at(share) - expected).abs() < 0.01;
        assert!(near(0.1, 1.0) && near(0.3, 1.0) && near(0.5, 0.5) && near(0.8, 0.0), "{found:?}");
    }

    #[test]
    fn estimated_depth_is_that_of_the_join() {
        let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
        // Half of the picture at 0.75, half at 0.25; one texel in four is an edge between them.
        let texel = |i: u32| match i % 4 {
            0 => [half(0.5), half(0.25) | half(0.75) << 16],
            1 | 2 => [half(0.75), half(0.75) | half(0.75) << 16],
            _ => [half(0.25), half(0.25) | half(0.25) << 16],
        };
        let words: Vec<u32> = (0..40).flat_map(texel).collect();
        let join = Join { constants: JoinConstants::new(0, 8, 5, (80, 50)), words };
        let facts = RenderFacts { depth: Some(DepthFacts::Joined(join)), ..RenderFacts::default() };
        let found = of(&facts, None).unwrap();
        assert!((found.at(0.6) - 0.75).abs() < 1e-3 && (found.at(0.65) - 0.25).abs() < 1e-3, "{found:?}");
        assert!(of(&RenderFacts::default(), None).is_none());
    }
}
