"""Trains the network on a pool of generated shards for a given time, on the CPU.

    PYTHONPATH=data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/train.py --minutes 60 --tag small --small

Shards may still be arriving while it runs: `train_*.npz`, and `train-close_*.npz` of the close scenes,
from which --close of the samples are taken once there are any. The first --coarse of the time runs at
128x192, the rest at 192x256; every third batch is upright (192x128, 256x192). The exponential
moving average of the weights is what is scored and saved, to `<tag>.pt`; scores over time, on `val_0000.npz`
and `close-val_0000.npz`, go to `<tag>_curve.json`.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from metrics import aligned_scores
from network import SMALL, Net

BATCH, WARM_UP_STEPS, MINUTES_PER_SCORE = 16, 150, 10.0
LUMA = np.array([0.3, 0.59, 0.11], np.float32)
COARSE, FINE, UPRIGHT_EVERY = (128, 192), (192, 256), 3


class Pool:
    """The shards found so far; looks for new ones at most every 45 s."""

    def __init__(self, folder, close_share, rng):
        self.folder, self.close_share, self.rng = folder, close_share, rng
        self.shards, self.checked = ([], []), 0.0
        self.loaded = set()
        self.refresh()

    def refresh(self):
        """Loads shards that have appeared."""
        if time.time() - self.checked < 45:
            return
        for shards, pattern in zip(self.shards, ("train_*.npz", "train-close_*.npz")):
            for path in sorted(self.folder.glob(pattern)):
                if path not in self.loaded:
                    data = np.load(path)
                    shards.append((data["a"], data["d"]))
                    self.loaded.add(path)
        self.checked = time.time()
        if not self.shards[0]:
            raise SystemExit(f"no train_*.npz in {self.folder}: run generate.py first")

    def scene_count(self):
        """Scenes loaded."""
        return sum(len(pictures) for shards in self.shards for pictures, _ in shards)

    def draw(self):
        """A random picture u8 [192, 256, 3] and its disparity f32 [192, 256]."""
        close = self.shards[1] and self.rng.random() < self.close_share
        shards = self.shards[1 if close else 0]
        pictures, disparities = shards[self.rng.integers(len(shards))]
        i = self.rng.integers(len(pictures))
        return pictures[i], disparities[i].astype(np.float32)


def cropped(picture, disparity, height, width, rng):
    """A random crop, often rolled, mirrored half of the time, at height x width; picture in [0, 1].

    Turning a picture is turning the camera about its axis: disparity along the axis stays exact.
    """
    rows, columns = disparity.shape
    scale = rng.uniform(0.55, 1) if rng.random() < 0.6 else 1.0
    angle = rng.normal(0, 0.35) if rng.random() < 0.35 else 0.0
    aspect = width / height * np.exp(rng.uniform(-0.15, 0.15))
    sine, cosine = np.sin(angle), np.cos(angle)
    span_x = aspect * abs(cosine) + abs(sine)
    span_y = aspect * abs(sine) + abs(cosine)
    crop_h = min(columns / span_x, rows / span_y) * scale
    half_x, half_y = crop_h * span_x / 2, crop_h * span_y / 2
    x = rng.uniform(half_x, max(half_x, columns - half_x))
    y = rng.uniform(half_y, max(half_y, rows - half_y))
    step_y = crop_h / height
    step_x = crop_h * aspect / width * (-1 if rng.random() < 0.5 else 1)
    turn = np.array([[cosine * step_x, -sine * step_y], [sine * step_x, cosine * step_y]])
    shift = np.array([x, y]) - 0.5 - turn @ np.array([width - 1, height - 1]) / 2
    matrix = np.concatenate([turn, shift[:, None]], 1)
    if step_y > 1.2:
        picture = cv2.GaussianBlur(picture, (3, 3), 0.6)
    flags, border = cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    size = (width, height)
    picture = cv2.warpAffine(picture, matrix, size, flags=flags | cv2.INTER_LINEAR, borderMode=border)
    disparity = cv2.warpAffine(disparity, matrix, size, flags=flags | cv2.INTER_NEAREST, borderMode=border)
    return picture.astype(np.float32) / 255, disparity


def degraded(picture, rng):
    """A picture as other cameras give it: exposure, color cast, gamma, haze, gray, blur, noise, JPEG."""
    height, width, _ = picture.shape
    if rng.random() < 0.4:
        picture = np.clip(picture * np.exp(rng.uniform(-0.7, 0.6)), 0, 1)
    if rng.random() < 0.2:
        slope = rng.normal(0, 0.3, 2)
        yy, xx = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        picture = picture * np.exp(slope[0] * yy + slope[1] * xx).astype(np.float32)[..., None]
    if rng.random() < 0.15:
        veil = rng.uniform(0, 0.35)
        picture = picture * (1 - veil) + veil * rng.uniform(0.3, 1)
    if rng.random() < 0.7:
        picture = picture * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
        picture = np.clip(picture, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.15:
        picture = np.repeat((picture @ LUMA)[..., None], 3, -1)
    if rng.random() < 0.25:
        factor = rng.uniform(1.3, 3)
        small = (int(width / factor), int(height / factor))
        picture = cv2.resize(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), (width, height))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(0, 0.05), picture.shape)
        picture = picture + noise.astype(np.float32)
    if rng.random() < 0.2:
        codes = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(20, 80))]
        _, encoded = cv2.imencode(".jpg", codes, quality)
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(np.float32) / 255
    return np.clip(picture, 0, 1)


def draw_batch(pool, height, width, rng):
    """Pictures f32 [b, 3, h, w] (channels last in memory) and disparities f32 [b, 1, h, w]."""
    pictures = np.empty((BATCH, height, width, 3), np.float32)
    disparities = np.empty((BATCH, height, width), np.float32)
    for b in range(BATCH):
        picture, disparities[b] = cropped(*pool.draw(), height, width, rng)
        pictures[b] = degraded(picture, rng)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    x = x.contiguous(memory_format=torch.channels_last)
    return x, torch.from_numpy(disparities)[:, None]


def normalized(disparity):
    """Disparity stretched so that its 2nd and 98th percentiles are 0 and 1, limited a little beyond."""
    limits = torch.quantile(disparity.flatten(1), torch.tensor([0.02, 0.98]), dim=1)
    low = limits[0][:, None, None, None]
    high = limits[1][:, None, None, None]
    return ((disparity - low) / (high - low + 1e-6)).clamp(-0.1, 1.25)


def loss_of(predicted, disparity):
    """Half L1 + scale-and-shift-invariant L1 + half multi-scale gradient matching.

    The last two follow MiDaS (Ranftl et al. 2020); the scale is limited to [0.1, 10] and detached.
    """
    target = normalized(disparity)
    plain = (predicted - target).abs().mean()
    p, t = predicted.flatten(1), target.flatten(1)
    p_mean, t_mean = p.mean(1, keepdim=True), t.mean(1, keepdim=True)
    covariance = ((p - p_mean) * (t - t_mean)).mean(1, keepdim=True)
    variance = ((p - p_mean) ** 2).mean(1, keepdim=True)
    scale = (covariance / (variance + 1e-3)).clamp(0.1, 10).detach()
    residual = scale * (p - p_mean) - (t - t_mean)
    invariant = residual.abs().mean()
    field = residual.view_as(predicted)
    gradient = 0
    for k in range(4):
        q = field[:, :, :: 2**k, :: 2**k]
        gradient = gradient + (q[..., 1:] - q[..., :-1]).abs().mean()
        gradient = gradient + (q[..., 1:, :] - q[..., :-1, :]).abs().mean()
    return 0.5 * plain + invariant + 0.5 * gradient


def depth_error_of(predicted, disparity):
    """Mean |ln(depth / true depth)| after the alignment that scoring uses: least squares in disparity.

    The losses in disparity hardly see far things, whose disparities lie close together; AbsRel and delta1 see them as
    much as near ones. Pixels of unknown depth (disparity 0) do not count, one pixel counts at
    most as a factor of e^1.5. Below half of the far end the logarithm goes on as its tangent, which keeps a gradient.
    """
    p, g = predicted.flatten(1), disparity.flatten(1)
    known = g > 0
    count = known.sum(1, keepdim=True).clamp(min=1)

    def mean(values):
        return (values * known).sum(1, keepdim=True) / count

    p, g_mean = p - mean(p), mean(g)
    scale = (mean(p * (g - g_mean)) / (mean(p * p) + 1e-4)).clamp(min=0)
    aligned = scale * p + g_mean
    sparse = torch.where(known, g, torch.nan)[:, ::7]
    floor = torch.nanquantile(sparse, 0.005, dim=1, keepdim=True).nan_to_num(1.0) / 2
    logarithm = torch.where(
        aligned > floor, torch.log(aligned.clamp(min=1e-6)), torch.log(floor) + (aligned - floor) / floor
    )
    error = (logarithm - torch.log(torch.where(known, g, 1.0))).abs().clamp(max=1.5)
    return mean(error).mean()


def predict(network, pictures, height, width):
    """Disparities f32 [n, height, width] of u8 pictures."""
    out = []
    with torch.no_grad():
        for i in range(0, len(pictures), 8):
            resized = [
                cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures[i : i + 8]
            ]
            x = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float() / 255
            x = x.contiguous(memory_format=torch.channels_last)
            out.append(network(x)[:, 0].numpy())
    return np.concatenate(out)


def evaluate(network, validation):
    """Mean AbsRel, delta1 and ordinal accuracy on each validation shard."""
    network.eval()
    result = {}
    for name, (pictures, disparities) in validation.items():
        predictions = predict(network, pictures, *FINE)
        scores = [aligned_scores(p, d) for p, d in zip(predictions, disparities)]
        result[name] = np.nanmean(np.array(scores, float), 0).round(4).tolist()
    return result


def follow(average, network, step):
    """Moves the averaged weights toward the network's; running statistics too."""
    decay = min(0.998, (1 + step) / (10 + step))
    with torch.no_grad():
        for a, b in zip(average.parameters(), network.parameters()):
            a.lerp_(b, 1 - decay)
        for a, b in zip(average.buffers(), network.buffers()):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


