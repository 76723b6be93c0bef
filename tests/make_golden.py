#!/usr/bin/env python3
"""Makes tests/data/golden with PyTorch: its float32 logits of random checkpoints at some pixels, for test_golden.c,
which needs no PyTorch.  Run it by hand, with the project built:

  FASTSCNN_BUILD=build tests/make_golden.py

cases.txt has a line "NAME POOL HEIGHT WIDTH CLASSES SEED" for each case; NAME.npy holds f32 [points, classes].  Both
programs know by formula the checkpoint (tools/random_checkpoint by seed), the picture and the points."""
import os
import subprocess
import tempfile

import reference_torch as reference  # first: it may start another Python

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "data", "golden")
TOOL = os.path.join(os.environ.get("FASTSCNN_BUILD", os.path.join(HERE, "..", "build")), "tools", "random_checkpoint")
POINTS = 128
CASES = (("fixed", 163, 163, 19, 21), ("fixed", 193, 225, 19, 22), ("fixed", 200, 328, 7, 23),
         ("fixed", 256, 512, 19, 24), ("adaptive", 3, 3, 19, 25), ("adaptive", 65, 97, 19, 26),
         ("adaptive", 37, 301, 40, 27), ("adaptive", 224, 193, 19, 28), ("adaptive", 256, 512, 2, 29))


def make_picture(height, width):
    """u8 [height, width, 3]: slopes, edges every 16 pixels, and a fine pattern."""
    y, x, c = np.indices((height, width, 3))
    return (((x * 3 + y * 5) // 4 + (y // 16 * 3 + x // 16 * 5 + c) % 7 * 24 + x * y % 29 + c * 40) % 256).astype(np.uint8)


def list_points(pixels):
    """Pixel numbers (y * width + x): the first, the last, and others all over the picture."""
    return [0, pixels - 1] + [k * 2654435761 % pixels for k in range(1, POINTS - 1)]


def make_case(pool, height, width, classes, seed, folder):
    checkpoint = os.path.join(folder, "random.pth")
    subprocess.run([TOOL, checkpoint, "--seed", str(seed), "--classes", str(classes)], check=True)
    image = torch.from_numpy(reference.normalize(make_picture(height, width))[None])
    logits = reference.logits(reference.load_state(checkpoint), image, pool)[0]
    values = np.ascontiguousarray(logits.reshape(classes, -1)[:, list_points(height * width)].T)
    ordered = np.sort(values, 1)
    name = f"{pool}_{height}x{width}"
    print(f"{name}: {classes} classes, logits {values.min():.1f} to {values.max():.1f}, "
          f"the best leads by {(ordered[:, -1] - ordered[:, -2]).min():.2g} or more")
    np.save(os.path.join(OUT, name + ".npy"), values)
    return f"{name} {pool} {height} {width} {classes} {seed}\n"


def main():
    os.makedirs(OUT, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lines = [make_case(*case, folder) for case in CASES]
    with open(os.path.join(OUT, "cases.txt"), "w", encoding="ascii") as file:
        file.writelines(lines)


if __name__ == "__main__":
    main()
