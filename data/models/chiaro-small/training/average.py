"""Averages the weights of runs that started from the same weights (a "soup", Wortsman et al. 2022).

    PYTHONPATH=data/models/chiaro-small/training \\
        python data/models/chiaro-small/training/average.py one.pt two.pt --out both.pt
"""

import argparse
from pathlib import Path

import torch


def averaged(states):
    """The mean of each tensor; counters are taken from the first."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


def main():
    """Parses the command line and averages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.save(averaged([torch.load(path) for path in arguments.weights]), arguments.out)


if __name__ == "__main__":
    main()
