#!/usr/bin/env python3
"""`fastscnn segment` with the model that comes along, on real Cityscapes frames: its labels are PyTorch's on all but 1
pixel in 100,000.  The frames cannot ship; they are looked for in FASTSCNN_REFERENCE/data (set by
meson).  Prints TAP."""
import glob
import os
import subprocess
import sys
import tempfile

import reference_torch as reference  # first: it may start another Python

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("FASTSCNN_SOURCE", os.path.join(HERE, ".."))
REFERENCE = os.environ.get("FASTSCNN_REFERENCE")
PROGRAM = os.path.join(os.environ.get("FASTSCNN_BUILD", os.path.join(SOURCE, "build")), "cli", "fastscnn")
CHECKPOINT = os.path.join(SOURCE, "models", "fast_scnn_street.pth")
PIXELS_PER_ERROR = 100000


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def segment(pictures, pool, folder):
    """Labels u8 [h, w] of each picture."""
    subprocess.run([PROGRAM, "segment", *pictures, "--model", CHECKPOINT, "--style", "trainids", "--pool", pool,
                    "--output", folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stems = [os.path.splitext(os.path.basename(picture))[0] for picture in pictures]
    return [np.array(Image.open(os.path.join(folder, stem + ".png"))) for stem in stems]


def compare(picture, labels, pool, state):
    image = reference.normalize(np.array(Image.open(picture).convert("RGB")))
    expected = reference.logits(state, torch.from_numpy(image[None]), pool)[0].argmax(0)
    if labels.shape != expected.shape:
        print(f"# labels of {labels.shape}, {expected.shape} expected")
        return False
    wrong = np.count_nonzero(labels != expected)
    classes = np.count_nonzero(np.bincount(labels.ravel()))
    print(f"# {wrong} of {labels.size} labels differ; {classes} classes occur")
    return wrong * PIXELS_PER_ERROR <= labels.size and classes > 3


def main():
    state = reference.load_state(CHECKPOINT)
    failed = number = 0
    print(f"1..{2 * len(frames)}")
    with tempfile.TemporaryDirectory() as folder:
        for pool in ("fixed", "adaptive"):
            for picture, labels in zip(frames, segment(frames, pool, os.path.join(folder, pool))):
                number += 1
                passed = compare(picture, labels, pool, state)
                failed += not passed
                print(f"{'ok' if passed else 'not ok'} {number} - {pool} pooling, {os.path.basename(picture)}",
                      flush=True)
    sys.exit(failed != 0)


try:
    from PIL import Image
except ImportError:
    skip("no PIL")
frames = REFERENCE and sorted(glob.glob(os.path.join(REFERENCE, "data", "**", "*_leftImg8bit.png"), recursive=True))
if not os.path.exists(CHECKPOINT) or not frames:
    skip(f"{CHECKPOINT if frames else 'frames of the reference material'} not there")
if __name__ == "__main__":
    main()
