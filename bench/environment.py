"""The Python environment of the comparisons, below BUILD/bench, with the versions that bench/requirements.txt pins."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")


def enter(build):
    """Goes on in the environment, which is made on first use and has numpy."""
    home = os.path.join(build, "bench", "venv")
    if os.path.realpath(sys.prefix) == os.path.realpath(home):
        return
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(os.path.join(home, "made")):
        print("Making a Python environment below", os.path.relpath(home), file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        open(os.path.join(home, "made"), "w", encoding="utf-8").close()
    reason = install("base", python)
    if reason:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {reason}")
    os.execv(python, [python, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def sections():
    """{section: [pinned package]} of requirements.txt, whose sections open with a line "# NAME: ..."."""
    found, here = {}, None
    with open(REQUIREMENTS, encoding="utf-8") as file:
        for line in file:
            if line.startswith("# "):
                here = found.setdefault(line[2:].split(":")[0], [])
            elif line.strip():
                here.append(line.strip())
    return found


def install(section, python=sys.executable):
    """Installs a section of requirements.txt into python's environment; returns None, or why it could not, in one line."""
    packages = sections()[section]
    stamp = os.path.join(os.path.dirname(os.path.dirname(python)), "installed-" + section)
    wanted = "\n".join(packages)
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return None
    print("Installing", ", ".join(packages), file=sys.stderr)
    # pnnx names PyTorch as a dependency, gigabytes that its ONNX converter does not use.
    bare = ["--no-deps"] if section == "pnnx" else []
    result = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *bare, "-c",
                             REQUIREMENTS, *packages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        lines = result.stdout.strip().splitlines() or ["no output"]
        return "pip: " + next((line for line in lines if line.startswith("ERROR")), lines[-1])
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return None
