"""The figures of bench/compare as an SVG picture: a bar for each engine and precision, as long as its images per second.

The picture brings its own background, since a page may be light where the system is dark; both have colours of their own."""
import xml.sax.saxutils

WIDTH, NAMES_END, LEFT, RIGHT, TOP, ROW, BAR = 860, 150, 252, 176, 92, 27, 17
STYLE = """
    text { font-family: Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2328 }
    .title { font-size: 17px; font-weight: bold }
    .note { fill: #59636e; font-size: 12px }
    .card { fill: #ffffff; stroke: #d1d9e0 }
    .grid { stroke: #d1d9e0 }
    .peer { fill: #9aa7b4 }
    .ours { fill: #1a7f4b }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .note { fill: #a0abb7 }
      .card { fill: #0d1117; stroke: #3d444d }
      .grid { stroke: #3d444d }
      .peer { fill: #6b7886 }
      .ours { fill: #2fb36d }
    }"""


def text(x, y, words, style="", anchor="start"):
    return '<text x="%.1f" y="%.1f"%s text-anchor="%s">%s</text>' % (
        x, y, f' class="{style}"' if style else "", anchor, xml.sax.saxutils.escape(words))


def grid_step(most):
    """1, 2, 5, 10, 20, ...: so that at most eight of them make `most`."""
    return next(step for step in (unit * 10 ** power for power in range(9) for unit in (1, 2, 5)) if most / step <= 8)


def draw(results):
    """`results` as bench/compare writes them to JSON; returns the file's text."""
    rows = results["rows"]
    most = max(row["images_per_second"] for row in rows)
    scale = (WIDTH - LEFT - RIGHT) / most
    bottom = TOP + ROW * len(rows)
    height = bottom + 62
    step = grid_step(most)
    parts = [text(20, 32, "Fast-SCNN, 19 classes, %s: images per second" % results["size"].replace("x", " x "), "title"),
             text(20, 54, "%s, %d thread%s, batch 1, %s" % (results["processor"], results["threads"],
                                                            "s" if results["threads"] > 1 else "", results["date"]), "note")]
    for i in range(int(most / step) + 1):
        x = LEFT + i * step * scale
        parts.append('<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>' % (x, TOP - 6, x, bottom))
        parts.append(text(x, TOP - 12, str(i * step), "note", "middle"))
    for i, row in enumerate(rows):
        y = TOP + i * ROW
        length = row["images_per_second"] * scale
        parts.append(text(NAMES_END, y + 14, "%s %s" % (row["name"], row["precision"]), anchor="end"))
        parts.append(text(LEFT - 10, y + 14, "%s \u2192 %s" % (row["input"], row["output"]), "note", "end"))
        parts.append('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>' % (
            "ours" if row["engine"] == "fastscnn" else "peer", LEFT, y + 1, length, BAR))
        parts.append(text(LEFT + length + 8, y + 14, "%.1f (%.2f x, %.0f MB)%s" % (
            row["images_per_second"], row["ratio"], row["memory_mb"], "" if row["agrees"] else " disagrees")))
    parts.append(text(20, bottom + 26, "In brackets: times as fast as ONNX Runtime fp32; peak resident memory with input and "
                      "output, without Python.", "note"))
    missing = ", ".join(dict.fromkeys("%s %s" % (row["name"], row["precision"]) for row in results["unavailable"]))
    parts.append(text(20, bottom + 44, ("Not measured: %s. " % missing if missing else "") +
                      "Medians of %d run%s in turns, by bench/compare." % (results["runs"], "s" if results["runs"] > 1 else ""),
                      "note"))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">\n  <style>%s\n  </style>\n'
            '  <rect class="card" x="0.5" y="0.5" width="%d" height="%d" rx="6"/>\n  %s\n</svg>\n'
            % (WIDTH, height, WIDTH, height, STYLE, WIDTH - 1, height - 1, "\n  ".join(parts)))
