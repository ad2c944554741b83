//! The depth gate of a recipe: how bad a depth map may look before its picture goes to review instead of being delivered.

use crate::ops::Value;

/// Limits on the scores of a map; `None` = any score passes. What the scores are, `depth::gate` says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Largest share of the picture at one distance, 0 to 1.
    pub max_flatness: Option<f32>,
    /// Most by which the top of the picture may be nearer than its bottom, -1 to 1.
    pub max_inversion: Option<f32>,
    /// Nearest that the sky may be, 0 (farthest) to 1 (nearest).
    pub max_sky_near: Option<f32>,
    /// Largest step along a straight line that the picture does not have, 0 to 1.
    pub max_seam: Option<f32>,
    /// Least agreement of the map's edges with the picture's, 0 to 1; 0.5 is chance.
    pub min_edge_agreement: Option<f32>,
}

/// What `gate = "usual"` means: beyond what good maps of photographs reach (docs/depth.md has the figures), so that what it stops is worth a look.
pub const USUAL: Limits = Limits {
    max_flatness: Some(0.9),
    max_inversion: Some(0.3),
    max_sky_near: Some(0.5),
    max_seam: Some(0.05),
    min_edge_agreement: Some(0.52),
};

/// Keys of `[depth]` that set one limit each.
pub const KEYS: [&str; 5] = ["max_flatness", "max_inversion", "max_sky_near", "max_seam", "min_edge_agreement"];

impl Limits {
    /// All limits with their keys.
    pub fn all(&self) -> [(&'static str, Option<f32>); 5] {
        let values = [self.max_flatness, self.max_inversion, self.max_sky_near, self.max_seam, self.min_edge_agreement];
        std::array::from_fn(|i| (KEYS[i], values[i]))
    }

    fn at(&mut self, key: &str) -> Option<&mut Option<f32>> {
        Some(match key {
            "max_flatness" => &mut self.max_flatness,
            "max_inversion" => &mut self.max_inversion,
            "max_sky_near" => &mut self.max_sky_near,
            "max_seam" => &mut self.max_seam,
            "min_edge_agreement" => &mut self.min_edge_agreement,
            _ => return None,
        })
    }
}

/// The gate as recipes set it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gate {
    /// `gate = "usual"`: [`USUAL`] holds where no limit of its own is given.
    pub usual: bool,
    /// Limits that are given one by one.
    pub own: Limits,
}

impl Gate {
    /// Words of the key `gate`.
    pub(super) fn words() -> Vec<&'static str> {
        vec!["off", "usual"]
    }

    /// The limits that hold.
    pub fn limits(&self) -> Limits {
        let mut limits = if self.usual { USUAL } else { Limits::default() };
        for (key, own) in self.own.all() {
            if let (Some(limit), Some(own)) = (limits.at(key), own) {
                *limit = Some(own);
            }
        }
        limits
    }

    /// True when a picture can be sent to review.
    pub fn is_on(&self) -> bool {
        self.limits() != Limits::default()
    }

    /// Sets the limit of a key; false when there is no such key.
    pub(super) fn set(&mut self, key: &str, limit: f32) -> bool {
        self.own.at(key).map(|place| *place = Some(limit)).is_some()
    }

    /// Keys that differ from the default, with their values.
    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        let usual = self.usual.then(|| ("gate", Value::Text("usual".to_owned())));
        let number = |limit: f32| Value::Number(limit.to_string().parse().unwrap_or(f64::from(limit)));
        let own = self.own.all().into_iter().filter_map(|(key, limit)| Some((key, number(limit?))));
        usual.into_iter().chain(own).collect()
    }

    /// The limits in words: "max_flatness 0.9, max_seam 0.1"; `None` while the gate is off.
    pub fn described(&self) -> Option<String> {
        let limits = self.limits().all();
        let words: Vec<String> =
            limits.iter().filter_map(|(key, limit)| Some(format!("{key} {}", (*limit)?))).collect();
        if words.is_empty() { None } else { Some(words.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_limits_win_over_the_usual_ones() {
        let mut gate = Gate::default();
        assert!(!gate.is_on() && gate.described().is_none() && gate.values().is_empty());
        assert!(gate.set("max_seam", 0.3) && !gate.set("max_sea", 0.3));
        assert_eq!(gate.described().as_deref(), Some("max_seam 0.3"));
        gate.usual = true;
        assert_eq!(gate.limits(), Limits { max_seam: Some(0.3), ..USUAL });
        assert_eq!(gate.values().len(), 2);
    }
}
