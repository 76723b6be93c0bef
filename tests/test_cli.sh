#!/bin/sh
# The program and its commands: help, exit codes, wrong usage; compile, export and info in whole.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

check "a random checkpoint" "$random_checkpoint" r.pth --seed 3

# ---- the program ----
check_run "without a command: an overview" 0 "Commands:"
check_run "--help" 0 "Commands:" --help
check_run "--version" 0 "fastscnn " --version
check_run "version" 0 "fastscnn " version
check_run "-v" 0 "fastscnn " -v
check_run "an unknown command" 2 "no command 'bogus'; fastscnn alone lists them" bogus
check_run "a mistyped command" 2 "no command 'segmnet'; did you mean 'segment'?" segmnet x
check_run "without any" 2 "no command ''; fastscnn alone lists them" ""
check_run "help for help" 0 "Commands:" help help
check_run "help for a mistyped command" 2 "did you mean 'compile'?" help complie
check_run "a mistyped option" 2 "unknown option '--ouput'; did you mean --output? (see: fastscnn segment --help)" segment x \
    --ouput y
for command in infer compile export segment info; do
    check_run "overview names $command" 0 "  $command " --help
    check_run "$command --help" 0 "Usage: fastscnn $command " $command --help
    check "$command --help ends in an example" grep -q '^Example:' printed
    check_run "help $command" 0 "Usage: fastscnn $command " help $command
    check_run "-h $command" 0 "Example:" -h $command
    check_run "$command: unknown option" 2 "fastscnn $command: unknown option '--bogus'" $command --bogus
done

check_lost --help
check_lost --version
check_lost info --help

# ---- wrong usage: what is printed | arguments ----
while IFS='|' read -r text arguments; do
    # shellcheck disable=SC2086 # words
    check_run "refused: $arguments" 2 "$text" $arguments
done <<'TABLE'
--model is missing|infer
--output_dirname needs --output|infer --model m.fscnn --output_dirname d
--profiler needs --output|infer --model m.fscnn --profiler yes
--dump needs --output|infer --model m.fscnn --dump 1
one picture size|infer --model m.fscnn --auto_set_dymshape_mode yes
differ|infer --model m.fscnn --batchsize 1 --dymBatch 2
--duration and --loop exclude each other|infer --model m.fscnn --duration 1 --loop 2
--duration is for made-up data|infer --model m.fscnn --input x.bin --duration 1
--limit needs --input|infer --model m.fscnn --limit 1
--outfmt needs --output|infer --model m.fscnn --outfmt NPY
--pure_data_type is for made-up data|infer --model m.fscnn --input in --pure_data_type random
--loop: 0 is not between|infer --model m.fscnn --loop 0
--warmup_count: -1 is not between|infer --model m.fscnn --warmup_count -1
'PNG' is none of: BIN, NPY, TXT|infer --model m.fscnn --outfmt PNG
'INT8' is none of: FP32, FP16, UINT8|infer --model m.fscnn --output_type INT8
'maybe' is neither|infer --model m.fscnn --display_all_summary maybe
unexpected argument 'stray'|infer --model m.fscnn stray
'..' is not a name|infer --model m.fscnn --output o --output_dirname ..
E10007|compile
E10007|compile --model r.pth
E10001: Value [3] for parameter [--framework]|compile --model r.pth --output o --framework 3
native|compile --model r.pth --output o --soc_version=Ascend310P3
E10002|compile --model r.pth --output o --input_shape 1,3,64,128
E10001|compile --model r.pth --output o --input_shape image:-1,3,64,128
E10001|compile --model r.pth --output o --input_shape image:1,3,64,128 --dynamic_batch_size 1,2
E10001|compile --model r.pth --output o --input_format NHWC
E10001|compile --model r.pth --output o --precision int4
[--calibration_method]|compile --model r.pth --output o --precision int8 --calibration-method guess
[--accuracy_budget]|compile --model r.pth --output o --precision int8 --accuracy-budget none
[--accuracy_budget]|compile --model r.pth --output o --precision int8 --accuracy-budget 0
[--accuracy_budget]|compile --model r.pth --output o --precision int8 --accuracy-budget 101
[--accuracy_budget]|compile --model r.pth --output o --precision bf16 --accuracy-budget 1
[--exact]|compile --model r.pth --output o --precision bf16 --exact
[--sensitivity_report]|compile --model r.pth --output o --sensitivity-report o.json
E10001|compile --model r.pth --output o --precision bf16 --calibrate .
Value [5] for parameter [--calibrate_limit]|compile --model r.pth --output o --calibrate_limit 5
a checkpoint has one output|compile --model r.pth --output o --out_nodes output1
E10001|compile --model r.pth --output o --precision fp32 --precision_mode force_fp16
E10001: Value [none/] for parameter [--output]|compile --model r.pth --output none/
E10001: Value [none/] for parameter [--json]|compile --model r.pth --mode 1 --json=none/
names a folder|export --pth_path r.pth --onnx_name none/
--threads: 257 is not between 0 and 256|infer --model m.fscnn --threads 257
--threads: 257 is not between 0 and 256|segment x.png --output o --threads 257
E10001|compile --model r.pth --output o --mode 2
E10001|compile --model r.pth --output o --json=o.json
E10001|compile --model r.pth --output o --insert_op_conf aipp.cfg
E10001|compile --model r.pth --output o --dynamic_image_size 64,64;32,32
'none' is none of: fixed, adaptive|compile --model r.pth --output o --pool none
--pth_path is missing|export --onnx_name o
--onnx_name is missing|export --pth_path r.pth
--opset: 10 is not between 11 and 18|export --pth_path r.pth --onnx_name o --opset 10
--opset: 19 is not between 11 and 18|export --pth_path r.pth --onnx_name o --opset 19
4 channels|export --pth_path r.pth --onnx_name o --input_shape 1,4,64,128
is neither like|export --pth_path r.pth --onnx_name o --input_shape 64
--batch_size 2|export --pth_path r.pth --onnx_name o --input_shape 4,3,64,128 --batch_size 2
exclude each other|export --pth_path r.pth --onnx_name o --dynamic_batch --batch_size 2
--output is missing|segment x.png
no picture and no folder|segment --output o
'foo' is none of: overlay, color, trainids, labelids|segment x.png --output o --style foo
one file at a time|info a b
TABLE

