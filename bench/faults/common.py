"""What the fault scripts share: tiny data, the table of commands, running them, and comparing folders."""

import argparse
import ctypes
import errno
import hashlib
import http.server
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
# Longer than any command takes here; one that runs longer hangs.
LIMIT_SECONDS = 300

FIRST = "experiments/tiny/first/checkpoints/ckpt-E002.safetensors"
SECOND = "experiments-rep1/tiny/first/checkpoints/ckpt-E002.safetensors"
CPU = ["--device", "cpu"]
TWO_EPOCHS = ["--set", "train.epochs=2", "--set", "train.keep_every=1"]
BLOCKS = ["--set", "data.configs.shuffle_block_config.seed=1234", "--set", "data.configs.shuffle_block_config.block_size=4"]
# The runs that every command finds.
BASE_RUNS = [
    ["-k", "tiny/first", *TWO_EPOCHS],
    ["-k", "tiny/first", "--replicate", "1", *TWO_EPOCHS],
    ["-k", "tiny/late"],
    ["-k", "tiny/tuned/line"],
    ["-k", "tiny/late", "-w", "experiments/blk4/late", *BLOCKS],
    ["-k", "tiny/tuned/line", "-w", "experiments/blk4/tuned/line", *BLOCKS],
]
STUDY = """(
    title: "Two tiny networks",
    about: "Two networks that differ in their seeds.",
    costs: "seconds",
    runs: [(name: "one", key: "tiny/first"), (name: "two", key: "tiny/first", replicate: 1)],
    parts: [
        (title: "Curves", analysis: Curves(tags: ["eval/test_acc"], keys: "^tiny/first")),
        (title: "Line", analysis: Interpolation(pairs: [("one", "two")], coefficients: (first: 0.0, last: 1.0, count: 3))),
        (title: "Distance", analysis: Distance(pairs: [("one", "two")])),
        (title: "Mistakes", analysis: Mistakes(networks: ["one", "two"], shown: ("one", "two"))),
    ],
)
"""


def commands(address):
    """Every command that writes files, by its name; `address` is that of the local server."""
    return {
        "train": ["-k", "tiny/first", "-b", "new", "--set", "train.epochs=3", *CPU],
        "eval": ["eval", FIRST, "--split", "train", *CPU],
        "eval of a URL": ["eval", f"{address}/network.safetensors", "-k", "tiny/first", "-b", "new", *CPU],
        "interpolate": ["interpolate", FIRST, SECOND, "--coefficients", "0:1:9", *CPU],
        "basin": ["basin", FIRST, SECOND, "--tolerance", "0.05", "--draws", "1", *CPU],
        "similarity": ["similarity", FIRST, SECOND, "--modules", "conv1,layer1,fc", *CPU],
        "distance": ["distance", FIRST, SECOND, *CPU],
        "trajectory": ["distance", "--trajectory", "experiments/tiny/first", *CPU],
        "mistakes": ["mistakes", FIRST, SECOND, *CPU],
        "rewind": ["rewind", FIRST, "--modules", "conv1,fc", "--rerandomise", "0", *CPU],
        "criticality": ["criticality", FIRST, "--modules", "conv1,fc", "--alphas", "0:1:3", "--sigmas", "0:0.1:3", "--draws", "1",
                        *CPU],
        "spectrum": ["spectrum", FIRST, SECOND, "--layers", "layer1.0.conv1$|fc", *CPU],
        "probe": ["probe", FIRST, SECOND, "--modules", "layer1,avgpool", "--held-out", "0.25", "--strengths", "0.1:10:3",
                  "--neighbours", "3", *CPU],
        "accuracy": ["accuracy", FIRST, SECOND, "--on", "Shapes_clipart", *CPU],
        "features": ["features", FIRST, "-o", "new/features.npz", "--modules", "layer1,avgpool", "--force", *CPU],
        "curves": ["curves", "^tiny/"],
        "shuffles": ["shuffles", "late|tuned/line"],
        "pretraining": ["pretraining", "^tiny/tuned/"],
        "sweep": ["sweep", "tiny/(first|tuned)", "-b", "new", "--jobs", "2", *CPU],
        "study": ["study", "study.ron", "-b", "new", *CPU],
        "gc": ["gc", "first", "--set", "train.keep_every=0"],
        "convert": ["checkpoint", "convert", FIRST, "new/converted.pth", "--force"],
        "slurm": ["slurm", "tiny/(first|tuned)", "-b", "new"],
        "prepare domainnet": ["prepare", "domainnet", "data", "--domains", "real,sketch", "--mirror", address],
        "prepare chexpert": ["prepare", "chexpert", "official", "small", "--train-size", "6"],
    }


