#!/bin/sh
# tools/check_tree finds each kind of broken rule in a tree made for it, and nothing in a sound one.
set -eu
check=${FASTSCNN_SOURCE:-.}/tools/check_tree
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
number=0

expect() { # RULE FILE: only this rule is broken, and the file is named
    number=$((number + 1))
    output=$("$check" --tap "$tree" || true)
    broken=$(printf '%s\n' "$output" | sed -n 's/^not ok [0-9]* - //p' | tr '\n' ' ')
    if [ "$broken" = "$1 " ] && printf '%s\n' "$output" | grep -q "^# $2:"; then
        echo "ok $number - $1: $2"
    else
        echo "not ok $number - $1: $2"
        printf '%s\n' "$output" | sed 's/^/# /'
    fi
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/src/base" "$tree/src/run" "$tree/src/plan" "$tree/cli"
}
put() { # FILE: its text from standard input
    cat >"$tree/$1"
}

mkdir -p "$tree/src/base" "$tree/src/run" "$tree/src/plan" "$tree/cli"
printf '#include "base/status.h"\n\nint f(void) { return 1; }\n' | put src/run/sound.c
if "$check" "$tree" >/dev/null; then
    echo "ok 1 - a sound tree"
else
    echo "not ok 1 - a sound tree"
fi
number=1
echo '#include "tensor/tensor.h"' | put src/base/upward.c
expect layers src/base/upward.c
echo '#include "graph/graph.h"' | put src/run/device.c
expect layers src/run/device.c
echo '#include "kernels/kernels.h"' | put src/plan/plan.c
expect layers src/plan/plan.c
echo '#include "base/status.h"' | put cli/inner.c
expect layers cli/inner.c
yes '' | head -n 801 | put src/base/long.c
expect length src/base/long.c
{
    echo 'static int sum(int a,'
    echo '               int b) {'
    yes '    a++;' | head -n 79
    echo '}'
} | put src/base/function.c
expect functions src/base/function.c
: >"$tree/cli/same.c"
: >"$tree/src/base/same.c"
expect names src/base/same.c
printf 'void f(void) {\n    printf("x");\n}\n' | put src/base/loud.c
expect quiet src/base/loud.c
printf '/* %s: later */\n' TODO | put src/base/later.c
expect unfinished src/base/later.c
printf '# Title\n\nSee [this](there.md) and [that](https://example.org).\n' | put README.md
expect links README.md
printf '# Title\n\n%s\n' SOME_PARAGRAPH | put README.md
expect placeholders README.md
echo "1..$number"
