#!/usr/bin/env python3
"""The engine against PyTorch on random checkpoints: logits to 1e-3, labels on all but 1 pixel in 100,000.  Prints TAP.

  tests/pytorch.py [TEXT]      only the cases whose name holds TEXT"""
import os
import subprocess
import sys
import tempfile

import reference_torch as reference  # first: it may start another Python

import numpy as np
import torch

from fastscnn_library import BUILD, Library

TOLERANCE = 1e-3
PIXELS_PER_ERROR = 100000
DEFAULT_MODEL = os.path.join(os.environ.get("FASTSCNN_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")),
                             "models", "fast_scnn_street.pth")
CLASSES = {1: 19, 2: 19, 3: 19, 4: 2, 5: 19, 6: 33, 7: 19, 8: 19}  # of the checkpoint of each seed
SIZES = ((192, 256), (193, 225), (200, 328), (256, 512), (375, 621), (1024, 2048))
SMALL = ((3, 3), (65, 97), (97, 161))  # too small for fixed pooling
VARIANTS = (("with auxiliary heads", ["--aux"]), ("legacy container", ["--legacy", "--aux"]),
            ("half precision weights", ["--dtype", "float16"]), ("bfloat16 weights", ["--dtype", "bfloat16"]),
            ("double weights", ["--dtype", "float64"]), ("names with module.", ["--prefix", "module."]),
            ("inside a dict, module., legacy", ["--wrap", "model", "--prefix", "module.", "--legacy", "--aux"]))