# --- Options and the folder of all work ---


def options(description, **more):
    """The options of a script: those that all have, and `more`, its own, as name=(default, help)."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--runner", type=Path, default=REPOSITORY / "target/release/runner", help="the program")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the work is done; needs 6 GB")
    parser.add_argument("--only", default="", help="regular expression for the names of the commands")
    parser.add_argument("--seed", type=int, default=0, help="of all random choices")
    for name, (default, text) in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text)
    chosen = parser.parse_args()
    if not chosen.runner.is_file():
        parser.error(f"there is no {chosen.runner}; build it with `cargo build --release`, or name it with --runner")
    return chosen


class Bench:
    """The folder of all work with its base folder, from which every command starts, and the server."""

    def __init__(self, chosen):
        adopt_orphans()
        self.runner, self.random = chosen.runner.resolve(), random.Random(chosen.seed)
        self._folder = tempfile.TemporaryDirectory(prefix="basin-faults-", dir=chosen.folder)
        self.folder = Path(self._folder.name).resolve()
        self.base = self.folder / "base"
        self.base.mkdir()
        self.address = serve(self.base)
        self._make_base()
        self._base_files = stamps(self.base)
        named = commands(self.address).items()
        self.commands = {name: words for name, words in named if re.search(chosen.only, name)}

    def _make_base(self):
        (self.base / "configs").mkdir()
        shutil.copy(REPOSITORY / "runner/tests/common/tiny.ron", self.base / "configs/tiny.ron")
        (self.base / "study.ron").write_text(STUDY)
        official(self.base / "official")
        for words in BASE_RUNS:
            self.run_undisturbed([*words, *CPU], self.base)

    def fresh(self):
        """A new copy of the base folder. It lies at the same place each time, since some results hold absolute paths. Checkpoints
        are links, which the program must not write into."""
        folder = self.folder / "work"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.base, folder, copy_function=link_or_copy)
        return folder

    def start(self, words, folder, environment=()):
        """Starts the program in a folder."""
        own = {"BASIN_CONFIGS": "configs", "BASIN_CACHE": str(folder / "cache"), "NO_PROXY": "127.0.0.1"}
        return subprocess.Popen([self.runner, *words], cwd=folder, env={**os.environ, **own, **dict(environment)},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, words, folder, environment=()):
        """Runs the program in a folder to its end."""
        return finish(self.start(words, folder, environment))

    def run_undisturbed(self, words, folder):
        """Runs a command without any fault, and ends this script if it does not end well."""
        ended = self.run(words, folder)
        if ended.code != 0:
            sys.exit(f"{' '.join(words)} does not end well without any fault: {ended.said}")

    def reference(self, *commands):
        """The folder that commands leave, one after the other, when nothing disturbs them, and the seconds that they take."""
        reference = self.folder / "reference"
        shutil.rmtree(reference, ignore_errors=True)
        folder = self.fresh()
        begin = time.monotonic()
        for words in commands:
            self.run_undisturbed(words, folder)
        seconds = time.monotonic() - begin
        return folder.rename(reference), seconds

    def changed_base(self):
        """The files of the base folder that a command has written into."""
        now = stamps(self.base)
        return [name for name, stamp in self._base_files.items() if now.get(name) != stamp]


def link_or_copy(source, target):
    """A second name for a checkpoint, which takes no space, and a copy of any other file."""
    if str(source).endswith(".safetensors"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def stamps(folder):
    """Size and time of change of every file."""
    return {name: (path.stat().st_size, path.stat().st_mtime_ns) for name, path in files(folder).items()}


# --- Tiny data ---


def official(folder):
    """A CheXpert folder of sixteen grey images, of which some are larger than 224 pixels."""
    noise = random.Random(0)

    def image(path, width, height):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"P5 %d %d 255\n" % (width, height) + noise.randbytes(width * height))

    columns = "Path,Sex,Age,Frontal/Lateral,Cardiomegaly,Edema\n"
    train, valid = columns, columns
    for number in range(16):
        path = f"train/patient{number:05}/study1/view1_frontal.jpg"
        image(folder / path, *((300, 260) if number % 2 else (64, 80)))
        train += f"CheXpert-v1.0-small/{path},Female,{number},Frontal,1.0,-1.0\n"
    path = "valid/patient64541/study1/view1_frontal.jpg"
    image(folder / path, 224, 300)
    valid += f"CheXpert-v1.0-small/{path},Male,73,Frontal,,\n"
    (folder / "train.csv").write_text(train)
    (folder / "valid.csv").write_text(valid)


def mirror(folder):
    """The files of a server: two domains of DomainNet with their lists, by their paths. Nobody decodes their images."""
    noise, found = random.Random(1), {}
    for domain in ["real", "sketch"]:
        names = [f"{domain}/{'cat' if number % 2 else 'dog'}/{domain}_{number:06}.png" for number in range(12)]
        archive = folder / f"{domain}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for name in names:
                file.writestr(zipfile.ZipInfo(name), noise.randbytes(100_000))
        found[f"/{domain}.zip"] = archive.read_bytes()
        archive.unlink()
        for split, part in [("train", names[:8]), ("test", names[8:])]:
            lines = [f"{name} {number % 2}\n" for number, name in enumerate(part)]
            found[f"/domainnet/txt/{domain}_{split}.txt"] = "".join(lines).encode()
    return found


def serve(base):
    """Starts a server on this computer that takes a third of a second for each file, and returns its address."""
    found = mirror(base)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/network.safetensors":
                content = (base / FIRST).read_bytes()
            elif self.path in found:
                content = found[self.path]
            else:
                return self.send_error(404)
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            is_same = self.headers.get("If-Range", tag) == tag
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if is_same else None
            first = int(asked[1]) if asked else 0
            if first >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                return self.end_headers()
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - first))
            self.send_header("ETag", tag)
            self.end_headers()
            piece = len(content) // 30 + 1
            for at in range(first, len(content), piece):
                try:
                    self.wfile.write(content[at:at + piece])
                except OSError:
                    return None  # The program was killed.
                time.sleep(0.01)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


# --- Running ---


@dataclass
class Ended:
    """How a process ended: its exit code, None if it hung, and what it said."""

    code: int | None
    output: str
    errors: str

    @property
    def said(self):
        """The end of what it said, for a report."""
        lines = [line for line in (self.output + self.errors).splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"

    def faults(self):
        """What is wrong with how it failed: it must say so in one sentence, and not panic."""
        text = self.output + self.errors
        sentences = [line for line in self.errors.splitlines() if line.startswith("error: ")]
        found = []
        if self.code is None:
            found.append("hangs")
        elif self.code < 0 or self.code > 128:
            found.append(f"is ended by signal {abs(self.code) % 128}")
        if "panicked" in text:
            found.append("panics: " + next(line for line in text.splitlines() if "panicked" in line))
        if len(sentences) != 1:
            found.append(f"says {len(sentences)} sentences about its error: {self.said}")
        for reason in [os.strerror(errno.ENOSPC), os.strerror(errno.EIO), os.strerror(errno.ENOENT)]:
            if any(line.count(f"{reason} (os error") > 1 for line in sentences):
                found.append(f"says its reason twice: {sentences[0]}")
        return found


def finish(process):
    """Waits for a process and for what it has started."""
    try:
        output, errors = process.communicate(timeout=LIMIT_SECONDS)
        return Ended(process.returncode, output, errors)
    except subprocess.TimeoutExpired:
        kill(process)
        return Ended(None, "", "")


def kill(process):
    """Ends a process with SIGKILL, and the processes that it has started, which are this one's children then."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for child in map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def adopt_orphans():
    """Makes processes whose parent is killed the children of this one."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        sys.exit("this system does not let a process adopt others")


# --- Comparing ---


def files(folder):
    """All files below a folder by their relative names."""
    found = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): path for path in found}


def differences(reference, folder, logs):
    """What differs between the folder of an undisturbed command and another one, a sentence each.

    Files are compared byte by byte. Wall-clock times and what follows from them are left out where a file has them: seconds of
    events, names of event files, images per second in metrics.jsonl and in the report of a study. Of logs, which say how often a
    command was started, the lines about epochs are compared, each once, if `logs` is true.
    """
    one, two = files(reference), files(folder)
    found = [f"a temporary file is left: {Path(name).parent}/.*.tmp" for name in sorted(set(two) - set(one)) if is_temporary(name)]
    events = {str(Path(name).parent) for name in one if is_event_file(name)}
    compared = {name for name in [*one, *two] if not is_temporary(name) and not is_event_file(name)}
    for name in sorted(compared):
        if name.endswith(".log") and not logs:
            continue
        if name not in two:
            found.append(f"{name} is missing")
        elif name not in one:
            found.append(f"{name} is there and should not be")
        elif not is_same(one[name], two[name]):
            found.append(f"{name} differs")
    for name in sorted(events):
        if scalars(reference / name) != scalars(folder / name):
            found.append(f"{name} holds other numbers")
    return found


def is_temporary(name):
    """Whether a file is one that was being written."""
    return Path(name).name.startswith(".") and name.endswith(".tmp")


def is_event_file(name):
    """Whether a file is one of TensorBoard's."""
    return ".tfevents." in name


