"""Trains the network on a pool of generated shards for a given time, on the CPU.

    PYTHONPATH=data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/train.py --minutes 60 --tag small --small

Shards may still be arriving while it runs. The first 70 % of the time run at 128x192, the rest at
192x256. The exponential moving average of the weights is what is scored and saved, to `<tag>.pt`;
scores over time go to `<tag>_curve.json`.
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

LEARNING_RATE, BATCH, WARM_UP_STEPS = 2.5e-3, 16, 150
LUMA = np.array([0.3, 0.59, 0.11], np.float32)
COARSE, FINE, COARSE_SHARE = (128, 192), (192, 256), 0.7


class Pool:
    """The shards found so far; looks for new ones at most every 45 s."""

    def __init__(self, folder, rng):
        self.folder, self.rng = folder, rng
        self.shards, self.names, self.checked = {}, [], 0.0
        self.refresh()

    def refresh(self):
        """Loads shards that have appeared."""
        if time.time() - self.checked < 45:
            return
        for path in sorted(self.folder.glob("train_*.npz")):
            if path not in self.shards:
                data = np.load(path)
                self.shards[path] = (data["a"], data["d"])
        self.names, self.checked = list(self.shards), time.time()
        if not self.names:
            raise SystemExit(f"no train_*.npz in {self.folder}: run generate.py first")

    def scene_count(self):
        """Scenes loaded."""
        return sum(len(pictures) for pictures, _ in self.shards.values())

    def draw(self):
        """A random picture u8 [192, 256, 3] and its disparity f32 [192, 256]."""
        pictures, disparities = self.shards[self.names[self.rng.integers(len(self.names))]]
        i = self.rng.integers(len(pictures))
        return pictures[i], disparities[i].astype(np.float32)


def cropped(picture, disparity, height, width, rng):
    """A random crop, mirrored half of the time, resized to height x width; picture in [0, 1]."""
    scale = rng.uniform(0.55, 1) if rng.random() < 0.6 else 1.0
    aspect = np.exp(rng.uniform(-0.15, 0.15))
    crop_h = int(192 * scale)
    crop_w = min(256, max(64, int(crop_h * width / height * aspect)))
    y = rng.integers(0, 192 - crop_h + 1)
    x = rng.integers(0, 256 - crop_w + 1)
    picture = picture[y : y + crop_h, x : x + crop_w]
    disparity = disparity[y : y + crop_h, x : x + crop_w]
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        disparity = disparity[:, ::-1]
    method = cv2.INTER_AREA if crop_h > height else cv2.INTER_LINEAR
    picture = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)
    disparity = cv2.resize(np.ascontiguousarray(disparity), (width, height), interpolation=cv2.INTER_NEAREST)
    return picture.astype(np.float32) / 255, disparity


def degraded(picture, rng):
    """A picture as other cameras give it: color cast, gamma, gray, blur, noise, JPEG."""
    height, width, _ = picture.shape
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


def evaluate(network, validation, real):
    """Mean scores on the validation shard (`syn`) and on each set of the optional real pictures."""
    network.eval()
    pictures, disparities = validation
    predictions = predict(network, pictures, *FINE)
    scores = [aligned_scores(p, d) for p, d in zip(predictions, disparities)]
    result = {"syn": np.array(scores, float).mean(0).round(4).tolist()}
    if real is None:
        return result
    for name in real["sets"]:
        predictions = predict(network, real[f"{name}_a"], *FINE)
        scores = [
            aligned_scores(cv2.resize(p, (d.shape[1], d.shape[0])), d)
            for p, d in zip(predictions, real[f"{name}_d"])
        ]
        result[str(name)] = np.array(scores, float).mean(0).round(4).tolist()
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


def make_optimizer(network):
    """AdamW; weight decay on matrices and filters only."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 2e-2}, {"params": plain, "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.99))


def learning_rate(step, share):
    """Linear warm-up, then a cosine to nearly zero; `share` of the time is over."""
    warm = min(1, step / WARM_UP_STEPS)
    return LEARNING_RATE * warm * (0.5 * (1 + np.cos(np.pi * min(1, share))) + 0.004)


def train_step(network, optimizer, pictures, disparities):
    """One step in bfloat16 with gradients clipped to norm 1; returns the loss."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predicted = network(pictures)
    loss = loss_of(predicted.float(), disparities)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


class Log:
    """Scores over time, and the saved state that goes with them."""

    def __init__(self, arguments, config, validation, real):
        self.tag, self.config = arguments.tag, config
        self.validation, self.real = validation, real
        self.history, self.start = [], time.time()

    def minutes(self):
        """Minutes since the start."""
        return (time.time() - self.start) / 60

    def record(self, average, seen):
        """Scores the averaged network and saves it."""
        scores = evaluate(average, self.validation, self.real)
        self.history.append([self.minutes(), seen, scores])
        print("scores", round(self.minutes(), 1), seen, scores, flush=True)
        torch.save(average.state_dict(), f"{self.tag}.pt")
        curve = {"cfg": self.config, "hist": self.history}
        Path(f"{self.tag}_curve.json").write_text(json.dumps(curve))


def run(arguments, network, config):
    """The training loop."""
    rng = np.random.default_rng(0)
    average = copy.deepcopy(network).eval()
    optimizer = make_optimizer(network)
    shard = np.load(arguments.pool / "val_0000.npz")
    validation = shard["a"][:96], shard["d"][:96].astype(np.float32)
    real = np.load(arguments.real, allow_pickle=False) if arguments.real else None
    pool = Pool(arguments.pool, rng)
    log = Log(arguments, config, validation, real)
    step, total, next_score = 0, 0.0, 4.0
    while log.minutes() < arguments.minutes:
        share = log.minutes() / arguments.minutes
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, share)
        pool.refresh()
        size = COARSE if share < COARSE_SHARE else FINE
        network.train()
        total += train_step(network, optimizer, *draw_batch(pool, *size, rng))
        step += 1
        follow(average, network, step)
        if step % 100 == 0:
            print(
                f"{log.minutes():.1f} min, step {step}, scenes {pool.scene_count()}, loss {total / 100:.4f}",
                flush=True,
            )
            total = 0.0
        if log.minutes() > next_score:
            next_score += 4
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
    parser.add_argument("--real", type=Path, help="npz with `sets`, `<set>_a`, `<set>_d`: scored only")
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