def make_optimizer(network, peak):
    """AdamW; weight decay on matrices and filters only."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 2e-2}, {"params": plain, "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99))


def learning_rate(peak, step, share):
    """Linear warm-up, then a cosine to nearly zero; `share` of the time is over."""
    warm = min(1, step / WARM_UP_STEPS)
    return peak * warm * (0.5 * (1 + np.cos(np.pi * min(1, share))) + 0.004)


def train_step(network, optimizer, pictures, disparities, depth_share):
    """One step with gradients clipped to norm 1; returns the loss."""
    predicted = network(pictures)
    loss = loss_of(predicted, disparities) + depth_share * depth_error_of(predicted, disparities)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


class Log:
    """Scores over time, and the saved state that goes with them."""

    def __init__(self, arguments, config, validation):
        self.tag, self.config = arguments.tag, config
        self.validation = validation
        self.history, self.start = [], time.time()

    def minutes(self):
        """Minutes since the start."""
        return (time.time() - self.start) / 60

    def record(self, average, seen):
        """Scores the averaged network and saves it."""
        scores = evaluate(average, self.validation)
        self.history.append([self.minutes(), seen, scores])
        print("scores", round(self.minutes(), 1), seen, scores, flush=True)
        torch.save(average.state_dict(), f"{self.tag}.pt")
        curve = {"cfg": self.config, "hist": self.history}
        Path(f"{self.tag}_curve.json").write_text(json.dumps(curve))


def run(arguments, network, config):
    """The training loop."""
    rng = np.random.default_rng(arguments.seed)
    average = copy.deepcopy(network).eval()
    optimizer = make_optimizer(network, arguments.rate)
    validation = {}
    for name in ("val", "close-val"):
        shard = np.load(arguments.pool / f"{name}_0000.npz")
        validation[name] = shard["a"][:96], shard["d"][:96].astype(np.float32)
    pool = Pool(arguments.pool, arguments.close, rng)
    log = Log(arguments, config, validation)
    step, total, next_score = 0, 0.0, MINUTES_PER_SCORE
    while log.minutes() < arguments.minutes:
        share = log.minutes() / arguments.minutes
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(arguments.rate, step, share)
        pool.refresh()
        size = COARSE if share < arguments.coarse else FINE
        if step % UPRIGHT_EVERY == UPRIGHT_EVERY - 1:
            size = size[::-1]
        network.train()
        total += train_step(network, optimizer, *draw_batch(pool, *size, rng), arguments.depth)
        step += 1
        follow(average, network, step)
        if step % 100 == 0:
            print(
                f"{log.minutes():.1f} min, step {step}, scenes {pool.scene_count()}, loss {total / 100:.4f}",
                flush=True,
            )
            total = 0.0
        if log.minutes() > next_score:
            next_score += MINUTES_PER_SCORE
            log.record(average, step * BATCH)
    log.record(average, step * BATCH)


def main():
    """Parses the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--tag", required=True, help="stem of the files written")
    parser.add_argument("--pool", type=Path, default=Path("pool"))
    parser.add_argument("--small", action="store_true", help="the shipped configuration")
    parser.add_argument("--init", type=Path, help="weights to continue from")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="highest learning rate")
    parser.add_argument("--close", type=float, default=0.6, help="share of close scenes")
    parser.add_argument("--coarse", type=float, default=0.7, help="share of the time at 128x192")
    parser.add_argument("--depth", type=float, default=0.5, help="share of the error in depth in the loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = SMALL if arguments.small else {}
    network = Net(**config).to(memory_format=torch.channels_last)
    if arguments.init:
        network.load_state_dict(torch.load(arguments.init))
    print(f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters", flush=True)
    run(arguments, network, config)


if __name__ == "__main__":
    main()