def is_same(one, two):
    """Whether two files hold the same, but for times."""
    if os.path.samefile(one, two):
        return True
    contents = [one.read_bytes(), two.read_bytes()]
    return contents[0] == contents[1] or without_times(one.name, contents[0]) == without_times(two.name, contents[1])


def without_times(name, content):
    """What a file holds but for wall-clock times."""
    if name == "metrics.jsonl":
        return re.sub(rb',"train/images_per_second":[^,}]*', b"", content)
    if name == "report.html":
        head, speed, rest = content.partition(b">images/s</th>")
        table, end, tail = rest.partition(b"</table>")
        return head, re.sub(rb'<td class="number">[^<]*</td></tr>', b"</tr>", table), tail
    if name.endswith(".log"):
        return list(dict.fromkeys(line for line in content.splitlines() if line.startswith(b"epoch ")))
    return content


def scalars(folder):
    """The numbers in the event files of a folder but for speeds: the bytes of each event behind its time."""
    found = []
    for path in sorted(folder.glob("*.tfevents.*")):
        content, at = path.read_bytes(), 0
        while at + 12 <= len(content):
            length, = struct.unpack_from("<Q", content, at)
            event = content[at + 12:at + 12 + length]
            at += 16 + length
            # The time is a tag of one byte and eight bytes; an event without a number says the version of the format.
            if at <= len(content) and b"images_per_second" not in event and b"brain.Event" not in event:
                found.append(event[9:])
    return sorted(found)


# --- Reporting ---


class Report:
    """The failures so far, and the table at the end."""

    def __init__(self, columns):
        self.columns, self.rows, self.has_failed, self.kinds = columns, [], False, {}

    def fail(self, about, sentences):
        """Prints what is wrong: of sentences that begin alike, the first until the next line of the table."""
        for sentence in sentences:
            self.has_failed = True
            kind = re.sub(r"\d+", "N", sentence.partition(": ")[0])
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if self.kinds[kind] == 1:
                print(f"FAIL {about}: {sentence}", flush=True)

    def row(self, *cells):
        """Adds a line to the table, and prints it."""
        for kind, count in self.kinds.items():
            if count > 1:
                print(f"     {count - 1} more: {kind}")
        self.kinds = {}
        self.rows.append([str(cell) for cell in cells])
        print("  ".join(f"{column} {cell}" for column, cell in zip(self.columns, self.rows[-1])), flush=True)

    def end(self, bench):
        """Prints the table, and leaves with 1 if anything failed."""
        self.fail("base folder", [f"{name} was written into" for name in bench.changed_base()])
        lines = [self.columns, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]
        print()
        for line in lines:
            print("  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]))
        sys.exit(1 if self.has_failed else 0)
