#!/bin/sh
# The C program in README.md, compiled as it stands there and run.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"
source=${FASTSCNN_SOURCE:-$(dirname "$0")/..}

# shellcheck disable=SC2016 # marks of a code block
sed -n '/^```c$/,/^```$/p' "$source/README.md" | sed '1d;$d' >segment.c
check "there is a program" grep -q fscnn_session_run segment.c
check "it compiles without a warning" "${CC:-cc}" -Wall -Wextra -Werror segment.c -o segment -I "$source/include" \
    -L "$build/src" -lfastscnn "-Wl,-rpath,$build/src"
check "a picture" "$build/tools/street_scenes" "$work/scenes" --count 1 --size 192x384
picture=$(find scenes -name '*_leftImg8bit.png' | head -n 1)
check "a checkpoint" "$random_checkpoint" r.pth --seed 1
check "it runs" ./segment r.pth "$picture" result.png
check_run "the same as the program's" 0 "" segment "$picture" --model r.pth --output out
check "to the byte" sh -c 'cmp result.png out/*.png'
# shellcheck disable=SC2016 # $1 is for the inner shell
check "it fails with a line" sh -c '! ./segment none.pth "$1" none.png 2>line && grep -qx "none.pth: No such file or directory" line' \
    sh "$picture"
check "and leaves nothing" test ! -e none.png
finish
