#!/usr/bin/env python3
"""Train Fast-SCNN on a CPU, or fine-tune it on data of your own.

  train.py train OUT --source ... [--from model.pth] [--classes N] [--minutes M | --until HH:MM] [--resume]
  train.py test MODEL.pth --source ...          IoU per class
  train.py export STATE.pt [...] MODEL.pth      the averaged weights of a saved state, or the mean of several

OUT/state.pt holds everything a run needs to go on; OUT/model.pth the averaged weights, a plain
state_dict that the fastscnn tool reads as it is.  See README.md beside this file.
"""
import argparse
import datetime
import json
import os
import signal
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import street_data as sd
from fastscnn_model import FastSCNN, load_weights, plain_state, resize

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
SOURCE = {"root": "", "layout": "cityscapes", "split": "train", "list": "", "labels": "labels", "ids": "",
          "share": "1", "zoom": "0.5:1.5", "size": "", "merge": "", "every": "1", "name": ""}


def normalise(x):
    """u8 [n, h, w, 3] -> float [n, 3, h, w], channels last in memory"""
    x = torch.from_numpy(x).permute(0, 3, 1, 2).float()
    return x.mul_(1 / 255).sub_(MEAN).div_(STD)


def grid(n, full):
    """The picture rows that n rows of logits, stretched corner to corner, stand for."""
    return np.round(np.linspace(0, full - 1, n)).astype(np.int64)


def at(lab, h, w):
    return torch.from_numpy(lab[:, grid(h, lab.shape[1])][:, :, grid(w, lab.shape[2])].astype(np.int64))


def overlap_loss(logp, lab):
    """1 - IoU with probabilities for hard labels, mean over the classes in the batch."""
    p = logp.exp()
    known = (lab != sd.IGNORE).unsqueeze(1)
    truth = F.one_hot(lab.where(lab != sd.IGNORE, torch.zeros_like(lab)), p.shape[1]).permute(0, 3, 1, 2)
    truth = (truth.bool() & known).float()
    p = p * known
    both = (p * truth).sum((0, 2, 3))
    area = truth.sum((0, 2, 3))
    iou = (both + 1) / (p.sum((0, 2, 3)) + area - both + 1)
    return (1 - iou)[area > 0].mean() if (area > 0).any() else p.sum() * 0


def loss_of(model, x, lab, weight, opt, kind):
    with torch.autocast("cpu", torch.bfloat16, enabled=opt.bf16):
        out = model.logits(x, kind, aux=True)
    main, aux1, aux2 = (v.float() for v in out)
    h, w = main.shape[2:]
    y8, y4 = at(lab, h, w), at(lab, 2 * h, 2 * w)
    logp = F.log_softmax(resize(main, (2 * h, 2 * w)), 1)

    def ce(logp, y):
        return F.nll_loss(logp, y, weight, ignore_index=sd.IGNORE)

    loss = ce(logp, y4) + 0.4 * ce(F.log_softmax(aux1, 1), y8) + \
        0.4 * ce(F.log_softmax(resize(aux2, (h, w)), 1), y8)
    return loss + opt.overlap * overlap_loss(logp, y4) if opt.overlap else loss


def shapes_of(text):
    """HxWxN[@odds],... -> [(h, w, n, odds)]"""
    out = []
    for item in text.split(","):
        dims, _, odds = item.partition("@")
        h, w, n = (int(v) for v in dims.split("x"))
        out.append((h, w, n, float(odds or 1)))
    return out


def wait_while(path):
    """Sleep as long as the file `path` exists; returns the seconds slept."""
    start = time.time()
    while path and os.path.exists(path):
        time.sleep(1)
    return time.time() - start


def save_atomic(obj, path):
    torch.save(obj, path + ".tmp")
    os.replace(path + ".tmp", path)


def end_time(opt):
    now = datetime.datetime.now()
    if opt.until:
        h, m = (int(v) for v in opt.until.split(":"))
        end = now.replace(hour=h, minute=m, second=0, microsecond=0)
        return (end if end > now else end + datetime.timedelta(days=1)).timestamp()
    return now.timestamp() + 60 * opt.minutes


