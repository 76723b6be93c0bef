#!/bin/sh
# validate: the figures of preprocess + infer + evaluate in one pass, for every kind of model, order and picture size;
# and evaluate's own messages.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

python3 - <<'PYTHON'
import os, random, struct, zlib

def png(path, width, height, channels, rows):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))

def make(root, city, name, width, height, ids):
    random.seed(name)
    stem = f"{city}_{name}"
    for kind in ("leftImg8bit", "gtFine"):
        os.makedirs(f"{root}/{kind}/val/{city}", exist_ok=True)
    blocks = [[random.choice(ids) for _ in range(width // 8 + 1)] for _ in range(height // 8 + 1)]
    png(f"{root}/leftImg8bit/val/{city}/{stem}_leftImg8bit.png", width, height, 3,
        [bytes(random.randrange(256) for _ in range(3 * width)) for _ in range(height)])
    png(f"{root}/gtFine/val/{city}/{stem}_gtFine_labelIds.png", width, height, 1,
        [bytes(blocks[y // 8][x // 8] for x in range(width)) for y in range(height)])

for n in (1, 2, 10):
    make("data", "bonn", f"{n:06d}_000019", 128, 64, list(range(34)))
make("data", "aachen", "000003_000019", 128, 64, list(range(34)))
make("sizes", "ulm", "000001_000019", 128, 64, list(range(34)))
make("sizes", "ulm", "000002_000019", 161, 97, list(range(34)))
make("train", "ulm", "000001_000019", 128, 64, [0, 1, 2, 3, 255])
make("wrong", "ulm", "000001_000019", 128, 64, [0, 1, 2, 3])
png("wrong/gtFine/val/ulm/ulm_000001_000019_gtFine_labelIds.png", 64, 64, 1, [bytes(64)] * 64)
PYTHON
cat >same.py <<'PYTHON'
"""same.py A.json B.json: the same figures, matrix and images (but not the same place on the disk)."""
import json, sys
a, b = (json.load(open(path)) for path in sys.argv[1:3])
assert a["num_images"] == b["num_images"] > 0 and a["mIoU"] > 0
for key in ("AvgmIou", "AvgpixAcc", "mIoU", "pixAcc", "mAcc", "mIoU_present", "classes", "confusion_matrix"):
    assert a[key] == b[key], (key, a[key], b[key])
assert [i["name"] for i in a["images"]] == [i["name"] for i in b["images"]]
PYTHON
json() { # FILE ARGUMENT...: the program's JSON into a file
    file=$1
    shift
    "$program" "$@" --json >"$file" 2>printed
}

check "a random checkpoint" "$random_checkpoint" r.pth --seed 5
check_run "an offline model" 0 "" compile --model r.pth --output m --input_shape "image:1,3,64,128" --pool adaptive
check_run "preprocess" 0 "4 written" preprocess -i data -o prep --sort_log sort.log
for type in UINT8 FP32; do
    check_run "infer $type" 0 "" infer --model m.fscnn --input prep/leftImg8bit --output result --output_dirname $type \
        --output_type $type
    check "evaluate $type" json $type.json evaluate --result_bin_root result/$type --label_bin_root prep/gtFine \
        --sort_log sort.log
done
for format in NPY TXT; do
    check_run "infer $format" 0 "" infer --model m.fscnn --input prep/leftImg8bit --output result \
        --output_dirname $format --output_type UINT8 --outfmt $format
    check "evaluate $format" json $format.json evaluate --result_bin_root result/$format --label_bin_root prep/gtFine \
        --sort_log sort.log
    check "$format: the same figures" python3 same.py UINT8.json $format.json
done
check "logits: the same figures" python3 same.py UINT8.json FP32.json

check "validate" json v.json validate -i data -m m.fscnn
check "validate: the same figures" python3 same.py UINT8.json v.json
check "validate a checkpoint" json p.json validate -i data -m r.pth --pool adaptive --threads 1
check "a checkpoint: the same figures" python3 same.py v.json p.json
check "export" "$program" export --pth_path r.pth --onnx_name m --input_shape 64x128 --pool adaptive
check "validate an ONNX file" json o.json validate -i data -m m.onnx
check "an ONNX file: the same figures" python3 same.py v.json o.json

# The order: the plain figures stay, the ordered ones and the list of images follow sort.log.
sort -r sort.log | sed 's/$/\r/' >reversed.log
check "validate in another order" json rv.json validate -i data -m m.fscnn --sort_log reversed.log
check "evaluate in another order" json re.json evaluate --result_bin_root result/UINT8 --label_bin_root prep/gtFine \
    --sort_log reversed.log --threads 3
check "another order: the same figures" python3 same.py rv.json re.json
check "another order: only ordered figures differ" python3 -c 'import json
a, b = json.load(open("v.json")), json.load(open("rv.json"))
assert a["mIoU"] == b["mIoU"] and a["pixAcc"] == b["pixAcc"] and a["AvgmIou"] != b["AvgmIou"]
assert [i["name"] for i in a["images"]] == [i["name"] for i in b["images"]][::-1]'
check_run "a limit" 0 "2 images, 19 classes, order: sort.log" validate -i data -m m.fscnn --sort_log sort.log --limit 2
check_run "the order is said" 0 "order: by city and name" validate -i data -m m.fscnn
check_run "both figures are named" 0 "AvgmIou: " validate -i data -m m.fscnn

# Sizes, label types, reports.
check_run "two sizes: a checkpoint" 0 "2 images" validate -i sizes -m r.pth --pool adaptive
check_run "two sizes: an offline model" 1 "ulm_000002_000019_leftImg8bit.png is 97 x 161 (height x width), the model m.fscnn \
takes 64 x 128" validate -i sizes -m m.fscnn
check "the other one counts" grep -q "1 image, 19 classes" printed
check_run "pictures too small for the usual pooling" 0 "too small for fixed pooling" validate -i sizes -m r.pth
check_run "train ids" 0 "1 image" validate -i train -m m.fscnn --label_type trainIds
# shellcheck disable=SC2016 # $0 is for the inner shell
check "train ids count" sh -c '"$0" validate -i train -m m.fscnn --label_type trainIds --json 2>/dev/null |
    python3 -c "import json, sys
j = json.load(sys.stdin)
assert all(c[\"truth\"] > 0 for c in j[\"classes\"][:4]) and sum(c[\"truth\"] for c in j[\"classes\"][4:]) == 0"' "$program"
check "no word of labels beyond the classes" sh -c '! grep -q "were ignored" printed'
check_run "label ids taken for train ids are noticed" 0 "none of the model's classes and were ignored" validate -i data -m m.fscnn \
    --label_type trainIds
mkdir -p own/leftImg8bit/val/x own/gtFine/val/x
cp train/leftImg8bit/val/*/*.png own/leftImg8bit/val/x
for file in train/gtFine/val/*/*_labelIds.png; do
    name=${file##*/}
    cp "$file" "own/gtFine/val/x/${name%_labelIds.png}_labelTrainIds.png"
done
check_run "files named labelTrainIds" 0 "1 image" validate -i own -m m.fscnn --label_type trainIds
check_run "are not looked at otherwise" 1 "skipped, no label file own/gtFine/val/x/" validate -i own -m m.fscnn
check_run "they are preprocessed, too" 0 "1 written" preprocess -i own -o own_prep --label_type trainIds --sort_log own.log
check_run "and their results evaluated" 0 "runcount:1" infer -m m.fscnn -i own_prep/leftImg8bit -o own_result \
    --output_dirname o --output_type UINT8
"$program" validate -i own -m m.fscnn --label_type trainIds --json >w.json 2>/dev/null
check "in one pass and in three" json e.json evaluate -r own_result/o -l own_prep/gtFine -s own.log
check "the same" python3 -c 'import json
a, b = (json.load(open(name))["confusion_matrix"] for name in ("w.json", "e.json"))
assert a == b and sum(map(sum, a)) > 0'
check_run "labels of another size" 1 "64 x 64 labels for a picture of 64 x 128" validate -i wrong -m m.fscnn
mkdir -p out

# Pictures that cannot be evaluated are left out; the figures of the others are marked.
cp -r data hurt
picture=hurt/leftImg8bit/val/aachen/aachen_000003_000019_leftImg8bit.png
head -c 3000 data/leftImg8bit/val/aachen/aachen_000003_000019_leftImg8bit.png >$picture
: >hurt/gtFine/val/bonn/bonn_000002_000019_gtFine_labelIds.png
grep -e bonn_000001 -e bonn_000010 sort.log >good.log
check_run "damaged pictures" 1 "fastscnn: 2 of 4 pictures left out: the figures are incomplete" validate -i hurt -m m.fscnn \
    --html out/hurt.html --overlays out/hurt
for text in "fastscnn: $picture: PNG: the file is cut short" "fastscnn: hurt/gtFine/val/bonn/bonn_000002_000019_gtFine_la" \
    "INCOMPLETE: no figure below counts 2 of the 4 images" "  left out: aachen_000003_000019" \
    "2 images, 19 classes" "AvgmIou: " "Report: out/hurt.html"; do
    check "they say: $text" grep -qF "$text" printed
done
check "the report says so" grep -qF "Incomplete: 2 of 4 images left out" out/hurt.html
check "and which, and why" grep -qF "<li><b>aachen_000003_000019</b> $picture: PNG: the file is cut short</li>" out/hurt.html
check "others have overlays" test -s out/hurt/bonn_000001_000019_overlay.png
check "they have none" test ! -e out/hurt/aachen_000003_000019_overlay.png
"$program" validate -i hurt -m m.fscnn --json >hurt.json 2>printed
check "in JSON: exit code" test $? -eq 1
check "the others: validate" json good.json validate -i data -m m.fscnn --sort_log good.log
check "the figures are the others'" python3 same.py hurt.json good.json
check "in JSON: which were left out" python3 -c 'import json
hurt, good = json.load(open("hurt.json")), json.load(open("good.json"))
assert hurt["incomplete"] is True and good["incomplete"] is False and good["left_out"] == []
assert [i["name"] for i in hurt["left_out"]] == ["aachen_000003_000019", "bonn_000002_000019"]
assert "cut short" in hurt["left_out"][0]["error"]'
check_run "nothing can be evaluated" 1 "fastscnn: none of 1 picture could be evaluated" validate -i wrong -m m.fscnn
check "and no figure is printed" sh -c '! grep -q mIoU printed'
mkdir -p in_the_way/o/aachen_000003_000019_overlay.png
check_run "an overlay that cannot be written ends it" 1 "aachen_000003_000019_overlay.png: Is a directory" validate -i data \
    -m m.fscnn --overlays in_the_way/o
check "without figures" sh -c '! grep -q mIoU printed'

check_run "a report with overlays" 0 "Report: out/r.html" validate -i data -m m.fscnn --html out/r.html --overlays out/o
check_run "a report that cannot be written" 1 "none/r.html: No such file" validate -i data -m m.fscnn --html none/r.html
check "the figures are printed all the same" grep -q "AvgmIou: " printed
check "overlays are there" test -s out/o/aachen_000003_000019_overlay.png
check "and linked from the report" grep -q 'href="o/aachen_000003_000019_overlay.png"' out/r.html
check "a checkpoint of five classes" "$random_checkpoint" r5.pth --seed 1 --classes 5
check_run "five classes cannot be held against label ids" 2 "r5.pth has 5 classes" validate -i data -m r5.pth \
    --pool adaptive
check_run "five classes against train ids" 0 "5 classes" validate -i train -m r5.pth --label_type trainIds \
    --pool adaptive

# Names of files may be any bytes.
odd=$(printf 'odd\377\001')
check_run "a name that is not text, in JSON" 0 '"written": 4' preprocess -i data -o "$odd" --json
check "is JSON" python3 -c 'import json; assert json.load(open("printed"))["output"] == "odd\\xFF\1"'

# Standard output on a full disk.
for json in '' --json; do
    check_lost preprocess -i data -o lost $json
    check_lost validate -i data -m m.fscnn $json
    check_lost evaluate -r result/UINT8 -l prep/gtFine -s sort.log $json
done

# Empty names of folders, as of a script's unset variables, are not the root of the file system.
check_run "no data set" 2 "a folder's name is empty" validate -i '' -m m.fscnn
check_run "no folder of overlays" 2 "a folder's name is empty" validate -i data -m m.fscnn --overlays ''
check_run "nothing to preprocess" 2 "a folder's name is empty" preprocess -i '' -o prep
check_run "nowhere to preprocess to" 2 "a folder's name is empty" preprocess -i data -o ''
check "nothing is there" test ! -e /leftImg8bit
check_run "no results" 2 "evaluation needs a folder of results" evaluate -r '' -l prep/gtFine -s sort.log
check_run "no labels" 2 "evaluation needs a folder of results" evaluate -r result/UINT8 -l '' -s sort.log

# What is missing or does not fit.
check_run "no such model" 1 "none.fscnn" validate -i data -m none.fscnn
check_run "pooling of an offline model" 2 "m.fscnn is compiled already: --pool is for .pth" validate -i data -m m.fscnn \
    --pool fixed
check_run "no such split" 1 "train" validate -i data -m m.fscnn --split train
echo x_leftImg8bit.png >x.log
check_run "a picture that is not there" 1 "x_leftImg8bit.png is not in the data set" validate -i data -m m.fscnn \
    --sort_log x.log
echo ../secret_leftImg8bit.png >evil.log
: >empty.log
rm result/UINT8/bonn_000010_000019_leftImg8bit_0.bin
printf x >>result/FP32/bonn_000002_000019_leftImg8bit_0.bin
check_run "a name that leads out" 1 "evil.log line 1: '../secret_leftImg8bit.png': name with a folder" evaluate \
    -r result/UINT8 -l prep/gtFine -s evil.log
check_run "an empty log" 1 "empty.log: no picture is listed" evaluate -r result/UINT8 -l prep/gtFine -s empty.log
check_run "a missing result" 1 "result/UINT8/bonn_000010_000019_leftImg8bit_0.bin: no such result" evaluate \
    -r result/UINT8 -l prep/gtFine -s sort.log
check_run "an odd size" 1 "bonn_000002_000019_leftImg8bit_0.bin: 622593 bytes; for 8192 labelled pixels and 19 classes" \
    evaluate -r result/FP32 -l prep/gtFine -s sort.log
check_run "an option is missing" 2 "--sort_log is missing" evaluate -r result/UINT8 -l prep/gtFine
finish
