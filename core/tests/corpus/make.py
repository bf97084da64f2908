"""Writes the small checkpoints beside this file: good ones from which tests make damaged ones, and hostile ones.

Run: python make.py   (torch, safetensors)

Files that begin with "good" open; all others are errors.
"""

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent


def weights():
    torch.manual_seed(0)
    shared = torch.randn(4, 6)
    return OrderedDict(
        [("conv.weight", torch.randn(3, 2, 3, 3)), ("tied", shared), ("tied.transposed", shared.t()), ("tied.row", shared[2, 1:4]),
         ("half", torch.randn(5).half()), ("bn.num_batches_tracked", torch.tensor(7)), ("empty", torch.empty(0, 3))]
    )


def good():
    state, about = weights(), {"epoch": 3, "arch": "small", "best_acc1": torch.tensor(12.5)}
    wrapped = about | {"state_dict": OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())}
    wrapped["optimizer"] = {"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save(wrapped, HERE / "good-training.pth.tar")
    torch.save(wrapped, HERE / "good-legacy.pth.tar", _use_new_zipfile_serialization=False)
    torch.save(state, HERE / "good-bare.pth")
    save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, HERE / "good.safetensors", {"epoch": "3"})


def text(string):
    return b"X" + struct.pack("<I", len(string)) + string.encode()


def integer(number):
    return b"\x8a\x08" + struct.pack("<q", number)


def lengths(numbers):
    return b"(" + b"".join(map(integer, numbers)) + b"t"


def tensor(shape, strides, offset=0, stored=4, key="0"):
    storage = b"((" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + integer(stored) + b"tQ"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + integer(offset) + lengths(shape) + lengths(strides)
            + b"\x89ccollections\nOrderedDict\n)RtR")


def dictionary(*entries):
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in entries) + b"u."