# ---- names with control characters ----
check_plain "plain: a command" "$hostile"
check_plain "plain: an option" info "--$hostile"
check_plain "plain: a value" segment x.png --output o --style "$hostile"
check_plain "plain: an offline model" infer --model "$hostile"
check_plain "plain: a model to time" bench --model "$hostile"
check_plain "plain: a checkpoint" export --pth_path "$hostile" --onnx_name o
check_plain "plain: a model to compile" compile --model "$hostile" --output o
check_plain "plain: words of compile" compile --model r.pth --output o --input_shape "$hostile"
check_plain "plain: a file" info "$hostile"
check_plain "plain: a picture" segment "$hostile" --output o --model r.pth
check_plain "plain: a data set" preprocess -i "$hostile" -o o
check_plain "plain: results" evaluate -r "$hostile" -l "$hostile" -s "$hostile"

# ---- compile ----
check_run "the guide's call" 0 "ATC run success, welcome to the next use." compile --framework=5 --model=r.pth --output=bs1 \
    --input_format=NCHW --input_shape="image:1,3,64,128" --log=error --soc_version=native --pool adaptive
check "a summary is always printed" grep -q '^work .* GMAC an image' printed
check "what was fused is always printed" grep -q '^fused  *activations fused: [0-9]' printed
check "the memory plan too" grep -q '^memory plan  tensor 0: \[.*\] f32, [0-9]* bytes at [0-9]*, steps 0 to [0-9]*$' printed
check "in a page" test "$(wc -l <printed)" -lt 40
check "--log=error is quiet about the rest" sh -c '! grep -q "INFO\|DEBUG" printed'
check "the ending is added" test -s bs1.fscnn
check_run "an ending that is there stays" 0 "" compile --model r.pth --output two.fscnn --input_shape "image:1,3,64,128" \
    --pool adaptive --log=debug
check "not twice" test -s two.fscnn -a ! -e two.fscnn.fscnn
check "--log=debug shows steps" grep -q '^\[DEBUG\]' printed
check "the same file both times" cmp bs1.fscnn two.fscnn
check_run "batches of several sizes" 0 "n = 1,2,4,8" compile --model r.pth --output dyn --input_shape "image:-1,3,64,128" \
    --dynamic_batch_size "8,4,1,2" --pool adaptive
check_run "options without meaning say so" 0 "--precision_mode=allow_mix_precision: " compile --model r.pth --output x \
    --input_shape "image:1,3,64,128" --pool adaptive --precision_mode allow_mix_precision --output_type FP16 \
    --fusion_switch_file fusion.cfg
