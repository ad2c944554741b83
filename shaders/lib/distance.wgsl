// Twin of src/ops/distance.rs: 0 = nearest, 1 = farthest, from normalized disparity (1 = nearest).

const DISTANCE_OFFSET: f32 = 0.2;

fn distance_from_disparity(disparity: f32) -> f32 {
    let d = min(max(disparity, 0.0), 1.0);
    return (1.0 - d) * DISTANCE_OFFSET / (d + DISTANCE_OFFSET);
}

fn disparity_from_distance(distance: f32) -> f32 {
    let t = min(max(distance, 0.0), 1.0);
    return DISTANCE_OFFSET * (1.0 - t) / (t + DISTANCE_OFFSET);
}
