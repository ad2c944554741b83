//! What the numbers of a depth map mean.
//!
//! Keys and words are for programs first: `depth:kind` is `relative-disparity`, `relative-depth`, `metric-depth` or (of maps for people)
//! `preview`; `depth:unit` is `relative` or `meters`; `depth:polarity` is `near-is-large` or `near-is-small`.

use super::Form;
use crate::depth::join::Normalization;
use crate::depth::reduce::percentile;
use crate::depth::registry::ModelEntry;
use crate::engine::job::DepthExport;
use crate::plan::{MetricScale, SuppliedKind};

/// Whether distances are known in meters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KnownUnit {
    /// Not at all.
    #[default]
    Relative,
    /// They are.
    Meters,
    /// Distances, in a unit that nobody says; taken for meters where meters are asked for, with a warning.
    Undeclared,
}

/// What is known of a map beside its values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapFacts {
    /// Disparity where the normalized one is 1: 1/m where the unit is meters, else in the source's own scale.
    pub near: f32,
    /// Disparity where it is 0.
    pub far: f32,
    /// Unit of the source.
    pub unit: KnownUnit,
    /// Id and SHA-256 of the model, where one estimated it.
    pub model: Option<(String, String)>,
    /// What the numbers of a supplied map are; `None` for estimated depth.
    pub supplied: Option<SuppliedKind>,
    /// The recipe ties the map to meters (`near_m`, `far_m`).
    pub tied: bool,
}

impl MapFacts {
    /// Of a map in disparity that `norm` normalizes. A constant one has one disparity near and far.
    pub fn of(map: &[f32], norm: Normalization, unit: KnownUnit) -> Self {
        let (far, near) = if norm.scale > 0.0 {
            (-norm.offset / norm.scale, (1.0 - norm.offset) / norm.scale)
        } else {
            let middle = percentile(map, 50.0).unwrap_or(0.0);
            (middle, middle)
        };
        Self { near, far, unit, ..Self::default() }
    }

    /// The same, estimated by a model.
    pub fn by(self, model: &ModelEntry) -> Self {
        let unit = if model.output.is_metric() { KnownUnit::Meters } else { KnownUnit::Relative };
        Self { unit, model: Some((model.id.clone(), model.sha256.clone())), ..self }
    }

    /// The same, tied to meters: whatever was known of them before, the recipe says it better.
    pub fn tied(self, scale: Option<MetricScale>) -> Self {
        let Some(MetricScale { scale, offset }) = scale else { return self };
        let (far, near) = (-offset / scale, (1.0 - offset) / scale);
        Self { near, far, unit: KnownUnit::Meters, tied: true, ..self }
    }

    /// Whether disparity is `far + d * (near - far)`: not where distances of unknown scale were bent to look like disparity.
    fn is_straight(&self) -> bool {
        self.tied || self.supplied != Some(SuppliedKind::Distance)
    }

    /// Meters of a normalized disparity; infinity where there is no distance.
    #[inline(always)]
    pub fn meters(&self, normalized: f32) -> f32 {
        let disparity = self.far + normalized * (self.near - self.far);
        if disparity > 0.0 { 1.0 / disparity } else { f32::INFINITY }
    }
}

/// The facts of a file; `source` says in words where depth came from.
pub fn text(form: Form, map: &MapFacts, source: &str) -> Vec<(String, String)> {
    let (kind, unit, polarity, scale) = match form.export {
        DepthExport::Preview | DepthExport::SideBySide => {
            ("preview", "relative", form.colors.legend(), "1st to 99th percentile of disparity is the whole color map")
        }
        _ if form.is_metric() => {
            ("metric-depth", "meters", "near-is-small", "distance from the camera; infinity = none")
        }
        DepthExport::Exr => (
            "relative-depth",
            "relative",
            "near-is-small",
            "Z = 1.2 / (d + 0.2), where 1st to 99th percentile of disparity d is 0 to 1: 1 = nearest, 6 = farthest",
        ),
        _ => ("relative-disparity", "relative", "near-is-large", "1st to 99th percentile of disparity is 0 to 1"),
    };
    let mut facts = vec![
        ("depth:kind", kind.to_owned()),
        ("depth:unit", unit.to_owned()),
        ("depth:polarity", polarity.to_owned()),
        ("depth:scale", scale.to_owned()),
        ("depth:source", source.to_owned()),
    ];
    if kind == "preview" {
        facts.push(("depth:colors", form.colors.name().to_owned()));
    }
    if let Some((id, hash)) = &map.model {
        facts.push(("depth:model", id.clone()));
        facts.push(("depth:model-sha256", hash.clone()));
    }
    if kind.starts_with("relative") && map.is_straight() && map.near.is_finite() && map.far.is_finite() {
        // Disparity = far + d * (near - far): what undoes the normalization.
        facts.push(("depth:near", map.near.to_string()));
        facts.push(("depth:far", map.far.to_string()));
    }
    // TIFF has one text for all facts, with "; " between them.
    facts.into_iter().map(|(key, value)| (key.to_owned(), value.replace("; ", ", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::join::normalize;

    #[test]
    fn normalized_disparity_goes_back_to_meters() {
        let depths: Vec<f32> = (0..1000).map(|i| 1.0 + i as f32 * 0.05).collect();
        let map: Vec<f32> = depths.iter().map(|z| 1.0 / z).collect();
        let (normalized, norm) = normalize(&map);
        let facts = MapFacts::of(&map, norm, KnownUnit::Meters);
        for (d, z) in normalized.iter().zip(&depths) {
            assert!((facts.meters(*d) / z - 1.0).abs() < 1e-4, "{z}: {}", facts.meters(*d));
        }
        assert_eq!(facts.meters(-1e9), f32::INFINITY);
    }

    #[test]
    fn a_wall_is_as_far_as_it_is() {
        let map = vec![0.25; 100];
        let (normalized, norm) = normalize(&map);
        assert_eq!(MapFacts::of(&map, norm, KnownUnit::Meters).meters(normalized[0]), 4.0);
    }
}
