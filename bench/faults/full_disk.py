"""Lets single calls of the system fail, as on a full or broken disk: a command must say so, and go on when it is run again.

Run: python bench/faults/full_disk.py --positions 100 --error ENOSPC
"""

import errno
import subprocess
from pathlib import Path

from common import HERE, Bench, Report, differences, files, finish, is_temporary, options

# The size of FAULT_STATE, of which the first bytes are a lock, whether a call failed, how many there were, and which failed.
STATE_BYTES = 1 << 14


def main():
    chosen = options(__doc__.splitlines()[0],
                     positions=(100, "at most so many calls of each command fail, one in each run, evenly spaced over all"),
                     error=("ENOSPC", "the error: ENOSPC, no space, or EIO, a broken disk"))
    bench = Bench(chosen)
    library = build(bench.folder)
    report = Report(["command", "calls", "failed one by one", "recovered at once", "differences"])
    for name, words in bench.commands.items():
        reference, _ = bench.reference(words)
        _, calls, _ = run_with_failure(bench, library, words, 0, chosen.error)
        count = min(calls, chosen.positions)
        positions = sorted({1 + at * (calls - 1) // max(count - 1, 1) for at in range(count)})
        recovered = wrong = 0
        for position in positions:
            ended, _, failed = run_with_failure(bench, library, words, position, chosen.error)
            found = faults(ended, failed, reference, bench, chosen.error)
            recovered += ended.code == 0
            ended = bench.run(words, bench.folder / "work")
            if ended.code != 0:
                found.append(f"run again, it leaves with {ended.code}: {ended.said}")
            found += [f"run again, {sentence}" for sentence in differences(reference, bench.folder / "work", logs=False)]
            report.fail(f"{name}, call {position} of {calls} ({failed})", found)
            wrong += len(found) > 0
        report.row(name, calls, len(positions), recovered, wrong)
    report.end(bench)


def build(folder):
    """Compiles the library that stands between a program and the kernel."""
    library = folder / "faults.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", HERE / "faults.c", "-o", library], check=True)
    return library


def run_with_failure(bench, library, words, position, error):
    """Runs a command in a new folder, where the call of that number fails; 0 for none. Returns how it ended, how many calls there
    were, and which one failed: what was tried, and the file."""
    folder, state = bench.fresh(), bench.folder / "state"
    state.write_bytes(bytes(STATE_BYTES))
    environment = {"LD_PRELOAD": library, "FAULT_MODE": "fail", "FAULT_FOLDER": folder, "FAULT_STATE": state,
                   "FAULT_AT": position, "FAULT_ERROR": getattr(errno, error)}
    ended = finish(bench.start(words, folder, {name: str(value) for name, value in environment.items()}))
    content = state.read_bytes()
    return ended, int.from_bytes(content[8:16], "little"), content[16:].split(b"\0")[0].decode()


def faults(ended, failed, reference, bench, error):
    """What is wrong after a run in which a call failed.

    A run may end well: then its end is that of a run without a failure, but for logs, which may be cut. Else it must say in one
    sentence which file it was, or which folder if the file has no name yet, and leave no temporary file.
    """
    folder = bench.folder / "work"
    if ended.code == 0:
        return [f"it ends well, but {sentence}" for sentence in differences(reference, folder, logs=False)]
    found = ended.faults()
    place = Path(failed.partition(" ")[2])
    names = [str(place.parent)] if is_temporary(str(place)) else [place.name, str(place.parent)]
    text = ended.output + ended.errors
    if not any(name in text for name in names if name != "."):
        found.append(f"does not name {place}: {ended.said}")
    left = [name for name in files(folder) if is_temporary(name)]
    return found + [f"a temporary file is left: {Path(name).parent}/.*.tmp" for name in left]


if __name__ == "__main__":
    main()
