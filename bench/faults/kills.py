"""Kills every command at random moments, again and again: the end must be that of a command that nobody killed.

Run: python bench/faults/kills.py --kills 1000
"""

import subprocess

from common import Bench, Report, differences, finish, kill, options

# In one folder; a command that keeps nothing of what it has done would never end.
MOST_KILLS = 8


def main():
    chosen = options(__doc__.splitlines()[0], kills=(1000, "how often commands are killed, all together"))
    bench = Bench(chosen)
    report = Report(["command", "seconds", "kills", "runs compared", "differences"])
    for number, (name, words) in enumerate(bench.commands.items()):
        share = chosen.kills * (number + 1) // len(bench.commands) - chosen.kills * number // len(bench.commands)
        reference, seconds = bench.reference(words)
        kills = runs = wrong = 0
        while kills < share:
            folder = bench.fresh()
            most = min(share - kills, bench.random.randint(1, MOST_KILLS))
            ended, here = killed_until_it_ends(bench, words, folder, seconds, most)
            kills, runs = kills + here, runs + 1
            found = differences(reference, folder, logs=True)
            if ended.code != 0:
                found = [f"the last run leaves with {ended.code}: {ended.said}", *found]
            report.fail(f"{name} after {here} kills", found)
            wrong += len(found) > 0
        report.row(name, f"{seconds:.1f}", kills, runs, wrong)
    report.end(bench)


def killed_until_it_ends(bench, words, folder, seconds, most):
    """Runs a command again and again, and kills it after a random part of the time that it needs, at most `most` times. Returns
    how it ended by itself, and how often it was killed."""
    for kills in range(most):
        process = bench.start(words, folder)
        try:
            # What a command says here fits into a pipe.
            process.wait(timeout=bench.random.uniform(0, seconds))
            return finish(process), kills
        except subprocess.TimeoutExpired:
            kill(process)
    return bench.run(words, folder), most


if __name__ == "__main__":
    main()
