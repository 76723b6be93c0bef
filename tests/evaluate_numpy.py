#!/usr/bin/env python3
"""`fastscnn evaluate --json` against the deployment guide's metric written down independently with numpy, on result
files made at random: logits in float32 and float16, labels in uint8, each as BIN, NPY and TXT. Prints TAP."""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    DEBIAN = "/usr/bin/python3"  # has Debian's python3-numpy even where another python3 comes first
    if os.path.exists(DEBIAN) and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN):
        os.execv(DEBIAN, [DEBIAN] + sys.argv)
    print("1..0 # SKIP numpy is not installed")
    sys.exit(0)

PROGRAM = os.path.join(os.environ.get("FASTSCNN_BUILD", "build"), "cli", "fastscnn")
HEIGHT, WIDTH, IMAGES = 24, 40, 6


def guide_metric(pairs, classes):
    """Means of the running mIoU and pixAcc over the images in order, and both after the last one, in percent."""
    inter, union = np.zeros(classes), np.zeros(classes)
    correct = labelled = 0
    running = []
    for predicted, truth in pairs:
        seen = truth >= 0
        correct += np.sum((predicted == truth) & seen)
        labelled += np.sum(seen)
        for c in range(classes):
            p, t = (predicted == c) & seen, truth == c
            inter[c] += np.sum(p & t)
            union[c] += np.sum(p | t)
        iou = inter / (union + np.spacing(1))
        running.append((np.mean(iou), correct / (labelled + np.spacing(1))))
    ordered = np.mean(running, axis=0)
    return {"AvgmIou": 100 * ordered[0], "AvgpixAcc": 100 * ordered[1],
            "mIoU": 100 * running[-1][0], "pixAcc": 100 * running[-1][1]}


def make_truth(rng, classes):
    """Blocks of train ids; the last class never occurs, the first images lack more; a fifth is ignored."""
    small = rng.integers(0, max(2, classes - 1), (HEIGHT // 4, WIDTH // 4))
    truth = np.kron(small, np.ones((4, 4), int))
    truth[rng.random(truth.shape) < 0.2] = -1
    return truth


def make_logits(rng, truth, classes, dtype):
    """Right about half of the time, in steps of 1/4 so that ties happen."""
    logits = np.round(rng.normal(0, 1.5, (classes, HEIGHT, WIDTH)) * 4) / 4
    for c in range(classes):
        logits[c][truth == c] += 2
    return logits.astype(dtype)


def save(path, array, container):
    if container == "BIN":
        array.tofile(path + ".bin")
    elif container == "NPY":
        np.save(path + ".npy", array)
    else:
        form = "%d " if array.dtype == np.uint8 else "%f "
        with open(path + ".txt", "w", encoding="ascii") as f:
            for row in array.reshape(-1, array.shape[-1]):
                f.write("".join(form % v for v in row) + "\n")


def case(kind, container, classes, tell_classes, seed):
    rng = np.random.default_rng(seed)
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/r")
        os.mkdir(folder + "/l")
        stems = [f"city_{i:06d}_{rng.integers(1000000):06d}" for i in rng.permutation(IMAGES)]
        for stem in stems:
            truth = make_truth(rng, classes)
            truth.astype("<f4").tofile(f"{folder}/l/{stem}_gtFine_labelIds.bin")
            logits = make_logits(rng, truth, classes, "<f2" if kind == "float16" else "<f4")
            predicted = np.argmax(logits, axis=0)
            array = predicted.astype("u1")[None] if kind == "uint8" else logits[None]
            save(f"{folder}/r/{stem}_leftImg8bit_0", array, container)
            pairs.append((predicted, truth))
        with open(folder + "/sort.log", "w", encoding="ascii") as f:
            f.write("".join(stem + "_leftImg8bit.png\n" for stem in stems))
        command = [PROGRAM, "evaluate", "--result_bin_root", folder + "/r", "--label_bin_root", folder + "/l",
                   "--sort_log", folder + "/sort.log", "--json"]
        command += ["--num_classes", str(classes)] if tell_classes else []
        got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    wanted = guide_metric(pairs, classes)
    worst = max(abs(got[key] - wanted[key]) for key in wanted)
    matrix = np.zeros((classes, classes), int)
    for predicted, truth in pairs:
        np.add.at(matrix, (truth[truth >= 0], predicted[truth >= 0]), 1)
    same_matrix = np.array_equal(np.array(got["confusion_matrix"]), matrix)
    same_order = [image["name"] for image in got["images"]] == stems
    return worst < 1e-9 and same_matrix and same_order and got["num_images"] == IMAGES, \
        f"worst difference {worst:.3g}, matrix {'same' if same_matrix else 'differs'}"


def main():
    cases = [(kind, container, 19, False) for kind in ("float32", "float16", "uint8")
             for container in ("BIN", "NPY", "TXT")]
    cases += [("float32", "BIN", 7, True), ("float16", "BIN", 20, True), ("uint8", "BIN", 5, True),
              ("float16", "NPY", 150, False)]
    print(f"1..{len(cases)}")
    failed = 0
    for number, (kind, container, classes, tell) in enumerate(cases, 1):
        try:
            good, text = case(kind, container, classes, tell, seed=number)
        except subprocess.CalledProcessError as error:
            good, text = False, error.stderr.strip()
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {kind} {container}, {classes} classes: {text}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
