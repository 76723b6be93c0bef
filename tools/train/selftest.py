#!/usr/bin/env python3
"""Checks of the training script on made-up data; about a minute.

  selftest.py
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import street_data as sd
from fastscnn_model import FastSCNN


def make_tree(root, kind, value):
    """A Cityscapes tree of flat areas: `value(area)` is what the label file says."""
    rng = np.random.default_rng(0)
    for split, n in (("train", 4), ("val", 1)):
        a, b = (os.path.join(root, d, split, "town") for d in ("leftImg8bit", "gtFine"))
        os.makedirs(a)
        os.makedirs(b)
        for i in range(n):
            area = np.kron(rng.integers(0, 4, (4, 8)), np.ones((32, 32), int))
            colour = rng.integers(0, 40, area.shape + (3,)) + area[..., None] * 50
            Image.fromarray(colour.astype(np.uint8)).save(f"{a}/town_{i:06d}_000019_leftImg8bit.png")
            Image.fromarray(value(area).astype(np.uint8)).save(f"{b}/town_{i:06d}_000019_gtFine_{kind}.png")


def run(*args):
    r = subprocess.run([sys.executable, os.path.join(HERE, "train.py"), *args], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    assert r.returncode == 0, r.stdout
    return r.stdout


def main():
    with tempfile.TemporaryDirectory() as tmp:
        torch.manual_seed(3)
        base = FastSCNN(19)
        start = os.path.join(tmp, "start.pth")
        torch.save({"module." + k: v for k, v in base.state_dict().items()}, start)
        assert len(base.state_dict()) == 284

        # four classes of one's own, written as train ids, from a 19-class checkpoint
        own = os.path.join(tmp, "own")
        make_tree(own, "labelTrainIds", lambda a: np.where(a == 3, 255, a))
        out = os.path.join(tmp, "run")
        small = ["--shapes", "128x128x4", "--warmup", "2", "--threads", "2"]
        text = run("train", out, "--source", own, "--classes", "4", "--from", start, "--steps", "4", *small)
        assert "new: auxlayer1.4.bias" in text and "classifier.conv.1.weight" in text, text
        s = torch.load(os.path.join(out, "model.pth"))
        assert list(s) == list(base.state_dict())
        assert s["classifier.conv.1.weight"].shape[0] == 4
        assert all(v.is_contiguous() and v.dtype in (torch.float32, torch.int64) for v in s.values())

        text = run("train", out, "--source", own, "--classes", "4", "--resume", "--steps", "2", "--bf16", *small)
        assert "going on from {'seen': 16, 'steps': 4" in text, text
        state = torch.load(os.path.join(out, "state.pt"))
        assert state["done"]["steps"] == 6 and state["done"]["seen"] == 24
        assert all(torch.isfinite(v).all() for v in state["ema"].values())
        stayed = [k for k in state["model"] if k.endswith("running_mean")]
        run("train", os.path.join(tmp, "frozen"), "--source", own, "--classes", "4", "--from",
            os.path.join(out, "model.pth"), "--steps", "1", "--freeze-norm", *small)
        frozen = torch.load(os.path.join(tmp, "frozen", "model.pth"))
        model = torch.load(os.path.join(out, "model.pth"))
        assert all(torch.equal(frozen[k], model[k]) for k in stayed)
        assert not torch.equal(frozen["classifier.conv.1.weight"], model["classifier.conv.1.weight"])
        last, before, mean = (os.path.join(tmp, name + ".pth") for name in ("last", "before", "mean"))
        run("export", os.path.join(out, "state.pt"), last)
        torch.save({k: v + 1 for k, v in torch.load(last).items()}, before)
        run("export", before, os.path.join(out, "state.pt"), mean)
        a, b = torch.load(last), torch.load(mean)
        assert list(a) == list(b)
        for k, v in a.items():
            assert torch.allclose(b[k], v + 0.5 if v.is_floating_point() else v, atol=1e-5), k
        text = run("test", os.path.join(out, "model.pth"), "--source", own, "--classes", "4")
        assert "over 3 classes" in text, text

        # label ids become train ids at 19 classes, and stay what they are otherwise
        ids = os.path.join(tmp, "ids")
        make_tree(ids, "labelIds", lambda a: np.array([7, 8, 26, 0])[a])
        path = sd.list_pairs(dict(layout="cityscapes", root=ids, split="val"))[0][1]
        assert set(np.unique(sd.read_labels(path, 19, ""))) == {0, 1, 13, 255}
        assert set(np.unique(sd.read_labels(path, 30, ""))) == {7, 8, 26, 0}
        assert set(np.unique(sd.read_labels(path, 2, "26:1+7:0"))) == {0, 1, 255}
        text = run("test", start, "--source", ids)
        assert "over 3 classes" in text, text
    print("all passed")


if __name__ == "__main__":
    main()
