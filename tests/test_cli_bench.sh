#!/bin/sh
# bench: figures that fit each other, streams, limits, types, the profile, wrong usage.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

check "a random checkpoint" "$random_checkpoint" r.pth --seed 3
check_run "a small model" 0 "ATC run success" compile --model r.pth --output m --input_shape "image:-1,3,64,128" \
    --dynamic_batch_size "1,2,4" --pool adaptive

# Options -> what the JSON must say; every figure is held against the exported times.
cat >figures.py <<'PYTHON'
import csv, json, sys

def close(a, b, tolerance=1e-5):
    return abs(a - b) <= tolerance * abs(b)

d = json.load(open("printed"))
for word in sys.argv[1:]:
    key, value = word.split("=", 1)
    assert str(d[key]) == value, (key, d[key], value)
rows = list(csv.DictReader(open("times.csv")))
assert list(rows[0]) == ["stream", "run", "latency_ms"]
assert len(rows) == d["runs"], (len(rows), d["runs"])
streams = {}
for row in rows:
    own = streams.setdefault(int(row["stream"]), [])
    assert int(row["run"]) == len(own)
    own.append(float(row["latency_ms"]))
assert sorted(streams) == list(range(d["streams"]))
times = sorted(t for own in streams.values() for t in own)
assert times[0] > 0

def percentile(p):
    rank = p / 100 * (len(times) - 1)
    low = int(rank)
    high = min(low + 1, len(times) - 1)
    return times[low] + (rank - low) * (times[high] - times[low])

