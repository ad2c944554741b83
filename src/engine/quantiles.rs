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
