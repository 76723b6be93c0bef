# What the scripts that test whole commands share. Sourced; prints TAP.
#
#   $program   the program under test
#   $random_checkpoint   the tool that makes one
#   $work      a folder of its own, the current one; removed at the end
#   check NAME COMMAND...        passes where the command succeeds; $work/printed stays what it was
#   check_run NAME CODE TEXT ARGUMENT...
#              runs the program; passes where it exits with CODE and prints TEXT (on either stream; "" is anything);
#              what it printed is in $work/printed
#   check_plain NAME ARGUMENT...
#              runs the program with $hostile among its arguments or in a folder that is; passes where it is printed, but
#              without control characters
#   check_lost ARGUMENT...
#              runs the program with its standard output on a full disk; passes where it exits with 1 and tells so, once
# shellcheck shell=sh
set -u
build=${FASTSCNN_BUILD:-$(pwd)/build}
program=${FASTSCNN_PROGRAM:-$build/cli/fastscnn}
# shellcheck disable=SC2034 # for those who source this
random_checkpoint=$build/tools/random_checkpoint
if [ ! -x "$program" ]; then
    echo "Bail out! $program is not there"
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
cases=0
# shellcheck disable=SC2034 # for those who source this
hostile=$(printf 'a\033[31mb') # a name that would colour a terminal

report() { # CODE NAME: one line of TAP
    cases=$((cases + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $cases - $2"
    else
        echo "not ok $cases - $2"
        sed 's/^/# /' "$work/shown" 2>/dev/null | head -n 20
    fi
}

check() {
    name=$1
    shift
    "$@" >"$work/shown" 2>&1
    code=$?
    report $code "$name"
}

check_run() {
    name=$1 expected=$2 text=$3
    shift 3
    "$program" "$@" >"$work/printed" 2>&1
    code=$?
    cat "$work/printed" >"$work/shown"
    if [ "$code" -ne "$expected" ]; then
        echo "exit code $code instead of $expected" >>"$work/shown"
        report 1 "$name"
    elif ! grep -qF -e "$text" "$work/printed"; then
        echo "without: $text" >>"$work/shown"
        report 1 "$name"
    else
        report 0 "$name"
    fi
}

check_lost() {
    "$program" "$@" >/dev/full 2>"$work/printed"
    code=$?
    grep -v '^[a-z]*: [0-9.]*/[0-9.]*, ' "$work/printed" >"$work/shown" # progress bars
    test $code -eq 1 -a "$(cat "$work/shown")" = "fastscnn: standard output: write failed"
    report $? "standard output lost: $*"
}

check_plain() {
    name=$1
    shift
    "$program" "$@" >"$work/printed" 2>&1
    tr -d '\n' <"$work/printed" >"$work/plain"
    check "$name" sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" plain && grep -qF "?[31m" plain'
}

finish() { echo "1..$cases"; }