def class_weights(freq, balance):
    w = np.clip((np.median(freq[freq > 0]) / np.maximum(freq, 2e-3)) ** balance, 0.5, 3)
    return torch.tensor(np.where(freq > 0, w / (w * freq).sum(), 1), dtype=torch.float32)


class Trainer:
    """Model, optimiser, averaged weights and counts: what state.pt holds."""

    def __init__(self, opt):
        self.opt = opt
        self.model = FastSCNN(opt.classes)
        # crops, steps, seconds without pauses, processor seconds
        self.done = {"seen": 0, "steps": 0, "wall": 0.0, "cpu": 0.0}
        path = os.path.join(opt.out, "state.pt")
        state = torch.load(path, map_location="cpu") if opt.resume and os.path.exists(path) else None
        if state:
            self.model.load_state_dict(state["model"])
            self.done.update(state["done"])
            print("going on from", self.done, flush=True)
        elif opt.init:
            left = load_weights(self.model, opt.init)
            print(f"weights of {opt.init}" + (f"; new: {' '.join(left)}" if left else ""), flush=True)
        self.model = self.model.to(memory_format=torch.channels_last).train()
        decay = [p for p in self.model.parameters() if p.dim() > 1]
        rest = [p for p in self.model.parameters() if p.dim() <= 1]
        self.adam = torch.optim.AdamW([{"params": decay, "weight_decay": opt.decay},
                                       {"params": rest, "weight_decay": 0.0}], lr=opt.lr)
        if state:
            self.adam.load_state_dict(state["adam"])
        self.ema = state["ema"] if state else {k: v.clone() for k, v in self.model.state_dict().items()}
        self.young = state is None              # the first averages are over few steps
        own = self.model.state_dict()           # shares memory with the model
        self.norms = [m for m in self.model.modules() if isinstance(m, torch.nn.BatchNorm2d)] if opt.freeze_norm else []
        for m in self.norms:
            m.eval()
        self.means = [(e, own[k]) for k, e in self.ema.items() if e.is_floating_point()]
        self.counts = [(e, own[k]) for k, e in self.ema.items() if not e.is_floating_point()]
        self.begin, self.cpu, self.first, self.slept = time.time(), time.process_time(), dict(self.done), 0.0

    def used(self):
        return time.time() - self.begin - self.slept, time.process_time() - self.cpu

    def save(self, name="state.pt"):
        wall, cpu = self.used()
        self.done.update(wall=self.first["wall"] + wall, cpu=self.first["cpu"] + cpu)
        save_atomic({"model": self.model.state_dict(), "ema": self.ema, "adam": self.adam.state_dict(),
                     "done": self.done, "classes": self.opt.classes}, os.path.join(self.opt.out, name))
        save_atomic(plain_state(self.ema), os.path.join(self.opt.out, "model.pth"))

    def step(self, x, lab, weight, lr, number):
        """One step on a batch; `number` counts those of this sitting.  Returns the loss."""
        for g in self.adam.param_groups:
            g["lr"] = lr
        kind = "fixed" if self.done["steps"] * 7919 % 3 else "adaptive"
        loss = loss_of(self.model, normalise(x), lab, weight, self.opt, kind)
        value = loss.item()
        if not np.isfinite(value):
            raise SystemExit("the loss is not finite; the last saved state is intact")
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.adam.step()
        keep = min(self.opt.ema, (number + 2) / (number + 21) if self.young else 1)
        with torch.no_grad():
            torch._foreach_mul_([e for e, _ in self.means], keep)
            torch._foreach_add_([e for e, _ in self.means], [v for _, v in self.means], alpha=1 - keep)
            for e, v in self.counts:
                e.copy_(v)
        self.done["seen"] += len(x)
        self.done["steps"] += 1
        return value


