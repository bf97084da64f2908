"""Starts two commands at once on one folder: both end well, or one says why it does not; run once more, nothing is lost.

Run: python bench/faults/pairs.py --rounds 10
"""

import re
import time

from common import CPU, TWO_EPOCHS, Bench, Report, differences, finish, options

# Commands that are in no table of the other scripts: one that the sweep and the study train too, and one that goes on.
OWN = {
    "train first": ["-k", "tiny/first", "-b", "new", *CPU],
    "train on": ["-k", "tiny/first", *TWO_EPOCHS, "--set", "train.epochs=4", *CPU],
}
PAIRS = [
    ("train", "train"),
    ("train first", "sweep"),
    ("train first", "study"),
    ("train on", "gc"),
    ("train on", "eval"),
    ("train on", "distance"),
    ("eval", "eval"),
    ("eval", "mistakes"),
    ("eval of a URL", "eval of a URL"),
    *[(name, name) for name in ["interpolate", "basin", "similarity", "distance", "trajectory", "mistakes", "rewind", "criticality",
                                "spectrum", "probe", "accuracy", "features", "curves", "shuffles", "pretraining"]],
    ("probe", "features"),
    ("sweep", "sweep"),
    ("study", "study"),
    ("gc", "gc"),
    ("gc", "distance"),
    ("convert", "convert"),
    ("slurm", "slurm"),
    ("prepare domainnet", "prepare domainnet"),
    ("prepare chexpert", "prepare chexpert"),
]


def main():
    chosen = options(__doc__.splitlines()[0], rounds=(10, "how often each pair is started; --only chooses among names of pairs"))
    only, chosen.only = chosen.only, ""
    bench = Bench(chosen)
    report = Report(["pair", "rounds", "both ended well", "one gave way", "differences"])
    for pair in PAIRS:
        name = " + ".join(pair)
        if re.search(only, name):
            report.row(name, chosen.rounds, *rounds(bench, report, name, pair, chosen.rounds))
    report.end(bench)


def rounds(bench, report, name, pair, count):
    """Starts a pair so many times. Returns how often both ended well, how often one gave way, and how often something was wrong."""
    one, two = (bench.commands.get(words, OWN.get(words)) for words in pair)
    reference, seconds = bench.reference(one, two)
    both = gave_way = wrong = 0
    for number in range(count):
        folder = bench.fresh()
        # The first pair starts at the same moment, later ones up to the time apart that both take.
        pause = bench.random.uniform(0, seconds / 2) if number else 0
        ended = at_once(bench, one, two, folder, pause)
        losers = [process for process in ended if process.code != 0]
        found = [f"the one that gave way {fault}" for loser in losers for fault in loser.faults()]
        # Two sweeps share their runs, and each says which of them the other one trains.
        if len(losers) == 2 and not all("running elsewhere" in loser.said for loser in losers):
            found.append(f"neither ends well: {losers[0].said} / {losers[1].said}")
        for words in [one, two]:
            again = bench.run(words, folder)
            if again.code != 0:
                found.append(f"run once more, it leaves with {again.code}: {again.said}")
        found += [f"run once more, {sentence}" for sentence in differences(reference, folder, logs=False)]
        report.fail(f"{name}, the second {pause:.2f} s later", found)
        both, gave_way, wrong = both + (not losers), gave_way + (len(losers) == 1), wrong + (len(found) > 0)
    return both, gave_way, wrong


def at_once(bench, one, two, folder, pause):
    """Starts two commands, the second after a pause, and waits for both."""
    first = bench.start(one, folder)
    time.sleep(pause)
    second = bench.start(two, folder)
    return finish(first), finish(second)


if __name__ == "__main__":
    main()
