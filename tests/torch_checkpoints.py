#!/usr/bin/python3
"""PyTorch loads what random_checkpoint writes, strictly and in every layout.  Prints TAP."""
import os
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print("1..0 # SKIP needs PyTorch")
    sys.exit()

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "tools", "train"))
from fastscnn_model import FastSCNN  # noqa: E402

tool = os.path.join(os.environ.get("FASTSCNN_BUILD", os.path.join(here, "..", "build")), "tools", "random_checkpoint")
cases = (("zip", 19, []), ("legacy", 19, ["--legacy"]), ("four classes", 4, ["--classes", "4", "--seed", "9"]),
         ("half, wrapped", 19, ["--dtype", "float16", "--wrap", "model", "--prefix", "module."]),
         ("bfloat16, legacy, wrapped", 19, ["--dtype", "bfloat16", "--legacy", "--wrap", "state_dict"]),
         ("double", 19, ["--dtype", "float64"]))


def load(path, classes):
    state = torch.load(path, map_location="cpu")
    for key in ("model", "state_dict"):
        state = state.get(key, state)
    state = {name[7:] if name.startswith("module.") else name: value for name, value in state.items()}
    model = FastSCNN(classes)
    model.load_state_dict(state, strict=True)
    if list(state) != list(model.state_dict()):
        raise ValueError("the tensors are in another order than torch's own")
    if not all(torch.isfinite(value.float()).all() for value in state.values()):
        raise ValueError("not every number is finite")


print(f"1..{len(cases)}")
failed = False
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "random.pth")
    for number, (name, classes, options) in enumerate(cases, 1):
        try:
            subprocess.run([tool, path, "--aux", *options], check=True)
            load(path, classes)
            print(f"ok {number} - {name}")
        except Exception as error:  # whatever torch says about the file
            failed = True
            print(f"not ok {number} - {name}\n# {error}".replace("\n\t", " "))
sys.exit(failed)
