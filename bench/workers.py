"""An engine in a process of its own, both ends of the pipe to it, and how several of them take turns.

A worker is started with a job as JSON and answers every line with a line of JSON: first what it is, or {"error": why}; then
to "turn" the milliseconds of a run, and to "save FILE" its peak memory, while it writes the last result."""
import json
import os
import subprocess
import sys
import time


# ---- in the worker ----------------------------------------------------------------------------------------------------

def peak_mb():
    """Of this program alone: ru_maxrss would also remember the process that started it."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def timed_run(engine):
    begin = time.perf_counter()
    counted = engine.run()
    return (time.perf_counter() - begin) * 1e3 if counted is None else counted


def serve(job):
    answers = os.fdopen(os.dup(1), "w")  # engines print what they like; it goes to the error stream
    os.dup2(2, 1)

    def answer(facts):
        print(json.dumps(facts), file=answers, flush=True)

    try:
        import numpy as np  # counted in every worker's baseline
        from engines import ENGINES
        baseline = peak_mb()
        engine = ENGINES[job["engine"]](job)
        answer({"version": engine.version, "settings": engine.settings})
        for line in sys.stdin:
            words = line.split(maxsplit=1)
            if words[0] == "turn":
                # The first run finds its weights and buffers pushed out of the caches by the other engines; a stream of
                # pictures would not. The second counts.
                engine.run()
                answer({"ms": timed_run(engine)})
            else:
                peak = peak_mb()
                np.save(words[1].strip(), engine.result())
                answer({"peak_mb": peak, "python_mb": baseline})
    except Exception as error:  # whatever a peer raises becomes a line of the table
        answer({"error": f"{type(error).__name__}: {error}".splitlines()[0]})


# ---- in the program that measures ------------------------------------------------------------------------------------

class WorkerError(Exception):
    """Why an engine cannot be measured, in one line."""


class Worker:
    def __init__(self, job, log):
        """`log` is an open file for what the engine prints."""
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), json.dumps(job)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))  # numpy's, which nothing uses
        about = self.answer()
        self.times = []
        self.version, self.settings = about["version"], about["settings"]

    def answer(self):
        line = self.process.stdout.readline()
        facts = json.loads(line) if line else {"error": f"ended early, exit code {self.process.wait()}"}
        if "error" in facts:
            self.end()
            raise WorkerError(facts["error"])
        return facts

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() tells how it ended
        return self.answer()

    def turn(self):
        """Milliseconds of a run."""
        return self.ask("turn")["ms"]

    def median(self):
        return percentile(self.times, 0.5)

    def save(self, path):
        return self.ask("save " + path)

    def end(self):
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        self.process.wait()


def take_turns(workers, runs, pause_ms):
    """Adds to each worker's times. The order reverses every round."""
    for turn in range(runs):
        for worker in workers if turn % 2 == 0 else workers[::-1]:
            time.sleep(pause_ms / 1e3)  # lets the other engine's threads stop spinning
            worker.times.append(worker.turn())


def percentile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
