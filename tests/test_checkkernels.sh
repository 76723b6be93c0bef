#!/bin/sh
# The tool checkkernels from outside: options, patterns, seeds, times. Its verdicts are in its own selftest, which the test
# `kernels` runs.
# shellcheck disable=SC2016 # awk programs
build=${FASTSCNN_BUILD:-$(pwd)/build}
FASTSCNN_PROGRAM=$build/tools/checkkernels
. "$(dirname "$0")/cli_testing.sh"

check_run "help has an example" 0 "checkkernels --seed 7 conv_f32" --help
check_run "unknown option" 2 "--nonsense" --nonsense
check_run "a seed that is no number" 2 "'7x' is not a whole number" --seed 7x
check_run "a seed that is too large" 2 "'4294967296' is not" --seed 4294967296
check_run "two patterns" 2 "'b' is another" a b
check_run "a pattern that matches nothing" 1 "no kernel matches 'conv_f99'. Kernels: conv_f32" conv_f99
check_run "a pattern that nothing to time matches" 1 "no kernel matches 'selftest'" --bench selftest
check_run "a part of a name" 0 "ok 1 - add_f32 c (seed 7, " --seed 7 'd_f32 c'
check_run "wildcards stand for a whole line" 1 "no kernel matches '?dd_f32'" '?dd_f32'
check_run "wildcards" 0 "1..1" '?dd_f32 c'
check_run "known faults" 0 "ok 1 - selftest: finds a write past the output" 'write past'

check_run "times" 0 "GB/s of the cache" --bench 'add_f32 c'
check "one line, with times and shares above 0" \
    awk '/^add_f32 +c / { lines++; share = $8; good = $6 > 0 && share > 0 } END { exit !(lines == 1 && good) }' \
    "$work/printed"
finish
