"""Scores of relative disparity against true inverse depth."""

import numpy as np


def aligned_scores(predicted, inverse_depth, mask=None, farthest_m=None):
    """AbsRel, delta1 and ordinal accuracy of one picture, or None with under 100 valid pixels.

    `predicted` [h, w]: relative disparity, larger = nearer. `inverse_depth` [h, w]: 1 / meters, 0 =
    unknown or sky. The prediction is aligned by least-squares scale (at least 0) and shift in
    disparity (the protocol of MiDaS, Ranftl et al. 2020) and limited to twice the farthest
    true depth, or to `farthest_m`. Ordinal accuracy needs no alignment: the share of 20 000 random
    pairs that differ by more than 5 % in depth and are ordered rightly.
    """
    valid = inverse_depth > 0
    if mask is not None:
        valid = mask & valid
    p = predicted[valid].astype(np.float64)
    g = inverse_depth[valid].astype(np.float64)
    if p.size < 100:
        return None
    p_mean, g_mean = p.mean(), g.mean()
    scale = ((p - p_mean) * (g - g_mean)).mean() / (((p - p_mean) ** 2).mean() + 1e-12)
    aligned = max(scale, 0.0) * (p - p_mean) + g_mean
    lowest = np.percentile(g, 0.5) / 2.0 if farthest_m is None else 1 / farthest_m
    depth = 1 / np.maximum(aligned, lowest)
    truth = 1 / g
    ratio = np.maximum(depth / truth, truth / depth)
    absolute_relative = np.mean(np.abs(depth - truth) / truth)
    return absolute_relative, np.mean(ratio < 1.25), _ordinal_accuracy(p, g)


def _ordinal_accuracy(p, g):
    rng = np.random.default_rng(0)
    i = rng.integers(0, p.size, 20000)
    j = rng.integers(0, p.size, 20000)
    differ = np.abs(np.log(g[i] / g[j])) > 0.05
    if not differ.any():
        return np.nan
    return (np.sign(p[i] - p[j]) == np.sign(g[i] - g[j]))[differ].mean()
