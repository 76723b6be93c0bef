#!/bin/sh
# infer: grouping, names, formats and types that agree, batches that agree, the summary.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

check "a random checkpoint" "$random_checkpoint" r.pth --seed 3
check_run "a model" 0 "ATC run success" compile --model r.pth --output m --input_shape "image:-1,3,64,128" \
    --dynamic_batch_size "1,2,4,8" --pool adaptive
python3 - <<'PYTHON'
import array, os, random, struct

def npy(path, descr, shape, data):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (descr, shape)
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)

os.mkdir("in")
for n in (1, 2, 3, 9, 10, 11):  # natural order is not the order of the bytes
    random.seed(n)
    pixels = bytes(random.randrange(256) for _ in range(64 * 128 * 3))
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]
    table = [[f32(f32(f32(v / 255) - f32(mean[c])) / f32(std[c])) for v in range(256)] for c in range(3)]
    values = array.array("f", (table[c][pixels[3 * i + c]] for c in range(3) for i in range(64 * 128)))
    with open("in/img%d_leftImg8bit.bin" % n, "wb") as f:
        values.tofile(f)
    if n == 1:
        os.mkdir("same")
        open("same/u8.bin", "wb").write(pixels)
        npy("same/u8npy.npy", "|u1", (1, 64, 128, 3), pixels)
        npy("same/f32npy.npy", "<f4", (3, 64, 128), values.tobytes())
        npy("f64.npy", "<f8", (1, 3, 64, 128), bytes(8 * 3 * 64 * 128))
        npy("nhwc.npy", "<f4", (1, 64, 128, 3), values.tobytes())
        open("two.bin", "wb").write(values.tobytes() * 2)
open("in/note.txt", "w").write("not an input")
os.mkdir("in/sub.bin")
open("short.bin", "wb").write(bytes(100))
os.mkdir("empty")
PYTHON

# ---- batches ----
for batch in 1 2 4 8; do
    check_run "batch $batch" 0 "[INFO] throughput 1000*batchsize.mean($batch)/NPU_compute_time.mean(" infer --model m.fscnn \
        --input in --output out --output_dirname "b$batch" --outfmt BIN --batchsize "$batch"
    check "batch $batch: six results" test "$(find "out/b$batch" -type f | wc -l)" -eq 6
    check "batch $batch: the same bytes as batch 1" diff -r out/b1 "out/b$batch"
done
check "named after the inputs" test -e out/b1/img10_leftImg8bit_0.bin
check "19 x 64 x 128 floats" test "$(wc -c <out/b1/img1_leftImg8bit_0.bin)" -eq $((19 * 64 * 128 * 4))
check "nothing temporary is left" test -z "$(find out -name '*.tmp*')"
check_run "a batch size that the model has not" 2 "m.fscnn runs batches of 1,2,4,8, not 3" infer --model m.fscnn --input in --batchsize 3
check_run "--dymBatch" 0 "filesperbatch:4 runcount:2" infer --model m.fscnn --input in --dymBatch 4
check_run "a batch that is filled up says so" 0 "the last batch has 2 of 4 files" infer --model m.fscnn --input in --dymBatch 4
check_run "a file of two images" 0 "filesperbatch:2 runcount:1" infer --model m.fscnn --input two.bin --batchsize 4 \
    --output out --output_dirname two
check "gives two images" sh -c 'cat out/b1/img1_leftImg8bit_0.bin out/b1/img1_leftImg8bit_0.bin | cmp - out/two/two_0.bin'

# ---- the console and the summary ----
check_run "the guide's call" 0 "[INFO] -----------------Performance Summary------------------" infer --model m.fscnn \
    --input in --output out --output_dirname guide --outfmt BIN --batchsize 1 --loop 3 --warmup_count 2 --display_all_summary yes
check "latencies" grep -q '^\[INFO\] H2D_latency (ms): min = .*, max = .*, mean = .*, median = .*, percentile(99%) = ' printed
check "back" grep -q '^\[INFO\] D2H_latency (ms): min = ' printed
check "compute" grep -q '^\[INFO\] NPU_compute_time (ms): min = ' printed
check "warm-up" grep -q '^\[INFO\] warm up 2 done' printed
check_run "without --display_all_summary" 0 "NPU_compute_time" infer --model m.fscnn --input in
check "no latencies" sh -c '! grep -q "H2D_latency\|D2H_latency" printed'
cat >summary.py <<'PYTHON'
import json
d = json.load(open("out/guide_summary.json"))
assert set(d) == {"filesinfo", "args", "NPU_compute_time", "H2D_latency", "D2H_latency", "throughput",
                  "npu_compute_time_list", "pid"}, set(d)