check "output_type" grep -q '^--output_type=FP16: ' printed
check "fusion_switch_file" grep -q '^--fusion_switch_file: ' printed
check "which is bf16" grep -q '^precision  *bf16, ' printed
check_run "and force_fp32 fp32" 0 "precision    fp32, " compile --model r.pth --output x --input_shape "image:1,3,64,128" \
    --pool adaptive --precision_mode force_fp32
check_run "fixed pooling of a small picture" 2 "--pool adaptive" compile --model r.pth --output small --input_shape "image:1,3,64,128"
check "is an error with a code" grep -q '^E[0-9Z]*[0-9]: ' printed
check "and leaves no file" test ! -e small.fscnn
check_run "another input's name" 2 "E10016" compile --model r.pth --output x --input_shape "data:1,3,64,128" --pool adaptive
check_run "other channels" 2 "the model takes 3 channels" compile --model r.pth --output x \
    --input_shape "image:1,1,64,128" --pool adaptive
check_run "a missing file" 1 "No such file" compile --model nothing.onnx --output x --check_report report.json
check "the report has the verdict" grep -q '"result": "failed"' report.json
compile_small() { # NAME TEXT ARGUMENT...: as check_run, for a compilation that is to fail with 1
    name=$1 text=$2
    shift 2
    check_run "$name" 1 "$text" compile --model r.pth --input_shape "image:1,3,64,128" --pool adaptive "$@"
}
printf '{"result": "success"}' >report.json
compile_small "a model that cannot be saved" "E10001: Value [none/x] for parameter [--output] is invalid. Reason: \
none/x.fscnn: No such file or directory" --output none/x --check_report report.json --json
check "has ATC's first line" grep -q '^ATC run failed' printed
check "is failed in JSON" grep -q '"result": "failed"' printed
check "and in the report" grep -q '"result": "failed"' report.json
compile_small "JSON that cannot be saved" "for parameter [--json]" --mode 1 --json=none/x.json
compile_small "a report that cannot be saved" "for parameter [--check_report]" --output x --check_report none/report.json
check "has ATC's first line, too" grep -q '^ATC run failed' printed
check_run "mode 3 checks" 0 "r.pth: compiles" compile --model r.pth --mode 3 --input_shape "image:1,3,64,128" --pool adaptive \
    --check_report report.json
check "and reports" grep -q '"result": "success"' report.json
check_run "mode 6 shows" 0 "resource info: memory_size[" compile --mode 6 --om bs1.fscnn
check_run "of an offline model, by its option" 1 "Value [none.fscnn] for parameter [--om]" compile --mode 6 --om none.fscnn
check_run "that is compiled already" 2 "[--mode]" compile --mode 6 --om bs1.fscnn --pool adaptive
check_run "so that exact comes too late" 2 "[--mode]" compile --mode 6 --om bs1.fscnn --exact
check_run "mode 1 writes JSON" 0 "ATC run success" compile --mode=1 --om=bs1.fscnn --json=bs1.json
check "that is JSON" python3 -c 'import json; d = json.load(open("bs1.json")); assert d["input"]["shape"] == [3, 64, 128]; s = d["steps"]; assert sum(x["macs"] for x in s) == d["macs"] and s[0]["reads_image"] and s[-1]["writes_result"] and d["text"]["steps"]'
check_run "--json" 0 '"result": "success"' compile --model r.pth --output x --input_shape "image:1,3,64,128" --pool adaptive --json
check "is nothing but JSON" python3 -c 'import json; assert json.load(open("printed"))["model"]["batch_sizes"] == [1]'
printf 'not a model' >junk.onnx
check_run "junk" 1 "E10001" compile --model junk.onnx --output x
check_run "an offline model again" 1 "bs1.fscnn: already an offline model" compile --model bs1.fscnn --output x
printf 'no picture' >picture.png
check_run "something else" 1 "picture.png: neither a checkpoint, an ONNX file nor an offline model" compile \
    --model picture.png --output x
check_run "something else to info" 1 "picture.png: neither a checkpoint, an ONNX file nor an offline model" info picture.png
check_run "no pictures to calibrate on" 1 "for parameter [--calibrate]" compile --model r.pth --output x --pool adaptive \
    --input_shape "image:1,3,64,128" --precision int8 --calibrate none
