"""How fastscnn's images per second grow with threads, with streams (sessions at once) and with the batch, u8 -> labels."""
import os

from workers import Worker, take_turns

PRECISIONS = ("fp32", "bf16", "int8")
SECONDS = 0.5  # of a run


def ways(threads):
    """{name: (threads of a session, streams, batch)}"""
    return {"1 thread": (1, 1, 1), f"{threads} threads": (threads, 1, 1), f"{threads} streams of 1 thread": (1, threads, 1),
            f"{threads} threads, batch 4": (threads, 1, 4), f"{threads} threads, batch 8": (threads, 1, 8)}


def measure_precision(precision, models, options, log):
    model, with_batches = models.fastscnn(precision), models.fastscnn(precision, "1,4,8")
    found = ways(options.threads)
    workers = {}
    for name, (threads, streams, batch) in found.items():
        workers[name] = Worker({"engine": "fastscnn_streams", "precision": precision, "output": "labels",
                                "model": model if batch == 1 else with_batches, "input": models.input_u8,
                                "threads": threads, "streams": streams, "batch": batch,
                                "seconds": SECONDS, "height": options.height, "width": options.width,
                                "build": options.build}, log)
    take_turns(list(workers.values()), options.runs, options.pause)
    rows = []
    for name, worker in workers.items():
        threads, streams, batch = found[name]
        facts = worker.save(os.path.join(options.folder, "result.npy"))
        worker.end()
        rows.append({"precision": precision, "name": name, "threads": threads, "streams": streams, "batch": batch,
                     "images_per_second": 1e3 / worker.median(), "most_images_per_second": 1e3 / min(worker.times),
                     "memory_mb": facts["peak_mb"] - facts["python_mb"], "times_ms": worker.times})
    return rows


def measure(models, options):
    rows = []
    with open(os.path.join(options.folder, "engines.log"), "w", encoding="utf-8") as log:
        for precision in PRECISIONS:
            rows += measure_precision(precision, models, options, log)
    os.remove(os.path.join(options.folder, "result.npy"))
    return {"threads": options.threads, "rows": rows}


def print_table(results):
    """Ratios: threads against one thread; streams and batches against one session of all threads. Once of the medians, once
    of the runs that others on the machine disturbed least."""
    line = "%-9s %-24s %10s %9s %9s  %-11s %6s"
    print("%s, %s, u8 -> labels, medians of %d runs\n" % (results["processor"], results["size"], results["runs"]))
    print(line % ("precision", "way", "images/s", "ratio", "of best", "against", "MB"))
    for precision in PRECISIONS:
        rows = [row for row in results["rows"] if row["precision"] == precision]
        for i, row in enumerate(rows):
            base = rows[0] if i < 2 else rows[1]
            print(line % (precision, row["name"], "%.1f" % row["images_per_second"],
                          "%.2f x" % (row["images_per_second"] / base["images_per_second"]),
                          "%.2f x" % (row["most_images_per_second"] / base["most_images_per_second"]), base["name"],
                          "%.0f" % row["memory_mb"]))