times = sorted(d["npu_compute_time_list"])
assert len(times) == 18, len(times)  # 6 runs, 3 times each

def percentile(p):
    rank = p / 100 * (len(times) - 1)
    low = int(rank)
    high = min(low + 1, len(times) - 1)
    return times[low] + (rank - low) * (times[high] - times[low])

t = d["NPU_compute_time"]
close = lambda a, b: abs(a - b) <= 1e-6 * abs(b)
assert close(t["percentile(99%)"], percentile(99)) and close(t["median"], percentile(50))
assert close(t["min"], times[0]) and close(t["max"], times[-1]) and close(t["mean"], sum(times) / 18) and t["count"] == 18
assert close(d["throughput"], 1000 / t["mean"])
assert d["H2D_latency"]["count"] == 6 and d["D2H_latency"]["count"] == 6
names = [d["filesinfo"][str(i)] for i in range(6)]
assert [n["infiles"] for n in names] == [["in/img%d_leftImg8bit.bin" % n] for n in (1, 2, 3, 9, 10, 11)], names
assert names[4]["outfiles"] == ["out/guide/img10_leftImg8bit_0.bin"]
assert "--batchsize" in d["args"] and d["pid"] > 0
PYTHON
check "the summary file" python3 summary.py
check_run "without --output_dirname: date and time" 0 "" infer --model m.fscnn --input in --limit 1 --output dated
check "names" sh -c 'ls dated | grep -qx "[0-9]\{4\}_[0-9][0-9]_[0-9][0-9]-[0-9][0-9]_[0-9][0-9]_[0-9][0-9]"'
check "and their summary" sh -c 'ls dated | grep -q "_summary.json$"'
now=$(date +%s)
for second in 0 1 2 3 4 5; do # as though another run had begun in each of them
    mkdir -p "together/$(date -d "@$((now + second))" +%Y_%m_%d-%H_%M_%S)"
done
check_run "another run that begins in the same second" 0 "" infer --model m.fscnn --input in --limit 1 --output together
check "has a folder of its own" sh -c 'ls together/*_1/img1_leftImg8bit_0.bin'
check "and a summary" sh -c 'ls together/*_1_summary.json'
check_run "--json" 0 '"wall_images_per_second"' infer --model m.fscnn --input in --limit 2 --json
check "is nothing but JSON" python3 -c 'import json; d = json.load(open("printed")); assert d["images"] == 2 and d["batchsize"] == 1'
check_run "--limit" 0 "runcount:2" infer --model m.fscnn --input in --limit 2
check_run "one thread" 0 " 1 thread" infer --model m.fscnn --input in --threads 1 --output out --output_dirname t1
check "gives the same bytes" diff -r out/b1 out/t1

# ---- made-up data ----
check_run "made-up data" 0 "no --input: made-up data, zero" infer --model m.fscnn --loop 3 --output out --output_dirname pure
check "has a name of its own" test -s out/pure/pure_infer_data_0.bin
check_run "random data" 0 "made-up data, random" infer --model m.fscnn --pure_data_type random --output out \
    --output_dirname random
check "is other data" sh -c '! cmp -s out/pure/pure_infer_data_0.bin out/random/pure_infer_data_0.bin'
check_run "--duration" 0 "wall clock" infer --model m.fscnn --duration 1

# ---- formats and types ----
for type in FP32 FP16 UINT8; do
    for format in BIN NPY TXT; do
        check_run "$type as $format" 0 "Performance Summary" infer --model m.fscnn --input in --limit 2 --output out \
            --output_dirname "$type$format" --outfmt $format --output_type $type
    done
done
cat >agree.py <<'PYTHON'
import ast, struct
shape = (19, 64, 128)
count = 19 * 64 * 128
results = {}
for t, code in (("FP32", "f"), ("FP16", "e"), ("UINT8", "B")):
    raw = open(f"out/{t}BIN/img1_leftImg8bit_0.bin", "rb").read()
    values = [v for (v,) in struct.iter_unpack("<" + code, raw)]
    results[t] = values
    npy = open(f"out/{t}NPY/img1_leftImg8bit_0.npy", "rb").read()
    size = struct.unpack("<H", npy[8:10])[0]
    header = ast.literal_eval(npy[10:10 + size].decode())
    assert npy[:8] == b"\x93NUMPY\x01\x00" and (10 + size) % 64 == 0
    assert header["shape"] == ((1, 64, 128) if t == "UINT8" else (1,) + shape), header
    assert header["descr"] == {"FP32": "<f4", "FP16": "<f2", "UINT8": "|u1"}[t]
    assert npy[10 + size:] == raw, t
    text = open(f"out/{t}TXT/img1_leftImg8bit_0.txt").read()
    rows = text.split("\n")
    assert rows[-1] == "" and len(rows) - 1 == len(values) // 128
    assert text == "".join("".join(("%d " if t == "UINT8" else "%f ") % v for v in values[i:i + 128]) + "\n"
                           for i in range(0, len(values), 128)), t