mkdir scenes temporary
export TMPDIR="$work/temporary"
"$build/tools/street_scenes" scenes --count 2 --size 64x128 >printed
pictures=scenes/leftImg8bit/val/demo
check_int8() { # NAME CODE TEXT ARGUMENT...: as check_run, for a compilation
    name=$1 code=$2 text=$3
    shift 3
    check_run "$name" "$code" "$text" compile --model r.pth --pool adaptive --input_shape "image:1,3,64,128" --precision int8 "$@"
}
check_run "a small ONNX file" 0 "" export --pth_path r.pth --onnx_name small --input_shape 64x128 --pool adaptive
check_run "int8 without pictures or size" 0 "warning: int8" compile --model small.onnx --output own --precision int8
check_run "with its size" 0 "warning: int8" compile --model small.onnx --output given --precision int8 \
    --input_shape "image:1,3,64,128"
check "pictures of that size are painted" cmp own.fscnn given.fscnn
check_run "int8 of a bad model" 1 "E10001" compile --model junk.onnx --output x --precision int8
check "paints none" sh -c '! grep -q "warning: int8" printed'
check_int8 "int8 without pictures paints some" 0 "warning: int8 calibrates on 8 painted street scenes" --output painted
check "an int8 model" grep -q '^precision  *int8, ' printed
check "and removes them" rmdir temporary
unset TMPDIR
check_int8 "a sensitivity report" 0 "quantised alone: " --output whole --calibrate $pictures --log info \
    --sensitivity-report layers.json
cat >layers.py <<'PYTHON'
import json, sys
layers = json.load(open("layers.json"))["layers"]
assert len(layers) == 51, len(layers)
assert all(10 < l["snr_db"] < 200 and 0 <= l["labels_changed_percent"] < 50 for l in layers), layers
worth = [10 ** (-l["snr_db"] / 10) for l in layers]
assert worth[0] > 0 and {l["precision"] for l in layers} == set(sys.argv[1:]), [l["precision"] for l in layers]
PYTHON
budget=$(awk '/^measured .* layers in int8: / { print 0.75 * $8 }' printed)
check "of every layer, all in int8" python3 layers.py int8
check_int8 "the same without it" 0 "" --output same --calibrate $pictures
check "the same model" cmp whole.fscnn same.fscnn
for method in mse minmax entropy; do
    check_int8 "ranges by $method" 0 "precision    int8" --output $method --calibrate $pictures --calibration-method $method
    check "$method is another model" sh -c "! cmp -s $method.fscnn same.fscnn"
done
check_int8 "an accuracy budget" 0 "kept in bf16: " --output kept --calibrate $pictures \
    --sensitivity-report layers.json --accuracy-budget "$budget"
# shellcheck disable=SC2016 # an awk program
check "is kept" awk -v budget="$budget" '/^measured .* layers in int8: / { found = $8 <= budget && $2 + 0 < $4 + 0 } END { exit !found }' printed
check "by some layers in bf16" python3 layers.py int8 bf16
check_run "that model runs" 0 "" segment $pictures/demo_000000_000000_leftImg8bit.png --model kept.fscnn --output kept
check_int8 "a budget that even bf16 exceeds" 1 "even in bf16, 1e-06 % may" --output none --calibrate $pictures --accuracy-budget 0.000001
# shellcheck disable=SC2016 # $0 is for the inner shell
check "a full disk is told as such" sh -c 'trap "" XFSZ; ulimit -f 100; "$0" compile --model r.pth --output full \
    --input_shape "image:1,3,64,128" --pool adaptive >said 2>&1; test $? -eq 1 && grep -q "full.fscnn: File too large" said' "$program"
check "and leaves nothing" test -z "$(find . -name 'full*')"
check_run "an unwritable place" 1 "/proc/none" compile --model r.pth --output /proc/none/x --input_shape "image:1,3,64,128" \
    --pool adaptive

# ---- export ----
check_run "export" 0 "e1.onnx: " export --pth_path r.pth --onnx_name e1 --input_shape 64x128 --pool adaptive
check "adds .onnx" test -s e1.onnx
check_run "export for a batch" 0 '"input_shape"' export --pth_path r.pth --onnx_name e4.onnx --input_shape 4,3,64,128 \
    --pool adaptive --opset 13 --json
check_run "a missing checkpoint" 1 "nothing.pth" export --pth_path nothing.pth --onnx_name e
check_run "what does not suit is named" 2 "fastscnn: r.pth: fixed pooling needs" export --pth_path r.pth --onnx_name e \
    --input_shape 64x128
check_run "what was exported compiles" 0 "ATC run success" compile --framework 5 --model e1.onnx --output e1 \
    --input_shape "image:1,3,64,128"