def make_image(seed, height, width, count=1):
    """Patches of colour under noise, f32 [count, 3, height, width], about as large as normalised pictures."""
    rng = np.random.default_rng(seed)
    patches = rng.standard_normal((count, 3, height // 32 + 1, width // 32 + 1), np.float32)
    patches = patches.repeat(32, 2).repeat(32, 3)[:, :, :height, :width]
    return patches + np.float32(0.3) * rng.standard_normal(patches.shape, np.float32)


def enough(height, width, runs=1):
    """How many images a run needs for a rate of 1 in 100,000 to mean something: up to eight."""
    return min(8, -(-5 * PIXELS_PER_ERROR // (height * width * runs)))


def make_picture(seed, height, width):
    """The same as u8 RGB [1, height, width, 3]."""
    image = make_image(seed, height, width) * 60 + 120
    return np.ascontiguousarray(image.clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1))


class Difference:
    """Adds up what comparisons find."""

    def __init__(self):
        self.largest, self.wrong, self.pixels = 0.0, 0, 0

    def add(self, logits, labels, expected):
        """The engine's logits and labels, each from a run of its own, and PyTorch's logits, all of the same images."""
        difference = np.abs(logits - expected).max()
        self.largest = max(self.largest, float("inf") if np.isnan(difference) else float(difference))
        self.wrong += int(np.count_nonzero(labels != expected.argmax(1)))
        self.pixels += labels.size

    def judge(self):
        print(f"# largest difference {self.largest:.2g}, {self.wrong} of {self.pixels} labels differ")
        return self.pixels > 0 and self.largest <= TOLERANCE and self.wrong * PIXELS_PER_ERROR <= self.pixels


class Suite:
    def __init__(self, folder):
        self.folder, self.library, self.cases, self.failed = folder, Library(), [], 0

    def checkpoint(self, seed, *options):
        path = os.path.join(self.folder, "_".join(("seed", str(seed)) + options) + ".pth")
        if not os.path.exists(path):
            subprocess.run([os.path.join(BUILD, "tools", "random_checkpoint"), path, "--seed", str(seed), "--classes",
                            str(CLASSES[seed]), *options], check=True)
        return path

    def compare(self, difference, pth, image, pool, file=None):
        """One run: `file` (default: the checkpoint itself) compiled and run against PyTorch with the checkpoint."""
        expected = reference.logits(reference.load_state(pth), torch.from_numpy(image), pool)
        with self.library.compile(file or pth, *image.shape[2:], pool, [len(image)]) as model:
            difference.add(*model.run(image, "f32", "labels"), expected)

    def seeds(self, pool, height, width):
        difference = Difference()
        for seed in CLASSES:
            image = make_image(seed, height, width, enough(height, width, len(CLASSES)))
            self.compare(difference, self.checkpoint(seed), image, pool)
        return difference.judge()

    def onnx(self, pool, opset, height, width, dynamic):
        difference = Difference()
        pth, onnx = self.checkpoint(opset % 8 + 1), os.path.join(self.folder, "model.onnx")
        self.library.export_onnx(pth, onnx, height, width, pool, opset, dynamic_batch=dynamic)
        self.compare(difference, pth, make_image(opset, height, width, enough(height, width)), pool, onnx)
        return difference.judge()

    def variant(self, options):
        difference = Difference()
        self.compare(difference, self.checkpoint(3, *options), make_image(3, 200, 328, enough(200, 328)), "fixed")
        return difference.judge()

    def batch(self):
        """Two images at once: PyTorch's numbers, and those of each alone."""
        difference, image = Difference(), make_image(11, 393, 651, 2)
        self.compare(difference, self.checkpoint(5), image, "adaptive")
        with self.library.compile(self.checkpoint(5), 393, 651, "adaptive", [1, 2]) as model:
            both, alone = model.run(image, "f32"), [model.run(image[i:i + 1], "f32")[0] for i in range(2)]
        return difference.judge() and np.array_equal(both, np.stack(alone)) and not np.array_equal(both[0], both[1])

    def threads(self):
        """The numbers do not depend on how many threads there are."""
        image = make_image(12, 256, 512)
        with self.library.compile(self.checkpoint(1), 256, 512) as model:
            results = [model.run(image, "f32", "labels", threads=threads) for threads in (1, 2, 3, 5)]
        return all(np.array_equal(a, b) for result in results[1:] for a, b in zip(results[0], result))

    def pictures(self):
        """u8 RGB gives what the normalised picture gives, which is PyTorch's too."""
        difference, picture = Difference(), make_picture(13, 384, 768)
        image = reference.normalize(picture[0])[None]
        expected = reference.logits(reference.load_state(self.checkpoint(2)), torch.from_numpy(image), "fixed")
        with self.library.compile(self.checkpoint(2), 384, 768) as model:
            logits, labels = model.run(picture, "f32", "labels")
            floats = model.run(image, "f32")
        difference.add(logits, labels, expected)
        print(f"# from f32 input: largest difference {np.abs(logits - floats).max():.2g}")
        return difference.judge() and np.abs(logits - floats).max() <= 1e-5

    def nearly_pictures(self):
        """Normalised pictures in which some rows hold numbers that no byte gives."""
        difference, image = Difference(), reference.normalize(make_picture(14, 384, 768)[0])[None]
        image[0, 1, 100, 300] += 0.25
        image[0, :, 201:260, 700] -= 1e-3
        image[0, 2, 383, 767] = 7.5
        self.compare(difference, self.checkpoint(2), image, "fixed")
        return difference.judge()

    def default_model(self):
        """The model that comes along, which the compiler takes for one that bears fewer bits where there is AMX."""
        difference = Difference()
        for seed, height, width in ((15, 1024, 2048), (16, 375, 621)):
            self.compare(difference, DEFAULT_MODEL, make_image(seed, height, width), "fixed")
        return difference.judge()

    def list_cases(self):
        for pool, sizes in (("fixed", SIZES), ("adaptive", SMALL + SIZES)):
            for height, width in sizes:
                yield f"{pool} {height}x{width}, {len(CLASSES)} seeds", self.seeds, (pool, height, width)
        for pool, opset, height, width, dynamic in (("fixed", 11, 256, 512, True), ("fixed", 13, 1024, 2048, False),
                                                    ("adaptive", 12, 200, 328, True), ("adaptive", 18, 375, 621, True)):
            yield f"ONNX, {pool} {height}x{width}, opset {opset}", self.onnx, (pool, opset, height, width, dynamic)
        for name, options in VARIANTS:
            yield name, self.variant, (options,)
        yield "a batch of two", self.batch, ()
        yield "any number of threads", self.threads, ()
        yield "8-bit pictures", self.pictures, ()
        yield "pictures with numbers that are no bytes", self.nearly_pictures, ()
        if os.path.exists(DEFAULT_MODEL):
            yield "the default model", self.default_model, ()

    def run(self, text):
        chosen = [case for case in self.list_cases() if text in case[0]]
        print(f"1..{len(chosen)}")
        for number, (name, function, arguments) in enumerate(chosen, 1):
            try:
                passed = function(*arguments)
            except (RuntimeError, ValueError, subprocess.CalledProcessError) as error:
                print("# " + str(error).replace("\n", " "))
                passed = False
            self.failed += not passed
            print(f"{'ok' if passed else 'not ok'} {number} - {name}", flush=True)
        return self.failed != 0 or not chosen


def main():
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(Suite(folder).run(sys.argv[1] if len(sys.argv) > 1 else ""))


if __name__ == "__main__":
    main()
