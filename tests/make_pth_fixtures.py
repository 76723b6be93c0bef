#!/usr/bin/python3
"""Makes tests/data/pth with PyTorch: small checkpoints of every kind that torch.save writes,
each with a .txt that says what is in it (name, type, shape, FNV-1a of the bytes), and
reference logits of the random model.  Needs torch and numpy, and the project built:

  tests/make_pth_fixtures.py BUILD
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch
import torch.nn as nn

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "data", "pth")
sys.path.insert(0, os.path.join(here, "..", "tools", "train"))


def raw_bytes(tensor):
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return value


def write_expectation(name, state):
    with open(os.path.join(out, name + ".txt"), "w") as file:
        for key, tensor in state.items():
            shape = ", ".join(map(str, tensor.shape))
            kind = str(tensor.dtype).replace("torch.", "")
            file.write(f"{key} {kind} [{shape}] {fnv1a(raw_bytes(tensor)):016x}\n")


def save(name, obj, state=None, zipped=True, **options):
    torch.save(obj, os.path.join(out, name + ".pth"), _use_new_zipfile_serialization=zipped, **options)
    if state is not None:
        write_expectation(name, state)


def small_model():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model(torch.ones(2, 2, 4, 4)).sum().backward()
    optimizer.step()
    return model, optimizer


def every_dtype():
    values = torch.arange(-4, 8)
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16,
             torch.int8, torch.uint8, torch.bool)
    return collections.OrderedDict((str(kind)[6:], values.to(kind)) for kind in kinds)


def every_view():
    base = torch.arange(60.0)
    cube = base.view(3, 4, 5)
    return collections.OrderedDict([
        ("whole", base), ("reshaped", cube), ("offset", base[7:19]), ("transposed", cube.permute(2, 0, 1)),
        ("strided", base[1::7]), ("inner", cube[1:, 1:3, ::2]), ("expanded", base[5].expand(4, 3)),
        ("scalar", base[9]), ("empty", base[:0]), ("again", base), ("lone", torch.ones(2, 1, 3)),
        ("diagonal", torch.diagonal(torch.arange(16.0).view(4, 4)))])


def save_plain(model, state):
    save("zip_plain", state, state)
    save("legacy_plain", state, state, zipped=False)
    save("zip_protocol4", state, state, pickle_protocol=4)
    save("legacy_protocol4", state, state, zipped=False, pickle_protocol=4)
    save("zip_parameters", collections.OrderedDict(model.named_parameters()), dict(model.named_parameters()))
    save("legacy_parameters", dict(model.named_parameters()), dict(model.named_parameters()), zipped=False)
    for name, tensors in (("dtypes", every_dtype()), ("views", every_view())):
        save("zip_" + name, tensors, tensors)
        save("legacy_" + name, tensors, tensors, zipped=False)


def save_nested(state, optimizer):
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)
    nested = {
        "epoch": 7, "best": np.float64(0.6867), "history": np.arange(3.0), "when": {1, 2}, "lr": [0.1, 1e-3],
        "args": argparse.Namespace(data="x", gpus=[0]), "device": torch.device("cuda:0"), "kind": torch.float32,
        "counts": collections.defaultdict(int, a=1), "size": torch.Size([2, 3]), "blob": b"\x00\xff",
        "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict(), "big": 1 << 80,
        "state_dict": collections.OrderedDict(("module." + k, v) for k, v in state.items())}
    save("zip_nested", nested, state)
    save("legacy_nested", nested, state, zipped=False)


def save_from_graphics_card(state):
    real = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    try:
        save("zip_cuda", {"net": state}, state)
        save("legacy_cuda", {"net": state}, state, zipped=False)
    finally:
        torch.serialization.location_tag = real


def save_deflated(state):
    with zipfile.ZipFile(os.path.join(out, "zip_plain.pth")) as stored, \
            zipfile.ZipFile(os.path.join(out, "zip_deflated.pth"), "w", zipfile.ZIP_DEFLATED) as deflated:
        for entry in stored.namelist():
            info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            deflated.writestr(info, stored.read(entry))
    write_expectation("zip_deflated", state)


def save_golden(build):
    """Logits of `random_checkpoint --seed 5` at 5 x 5 points, [5, 5, 19] f32."""
    from fastscnn_model import FastSCNN
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "random.pth")
        subprocess.run([os.path.join(build, "tools", "random_checkpoint"), path, "--seed", "5", "--aux"], check=True)
        model = FastSCNN(19).eval()
        model.load_state_dict(torch.load(path), strict=True)
    for height, width, kind in ((65, 97, "adaptive"), (193, 225, "fixed")):
        c, y, x = np.ogrid[:3, :height, :width]
        image = ((c * 31 + y * 17 + x * 13 + x * y % 29) % 64 / 16 - 2).astype(np.float32)
        with torch.no_grad():
            logits = model(torch.from_numpy(image)[None], kind)[0].numpy()
        rows, columns = np.arange(5) * (height - 1) // 4, np.arange(5) * (width - 1) // 4
        points = logits[:, rows][:, :, columns].transpose(1, 2, 0)
        points.astype("<f4").tofile(os.path.join(out, f"logits_{kind}_{height}x{width}.bin"))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(out, exist_ok=True)
    model, optimizer = small_model()
    state = model.state_dict()
    save_plain(model, state)
    save_nested(state, optimizer)
    save_from_graphics_card(state)
    save_deflated(state)
    save("zip_whole_model", model)
    torch.jit.script(nn.Sequential(nn.Conv2d(1, 1, 1))).save(os.path.join(out, "torchscript.pth"))
    save_golden(sys.argv[1])


if __name__ == "__main__":
    main()
