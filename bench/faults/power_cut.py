"""Cuts the power at random moments: run again on the disk that is left, a command must end as if nothing had happened.

Run: python bench/faults/power_cut.py --cuts 200

A disk after a power cut is simulated from a record of all changes. What was synced is there. Of a file, what was not synced is
there, is not there, is there in part, or is zeros: in half of the cuts the same for all files, else for each by itself. Of a
folder, the changes of its entries after its last sync are there up to a random one; in a third of the cuts all, and in another
third at least up to the last folder that was made in it, since most file systems keep the folders that lead to a synced file. What
lies in a folder that is itself not there is lost.
"""

import mmap
import os
import struct
from dataclasses import dataclass, field

from common import Bench, Report, differences, files, finish, link_or_copy, options
from full_disk import STATE_BYTES, build

# As `struct record` of faults.c: kind, is_new, is_cut, an unused byte, lengths of both paths, inode, offset, bytes.
HEAD = struct.Struct("<cbbxHHQQQ")


def main():
    chosen = options(__doc__.splitlines()[0], cuts=(200, "power cuts, all together"))
    bench = Bench(chosen)
    library = build(bench.folder)
    report = Report(["command", "changes", "cuts", "differences"])
    for number, (name, words) in enumerate(bench.commands.items()):
        share = chosen.cuts * (number + 1) // len(bench.commands) - chosen.cuts * number // len(bench.commands)
        reference, _ = bench.reference(words)
        changes = recorded(bench, library, words)
        wrong = 0
        for _ in range(share):
            cut = random_cut(changes, bench.random)
            folder = disk_after(changes[:cut], bench)
            ended = bench.run(words, folder)
            found = differences(reference, folder, logs=False)
            if ended.code != 0:
                found = [f"it leaves with {ended.code}: {ended.said}"]
            report.fail(f"{name}, cut after {cut} of {len(changes)} changes ({changes[cut - 1].about()})", found)
            wrong += len(found) > 0
        report.row(name, len(changes), share, wrong)
    report.end(bench)


# --- What a command does ---


@dataclass
class Change:
    """A record of faults.c: what was done, to which file, where in it, and with which bytes."""

    kind: str
    one: str
    two: str
    inode: int
    offset: int
    data: memoryview
    is_new: bool
    is_cut: bool

    def about(self):
        """For a report."""
        kinds = {"c": "open", "w": "write", "t": "resize", "s": "sync", "S": "sync of folder", "A": "sync of all", "r": "rename", "l": "link",
                 "u": "remove", "m": "make folder", "d": "remove folder"}
        return f"{kinds[self.kind]} {self.two or self.one or '.'}"


def recorded(bench, library, words):
    """All changes that a command makes."""
    folder, state, log = bench.fresh(), bench.folder / "state", bench.folder / "log"
    state.write_bytes(bytes(STATE_BYTES))
    log.write_bytes(b"")
    environment = {"LD_PRELOAD": library, "FAULT_MODE": "power", "FAULT_FOLDER": folder, "FAULT_STATE": state, "FAULT_LOG": log}
    ended = finish(bench.start(words, folder, {name: str(value) for name, value in environment.items()}))
    if ended.code != 0:
        raise SystemExit(f"{' '.join(words)} does not end well while it is recorded: {ended.said}")
    with log.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    changes, at = [], 0
    while at < len(content):
        kind, is_new, is_cut, one, two, inode, offset, length = HEAD.unpack_from(content, at)
        at += HEAD.size
        parts = []
        for part in [one, two, length]:
            parts.append(content[at:at + part])
            at += part
        names = [bytes(part).decode() for part in parts[:2]]
        changes.append(Change(kind.decode(), *names, inode, offset, parts[2], bool(is_new), bool(is_cut)))
    return changes


def random_cut(changes, random):
    """After how many changes the power is cut; half of the cuts are not after a write, of which a checkpoint has many."""
    others = [at + 1 for at, change in enumerate(changes) if change.kind != "w"]
    return random.choice(others) if random.random() < 0.5 else random.randint(1, len(changes))


# --- What a disk keeps of it ---


@dataclass
class File:
    """The content of a file: what it held before the command, and the changes since."""

    before: object
    changes: list = field(default_factory=list)
    synced: int = 0


FOLDER = object()


