#!/usr/bin/env python3
"""Those parts of bench/ that need neither the peers nor time to themselves. Prints TAP."""
import os
import subprocess
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "bench")
BUILD = os.environ.get("FASTSCNN_BUILD", os.path.join(HERE, "..", "build"))
sys.path.insert(0, BENCH)
sys.dont_write_bytecode = True
import chart
import environment
import workers

SVG = "{http://www.w3.org/2000/svg}"


def row(engine, precision, speed, agrees=True):
    return {"engine": engine, "name": engine.upper(), "precision": precision, "input": "f32", "output": "logits",
            "images_per_second": speed, "ratio": speed / 10, "memory_mb": 123.4, "agrees": agrees}


def drawing():
    results = {"processor": "A & B <C>", "threads": 2, "date": "2000-01-01", "size": "64x128", "runs": 3,
               "rows": [row("peer", "fp32", 10.0), row("peer", "int8", 20.0, False), row("fastscnn", "fp32", 40.0)],
               "unavailable": [{"name": "Other", "precision": "fp32", "reason": "no"}]}
    return xml.etree.ElementTree.fromstring(chart.draw(results))


def chart_bars():
    bars = {kind: [float(bar.get("width")) for bar in drawing().iter(SVG + "rect") if bar.get("class") == kind]
            for kind in ("peer", "ours")}
    longest = bars["ours"][0]
    return len(bars["peer"]) == 2 and len(bars["ours"]) == 1 and \
        abs(bars["peer"][0] / longest - 0.25) < 0.01 and abs(bars["peer"][1] / longest - 0.5) < 0.01


def chart_words():
    words = [text.text for text in drawing().iter(SVG + "text")]
    return all(any(wanted in word for word in words) for wanted in (
        "A & B <C>, 2 threads", "40.0 (4.00 x, 123 MB)", "20.0 (2.00 x, 123 MB) disagrees", "Not measured: Other fp32",
        "FASTSCNN fp32"))


def chart_grid():
    return [chart.grid_step(most) for most in (0.4, 8, 9, 17, 40.1, 100)] == [1, 1, 2, 5, 10, 20]


def percentiles():
    return workers.percentile([3, 1, 2], 0.5) == 2 and workers.percentile([4, 1, 2, 3], 0.5) == 2.5 and \
        abs(workers.percentile([1, 2], 0.9) - 1.9) < 1e-12


def pinned():
    packages = [package for section in environment.sections().values() for package in section]
    return {"base", "onnxruntime", "openvino", "nncf", "ncnn", "pnnx", "mnn"} == set(environment.sections()) and \
        all(len(package.split("==")) == 2 for package in packages)


def run(name, *arguments, **more):
    return subprocess.run([sys.executable, os.path.join(BENCH, name), "--build", BUILD, *arguments], capture_output=True,
                          text=True, env=dict(os.environ, **more))


def compare_usage():
    wrong = (["--size", "1024"], ["--peers", "nobody"], ["--runs", "0"], ["--threads", "0"],
             ["--scaling", "--svg", "x.svg"])
    return all(run("compare", *arguments).returncode == 2 for arguments in wrong)


def accuracy_skips():
    result = run("accuracy", FASTSCNN_REFERENCE="/nonexistent")
    return result.returncode == 0 and result.stdout == "accuracy: skipped: no frames in /nonexistent\n"


CASES = [chart_bars, chart_words, chart_grid, percentiles, pinned, compare_usage, accuracy_skips]
print(f"1..{len(CASES)}")
failed = 0
for number, case in enumerate(CASES, 1):
    passed = case()
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {number} - {case.__name__}", flush=True)
sys.exit(failed != 0)