def train(opt):
    torch.manual_seed(opt.seed)
    torch.set_num_threads(opt.threads)
    os.makedirs(opt.out, exist_ok=True)
    cache = [opt.cache_mb * 1e6]
    sources = [sd.Source(sd.parse_source(s, SOURCE), opt.classes, cache) for s in opt.source]
    crops = sd.Crops(sources, opt.classes, opt)
    print("pictures:", ", ".join(f"{len(s.pairs)} in {s.spec['root']}" for s in sources), flush=True)
    weight = class_weights(crops.freq, opt.balance)
    print("class weights:", " ".join(f"{v:.2f}" for v in weight.tolist()), flush=True)

    run = Trainer(opt)
    done = run.done
    stop = []
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *a: stop.append(1))
    feeder = sd.Feeder(crops, done["seen"], shapes_of(opt.shapes), opt.seed, lambda: wait_while(opt.pause_file))
    feeder.start()
    end, saved, loss, it, falling = end_time(opt), time.time(), None, 0, False
    while not stop:
        run.slept += wait_while(opt.pause_file)
        part = (time.time() - run.begin) / (end - run.begin)
        if opt.steps:
            part = max(part, it / opt.steps)
        if part >= 1:
            break
        # up, level, and down over the last part; a state from before the way down is kept
        fall = max(0.0, (part - (1 - opt.anneal)) / opt.anneal) if opt.anneal > 0 else 0.0
        if fall > 0 and not falling:
            falling = True
            run.save("state-level.pt")
        lr = opt.lr * min(1, (it + 1) / opt.warmup) * (1 - 0.96 * fall)
        x, lab = feeder.get()
        value = run.step(x, lab, weight, lr, it)
        loss = value if loss is None else 0.98 * loss + 0.02 * value
        it += 1
        if it % 50 == 0:
            wall, cpu = run.used()
            print(f"{datetime.datetime.now():%H:%M:%S} step {done['steps']} crops {done['seen']} loss {loss:.4f} "
                  f"lr {lr:.5f} {wall / it:.2f} s/step cpu {cpu / it:.2f} {100 * part:.0f}%", flush=True)
        if time.time() - saved > 60 * opt.save_minutes:
            run.save()
            saved = time.time()
    feeder.stopped = True
    run.save()
    print(f"saved {opt.out}/model.pth; trained {done['wall'] / 3600:.2f} h wall, "
          f"{done['cpu'] / 3600:.2f} core hours in all", flush=True)


def test(opt):
    torch.set_num_threads(opt.threads)
    model = FastSCNN(opt.classes)
    left = load_weights(model, opt.model)
    if any(not k.startswith("auxlayer") for k in left):
        raise SystemExit(f"{opt.model} lacks or has other shapes for: {' '.join(left)}")
    model = model.to(memory_format=torch.channels_last).eval()
    names = sd.NAMES if opt.classes == 19 else tuple(f"class {i}" for i in range(opt.classes))
    report = {}
    for text in opt.source:
        spec = sd.parse_source(text, dict(SOURCE, split="val"))
        merge = np.arange(opt.classes)
        for pair in spec["merge"].split("+") if spec["merge"] else []:
            a, b = pair.split(":")
            merge[int(a)] = int(b)
        total = np.zeros((opt.classes, opt.classes))
        pairs = sd.list_pairs(spec)[::int(spec["every"])]
        for picture, label in pairs:
            wait_while(opt.pause_file)
            img = sd.Image.open(picture).convert("RGB")
            truth = sd.read_labels(label, opt.classes, spec["ids"])
            x = normalise(np.asarray(img)[None].copy())
            if spec["size"]:
                x = F.interpolate(x, tuple(int(v) for v in spec["size"].split("x")), mode="bilinear",
                                  align_corners=False)
            with torch.no_grad():
                z = model(x, opt.pool)
                if z.shape[2:] != truth.shape:
                    z = F.interpolate(z, truth.shape, mode="bilinear", align_corners=False)
                pred = merge[z[0].argmax(0).numpy()]
            k = truth < opt.classes
            total += np.bincount(opt.classes * truth[k].astype(np.int64) + pred[k],
                                 minlength=opt.classes ** 2).reshape(opt.classes, opt.classes)
        right = np.diag(total)
        there = total.sum(1) > 0
        iou = right / np.maximum(total.sum(0) + total.sum(1) - right, 1)
        name = spec["name"] or spec["root"]
        print(f"{name}: {len(pairs)} pictures, mIoU {iou[there].mean():.4f} over {there.sum()} classes, "
              f"pixel accuracy {right.sum() / total.sum():.4f}")
        for i in np.nonzero(there)[0]:
            print(f"  {i:3d} {names[i]:14s} IoU {iou[i]:.4f}  recall {right[i] / total[i].sum():.4f}  "
                  f"share {total[i].sum() / total.sum():.4f}")
        report[name] = {"pictures": len(pairs), "miou": iou[there].mean(), "accuracy": right.sum() / total.sum(),
                        "iou": {names[i]: iou[i] for i in np.nonzero(there)[0]}}
    if opt.json:
        with open(opt.json, "w") as f:
            json.dump(report, f, indent=1)


