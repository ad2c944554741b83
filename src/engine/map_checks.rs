//! Whether a supplied depth map looks wrong. None of this decides anything: a ceiling may be nearer than the floor.

/// How much nearer the top quarter of a picture may be than its bottom quarter, in normalized disparity.
const TOP_HEAVY: f64 = 0.3;

/// The remark on a map of normalized disparity (0 farthest, 1 nearest) of the upright picture that looks inverted: the ground at the feet of
/// the camera is near and the sky is far in nearly all photographs.
pub fn turned_around(disparity: &[f32], width: usize) -> Option<String> {
    let height = disparity.len().checked_div(width)?;
    let quarter = (height / 4).max(1) * width;
    let mean = |part: Option<&[f32]>| {
        let part = part.unwrap_or_default();
        part.iter().map(|d| f64::from(d.clamp(0.0, 1.0))).sum::<f64>() / part.len().max(1) as f64
    };
    let (top, bottom) =
        (mean(disparity.get(..quarter)), mean(disparity.get(disparity.len().saturating_sub(quarter)..)));
    (top - bottom > TOP_HEAVY).then(|| {
        format!(
            "it looks inverted: the top of the picture is nearer ({top:.2}) than its bottom ({bottom:.2}, 1 = nearest)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_that_is_far_is_remarked() {
        let ramp: Vec<f32> = (0..400).map(|i| (i / 20) as f32 / 19.0).collect();
        assert_eq!(turned_around(&ramp, 20), None);
        let turned: Vec<f32> = ramp.iter().rev().copied().collect();
        assert!(turned_around(&turned, 20).unwrap().contains("inverted"));
        assert_eq!((turned_around(&[], 20), turned_around(&[1.0], 0)), (None, None));
    }
}
