#!/bin/sh
# The generator of street scenes and `fastscnn preprocess` from outside: layout, sizes, labels, the same scenes for the
# same seed, exit codes.
set -eu
build=${FASTSCNN_BUILD:-build}
scenes=$build/tools/street_scenes
fastscnn=$build/cli/fastscnn
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0

check() { # NAME CONDITION...: one case
    number=$((number + 1))
    name=$1
    shift
    if "$@" >"$folder/case.log" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$folder/case.log"
    fi
}
exits() { # CODE COMMAND...
    wanted=$1
    shift
    code=0
    "$@" || code=$?
    echo "exit code $code, expected $wanted"
    [ "$code" -eq "$wanted" ]
}
says() { # TEXT COMMAND...: stdout and stderr together
    text=$1
    shift
    output=$("$@" 2>&1 || true)
    printf '%s\n' "$output"
    printf '%s\n' "$output" | grep -qF -- "$text"
}
size_is() { # BYTES FILE
    wc -c <"$2"
    [ "$(wc -c <"$2")" -eq "$1" ]
}
# Train ids in a label file, as "count of the ids 0..18" and "other values but -1".
labels_are_sane() { # FILE
    python3 - "$1" <<'PYTHON'
import array, sys
ids = array.array("f")
with open(sys.argv[1], "rb") as file:
    ids.frombytes(file.read())
found = sorted(set(ids))
print(found)
good = all(v == -1 or (v == int(v) and 0 <= v <= 18) for v in found)
sys.exit(not (good and {-1.0, 0.0, 2.0, 10.0} <= set(found) and len(found) >= 8))
PYTHON
}

check "draws" "$scenes" "$folder/a" --count 3 --size 128x256 --seed 5
check "takes --output as well" "$scenes" --output "$folder/b" --count 3 --size 128x256 --seed 5
check "same seed, same files" diff -r "$folder/a" "$folder/b"
check "another seed" "$scenes" "$folder/c" --count 1 --size 128x256 --seed 6
image=leftImg8bit/val/demo/demo_000000_000000_leftImg8bit.png
check "other files" exits 1 cmp -s "$folder/a/$image" "$folder/c/$image"
check "split and city" "$scenes" "$folder/d" --count 1 --size 64x128 --split train --city ulm
check "in their folders" test -s "$folder/d/gtFine/train/ulm/ulm_000000_000000_gtFine_labelIds.png"
check "no folder: usage" exits 2 "$scenes"
check "bad size: usage" exits 2 "$scenes" "$folder/x" --size 12
check "bad count: usage" exits 2 "$scenes" "$folder/x" --count 0
check "unwritable: error" exits 1 "$scenes" /proc/nowhere --count 1

check "preprocess" says "3 written, 0 up to date, 0 skipped" \
    "$fastscnn" preprocess --datasets_input_path "$folder/a" --datasets_output_path "$folder/out" --sort_log "$folder/sort.log"
check "input size" size_is $((4 * 3 * 128 * 256)) "$folder/out/leftImg8bit/demo_000000_000001_leftImg8bit.bin"
check "label size" size_is $((4 * 128 * 256)) "$folder/out/gtFine/demo_000000_000001_gtFine_labelIds.bin"
check "labels" labels_are_sane "$folder/out/gtFine/demo_000000_000001_gtFine_labelIds.bin"
check "sort.log" says "demo_000000_000002_leftImg8bit.png" tail -n 1 "$folder/sort.log"
check "second run" says '"up_to_date": 3' \
    "$fastscnn" preprocess --datasets-input-path "$folder/a" --datasets-output-path="$folder/out" --json
check "forced" says '"written": 3' \
    "$fastscnn" preprocess -i "$folder/a" -o "$folder/out" --force --threads 1 --json
check "other split" says "1 written" \
    "$fastscnn" preprocess -i "$folder/d" -o "$folder/out" --split train
check "no such split" says "leftImg8bit/test: there is no such folder; expected: " \
    "$fastscnn" preprocess -i "$folder/d" -o "$folder/out" --split test
check "is an error" exits 1 "$fastscnn" preprocess -i "$folder/d" -o "$folder/out" --split test
check "missing option: usage" exits 2 "$fastscnn" preprocess -i "$folder/a"
check "help has an example" says "fastscnn preprocess --datasets_input_path" "$fastscnn" preprocess --help
echo "1..$number"