def archive(name, content, records=(("0", b"\0" * 16),), method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(HERE / name, "w", method) as file:
        for key, value in [("data.pkl", content), ("version", b"3\n"), *((f"data/{key}", data) for key, data in records)]:
            file.writestr(zipfile.ZipInfo(f"archive/{key}"), value, method)


def patched(name, old, new):
    """Replaces bytes in a file that was written."""
    path = HERE / name
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def hostile_pickles():
    one = tensor([2, 2], [2, 1])
    archive("strides-leave-the-storage.pth", dictionary(("a", tensor([2, 2], [1 << 40, 1]))))
    archive("offset-leaves-the-storage.pth", dictionary(("a", tensor([2, 2], [2, 1], offset=3))))
    archive("strides-overflow.pth", dictionary(("a", tensor([1 << 31, 1 << 31], [1 << 62, 1 << 62]))))
    archive("shape-overflows.pth", dictionary(("a", tensor([1 << 32, 1 << 32, 4], [0, 0, 0]))))
    archive("eight-gigabytes-of-one-value.pth", dictionary(("a", tensor([1 << 31], [0]))))
    archive("many-views-of-one-value.pth", dictionary(*((f"a{i}", tensor([1 << 20], [0])) for i in range(20))))
    archive("storage-of-2-to-the-62.pth", dictionary(("a", tensor([1 << 61], [1], stored=1 << 62))))
    archive("storage-longer-than-its-record.pth", dictionary(("a", tensor([1 << 28], [1], stored=1 << 28))))
    archive("negative-sizes.pth", dictionary(("a", tensor([-2, 2], [2, 1], stored=-4))))
    archive("absent-storage.pth", dictionary(("a", tensor([2], [1], key="../../etc/passwd"))))
    archive("long-text.pth", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"abc.")
    archive("long-integer.pth", b"\x80\x02\x8b" + struct.pack("<i", 0x7FFFFFFF) + b"\1.")
    archive("deep-lists.pth", b"\x80\x02" + b"]" * 3000 + b"a" * 2999 + b".")
    archive("deep-tuples.pth", b"\x80\x02N" + b"\x85" * 3000 + b".")
    archive("deep-reductions.pth", b"\x80\x02" + b"ccollections\nOrderedDict\n" * 50 + b")" + b"R" * 49 + b".")
    archive("list-in-itself.pth", b"\x80\x02]q\0h\0ah\0a" + b"h\0h\0a" * 200 + b".")
    archive("doubling-lists.pth", b"\x80\x02]" + b"q\0(h\0h\0l" * 60 + b".")
    archive("doubling-dictionaries.pth", b"\x80\x02}" + b"".join(b"q\0}(" + text("a") + b"h\0" + text("b") + b"h\0u" for _ in range(60)) + b".")
    inside = b"}(" + b"".join(text(str(i)) + b"K\1" for i in range(900)) + b"u"
    archive("long-names.pth", b"\x80\x02" + (b"}" + text("n" * 30)) * 800 + inside + b"s" * 800 + b".")
    archive("a-call.pth", b"\x80\x02cos\nsystem\n" + text("touch hacked") + b"\x85R.")
    archive("same-names.pth", dictionary(("module.a", one), ("a", one)))
    archive("no-weights.pth", dictionary(("epoch", integer(3))))
    archive("no-end.pth", dictionary(("a", one))[:-1])
    (HERE / "plain-pickle.pth").write_bytes(pickle.dumps({"a": [1.0] * 9}, 2))


def hostile_containers():
    archive("compressed.pth", dictionary(("a", tensor([1 << 20], [1], stored=1 << 20))), [("0", bytes(4 << 20))],
            zipfile.ZIP_DEFLATED)
    claimed = 0xFFFFFFF0
    archive("claims-four-gigabytes.pth", dictionary(("a", tensor([claimed // 4], [1], stored=claimed // 4))))
    patched("claims-four-gigabytes.pth", struct.pack("<II", 16, 16), struct.pack("<II", claimed, claimed))
    archive("overlapping-records.pth", dictionary(*((f"a{i}", tensor([4], [1], key=str(i))) for i in range(4))),
            [(str(i), b"efgh" * 4) for i in range(4)])
    content = bytearray((HERE / "overlapping-records.pth").read_bytes())
    places = [i for i in range(len(content)) if content[i : i + 4] == b"PK\1\2"]
    for place in places[3:]:
        content[place + 42 : place + 46] = content[places[2] + 42 : places[2] + 46]
    (HERE / "overlapping-records.pth").write_bytes(content)
    with tarfile.open(HERE / "tar.pth.tar", "w") as file:
        file.addfile(tarfile.TarInfo("sys_info"), io.BytesIO())
    one = dictionary(("a", tensor([4], [1])))
    # A legacy file is pickles one after the other.
    magic, version = pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2)
    info = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
    start = magic + version + info
    keys = b"\x80\x02](" + text("0") + b"e."
    (HERE / "legacy-deep-info.pth").write_bytes(magic + version + b"\x80\x02N" + b"\x85" * 999 + b"." + b"N." * 2)
    (HERE / "legacy-long-storage.pth").write_bytes(
        start + dictionary(("a", tensor([1 << 40], [1], stored=1 << 40))) + keys + struct.pack("<q", 1 << 40) + b"\0" * 16)
    (HERE / "legacy-eight-gigabytes-of-one-value.pth").write_bytes(
        start + dictionary(("a", tensor([1 << 31], [0]))) + keys + struct.pack("<q", 4) + b"\0" * 16)
    (HERE / "legacy-other-count.pth").write_bytes(start + one + keys + struct.pack("<q", -4) + b"\0" * 16)
    (HERE / "legacy-no-end.pth").write_bytes(start + b"N" * 3000)


def safetensors(name, header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    (HERE / name).write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)


def hostile_safetensors():
    entry = lambda shape, start, end, dtype="F32": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    safetensors("header-of-2-to-the-62.safetensors", {"a": entry([1], 0, 4)}, b"\0" * 4, 1 << 62)
    safetensors("deep-header.safetensors", b'{"a":' + b"[" * 5000)
    safetensors("overlapping.safetensors", {"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\0" * 12)
    safetensors("hole.safetensors", {"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, b"\0" * 12)
    safetensors("shape-overflows.safetensors", {"a": entry([1 << 32, 1 << 32, 4], 0, 4)}, b"\0" * 4)
    safetensors("past-the-end.safetensors", {"a": entry([1 << 30], 0, 1 << 32)}, b"\0" * 4)
    safetensors("backwards.safetensors", {"a": entry([1], 4, 0)}, b"\0" * 4)


good()
hostile_pickles()
hostile_containers()
hostile_safetensors()