f32 = results["FP32"]
assert len(f32) == count == len(results["FP16"]) and len(results["UINT8"]) == 64 * 128
assert all(abs(a - b) <= 1e-3 * abs(a) + 1e-6 for a, b in zip(f32, results["FP16"]))
for i, label in enumerate(results["UINT8"]):
    scores = f32[i::64 * 128]
    assert scores.index(max(scores)) == label, i
assert len(set(results["UINT8"])) > 1
PYTHON
check "formats and types agree" python3 agree.py

# ---- kinds of input ----
check_run "uint8 and .npy" 0 "runcount:2" infer --model m.fscnn --input same/u8.bin,same/u8npy.npy --output out \
    --output_dirname u8
check "the same as the floats" cmp out/u8/u8_0.bin out/b1/img1_leftImg8bit_0.bin
check ".npy uint8" cmp out/u8/u8npy_0.bin out/b1/img1_leftImg8bit_0.bin
check_run ".npy float32" 0 "runcount:1" infer --model m.fscnn --input same/f32npy.npy --output out --output_dirname npy
check ".npy float32 is the same" cmp out/npy/f32npy_0.bin out/b1/img1_leftImg8bit_0.bin
check_run "a checkpoint, compiled for a size" 0 "[4, 3, 64, 128]" infer --model r.pth --dymHW 64,128 --pool adaptive --dymBatch 4 \
    --input in --output out --output_dirname pth
check "gives the same" diff -r out/b1 out/pth

check_run "too small for the usual pooling" 0 "64x128 is too small for fixed pooling: adaptive pooling is used" infer \
    --model r.pth --dymHW 64,128 --input in --output out --output_dirname small
check "gives what adaptive pooling gives" diff -r out/b1 out/small
check_run "fixed pooling, if it must be" 2 "r.pth: fixed pooling needs" infer --model r.pth --dymHW 64,128 --pool fixed

# ---- what goes wrong ----
check_run "a size that does not fit" 1 "arg0 tensorsize: 98304 filesize: 100 not match" infer --model m.fscnn --input short.bin
check "and what to do" grep -q "compile the model for that (a checkpoint: --dymHW" printed
printf 'no picture' >photo.jpg
check_run "a picture" 1 "infer reads .bin and .npy, as preprocess writes them; pictures go to 'segment'" infer --model m.fscnn \
    --input photo.jpg
check_run "a later size that does not fit" 1 "short.bin: 100 bytes" infer --model m.fscnn \
    --input in/img1_leftImg8bit.bin,short.bin
check_run "several folders" 2 "Invalid args. args input dir num:2 not equal to model inputs num:1" infer --model m.fscnn \
    --input in,same
check_run "a folder without inputs" 1 ".npy .NPY .bin .BIN" infer --model m.fscnn --input empty
check_run "no such file" 1 "nothing.bin: No such file" infer --model m.fscnn --input nothing.bin
check_run "no such model" 1 "nothing.fscnn" infer --model nothing.fscnn
check_run "float64" 1 "neither float32 nor uint8" infer --model m.fscnn --input f64.npy
check_run "another layout" 1 "does not end in 3, 64, 128" infer --model m.fscnn --input nhwc.npy
check_run "two inputs of one name" 2 "would both give u8_0" infer --model m.fscnn --input same/u8.bin,./same/u8.bin \
    --output out --output_dirname twice
check_run "an unwritable place" 1 "/proc/none" infer --model m.fscnn --input in --output /proc/none
check_run "another size than the model's" 2 "the model m.fscnn takes 64 x 128" infer --model m.fscnn --dymHW 64,64
check_run "pooling of an offline model" 2 "m.fscnn is compiled already: --pool is for .pth" infer --model m.fscnn --pool adaptive
check_run "options without meaning say so" 0 "--device 3: " infer --model m.fscnn --device 3 --pipeline yes \
    --dump yes --energy_consumption yes --output out --output_dirname nothing
for option in pipeline dump energy_consumption; do
    check "$option says so" grep -q "^\[INFO\] .*$option" printed
done

# ---- energy, profile, what is no file ----
check_run "energy in JSON" 0 '"energy_consumption"' infer --model m.fscnn --energy_consumption yes --json
check_run "a profile" 0 "[INFO] profile: out/p_profile.json" infer --model m.fscnn --output out --output_dirname p \
    --profiler yes --debug yes --loop 5 --warmup_count 2
