//! From what a model answers to disparity: larger = nearer.

use crate::recipe::contract::OutputMeaning;

/// Nearest depth a metric model is believed, in meters: bounds the reciprocal.
pub const NEAREST_M: f32 = 1e-3;
/// Inverse depths that the sigmoid of self-supervised models spans: depths of 100 to 0.1 units
/// (Godard et al., "Digging Into Self-Supervised Monocular Depth Estimation", 2019; `disp_to_depth` of its code and of Lite-Mono).
const SIGMOID: (f32, f32) = (1.0 / 100.0, 1.0 / 0.1);

impl OutputMeaning {
    /// Turns finite answers into disparity in place: 1/m for metric models, else in the model's own scale.
    pub fn to_disparity(self, values: &mut [f32]) {
        match self {
            Self::RelativeDisparity => {}
            Self::MetricDepth => values.iter_mut().for_each(|v| *v = 1.0 / v.max(NEAREST_M)),
            Self::InverseMeters => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0 / NEAREST_M)),
            Self::RelativeDepth => values.iter_mut().for_each(|v| *v = -*v),
            Self::SigmoidDisparity => {
                values.iter_mut().for_each(|v| *v = SIGMOID.0 + (SIGMOID.1 - SIGMOID.0) * v.clamp(0.0, 1.0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_is_larger_in_all_of_them() {
        for (meaning, far, near) in [
            (OutputMeaning::RelativeDisparity, 1.0, 2.0),
            (OutputMeaning::MetricDepth, 80.0, 0.5),
            (OutputMeaning::InverseMeters, 0.01, 2.0),
            (OutputMeaning::RelativeDepth, 3.0, -1.0),
            (OutputMeaning::SigmoidDisparity, 0.0, 1.0),
        ] {
            let mut values = [far, near];
            meaning.to_disparity(&mut values);
            assert!(values[1] > values[0], "{meaning:?} {values:?}");
        }
        let mut sigmoid = [0.0, 1.0, 9.0];
        OutputMeaning::SigmoidDisparity.to_disparity(&mut sigmoid);
        assert_eq!(sigmoid, [0.01, 10.0, 10.0]);
    }
}