def export(opt):
    loaded = [torch.load(path, map_location="cpu") for path in opt.states]
    weights = [w.get("ema", w) for w in loaded]
    mean = {}
    for name, last in weights[-1].items():
        if last.is_floating_point():
            last = (sum(w[name].double() for w in weights) / len(weights)).to(last.dtype)
        mean[name] = last
    save_atomic(plain_state(mean), opt.model)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="cmd", required=True)
    t = sub.add_parser("train", help="train or fine-tune")
    t.add_argument("out", help="directory for state.pt and model.pth")
    t.add_argument("--from", dest="init", help="start from this checkpoint (.pth, or a state.pt)")
    t.add_argument("--resume", action="store_true", help="go on from OUT/state.pt if there is one")
    t.add_argument("--minutes", type=float, default=60, help="length of this sitting")
    t.add_argument("--until", metavar="HH:MM", help="end of this sitting, instead of --minutes")
    t.add_argument("--steps", type=int, default=0, help="at most so many steps")
    t.add_argument("--lr", type=float, default=1.5e-3)
    t.add_argument("--warmup", type=int, default=100, help="steps")
    t.add_argument("--anneal", type=float, default=0.25, help="last part of the sitting in which lr falls to 4 %%")
    t.add_argument("--decay", type=float, default=1e-2, help="weight decay")
    t.add_argument("--ema", type=float, default=0.999, help="averaging of weights, per step")
    t.add_argument("--shapes", default="512x512x8@2,768x1024x3@1", help="HxWxN@odds,... of a step's crops")
    t.add_argument("--rare", type=float, default=0.4, help="share of crops aimed at a class, rare ones most")
    t.add_argument("--closer", type=float, default=0.5, help="share of aimed crops enlarged up to 2.2 times more")
    t.add_argument("--paste", type=float, default=0.35, help="share of crops with small things of another pasted in")
    t.add_argument("--light", type=float, default=0.35, help="share of crops under uneven light and shadows")
    t.add_argument("--soften", type=float, default=0.2, help="share of crops made as if by a smaller camera")
    t.add_argument("--balance", type=float, default=0.25, help="exponent of the class weights; 0: none")
    t.add_argument("--overlap", type=float, default=0.5, help="weight of the IoU loss beside cross entropy")
    t.add_argument("--freeze-norm", action="store_true",
                   help="keep the means and variances of batch normalisation: for a last sitting on whole frames")
    t.add_argument("--bf16", action="store_true", help="convolve in bfloat16 (1.6 times as fast with AVX512-BF16)")
    t.add_argument("--seed", type=int, default=1)
    t.add_argument("--save-minutes", type=float, default=4)
    t.add_argument("--cache-mb", type=float, default=6000, help="decoded pictures kept in memory")
    e = sub.add_parser("test", help="IoU per class")
    e.add_argument("model")
    e.add_argument("--pool", choices=["fixed", "adaptive"], default="fixed")
    e.add_argument("--json", help="write the figures to this file too")
    for q in (t, e):
        q.add_argument("--source", action="append", required=True, help="see README.md; may be repeated")
        q.add_argument("--classes", type=int, default=19)
        q.add_argument("--threads", type=int, default=os.cpu_count())
        q.add_argument("--pause-file", help="sleep while this file exists")
    x = sub.add_parser("export", help="averaged weights of a state, or the mean of several")
    x.add_argument("states", nargs="+", help="state.pt, or a model.pth made here, of one run")
    x.add_argument("model")
    opt = p.parse_args()
    if opt.cmd == "export":
        export(opt)
    else:
        {"train": train, "test": test}[opt.cmd](opt)


if __name__ == "__main__":
    main()