check_run "its batch is the file's" 0 "n = 4" compile --framework 5 --model e4.onnx --output e4
check_run "another size than the file's" 1 "E10001" compile --model e1.onnx --output x --input_shape "image:1,3,96,128"
check_run "a name is wrong before a size is" 2 "E10016" compile --model e1.onnx --output x --input_shape "img:1,3,96,128"
check_run "so are channels" 2 "the model takes 3 channels" compile --model e1.onnx --output x --input_shape "image:1,4,96,128"
check_run "pooling is an ONNX file's own" 2 "an ONNX file says itself how it pools" compile --model e1.onnx --output none \
    --pool adaptive
check "nothing is written" test ! -e none.fscnn
check_run "in infer, too" 2 "e1.onnx is an ONNX file, which says itself how it pools" infer --model e1.onnx --pool adaptive
check_run "in bench, too" 2 "e1.onnx is an ONNX file, which says itself how it pools" bench --model e1.onnx --pool fixed
check_run "an output by name" 0 "ATC run success" compile --model e1.onnx --output x --out_nodes output1
check_run "an output in ATC's spelling" 0 "ATC run success" compile --model e1.onnx --output x --out_nodes output1:0
check_run "several outputs" 2 "E10001" compile --model e1.onnx --output x --out_nodes "output1:0;other:0"
check_run "no such output" 2 "E10016" compile --model e1.onnx --output x --out_nodes output7

# ---- info ----
check_run "info about the machine" 0 "instruction sets used" info
check "cores" grep -q '^cores .* usable' printed
check "memory" grep -q '^memory ' printed
check "default model" grep -q '^default model ' printed
check_run "info --json" 0 '"usable_cores"' info --json
check "is JSON" python3 -c 'import json; d = json.load(open("printed")); assert d["usable_cores"] >= 1 and d["machine"]["cores"]'
FASTSCNN_CPU=pentium
export FASTSCNN_CPU
check_run "an unknown instruction set" 0 "FASTSCNN_CPU             pentium is none of c, avx2, " info
check_run "in JSON" 0 '"FASTSCNN_CPU": "pentium is none of c, avx2, ' info --json
unset FASTSCNN_CPU
check_run "info about an offline model" 0 "GMAC an image" info bs1.fscnn
check_run "in JSON" 0 '"weight_bytes"' info bs1.fscnn --json
check "sizes are there" python3 -c 'import json; d = json.load(open("printed")); assert d["weight_bytes"] > 1e6 and d["macs"] > 1e6 and d["parameters"] > 1e6'
check_run "info about a checkpoint" 0 "19 classes" info r.pth
check "and what it compiles to" grep -q '^work .* GMAC an image' printed
check "layer by layer" grep -q '  step 0' printed
check_run "in JSON, with figures" 0 '"compiled"' info r.pth --json
check "which are numbers" python3 -c 'import json; d = json.load(open("printed"))["compiled"]; assert d["macs"] > 6e9 and d["text"]["memory_plan"]'
check_run "info about ONNX" 0 "e1.onnx" info e1.onnx --json
# A command that fails before it has a result leaves the standard output empty; compile's result is a verdict.
mkdir no_data
for failing in "info nothing.fscnn" "info nothing.pth" "export --pth_path nothing.pth --onnx_name x" "preprocess -i no_data -o x" \
    "infer --model nothing.fscnn" "evaluate -r no_data -l no_data -s none.log" "validate -i no_data" \
    "bench --model nothing.fscnn" "segment nothing.png -o x --model nothing.fscnn"; do
    # shellcheck disable=SC2086 # words
    "$program" $failing --json >printed 2>told
    code=$?
    check "no JSON: $failing" test $code -eq 1 -a ! -s printed -a -s told
done
"$program" compile --model nothing.onnx --output x --json >printed 2>told
check "a verdict in JSON" python3 -c 'import json; assert json.load(open("printed"))["result"] == "failed"'
for json in '' --json; do
    check_lost info $json
    check_lost info bs1.fscnn $json
    check_lost info r.pth $json
    check_lost export --pth_path r.pth --onnx_name lost --input_shape 64x128 --pool adaptive $json
    check_lost compile --model r.pth --output lost --input_shape image:1,3,64,128 --pool adaptive $json
done
check_run "info about nothing" 1 "nothing.fscnn" info nothing.fscnn
printf 'junk' >junk.fscnn
check_run "info about junk" 1 "junk.fscnn" info junk.fscnn

finish
