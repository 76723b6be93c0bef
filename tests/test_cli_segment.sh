#!/bin/sh
# segment: sizes, styles, names, broken pictures.
# shellcheck source=tests/cli_testing.sh
. "$(dirname "$0")/cli_testing.sh"

check "a random checkpoint" "$random_checkpoint" r.pth --seed 3
check_run "an offline model of one size" 0 "ATC run success" compile --model r.pth --output m --pool adaptive \
    --input_shape "image:1,3,64,128"
cat >png.py <<'PYTHON'
"""Just enough PNG to make test pictures and to look at results."""
import random, struct, zlib

def write(path, width, height, seed):
    rng = random.Random(seed)
    blocks = [[(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(width // 16 + 1)]
              for _ in range(height // 16 + 1)]
    rows = b"".join(b"\0" + b"".join(bytes(blocks[y // 16][x // 16]) for x in range(width)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def read(path):
    """width, height, channels, rows"""
    data = open(path, "rb").read()
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        if kind == b"IDAT":
            body += data[at + 8:at + 8 + size]
        at += 12 + size
    assert depth == 8 and colour in (0, 2), (depth, colour)
    n = 3 if colour == 2 else 1
    raw, rows, before = zlib.decompress(body), [], bytearray(width * n)
    for y in range(height):
        kind, line = raw[y * (width * n + 1)], bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        for i in range(len(line)):
            a, b, c = (line[i - n] if i >= n else 0), before[i], (before[i - n] if i >= n else 0)
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        rows.append(bytes(line))
        before = line
    return width, height, n, rows
PYTHON
python3 - <<'PYTHON'
import os, png
os.mkdir("in")
os.mkdir("empty")
for name, width, height in (("p10", 128, 64), ("p9", 128, 64), ("odd", 131, 77), ("square", 64, 64), ("tall", 40, 100)):
    png.write("in/%s.png" % name, width, height, len(name))
open("in/broken.png", "wb").write(open("in/p9.png", "rb").read()[:100])
open("in/note.txt", "w").write("no picture")
png.write("frankfurt_000000_000294_leftImg8bit.png", 128, 64, 1)
PYTHON

check_run "a folder with a broken picture" 1 "5 pictures in " segment in --output out --model r.pth --pool adaptive
check "the broken one is named" grep -q '^fastscnn: in/broken.png: ' printed
check "how many failed" grep -q '1 of 6 pictures failed' printed
check "in natural order" sh -c 'grep -o "^in/p[0-9]*" printed | tr "\n" " " | grep -q "in/p9 in/p10"'
check "classes and shares" grep -q '^  [a-z ]* [0-9.]* %' printed
check "five results" test "$(find out -name '*.png' | wc -l)" -eq 5
check "of the pictures' sizes" python3 -c 'import png
assert png.read("out/odd.png")[:3] == (131, 77, 3) and png.read("out/tall.png")[:3] == (40, 100, 3)'

for style in color trainids labelids overlay; do
    check_run "style $style" 0 "in/odd.png -> $style/odd.png" segment in/odd.png in/p9.png --output $style --style $style \
        --model r.pth --pool adaptive
done
cat >styles.py <<'PYTHON'
import png
colours = [(128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
           (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
           (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32)]
ids = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
for name in ("odd", "p9"):
    w, h, n, train = png.read("trainids/%s.png" % name)
    assert n == 1 and max(map(max, train)) <= 18
    assert png.read("labelids/%s.png" % name)[3] == [bytes(ids[v] for v in row) for row in train]
    assert png.read("color/%s.png" % name)[3] == [b"".join(bytes(colours[v]) for v in row) for row in train]
    photo, overlay = png.read("in/%s.png" % name)[3], png.read("overlay/%s.png" % name)[3]
    assert overlay != photo
assert len({v for row in train for v in row}) > 1
PYTHON
check "styles agree" python3 styles.py
check_run "Cityscapes' names" 0 "" segment frankfurt_000000_000294_leftImg8bit.png --output cs --style labelids --model m.fscnn
check "match the evaluator's pattern" sh -c 'ls cs/frankfurt_000000_000294*.png'

check_run "--size" 0 "pictures are scaled to 64x128" segment in/odd.png in/square.png --output scaled --model r.pth --pool adaptive \
    --size 64x128 --style trainids
check "scales back" python3 -c 'import png; assert png.read("scaled/odd.png")[:2] == (131, 77)'
check_run "an offline model scales by itself" 0 "pictures are scaled to 64x128" segment in/odd.png in/square.png --output fixed \
    --model m.fscnn --style trainids
check "once said" test "$(grep -c 'are scaled' printed)" -eq 1
check "the same labels" diff -r scaled fixed
check_run "its own size is not scaled" 0 "in/p9.png -> own/p9.png" segment in/p9.png --output own --model m.fscnn --style trainids
check "not said" sh -c '! grep -q "are scaled" printed'
check "the same as the checkpoint's" cmp own/p9.png trainids/p9.png
check_run "--size against an offline model" 2 "takes 64x128 only" segment in/p9.png --output x --model m.fscnn --size 32x32

check_run "--json" 1 '"pictures_per_second"' segment in --output js --model r.pth --pool adaptive --json
"$program" segment in --output js --model r.pth --pool adaptive --json >report.json 2>/dev/null
check "is JSON" python3 -c 'import json
d = json.load(open("report.json"))
assert d["done"] == 5 and d["failed"] == 1 and len(d["pictures"]) == 6
good = [p for p in d["pictures"] if "error" not in p]
assert all(abs(sum(p["classes"].values()) - 1) < 1e-6 and p["network_ms"] > 0 for p in good)
assert [p["file"] for p in d["pictures"]][2:4] == ["in/p9.png", "in/p10.png"]'

# ---- classes of the model's own ----
check "a checkpoint of five classes" "$random_checkpoint" r5.pth --classes 5 --seed 3
check_run "without Cityscapes' names" 0 "  class " segment in/odd.png --output five --model r5.pth --pool adaptive
check "of any class" sh -c '! grep -q "road\|sidewalk\|building\|wall\|fence" printed'
"$program" segment in/odd.png --output five --model r5.pth --pool adaptive --json >report.json 2>said
check "in JSON, too" python3 -c 'import json
classes = json.load(open("report.json"))["pictures"][0]["classes"]
assert classes and set(classes) <= {"class %d" % i for i in range(5)}, classes'
check "without progress" test ! -s said
check_run "without label ids" 2 "--style labelids: r5.pth has 5 classes, Cityscapes' label ids stand for 19" segment in/odd.png \
    --output none --style labelids --model r5.pth --pool adaptive
check "of any picture" test ! -e none

# ---- names that are not UTF-8 ----
cp in/p9.png "$(printf 'b\344 \303\244\\\355\240\200.png')" # Latin-1, UTF-8, a backslash, a surrogate
"$program" segment b*.png --output bytes --model m.fscnn --json >report.json 2>said
check "can be had back from JSON" python3 -c 'import json, os, re
name = json.load(open("report.json"))["pictures"][0]["file"]
assert name == "b\\xE4 ä\\\\\\xED\\xA0\\x80.png", name
back = re.sub(rb"\\(x..|\\)", lambda m: bytes([int(m[1][1:], 16)]) if m[1][:1] == b"x" else b"\\", name.encode())
assert os.path.exists(back), back'

mkdir "$hostile"
cp in/p9.png "$hostile/$hostile.png"
check_plain "names with control characters" segment "$hostile" --output plain_names --model m.fscnn
printf 'no picture' >"$hostile/$hostile.jpg"
check_plain "in errors, too" segment "$hostile/$hostile.jpg" --output plain_names --model m.fscnn
check_lost segment in/p9.png --output lost --model m.fscnn
check_lost segment in/p9.png --output lost --model m.fscnn --json
# Whoever read the text went away: the pictures are written all the same.
{
    "$program" segment in/p9.png in/square.png --output piped --model m.fscnn 2>shown
    echo $? >code
} | true
check "a closed pipe: no news to who closed it" test "$(cat code) $(grep -c 'standard output' shown)" = "1 0"
check "a closed pipe: pictures are there" test -f piped/p9.png -a -f piped/square.png
(ulimit -f 1 && "$program" segment in/p9.png --output limited_file --model m.fscnn) >printed 2>&1
check "a limit of file sizes: exit code" test $? -eq 1
check "a limit of file sizes: told" grep -q 'limited_file/p9.png: File too large' printed
check_run "pooling of an offline model" 2 "m.fscnn is compiled already: --pool is for .pth" segment in/p9.png --output none \
    --model m.fscnn --pool adaptive
check_run "an empty folder" 1 "empty: no pictures there" segment empty --output x --model r.pth
mkdir -p tree/b/c tree/.hidden tree/a
cp in/p9.png tree/b/c/one.png
cp in/p9.png tree/a/two.png
cp in/p9.png tree/three.png
cp in/p9.png tree/.hidden/four.png
ln -s .. tree/b/loop
check_run "a folder alone" 0 "1 picture in " segment tree --output flat --model m.fscnn
check_run "and those below it" 0 "3 pictures in " segment tree --recursive --output below --model m.fscnn
# shellcheck disable=SC2016 # for the inner shell
check "with results side by side" sh -c '[ "$(ls below | tr "\n" " ")" = "one.png three.png two.png " ]'
check_run "results below it are no pictures" 0 "3 pictures in " segment tree -r --output tree/results --model m.fscnn
check_run "nor in a second run" 0 "3 pictures in " segment tree -r --output tree/results/ --model m.fscnn
cp in/p9.png tree/a/one.png
check_run "two of one name" 2 "would both become below/one.png" segment tree -r --output below --model m.fscnn
check_run "pictures below it alone" 1 "--recursive searches the folders below it" segment tree/b --output x --model m.fscnn
check_run "an empty folder name" 2 "a folder's name is empty" segment in/p9.png --output '' --model m.fscnn
check_run "no such picture" 1 "nothing.png: No such file" segment nothing.png --output x --model r.pth --pool adaptive
cp m.fscnn named.pth
check_run "an offline model, whatever its name" 0 "1 picture in " segment in/p9.png --output x --model named.pth
check_run "no such model" 1 "nothing.pth" segment in/p9.png --output x --model nothing.pth
check_run "one name twice" 2 "would both become" segment in/p9.png ./in/p9.png --output x --model r.pth
check_run "results over photographs" 2 "would be replaced by its result" segment in --output in --model r.pth
check_run "too small for the usual pooling" 0 "64x128 is too small for fixed pooling: adaptive pooling is used" segment \
    in/p9.png in/square.png --output small --model r.pth --style trainids
check "said once" test "$(grep -c 'too small' printed)" -eq 1
check "gives what adaptive pooling gives" cmp small/p9.png trainids/p9.png
check_run "fixed pooling, if it must be" 1 "in/p9.png: " segment in/p9.png --output x --model r.pth --pool fixed
check_run "one picture" 0 "1 picture in " segment in/p9.png --output one --model m.fscnn
# Pictures of 805 MB among 700 MB of addresses, in which sanitizers do not even start.
python3 -c 'import struct, zlib
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
head = struct.pack(">IIBBBBB", 1 << 14, 1 << 14, 1, 0, 0, 0, 0)
open("huge.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
                             chunk(b"IDAT", zlib.compress(bytes((1 << 14) * 2049), 0)) + chunk(b"IEND", b""))
part = lambda marker, body: struct.pack(">BBH", 0xff, marker, len(body) + 2) + body
frame = struct.pack(">BHHB", 8, 1 << 14, 1 << 14, 3) + b"\1\x11\0\2\x11\0\3\x11\0" # progressive
open("huge.jpg", "wb").write(b"\xff\xd8" + part(0xc2, frame) + part(0xda, b"\3\1\0\2\0\3\0\0\0\0") + bytes(300000))'
printf '#!/bin/sh\nulimit -v 700000\nexport MALLOC_ARENA_MAX=1 # each takes addresses for itself\nexec "%s" "$@"\n' \
    "$program" >limited
chmod +x limited
if ./limited --version >shown 2>&1; then
    unlimited=$program program=./limited
    for kind in png jpg; do
        check_run "too little memory: $kind" 1 "fastscnn: huge.$kind: " segment huge.$kind --output x --model m.fscnn \
            --threads 1
        check "$kind: how much is wanted" grep -q "out of memory (805306368 bytes\|needs [0-9]* MB" printed
        check "$kind: in a line" test "$(grep -c huge printed)" -eq 1
    done
    program=$unlimited
fi
check_run "an unwritable place" 1 "/proc/none" segment in/p9.png --output /proc/none --model m.fscnn
check "nothing temporary is left" test -z "$(find . -name '*.tmp*')"

finish
