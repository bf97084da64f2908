"""Whether Basin and Python's huggingface_hub use each other's files of the Hugging Face hub.

Run: python bench/hub.py [path of runner]   (from a venv with huggingface_hub, safetensors and NumPy; nothing is downloaded)

A hub on this machine has one repository. Each side fetches it into a cache of its own, and the other then finds all of it there,
with and without a connection. Where one side is fetching, the other waits.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy
from safetensors.numpy import save

HERE = Path(__file__).parent
RUNNER = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "target/release/runner"
REPOSITORY, COMMIT = "lab/shapes", hashlib.sha1(b"commit").hexdigest()
INDEX = "model.safetensors.index.json"
SHARDS = [f"model-{number:05}-of-00002.safetensors" for number in (1, 2)]
TENSORS = [{"a.bias": numpy.arange(1e6, dtype=numpy.float32)}, {"b.bias": numpy.ones(1000, dtype=numpy.float32)}]
FILES = {
    INDEX: json.dumps({"metadata": {}, "weight_map": dict(zip(["a.bias", "b.bias"], SHARDS))}).encode(),
    "config.json": b'{"architecture": "fixup_resnet18"}',
    **{name: save(tensors) for name, tensors in zip(SHARDS, TENSORS)},
}
BLOBS = {hashlib.sha256(file).hexdigest(): file for file in FILES.values()}
asked = []


class Handler(BaseHTTPRequestHandler):
    """The hub, and the storage that it redirects to."""

    storage = ""

    def do_HEAD(self):
        # The library also asks for what is no file.
        if not self.path.startswith("/api/"):
            asked.append(f"{self.command} {self.path}")
        start = f"/{REPOSITORY}/resolve/"
        if self.path[1:] in BLOBS:
            return self.send(BLOBS[self.path[1:]])
        if not self.path.startswith(start):
            return self.refuse("RepoNotFound")
        revision, name = self.path.removeprefix(start).split("/", 1)
        if revision not in ["main", COMMIT]:
            return self.refuse("RevisionNotFound")
        if name not in FILES:
            return self.refuse("EntryNotFound")
        file = FILES[name]
        if name.endswith(".json"):
            tag = hashlib.sha1(b"blob %d\0" % len(file) + file).hexdigest()
            return self.send(file, [("ETag", f'"{tag}"'), ("X-Repo-Commit", COMMIT)])
        tag = hashlib.sha256(file).hexdigest()
        self.send_response(302)
        self.send_header("Location", f"{self.storage}/{tag}")
        self.send_header("X-Linked-Etag", f'"{tag}"')
        self.send_header("X-Linked-Size", str(len(file)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def send(self, file, headers=()):
        self.send_response(200)
        for name, value in [("Content-Length", str(len(file))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(file)

    def refuse(self, code):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def basin(cache, **more):
    """Starts Basin on the repository."""
    environment = os.environ | {"HF_HUB_CACHE": str(cache)} | more
    command = [RUNNER, "checkpoint", "inspect", "--json", f"hf://{REPOSITORY}"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def inspected(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    shown = json.loads(out)
    norms = {tensor["name"]: tensor["statistics"]["norm"] for tensor in shown["tensors"]}
    expected = {name: numpy.linalg.norm(value.astype(float)) for tensors in TENSORS for name, value in tensors.items()}
    assert norms.keys() == expected.keys() and all(numpy.isclose(norms[name], expected[name]) for name in norms), norms
    return err


def fetched():
    """How many bodies, and redirections to them, were asked for since the last time."""
    count = sum(request.startswith("GET") for request in asked)
    asked.clear()
    return count


def check_python_first(folder):
    from huggingface_hub import hf_hub_download

    for name in FILES:
        hf_hub_download(REPOSITORY, name, cache_dir=folder)
    assert fetched() == len(FILES)
    assert inspected(basin(folder)) == "" and fetched() == 0
    said = inspected(basin(folder, HF_HUB_OFFLINE="1"))
    assert "using the copy in the cache" in said and not asked, said


def check_basin_first(folder):
    from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

    inspected(basin(folder))
    # Where a large file lies, Basin is told at each attempt.
    assert fetched() == len(FILES) + len(SHARDS)
    for local_files_only in [True, False]:
        for name, file in FILES.items():
            path = hf_hub_download(REPOSITORY, name, cache_dir=folder, local_files_only=local_files_only)
            assert Path(path).read_bytes() == file, name
    assert fetched() == 0
    assert Path(snapshot_download(REPOSITORY, cache_dir=folder, local_files_only=True)).name == COMMIT
    cache = scan_cache_dir(folder)
    assert not cache.warnings, cache.warnings
    [repository] = cache.repos
    assert (repository.repo_id, repository.nb_files, set(repository.refs)) == (REPOSITORY, len(FILES), {"main"})


def check_locks(folder):
    from huggingface_hub.utils import WeakFileLock

    tag = hashlib.sha256(FILES[SHARDS[0]]).hexdigest()
    lock = folder / ".locks" / ("models--" + REPOSITORY.replace("/", "--")) / f"{tag}.lock"
    lock.parent.mkdir(parents=True)
    with WeakFileLock(lock):
        process = basin(folder)
        time.sleep(2)
        assert process.poll() is None and not any(tag in request for request in asked), asked
    inspected(process)
    fetched()


def main():
    Handler.storage = serve()
    with tempfile.TemporaryDirectory() as home:
        # Read when the library is imported.
        os.environ |= {"HF_ENDPOINT": serve(), "HF_HOME": home, "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        for check in [check_python_first, check_basin_first, check_locks]:
            check(Path(home) / check.__name__)
            print(f"{check.__name__.removeprefix('check_').replace('_', ' ')}: as it should be")


main()
