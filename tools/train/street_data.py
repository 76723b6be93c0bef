"""Pictures with labels, and the crops a training run sees of them."""
import glob
import io
import math
import os
import random
import threading
from collections import deque
from queue import Full, Queue

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

IGNORE = 255
# Cityscapes: train id -> label id
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
NAMES = ("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
         "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".ppm", ".bmp")


def parse_source(text, defaults):
    """`key=value,key=value` -> dict; a bare first word is the root of a Cityscapes tree."""
    out = dict(defaults)
    for i, item in enumerate(text.split(",")):
        key, eq, value = item.partition("=")
        if not eq and i == 0:
            key, value = "root", item
        if key not in defaults:
            raise SystemExit(f"--source {text}: unknown key {key!r}; known: {' '.join(defaults)}")
        out[key] = value
    if not out["root"]:
        raise SystemExit(f"--source {text}: no root=")
    return out


def id_table(path, classes, mapping):
    """What a label file's values mean: 256 train ids."""
    table = np.full(256, IGNORE, np.uint8)
    if mapping:
        for pair in mapping.split("+"):
            a, b = pair.split(":")
            table[int(a)] = int(b)
    elif path.endswith("_gtFine_labelIds.png") and classes == 19:
        for train, label in enumerate(LABEL_IDS):
            table[label] = train
    else:
        table[:classes] = np.arange(classes)
    return table


def list_pairs(spec):
    """[(picture, labels)] of a source; a picture without labels is left out."""
    root = spec["root"]
    pairs = []
    if spec["layout"] == "cityscapes":
        for split in spec["split"].split("+"):
            for p in sorted(glob.glob(os.path.join(root, "leftImg8bit", split, "*", "*_leftImg8bit.png"))):
                stem = p[:-len("_leftImg8bit.png")].replace(os.path.join(root, "leftImg8bit"),
                                                            os.path.join(root, "gtFine"))
                for kind in ("labelTrainIds", "labelIds"):
                    if os.path.exists(f"{stem}_gtFine_{kind}.png"):
                        pairs.append((p, f"{stem}_gtFine_{kind}.png"))
                        break
    elif spec["layout"] == "folder":
        if spec["list"]:
            stems = [line.strip() for name in spec["list"].split("+")
                     for line in open(os.path.join(root, name)) if line.strip()]
        else:
            stems = sorted(os.path.splitext(f)[0] for f in os.listdir(os.path.join(root, "images")))
        for s in stems:
            label = os.path.join(root, spec["labels"], s + ".png")
            picture = [os.path.join(root, "images", s + e) for e in IMAGE_TYPES]
            picture = [p for p in picture if os.path.exists(p)]
            if picture and os.path.exists(label):
                pairs.append((picture[0], label))
    else:
        raise SystemExit(f"unknown layout {spec['layout']!r}: cityscapes or folder")
    if not pairs:
        raise SystemExit(f"{root}: no labelled pictures found")
    return pairs


def read_labels(path, classes, mapping):
    lab = np.asarray(Image.open(path))
    if lab.ndim != 2 or lab.dtype != np.uint8:
        raise SystemExit(f"{path}: labels must be an 8-bit single-channel picture")
    return id_table(path, classes, mapping)[lab]


class Source:
    """One data set: picture list, class occurrences, and a cache of decoded pictures."""

    def __init__(self, spec, classes, cache):
        self.spec, self.classes, self.cache, self.store = spec, classes, cache, {}
        self.pairs = list_pairs(spec)
        self.share = float(spec["share"])
        self.zoom = tuple(float(v) for v in spec["zoom"].split(":"))
        self.pixels = np.zeros(classes)
        self.spots = [[] for _ in range(classes)]       # class -> (picture, y, x) with y, x in 0..1
        rng = np.random.default_rng(1)
        for i, (_, path) in enumerate(self.pairs):
            lab = read_labels(path, classes, spec["ids"])
            h, w = lab.shape
            n = np.bincount(lab.ravel(), minlength=256)[:classes]
            self.pixels += n / lab.size
            small = lab[::2, ::2]
            for c in np.nonzero(n)[0]:
                at = np.flatnonzero(small == c)
                if not len(at):
                    continue
                for k in rng.choice(at, min(12, len(at)), replace=False):
                    y, x = divmod(int(k), small.shape[1])
                    self.spots[c].append((i, (2 * y + 0.5) / h, (2 * x + 0.5) / w))

    def load(self, i):
        """(PIL picture, PIL labels, channel means, channel deviations)"""
        if i in self.store:
            return self.store[i]
        picture, label = self.pairs[i]
        img = Image.open(picture).convert("RGB")
        lab = Image.fromarray(read_labels(label, self.classes, self.spec["ids"]))
        if img.size != lab.size:
            raise SystemExit(f"{picture}: {img.size}, but its labels are {lab.size}")
        thumb = np.asarray(img.resize((64, 48), Image.BOX), np.float32).reshape(-1, 3)
        item = img, lab, thumb.mean(0), thumb.std(0) + 4
        size = img.size[0] * img.size[1] * 5
        if self.cache[0] >= size:
            self.cache[0] -= size
            self.store[i] = item
        return item


class Crops:
    """Random crops: where (rare classes first, in part), how large, which colours.

    Where and how a crop is cut follows from (seed, number): a resumed run goes on where it stopped."""

    def __init__(self, sources, classes, opt):
        self.sources, self.opt, self.classes = sources, opt, classes
        share = np.array([s.share for s in sources])
        self.share = np.cumsum(share / share.sum())
        freq = sum(s.pixels / len(s.pairs) * s.share for s in sources) / share.sum()
        self.freq = freq / freq.sum()
        # classes to aim at: the rarer, the more often
        self.aim = []
        for s in sources:
            there = np.array([c for c in range(classes) if s.spots[c]])
            w = np.maximum(self.freq[there], 2e-3) ** -0.3
            self.aim.append((there, np.cumsum(w / w.sum())))
        # what may be pasted: things that stand free
        self.things = set(range(5, 8)) | set(range(11, 19)) if classes == 19 else \
            {c for c in range(classes) if self.freq[c] < 0.03}
        self.tones = deque(maxlen=1000)
        self.noise = np.random.default_rng(2).normal(0, 1, (1 << 20,)).astype(np.float32)

    def colours(self, img, mean, dev, rng):
        """Exposure, contrast, colour cast and another picture's tones: one table a channel."""
        v = np.arange(256, dtype=np.float32)
        gain, offset = np.ones(3), np.zeros(3)
        if self.tones and rng.random() < 0.6:
            m2, d2 = self.tones[rng.randrange(len(self.tones))]
            k = rng.random()
            gain = (1 - k) + k * np.clip(d2 / dev, 0.5, 2)
            offset = k * (m2 - mean * np.clip(d2 / dev, 0.5, 2))
        contrast, bright = rng.uniform(0.7, 1.5), rng.uniform(0.55, 1.45)
        gamma = math.exp(rng.uniform(-0.5, 0.5))
        mid = float(mean.mean())
        bright = min(max(bright, 38 / mid), max(190 / mid, 0.55))
        luts = []
        for c in range(3):
            t = v * gain[c] + offset[c]
            t = (t - mid) * contrast + mid
            t = np.clip(t * bright * rng.uniform(0.9, 1.1), 0, 255)
            luts.append(255 * (t / 255) ** gamma)
        img = img.point(np.clip(np.concatenate(luts) + 0.5, 0, 255).astype(np.uint8).tolist())
        if rng.random() < 0.6:
            img = ImageEnhance.Color(img).enhance(rng.uniform(0.3, 1.6))
        return img

    @staticmethod
    def light(a, rng):
        """Uneven light: a smooth field of gains, and at times the edge of a cast shadow."""
        h, w = a.shape[:2]
        field = np.array([rng.uniform(-0.6, 0.6) for _ in range(12)], np.float32).reshape(3, 4)
        field = np.asarray(Image.fromarray(field).resize((w, h), Image.BICUBIC))
        if rng.random() < 0.5:
            angle = rng.uniform(0, 2 * math.pi)
            y = (np.arange(h, dtype=np.float32) / h - rng.random()) * math.sin(angle)
            x = (np.arange(w, dtype=np.float32) / w - rng.random()) * math.cos(angle)
            field = field * 0.5 + np.where(y[:, None] + x > 0, rng.uniform(0.3, 0.6), -0.3).astype(np.float32)
        return np.minimum(a * np.exp(field)[..., None], 255).astype(np.uint8)

    def one(self, number, height, width):
        """-> picture u8 [height, width, 3], labels u8 [height, width]"""
        rng = random.Random(self.opt.seed * 1000003 + number)
        k = min(int(np.searchsorted(self.share, rng.random())), len(self.sources) - 1)
        src = self.sources[k]
        spot = None
        there, cum = self.aim[k]
        if rng.random() < self.opt.rare and len(there):
            spots = src.spots[there[min(int(np.searchsorted(cum, rng.random())), len(there) - 1)]]
            spot = spots[rng.randrange(len(spots))]
        i = spot[0] if spot else rng.randrange(len(src.pairs))
        img, lab, mean, dev = src.load(i)
        self.tones.append((mean, dev))
        w, h = img.size
        zoom = math.exp(rng.uniform(math.log(src.zoom[0]), math.log(src.zoom[1])))
        if spot and rng.random() < self.opt.closer:     # small data sets show few things near by
            zoom *= math.exp(rng.uniform(0, math.log(2.2)))
        if rng.random() < 0.8:              # mostly fill the crop; sometimes leave a border that is ignored
            zoom = max(zoom, min(max(height / h, width / w), src.zoom[1]))
        stretch = math.exp(rng.uniform(-0.1, 0.1)) ** 0.5
        zx, zy = zoom * stretch, zoom / stretch
        cw, ch = min(w, width / zx), min(h, height / zy)
        if spot:
            x = min(max(spot[2] * w - cw * rng.uniform(0.15, 0.85), 0), w - cw)
            y = min(max(spot[1] * h - ch * rng.uniform(0.15, 0.85), 0), h - ch)
        else:
            x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
        ow, oh = min(width, max(8, round(cw * zx))), min(height, max(8, round(ch * zy)))
        box = (x, y, x + cw, y + ch)
        kind = Image.BICUBIC if rng.random() < 0.3 else Image.BILINEAR
        if rng.random() < self.opt.soften and zoom < 1.5:
            # what a smaller camera would have seen: down first, then up
            f = rng.uniform(0.4, 0.9) * min(1, 1 / zoom)
            img = img.resize((max(8, int(ow * f)), max(8, int(oh * f))), Image.BILINEAR, box)
            img = img.resize((ow, oh), kind)
        else:
            img = img.resize((ow, oh), kind, box)
        lab = lab.resize((ow, oh), Image.NEAREST, box)
        if rng.random() < 0.5:
            img, lab = img.transpose(Image.FLIP_LEFT_RIGHT), lab.transpose(Image.FLIP_LEFT_RIGHT)
        if rng.random() < 0.9:
            img = self.colours(img, mean, dev, rng)
        r = rng.random()
        if r < 0.1:
            img = img.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5)))
        elif r < 0.2:
            img = img.filter(ImageFilter.UnsharpMask(rng.uniform(0.8, 2), rng.randint(50, 200), 0))
        if rng.random() < 0.12:
            f = io.BytesIO()
            img.save(f, "JPEG", quality=rng.randint(25, 85))
            img = Image.open(f).convert("RGB")
        a = np.asarray(img)
        if rng.random() < self.opt.light:
            a = self.light(a, rng)
        if rng.random() < 0.2:
            n = np.resize(self.noise[rng.randrange(1 << 19):], a.shape)
            a = np.clip(a + n * rng.uniform(2, 10), 0, 255).astype(np.uint8)
        if (oh, ow) == (height, width):
            return np.array(a), np.array(lab)
        out = np.empty((height, width, 3), np.uint8)
        out[:] = (124, 116, 104)            # the mean colour: zero after normalisation
        ids = np.full((height, width), IGNORE, np.uint8)
        y, x = rng.randint(0, height - oh), rng.randint(0, width - ow)
        out[y:y + oh, x:x + ow] = a
        ids[y:y + oh, x:x + ow] = np.asarray(lab)
        return out, ids

    def batch(self, first, n, height, width):
        """Crops first .. first+n-1; some get things of the next crop pasted in."""
        parts = [self.one(first + j, height, width) for j in range(n)]
        x, y = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
        rng = random.Random(self.opt.seed * 7919 + first)
        if n > 1 and self.opt.paste > 0:
            px, py = x.copy(), y.copy()
            for j in range(n):
                if rng.random() < self.opt.paste:
                    k = (j + 1) % n
                    there = [c for c in np.unique(y[k]) if c in self.things]
                    there = [c for c in there if rng.random() < 0.6]
                    if there:
                        m = np.isin(y[k], there)
                        px[j][m], py[j][m] = x[k][m], y[k][m]
            x, y = px, py
        return x, y


class Feeder(threading.Thread):
    """Batches made ahead of time, beside the training step."""

    def __init__(self, crops, first, shapes, seed, hold):
        super().__init__(daemon=True)
        self.crops, self.next, self.shapes, self.seed, self.hold = crops, first, shapes, seed, hold
        self.queue, self.error, self.stopped = Queue(3), None, False

    def run(self):
        try:
            while not self.stopped:
                self.hold()
                rng = random.Random(self.seed * 31337 + self.next)
                height, width, n, _ = rng.choices(self.shapes, [s[3] for s in self.shapes])[0]
                item = self.crops.batch(self.next, n, height, width)
                self.next += n
                while not self.stopped:
                    try:
                        self.queue.put(item, timeout=1)
                        break
                    except Full:
                        pass
        except BaseException as e:          # hand it to the training loop
            self.error = e
            self.queue.put(None)

    def get(self):
        item = self.queue.get()
        if item is None:
            raise self.error
        return item