def disk_after(changes, bench):
    """Makes the work folder as a disk that lost its power after these changes, and returns it."""
    kept = {name: File(path) for name, path in files(bench.base).items()}
    kept |= {os.path.relpath(root, bench.base): FOLDER for root, _, _ in os.walk(bench.base)}
    now, by_inode, waiting = dict(kept), {}, {}

    def enter(change, removed, added):
        """Changes entries of folders: now, and on the disk when the folder is synced."""
        step = {"removed": removed, "added": added, "is_done": False}
        apply(step, now)
        step["is_done"] = False
        for name in {os.path.dirname(name) for name in [*removed, *added]}:
            waiting.setdefault(name, []).append(step)

    for change in changes:
        one, two = change.one, change.two
        if change.kind == "c":
            if change.is_new:
                by_inode[change.inode] = File(None)
                enter(change, [], {one: by_inode[change.inode]})
            file = by_inode.setdefault(change.inode, now[one])
            if change.is_cut:
                file.changes.append((0, None))
        elif change.kind in "wts":
            file = by_inode.get(change.inode) or now[one]
            if change.kind == "s":
                file.synced = len(file.changes)
            else:
                file.changes.append((change.offset, change.data if change.kind == "w" else None))
        elif change.kind == "A":
            for file in by_inode.values():
                file.synced = len(file.changes)
            for steps in waiting.values():
                for step in steps:
                    apply(step, kept)
            waiting.clear()
        elif change.kind == "S":
            for step in waiting.pop(one, []):
                apply(step, kept)
        elif change.kind in "rl":
            enter(change, [one] if change.kind == "r" else [], {two: now[one]})
        elif change.kind == "m":
            enter(change, [], {one: FOLDER})
        else:
            enter(change, [one], {})
    keeps = bench.random.choice(["all entries", "made folders", "no more than what is synced"])
    for steps in waiting.values():
        made = [at + 1 for at, step in enumerate(steps) if FOLDER in step["added"].values()]
        least = {"all entries": len(steps), "made folders": max(made, default=0)}.get(keeps, 0)
        for step in steps[:bench.random.randint(least, len(steps))]:
            apply(step, kept)
    return write_disk(kept, bench)


def apply(step, entries):
    """Makes a change of entries, once."""
    if not step["is_done"]:
        for name in step["removed"]:
            entries.pop(name, None)
        entries.update(step["added"])
        step["is_done"] = True


def write_disk(kept, bench):
    """Writes what is kept into the work folder; a file with two names gets the same content under both."""
    folder = bench.fresh()
    for name, path in files(folder).items():
        if name not in kept:
            path.unlink()
    contents, lucks = {}, ["nothing", "all", "part", "zeros"]
    if bench.random.random() < 0.5:
        lucks = [bench.random.choice(lucks)]
    for name in sorted(kept, key=lambda name: name.count("/")):
        if not (folder / name).parent.is_dir():
            continue
        if kept[name] is FOLDER:
            (folder / name).mkdir(exist_ok=True)
        elif not kept[name].changes and kept[name].before:
            (folder / name).unlink(missing_ok=True)
            link_or_copy(kept[name].before, folder / name)
        else:
            if id(kept[name]) not in contents:
                contents[id(kept[name])] = content_of(kept[name], bench.random.choice(lucks), bench.random)
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_bytes(contents[id(kept[name])])
    return folder


def content_of(file, luck, random):
    """What a file holds after a power cut: with the luck of "all", "nothing", "part" or "zeros" for what was not synced."""
    content = bytearray(file.before.read_bytes() if file.before else b"")
    for offset, data in file.changes[:file.synced]:
        change_content(content, offset, data)
    waiting = file.changes[file.synced:]
    if luck == "nothing":
        waiting = []
    elif luck == "part" and waiting:
        waiting = waiting[:random.randint(1, len(waiting))]
        offset, data = waiting[-1]
        if data is not None:
            waiting[-1] = offset, data[:random.randint(0, len(data))]
    for offset, data in waiting:
        change_content(content, offset, bytes(len(data)) if data is not None and luck == "zeros" else data)
    return bytes(content)


def change_content(content, offset, data):
    """Writes at an offset, or cuts or extends the file to it if there are no data."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:offset + len(data)] = data


if __name__ == "__main__":
    main()
