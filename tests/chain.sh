#!/bin/sh
# The deployment guide's chain with the model that comes along, on street scenes of the project's own: preprocess ->
# export -> compile -> infer -> evaluate gives the figures of validate, to the last digit, whichever type the results
# have and however many images run at once; and both are what the metric, written down once more here, gives.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

checkpoint=${FASTSCNN_SOURCE:-$(dirname "$build")}/models/fast_scnn_street.pth
trained=true
if [ ! -f "$checkpoint" ]; then
    trained=false
    checkpoint=$work/random.pth
    "$random_checkpoint" "$checkpoint" --seed 4 || exit 1
fi
echo "# model: $checkpoint"

cat >same.py <<'PYTHON'
"""same.py A.json B.json...: the same figures, confusion matrix and images in all."""
import json, sys
first, *others = (json.load(open(path)) for path in sys.argv[1:])
assert first["num_images"] == 3 and first["mIoU"] > 0
for other in others:
    for key in ("AvgmIou", "AvgpixAcc", "mIoU", "pixAcc", "mAcc", "mIoU_present", "classes", "confusion_matrix"):
        assert first[key] == other[key], (key, first[key], other[key])
    assert [i["name"] for i in first["images"]] == [i["name"] for i in other["images"]]
PYTHON
cat >metric.py <<'PYTHON'
"""The guide's metric, from the definitions.

metric.py check JSON RESULTS LABELS SORT_LOG   the figures of JSON are those of the result files
metric.py halves FP32 FP16                     every result in FP16 is the FP32 one rounded to half precision, and labels
                                               differ only where that makes two classes tie"""
import array, json, os, struct, sys

CLASSES, PIXELS = 19, 256 * 512

def read(path):
    """Results as a list of planes, one a class, or the label map."""
    data = open(path, "rb").read()
    if len(data) == PIXELS:
        return data
    kind = {4: "f", 2: "e"}[len(data) // (CLASSES * PIXELS)]
    values = struct.unpack(f"<{CLASSES * PIXELS}{kind}", data)
    return [values[c * PIXELS:(c + 1) * PIXELS] for c in range(CLASSES)]

def labels_of(result):
    if isinstance(result, bytes):
        return result
    return [column.index(max(column)) for column in zip(*result)]

def confusion_of(predicted, truth):
    matrix = [[0] * CLASSES for _ in range(CLASSES)]
    for p, t in zip(predicted, truth):
        if t >= 0:
            matrix[int(t)][p] += 1
    return matrix

def figures(matrix):
    total = []
    for c in range(CLASSES):
        hit = matrix[c][c]
        union = sum(matrix[c]) + sum(row[c] for row in matrix) - hit
        total.append(hit / union if union else 0)
    return sum(total) / CLASSES, sum(matrix[c][c] for c in range(CLASSES)) / sum(map(sum, matrix))

def check(path, results, labels, sort_log):
    whole = [[0] * CLASSES for _ in range(CLASSES)]
    running = []
    for line in open(sort_log):
        stem = line.strip()[:-len("_leftImg8bit.png")]
        truth = array.array("f", open(f"{labels}/{stem}_gtFine_labelIds.bin", "rb").read())
        one = confusion_of(labels_of(read(f"{results}/{stem}_leftImg8bit_0.bin")), truth)
        whole = [[a + b for a, b in zip(x, y)] for x, y in zip(whole, one)]
        running.append(figures(whole))
    told = json.load(open(path))
    assert told["confusion_matrix"] == whole, "another confusion matrix"
    wanted = {"mIoU": running[-1][0], "pixAcc": running[-1][1],
              "AvgmIou": sum(r[0] for r in running) / len(running),
              "AvgpixAcc": sum(r[1] for r in running) / len(running)}
    for key, value in wanted.items():
        assert abs(told[key] - 100 * value) < 1e-9, (key, told[key], 100 * value)
    print(", ".join(f"{key} {100 * value:.4f}" for key, value in wanted.items()))

def halves(single, half):
    different = 0
    for name in sorted(os.listdir(single)):
        logits, rounded = read(f"{single}/{name}"), read(f"{half}/{name}")
        for a, b in zip(logits, rounded):
            assert struct.pack(f"<{PIXELS}e", *a) == struct.pack(f"<{PIXELS}e", *b), name
        for i, (a, b) in enumerate(zip(labels_of(logits), labels_of(rounded))):
            if a != b:
                assert rounded[a][i] == rounded[b][i] and b < a, (name, i)
                different += 1
    print(f"{different} labels tie in half precision")

{"check": check, "halves": halves}[sys.argv[1]](*sys.argv[2:])
PYTHON
json() { # FILE ARGUMENT...: the program's JSON into a file
    file=$1
    shift
    "$program" "$@" --json >"$file"
}
evaluate() { # FILE RESULTS
    json "$1" evaluate --result_bin_root "$2" --label_bin_root prep/gtFine --sort_log sort.log
}

check "draw" "$build/tools/street_scenes" data --count 3 --size 256x512 --seed 3
check_run "preprocess" 0 "3 written" preprocess -i data -o prep --sort_log sort.log
check "export" "$program" export --pth_path "$checkpoint" --onnx_name net --input_shape 256x512
check "compile the checkpoint" "$program" compile --model "$checkpoint" --output pth \
    --input_shape "image:-1,3,256,512" --dynamic_batch_size "1,2"
check "compile the ONNX file" "$program" compile --framework=5 --model=net.onnx --output=onnx --input_format=NCHW \
    --input_shape="image:1,3,256,512" --log=error --soc_version=native
check "validate" json validate.json validate -i data -m pth.fscnn --sort_log sort.log

for type in FP32 FP16 UINT8; do
    for batch in 1 2; do
        to=$type.$batch
        check "infer $type, batch $batch" "$program" infer --model pth.fscnn --input prep/leftImg8bit --output result \
            --output_dirname $to --outfmt BIN --output_type $type --batchsize $batch
        check "evaluate $type, batch $batch" evaluate $to.json result/$to
    done
    check "$type: both batches give the same bytes" diff -r result/$type.1 result/$type.2
    check "$type: the figures are the metric's" python3 metric.py check $type.1.json result/$type.1 prep/gtFine sort.log
    sed 's/^/# /' shown
done
check "FP32 and UINT8: evaluate equals validate" python3 same.py validate.json FP32.1.json FP32.2.json UINT8.1.json \
    UINT8.2.json
check "FP16: the same but for ties" python3 metric.py halves result/FP32.1 result/FP16.1
sed 's/^/# /' shown
check "FP16: both batches give the same figures" python3 same.py FP16.1.json FP16.2.json

check "infer through ONNX" "$program" infer --model onnx.fscnn --input prep/leftImg8bit --output result \
    --output_dirname onnx --output_type UINT8
check "through ONNX: the same labels" diff -r result/UINT8.1 result/onnx
check "validate the ONNX file" json onnx.json validate -i data -m net.onnx --sort_log sort.log
check "validate the checkpoint" json pth.json validate -i data -m "$checkpoint" --sort_log sort.log --threads 1
check "through ONNX and from the checkpoint: the same figures" python3 same.py validate.json onnx.json pth.json
if $trained; then
    # The trained model knows these scenes' roads, houses and skies; chance would be right about one pixel in 19.
    check "the model sees streets" python3 -c 'import json
assert json.load(open("validate.json"))["pixAcc"] > 50'
fi
finish