check "on the console" grep -q '^\[DEBUG\] mean of 5 images: ' printed
cat >profile.py <<'PYTHON'
import json
d = json.load(open("out/p_profile.json"))
s = json.load(open("out/p_summary.json"))
assert d["images"] == 5 and [x["step"] for x in d["steps"]] == list(range(len(d["steps"])))
assert abs(sum(x["share"] for x in d["steps"]) - 1) < 1e-6 and all(x["ms"] >= 0 and x["name"] for x in d["steps"])
assert abs(sum(x["ms"] for x in d["steps"]) - d["step_ms_sum"]) < 1e-6
assert 0 < d["step_ms_sum"] <= s["NPU_compute_time"]["mean"], (d["step_ms_sum"], s["NPU_compute_time"])
assert sum(x["gmac"] for x in d["steps"]) > 0
PYTHON
check "that adds up" python3 profile.py
check_run "no profile unless asked for" 0 "" infer --model m.fscnn --output out --output_dirname q
check "no file" test ! -e out/q_profile.json
mkfifo pipe
# shellcheck disable=SC2016 # $0 is for the inner shell
check "a pipe as model is refused, not waited for" sh -c 'timeout 20 "$0" infer --model pipe; test $? -eq 1' "$program"

check_run "an empty folder name" 2 "a folder's name is empty" infer --model m.fscnn --input two.bin --batchsize 2 --output ''
check_run "below it" 2 "a folder's name is empty" infer --model m.fscnn --input two.bin --batchsize 2 --output '' --output_dirname d
check "nothing is there" test ! -e /d
check_lost infer --model m.fscnn --input two.bin --batchsize 2
check_lost infer --model m.fscnn --input two.bin --batchsize 2 --json

# ---- too little memory: which model, how much; in 700 MB of addresses sanitizers do not even start ----
check_run "a huge model" 0 "ATC run success" compile --model r.pth --output huge --input_shape "image:1,3,12288,12288"
check_run "a large batch" 0 "ATC run success" compile --model r.pth --output batch --input_shape "image:16,3,1024,2048"
printf '#!/bin/sh\nulimit -v 700000\nexport MALLOC_ARENA_MAX=1 # each takes addresses for itself\nexec "%s" "$@"\n' \
    "$program" >limited
chmod +x limited
if ./limited --version >shown 2>&1; then
    unlimited=$program program=./limited
    check_run "a session" 1 "fastscnn: huge.fscnn: " infer --model huge.fscnn --threads 1 --output_type UINT8
    check "how much it would take" grep -q 'out of memory (9[0-9]* bytes for a session)\|a session needs 9[0-9]* MB' printed
    check_run "of a stream" 1 "fastscnn: huge.fscnn: " bench --model huge.fscnn --threads 1
    check_run "buffers" 1 "fastscnn: batch.fscnn: " infer --model batch.fscnn --threads 1
    check "how many bytes of them" grep -q 'out of memory (2952790016 bytes of buffers for a batch of 16)\|need 3.0 GB' printed
    check_run "buffers of bench" 1 "fastscnn: batch.fscnn: " bench --model batch.fscnn --threads 1 --input-type f32 \
        --output-type logits
    check "how much they would take" grep -q '2550136832 bytes for the results of a batch of 16\|need 3.0 GB' printed
    check_run "threads" 1 "fastscnn: batch.fscnn: thread " infer --model batch.fscnn --threads 256 --output_type UINT8
    program=$unlimited
fi

# ---- a signal while a result is being written: text takes long ----
check_run "a larger model" 0 "ATC run success" compile --model r.pth --output large --input_shape "image:1,3,768,1024" \
    --pool adaptive
head -c $((768 * 1024 * 3)) /dev/zero >large.bin
"$program" infer --model large.fscnn --input large.bin --output killed --output_dirname d --outfmt TXT >shown 2>&1 &
child=$!
while kill -0 $child 2>/dev/null && [ -z "$(find killed/d -name '*.tmp*' 2>/dev/null)" ]; do
    sleep 0.01
done
kill -TERM $child
wait $child 2>/dev/null
check "ends the program" test $? -eq $((128 + 15))
check "and leaves nothing" test -z "$(find killed/d -type f)"

# ---- a model whose file is cut short while it runs ----
cp large.fscnn shortened.fscnn
FASTSCNN_CPU=c "$program" infer --model shortened.fscnn --duration 600 --output killed --output_dirname s >said 2>&1 &
child=$!
while kill -0 $child 2>/dev/null && ! grep -q "shortened.fscnn" /proc/$child/maps; do
    sleep 0.01
done
sleep 0.1
: >shortened.fscnn
wait $child 2>/dev/null
check "is told" test $? -eq 1
check "in one line" grep -qx "fastscnn: a file was shortened while it was being read, or .*" said

finish