t = d["latency_ms"]
assert set(t) == {"min", "mean", "median", "p90", "p95", "p99", "max"}
assert t["min"] <= t["median"] <= t["p90"] <= t["p95"] <= t["p99"] <= t["max"]
assert close(t["min"], times[0]) and close(t["max"], times[-1]) and close(t["mean"], sum(times) / len(times))
for name, p in (("median", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
    assert close(t[name], percentile(p)), (name, t[name], percentile(p))
images = len(times) * d["batchsize"]
assert close(d["throughput_fps"] * d["wall_seconds"], images)
assert close(d["compute_fps"], 1000 * d["batchsize"] * d["streams"] / t["mean"])
# The wall clock runs at least as long as the busiest stream, and no stream pauses between its runs.
longest = max(sum(own) for own in streams.values()) / 1000
assert longest <= d["wall_seconds"] * 1.0001 + 1e-4, (longest, d["wall_seconds"])
assert d["wall_seconds"] < longest + 1, (longest, d["wall_seconds"])
assert 1 < d["peak_rss_mb"] < 4000
assert d["isa"] in ("c", "avx2", "avx512", "amx", "neon")
PYTHON
figures() { # NAME "KEY=VALUE..." OPTION...: runs bench on the small model and looks at everything it says
    name=$1 words=$2
    shift 2
    rm -f times.csv
    "$program" bench --model m.fscnn --json --export-times times.csv "$@" >printed 2>shown_errors
    code=$?
    # shellcheck disable=SC2086,SC2016 # one word per figure; $0 is for the inner shell
    check "$name" sh -c 'test "$0" -eq 0 && test ! -s shown_errors && python3 figures.py "$@"' $code $words
}
figures "figures that fit each other" "runs=30 threads=1 streams=1 batchsize=1 precision=fp32 input_type=u8 output_type=labels
    warmup=2 pinned=False" --iterations 30 --warmup 2 --threads 1
figures "two streams: as many runs each" "runs=40 threads=1 streams=2" --iterations 20 --threads 1 --streams 2
figures "pinned" "runs=20 pinned=True" --iterations 10 --threads 2 --streams 2 --pin
figures "more threads than processors, pinned" "runs=8 threads=40 streams=2" --iterations 4 --threads 40 --streams 2 --pin
figures "a batch" "batchsize=4 runs=5" --iterations 5 --batchsize 4
figures "floats to logits" "input_type=f32 output_type=logits" --iterations 3 --input-type f32 --output-type logits
figures "bytes to half precision" "input_type=u8 output_type=logits16" --iterations 3 --output-type logits16
figures "one run" "runs=1" --iterations 1 --warmup 0
figures "a duration" "warmup=5" --duration 1
check "takes about as long" python3 -c 'import json; d = json.load(open("printed")); assert 1 <= d["wall_seconds"] < 5 and d["runs"] > 1'
figures "iterations before the duration is over" "runs=3" --duration 60 --iterations 3
figures "the duration before the iterations are done" "warmup=5" --duration 1 --iterations 10000000
check "really" python3 -c 'import json; assert json.load(open("printed"))["wall_seconds"] < 5'
check "nothing temporary is left" test -z "$(find . -name '*.tmp*')"

# ---- text, models of all kinds ----
check_lost bench --model m.fscnn --iterations 3
check_lost bench --model m.fscnn --iterations 3 --json
check_run "for people" 0 "latency      min " bench --model m.fscnn --iterations 3
check "throughput" grep -q '^throughput   [0-9.]* images/s by the wall clock, [0-9.]* by the mean latency$' printed
check "memory" grep -q '^memory       [0-9.]* MB at most$' printed
check "progress" grep -q '^runs: 3/3, ' printed
check_run "progress within a second" 0 "seconds: 1.0/1.0, " bench --model m.fscnn --duration 1
check "in tenths" grep -q '^seconds: 0\.[1-9]/1\.0, ' printed
check_run "a checkpoint, compiled for a size and precision" 0 "bf16" bench --model r.pth --size 64x128 --precision bf16 \
    --pool adaptive --batchsize 2 --iterations 2 --json
check "so it says" python3 -c 'import json; d = json.load(open("printed")); assert (d["precision"], d["size"], d["batchsize"]) == ("bf16", [64, 128], 2)'
check_run "export" 0 "" export --pth_path r.pth --onnx_name r --input_shape 64x128 --pool adaptive
check_run "an ONNX file" 0 "64 x 128" bench --model r.onnx --iterations 2
# shellcheck disable=SC2016 # $0 is for the inner shell
check "the model named by FASTSCNN_MODEL" sh -c 'FASTSCNN_MODEL=m.fscnn "$0" bench --iterations 1 | grep -q "^model        m.fscnn, fp32"' "$program"

# ---- the profile: the steps add up to the model, and to no more than the whole run ----
cat >profile.py <<'PYTHON'
import json, sys
low, high = map(float, sys.argv[1:])
d = json.load(open("printed"))
steps, peak = d["steps"], d["peak"]
assert [s["step"] for s in steps] == list(range(len(steps))) and all(s["name"] for s in steps)
assert low <= sum(s["gmac"] for s in steps) <= high, sum(s["gmac"] for s in steps)
assert sum(s["ms"] for s in steps) <= d["latency_ms"]["mean" if d["streams"] == 1 else "max"] * 1.001
assert sum(s["bytes"] for s in steps) > 3 * d["size"][0] * d["size"][1]
for s in steps:
    rate = {"fp32": peak["fp32_gflops"], "bf16": peak["bf16_gflops"], "int8": peak["int8_gops"]}[s["precision"]]
    compute = 2e3 * s["gmac"] / rate
    memory = 1e-6 * s["bytes"] / max(peak["memory_read_gbs"], peak["memory_write_gbs"])
    compute, memory = (x * d["streams"] for x in (compute, memory))
    assert abs(s["roofline_ms"] - max(compute, memory)) <= 1e-4 * s["roofline_ms"] + 1e-9, s
    assert s["bound"] == ("compute" if compute >= memory else "memory"), s
    assert s["ms"] == 0 or abs(s["roofline_share"] - s["roofline_ms"] / s["ms"]) <= 1e-4 * s["roofline_share"], s
    assert s["ms"] == 0 or abs(s["gops"] - 2e3 * s["gmac"] / s["ms"]) <= 1e-4 * s["gops"], s
assert peak["threads"] == d["threads"] * d["streams"]
# The sum, each step being measured; busy machines make peaks look low.
ms = sum(s["ms"] for s in steps)
assert abs(d["roofline_share"] - sum(s["roofline_ms"] for s in steps) / ms) <= 1e-4 * d["roofline_share"], d["roofline_share"]
PYTHON
check_run "a profile" 0 '"roofline_share"' bench --model m.fscnn --iterations 5 --threads 1 --profile --json
macs=$("$program" info m.fscnn --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d.get("model", d)["macs"] / 1e9)')
check "of all the model's work" python3 profile.py "$(python3 -c "print($macs - 1e-6)")" "$(python3 -c "print($macs + 1e-6)")"
check_run "of two streams" 0 '"roofline_share"' bench --model m.fscnn --iterations 5 --threads 1 --streams 2 --profile --json
check "that share the machine" python3 profile.py 0 1
check_run "at full size" 0 '"roofline_share"' bench --model r.pth --iterations 1 --warmup 0 --profile --json
check "6.6 to 7.3 GMAC" python3 profile.py 6.6 7.3
check_run "the profile as a table" 0 "step  type" bench --model m.fscnn --iterations 2 --profile
check "its sum" grep -q '^ sum ' printed
check "its peaks" grep -q '^peak         [0-9]* GFLOP/s fp32, [0-9]* bf16, [0-9]* GOP/s int8; memory ' printed

# ---- what goes wrong ----
check_run "no such model" 1 "nothing.fscnn" bench --model nothing.fscnn
check_run "not a model" 1 "figures.py" bench --model figures.py
check_run "int8 without calibration" 2 "needs calibration" bench --model r.pth --precision int8
check_run "another precision than the model's" 2 "compiled for fp32" bench --model m.fscnn --precision bf16
check_run "another size than the model's" 2 "64 x 128" bench --model m.fscnn --size 128x128
check_run "pooling of an offline model" 2 "--pool is for .pth" bench --model m.fscnn --pool fixed
check_run "a batch that the model has not" 2 "m.fscnn runs batches of 1,2,4, not 3" bench --model m.fscnn --batchsize 3
check_run "an unknown output" 2 "none of: logits, logits16, labels" bench --model m.fscnn --output-type mask
check_run "no streams" 2 "--streams" bench --model m.fscnn --streams 0
check_run "too many threads" 2 "at most 256" bench --model m.fscnn --streams 100 --threads 100
check_run "an argument too many" 2 "unexpected argument" bench m.fscnn
check_run "times into no folder" 1 "nowhere/t.csv" bench --model m.fscnn --iterations 1 --export-times nowhere/t.csv
# shellcheck disable=SC2016 # $0 is for the inner shell
check "an unknown instruction set is wrong usage in every stream" sh -c \
    'FASTSCNN_CPU=sse timeout 20 "$0" bench --model m.fscnn --streams 3 --threads 1 2>said; test $? -eq 2 && grep -q sse said' "$program"
check_run "the overview" 0 "  bench " --help

finish
