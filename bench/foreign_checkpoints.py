"""Checkpoints of other programs: every file opens with the values that its program sees, or is told for what it is.

Run: python bench/foreign_checkpoints.py   (from a venv with torch, torchvision, timm, transformers, pytorch-lightning, fastai,
     keras, onnx, h5py, easydict, omegaconf; builds the runner with cargo)

Each file is written by the program itself, or in the layout of a public training script where the program is a script. Basin
converts it to safetensors; names and values must be those of the program's own state dict. A file without weights that Basin
could use must end with exit code 3 and a sentence that has the given words.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import argparse
import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import gzip
import io
import pathlib
import pickle
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent


class Net(nn.Module):
    """A small network with everything that a state dict can hold: integers, tied weights, buffers that do not persist."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, 3)
        self.head = nn.Linear(4, 3)
        self.head.weight = self.fc.weight
        self.register_buffer("passing", torch.ones(2), persistent=False)

    def forward(self, images):
        return self.fc(self.layer1(self.bn1(self.conv1(images))).mean((2, 3)))


class Wrapper(nn.Module):
    """A network inside another, as contrastive pre-training and Lightning keep it."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class Mode(enum.Enum):
    MAX = "max"


@dataclasses.dataclass
class Settings:
    lr: float = 0.1
    mode: Mode = Mode.MAX


class Meter:
    """An average, as PyTorch's ImageNet example keeps it."""

    def __init__(self):
        self.val, self.history = 1.5, [0.5, 1.5]


def trained(net):
    """An optimizer and a schedule with state."""
    optimizer = torch.optim.AdamW(net.parameters(), 0.1)
    net(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)


def beside(net):
    """What trainings put beside the weights."""
    from easydict import EasyDict
    from omegaconf import OmegaConf

    optimizer, schedule = trained(net)
    return {
        "epoch": np.int64(17), "best": np.float64(71.25), "flag": np.bool_(True), "history": np.arange(5.0), "none": None,
        "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("/data")), "when": datetime.datetime(2024, 1, 2),
        "device": torch.device("cuda:0"), "dtype": torch.float32, "size": torch.Size([1, 2]), "easy": EasyDict(a=EasyDict(b=1)),
        "omega": OmegaConf.create({"a": {"b": [1, 2]}}), "counts": collections.defaultdict(int, {"a": 1}),
        "counter": collections.Counter("aab"), "deque": collections.deque([1, 2], 5), "classes": {"cat", "dog"},
        "frozen": frozenset([1]), "rng": random.getstate(), "np_rng": np.random.get_state(), "torch_rng": torch.get_rng_state(),
        "generator": np.random.default_rng(0), "big": 2**80, "negative": -5, "complex": 1 + 2j, "decimal": decimal.Decimal("1.5"),
        "pattern": re.compile("a.*"), "partial": functools.partial(max, 1), "keys": {(1, 2): "x", 3: "y", None: "z", 1.5: "w"},
        "bytes": b"abc" * 100, "array": bytearray(b"abc"), "slice": slice(1, 2), "range": range(3), "mode": Mode.MAX,
        "settings": Settings(), "meter": Meter(), "function": trained, "optimizer": optimizer.state_dict(),
        "optimizer_object": optimizer, "scheduler": schedule.state_dict(), "scheduler_object": schedule,
        "scaler": torch.amp.GradScaler("cpu").state_dict(), "losses": torch.rand(3000).tolist(), "steps": list(range(3000)),
        "unicode": "schöne Gewichte\n", "": "empty name", "parameter": nn.Parameter(torch.ones(2)), "nested": [[[{"a": (1,)}]]],
        "structured": np.zeros(2, [("a", "f4"), ("b", "i8")]), "ellipsis": ..., "class": Net, "module": torch.nn.functional.relu,
    }


def legacy(thing, path, **more):
    torch.save(thing, path, _use_new_zipfile_serialization=False, **more)


def tar(state, path):
    """The layout before PyTorch 0.1.10, which no PyTorch of today writes; checked by torch.load."""
    storages, tensors, numbers = {}, [], {}
    for number, tensor in enumerate(state.values()):
        storage = tensor.untyped_storage()
        storages.setdefault(storage.data_ptr(), (10_000 + len(storages), tensor))
        numbers[id(tensor)] = 20_000 + number
        tensors.append((20_000 + number, storages[storage.data_ptr()][0], tensor))
    kind = lambda tensor: getattr(torch, {torch.float32: "FloatStorage", torch.int64: "LongStorage"}[tensor.dtype])
    body = pickle.dumps(len(storages), 2)
    for key, tensor in storages.values():
        values = torch.tensor([], dtype=tensor.dtype).set_(tensor.untyped_storage())
        body += pickle.dumps((key, "cpu", kind(tensor)), 2) + len(values).to_bytes(8, "little") + values.numpy().tobytes()
    body += pickle.dumps([], 2)
    views = pickle.dumps(len(tensors), 2)
    for key, storage, tensor in tensors:
        views += pickle.dumps((key, storage, torch.FloatTensor), 2) + tensor.dim().to_bytes(8, "little")
        for length in (*tensor.shape, *tensor.stride(), tensor.storage_offset()):
            views += length.to_bytes(8, "little")

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return str(numbers[id(thing)]) if isinstance(thing, torch.Tensor) else None

    saved = io.BytesIO()
    Pickler(saved, 2).dump(state)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in [("sys_info", pickle.dumps({}, 2)), ("pickle", saved.getvalue()), ("tensors", views), ("storages", body)]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert torch.load(path, weights_only=False).keys() == state.keys()


def rezipped(state, path, change=lambda name, data: data, **options):
    """The records of a checkpoint in another archive."""
    written = io.BytesIO()
    torch.save(state, written)
    source = zipfile.ZipFile(written)
    with zipfile.ZipFile(path, "w", **options) as target:
        for info in source.infolist():
            data = change(info.filename, source.read(info))
            if data is not None:
                with target.open(zipfile.ZipInfo(info.filename) if not options else info.filename, "w", force_zip64=True) as file:
                    file.write(data)


def big_endian(name, data):
    """Of float32 alone."""
    if name.endswith("byteorder"):
        return b"big"
    if "/data/" in name:
        return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    return data


OPENS, TOLD = "opens", "told"


def opens(label, state, save, *options):
    """A file whose tensors are those of a state dict, with more arguments for `checkpoint convert`."""
    return label, OPENS, save, dict(state), options


def told(label, words, save, *options):
    return label, TOLD, save, words, options


def containers(net):
    state = net.state_dict()
    floats = {name: tensor for name, tensor in state.items() if tensor.dtype == torch.float32}
    for layout, thing in [("bare", state), ("training", beside(net) | {"state_dict": state})]:
        for protocol in range(2, 6):
            yield opens(f"zip-{layout}-protocol{protocol}.pth", state, lambda p, t=thing, n=protocol: torch.save(t, p, pickle_protocol=n))
            yield opens(f"legacy-{layout}-protocol{protocol}.pth", state, lambda p, t=thing, n=protocol: legacy(t, p, pickle_protocol=n))
    for module in [net, nn.DataParallel(net), nn.Sequential(collections.OrderedDict(module=net))]:
        name = type(module).__name__
        yield opens(f"zip-module-{name}.pth", state, lambda p, m=module: torch.save(m, p))
        yield opens(f"legacy-module-{name}.pth", state, lambda p, m=module: legacy(m, p))
        yield opens(f"zip-module-in-dict-{name}.pth", state, lambda p, m=module: torch.save({"model": m, "epoch": 4}, p))
    yield opens("tar.pth", state, lambda p: tar(state, p))
    yield opens("tar.pth.tar", floats, lambda p: tar(dict(floats), p))
    yield opens("big-endian.pth", floats, lambda p: rezipped(floats, p, big_endian))
    yield opens("zip64.pth", state, lambda p: rezipped(state, p))
    yield opens("deflated.pth", state, lambda p: rezipped(state, p, compression=zipfile.ZIP_DEFLATED))
    yield opens("without-byteorder.pth", state, lambda p: rezipped(state, p, lambda n, d: None if n.endswith("byteorder") else d))
    yield opens("comment.pth", state, lambda p: (torch.save(state, p), zipfile.ZipFile(p, "a").__setattr__("comment", b"mine"))[0])
    for ending in [".th", ".ckpt", ".bin", ".tar", ".pkl", ".pt", ".model", ".pyth", ".weights", ".safetensors", ".best", ".onnx", ""]:
        yield opens(f"ending{ending}", state, lambda p: torch.save(state, p))
    for length in range(1, 61, 3):
        yield opens("x" * length + ".pth", state, lambda p: torch.save(state, p))
    yield opens("checkpoint_epoch_0100.pth", state, lambda p: torch.save(state, p))


def types(net):
    for dtype in [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
                  torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2]:
        name = str(dtype).removeprefix("torch.")
        tensor = {"w": torch.tensor([[0.0, 1.0, 2.0], [96.0, 0.0, 1.0]]).to(dtype)}
        yield opens(f"type-{name}.pth", tensor, lambda p, t=tensor: torch.save(t, p))
        yield opens(f"type-{name}.safetensors", tensor, lambda p, t=tensor: save_file(t, p))
    whole = torch.arange(24.0).reshape(4, 6)
    views = {"whole": whole, "turned": whole.t(), "row": whole[2], "step": whole[::2, 1::3], "one": whole.new_ones(1).expand(3, 4),
             "number": whole[3, 5], "empty": torch.empty(0, 3), "channels": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)}
    yield opens("views.pth", views, lambda p: torch.save(views, p))
    yield opens("views-legacy.pth", views, lambda p: legacy(views, p))
    yield opens("subclass.pth", {"w": whole}, lambda p: torch.save({"w": nn.Parameter(whole), "s": torch.eye(3).to_sparse()}, p))
    for name, odd in [("complex", torch.tensor([1 + 2j])), ("sparse", torch.eye(3).to_sparse()), ("meta", torch.ones(2, device="meta")),
                      ("quantized", torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)),
                      ("nested", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])), ("csr", torch.eye(3).to_sparse_csr())]:
        yield opens(f"beside-{name}.pth", {"w": whole}, lambda p, o=odd: torch.save({"w": whole, "odd": o}, p))
        yield told(f"only-{name}.pth", [f"only-{name}.pth", "is not read"], lambda p, o=odd: torch.save({"odd": o}, p))


def layouts(net):
    """Of public training scripts."""
    state = net.state_dict()
    optimizer = trained(net)[0].state_dict()
    ema = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    under = lambda prefix, tensors=state: {prefix + name: tensor for name, tensor in tensors.items()}
    save = lambda thing: lambda path: torch.save(thing, path)
    yield opens("pytorch-imagenet.pth.tar", state, save({"epoch": 90, "arch": "resnet18", "state_dict": under("module."), "best_acc1": torch.tensor(70.1), "optimizer": optimizer, "scheduler": {}}))
    yield opens("pytorch-cifar.pth", state, save({"net": under("module."), "acc": 93.1, "epoch": 5}))
    yield opens("torchvision-references.pth", state, save({"model": state, "optimizer": optimizer, "lr_scheduler": {}, "epoch": 3, "args": argparse.Namespace(), "model_ema": ema}))
    yield opens("torchvision-references-ema.pth", ema, save({"model": state, "model_ema": under("module.", ema)}), "--part", "model_ema")
    yield opens("timm-train.pth.tar", state, save({"epoch": 1, "arch": "x", "state_dict": state, "optimizer": optimizer, "version": 2, "args": argparse.Namespace(a=1), "amp_scaler": {}, "state_dict_ema": ema, "metric": 70.0}))
    yield opens("timm-train-ema.pth.tar", ema, save({"state_dict": state, "state_dict_ema": ema}), "--part", "state_dict_ema")
    yield opens("swin.pth", state, save({"model": state, "optimizer": optimizer, "lr_scheduler": {}, "max_accuracy": 81.2, "epoch": 299, "config": argparse.Namespace()}))
    yield opens("mae.pth", state, save({"model": state, "optimizer": optimizer, "epoch": 800, "scaler": {}, "args": argparse.Namespace()}))
    yield opens("spark.pth", state, save({"arch": "resnet50", "module": state, "is_pretrain": True}))
    yield opens("nested.pth", state, save({"model": {"state_dict": state, "epoch": 3}, "epoch": 5}))
    yield opens("network.pth", state, save({"epoch": 3, "network": state, "optimizer": optimizer}))
    yield opens("any-name.pth", state, save({"epoch": 3, "my_best_one": state, "optim": optimizer, "lr_sched": {"x": torch.ones(2)}}))
    yield opens("numbers.pth", state, save({"models": {0: state}, "step": 3}))
    yield opens("twice.pth", state, save({"best_state": state, "state_dict": state, "epoch": 2}))
    yield opens("twice-ema.pth", state, save({"ema": state, "model": state}))
    yield opens("compiled.pth", state, save(under("_orig_mod.")))
    yield opens("compiled-parallel.pth", state, save(under("module._orig_mod.")))
    yield opens("compiled.safetensors", state, lambda p: save_file({n: t.clone() for n, t in under("_orig_mod.module.").items()}, p))
    yield opens("moco.pth.tar", state, save({"epoch": 200, "arch": "x", "state_dict": under("module.encoder_q.") | under("module.encoder_k.", ema) | {"module.queue": torch.ones(4, 8)}}), "--strip", "encoder_q.")
    yield opens("simsiam.pth.tar", state, save({"state_dict": under("module.encoder.") | {"module.predictor.0.weight": torch.ones(2, 2)}}), "--strip", "encoder.")
    yield opens("dino.pth", state, save({"student": under("module.backbone."), "teacher": under("backbone.") | {"head.last": torch.ones(2)}, "optimizer": optimizer, "dino_loss": {"center": torch.zeros(1, 4)}}), "--part", "teacher", "--strip", "backbone.")
    yield told("dino-unnamed.pth", ["student (", "teacher (", "--part"], save({"student": state, "teacher": state, "epoch": 3}))
    yield told("wrong-part.pth", ["no part ema", "state_dict (", "--part"], save({"state_dict": state}), "--part", "ema")
    yield told("wrong-prefix.pth", ["begins with net."], save({"state_dict": state}), "--strip", "net.")
    yield opens("vissl.torch", state, save({"phase_idx": 1, "classy_state_dict": {"base_model": {"model": {"trunk": under("_feature_blocks."), "heads": {"0.weight": torch.ones(2)}}}}}), "--part", "classy_state_dict.base_model.model.trunk", "--strip", "_feature_blocks.")
    yield opens("mmcls.pth", state, save({"meta": {"mmcls_version": "1", "CLASSES": ["a"]}, "state_dict": under("backbone.") | {"head.fc.weight": torch.ones(2, 2)}, "optimizer": optimizer}), "--strip", "backbone.")
    yield opens("pair.pth", state, save((state, optimizer)), "--part", "0")
    yield told("pair-unnamed.pth", ["0 (", "1 ("], save((state, ema)))
    yield opens("list.pth", state, save([1, {"weights": state}]))
    yield opens("named-tuple.pth", state, save(collections.OrderedDict(epoch=1, model=state)))
    yield opens("whole-with-optimizer.pth", state, save({"model": net, "optimizer": trained(net)[0], "criterion": nn.CrossEntropyLoss(weight=torch.ones(3))}))
    yield opens("ema-object.pth", ema, save({"model": net, "ema": Wrapper(module=Wrapper()), "shadow": ema}), "--part", "shadow")
    yield told("one-tensor.pth", ["one tensor without a name"], save(torch.ones(3)))
    yield told("numbers-only.pth", ["holds no tensors"], save({"losses": [1.0, 2.0], "epoch": 3}))
    yield told("list-of-numbers.pth", ["holds no tensors"], save([1.0, 2.0]))
    yield told("numpy-weights.pth", ["holds no tensors"], save({name: tensor.numpy() for name, tensor in state.items()}))
    history = torch.rand(600_000).tolist()
    yield opens("history.pth", state, save({"state_dict": state, "losses": history}))
    yield opens("history-legacy.pth", state, lambda p: legacy({"state_dict": state, "losses": history}, p))
    yield opens("file-list.pth", state, save({"state_dict": state, "files": [f"real/class_{i % 345}/{i:06}.jpg" for i in range(120_000)]}))
    yield opens("step-history.pth", state, save({"state_dict": state, "history": [{"step": i, "loss": i / 7, "acc": 0.5} for i in range(50_000)]}))


def libraries(net):
    import timm
    import torchvision

    for arch in ["shufflenet_v2_x0_5", "squeezenet1_1", "mobilenet_v3_small", "mnasnet0_5"]:
        model = getattr(torchvision.models, arch)(weights=None)
        yield opens(f"torchvision-{arch}.pth", model.state_dict(), lambda p, m=model: torch.save(m.state_dict(), p))
        yield opens(f"torchvision-{arch}-whole.pth", model.state_dict(), lambda p, m=model: torch.save(m, p))
    for arch in ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"]:
        model = timm.create_model(arch)
        state = model.state_dict()
        yield opens(f"timm-{arch}.pth", state, lambda p, s=state: torch.save(s, p))
        yield opens(f"timm-{arch}.safetensors", state, lambda p, s=state: save_file({n: t.clone() for n, t in s.items()}, p, {"format": "pt"}))
        ema = timm.utils.ModelEmaV3(model)
        yield opens(f"timm-{arch}-ema.pth", state, lambda p, e=ema: torch.save(e.state_dict(), p))

    import pytorch_lightning as lightning

    class Classifier(lightning.LightningModule):
        def __init__(self, lr=0.1):
            super().__init__()
            self.save_hyperparameters()
            self.model = Net()
            self.criterion = nn.CrossEntropyLoss(weight=torch.ones(3))

        def training_step(self, batch, _):
            images, labels = batch
            loss = self.criterion(self.model(images), labels)
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            optimizer = torch.optim.Adam(self.parameters())
            return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1)}

    module = Classifier()
    with tempfile.TemporaryDirectory() as folder:
        data = torch.utils.data.TensorDataset(torch.randn(8, 3, 8, 8), torch.randint(3, (8,)))
        keep = lightning.callbacks.ModelCheckpoint(folder, monitor="loss", save_last=True)
        trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", logger=False, callbacks=[keep], enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder)
        trainer.fit(module, torch.utils.data.DataLoader(data, 4))
        saved = Path(folder, "last.ckpt").read_bytes()
    inside = module.model.state_dict()
    yield opens("lightning-last.ckpt", inside, lambda p: p.write_bytes(saved), "--strip", "model.")
    yield opens("lightning-whole.ckpt", module.state_dict(), lambda p: p.write_bytes(saved))
    yield opens("lightning-module.pt", inside, lambda p: torch.save(module.model, p))

    from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

    small = ResNetForImageClassification(ResNetConfig(embedding_size=32, hidden_sizes=[32, 64], depths=[1, 1], num_labels=3))
    vit = ViTForImageClassification(ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8))
    for name, model in [("resnet", small), ("vit", vit)]:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            saved = Path(folder, "model.safetensors").read_bytes()
            # The library renames some tensors as it saves.
            state = load_file(Path(folder, "model.safetensors"))

        def sharded(path, model=model):
            model.save_pretrained(path.parent, max_shard_size="20KB")
            path.with_name("model.safetensors.index.json").rename(path)

        yield opens(f"transformers-{name}.safetensors", state, lambda p, b=saved: p.write_bytes(b))
        yield opens(f"transformers-{name}.safetensors.index.json", state, sharded)
        yield opens(f"transformers-{name}-pytorch_model.bin", state, lambda p, s=state: torch.save(s, p))

    from fastai.vision.all import DataLoaders, Learner, accuracy

    with tempfile.TemporaryDirectory() as folder:
        data = [(torch.randn(3, 8, 8), torch.tensor(i % 3)) for i in range(8)]
        loaders = DataLoaders.from_dsets(data, data, bs=4)
        learner = Learner(loaders, Net(), loss_func=nn.CrossEntropyLoss(), metrics=accuracy, path=folder)
        with learner.no_bar(), learner.no_logging():
            learner.fit(1)
        state = copy.deepcopy(learner.model.state_dict())
        both, alone = learner.save("both", with_opt=True).read_bytes(), learner.save("alone", with_opt=False).read_bytes()
    yield opens("fastai-with-optimizer.pth", state, lambda p: p.write_bytes(both))
    yield opens("fastai-alone.pth", state, lambda p: p.write_bytes(alone))
    yield opens("fastai-learner.pkl", state, lambda p: torch.save({"model": learner.model, "opt": learner.opt.state_dict()}, p))


def no_checkpoints(net):
    import h5py
    import keras
    import onnx
    from onnx import TensorProto, helper

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    state = net.state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}

    def keras_file(ending):
        def save(path):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "model" + ending)
                model.save_weights(file) if "weights" in ending else model.save(file)
                path.write_bytes(file.read_bytes())

        return save

    def onnx_file(path):
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
        onnx.save(helper.make_model(helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", values[:1], values[1:])), path)

    def npz(path):
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    def hdf5(path):
        with h5py.File(path, "w") as file:
            file["w"] = np.ones(3)

    def folder(path):
        path.mkdir()

    script = torch.jit.script(nn.Linear(2, 2))
    text = lambda content: lambda path: path.write_bytes(content)
    whole = io.BytesIO()
    torch.save(state, whole)
    yield told("keras.keras", ["Keras"], keras_file(".keras"))
    yield told("keras.weights.h5", ["HDF5"], keras_file(".weights.h5"))
    yield told("keras-as.pth", ["HDF5"], keras_file(".h5"))
    yield told("hdf5.pth", ["HDF5"], hdf5)
    yield told("onnx.pth", ["ONNX"], onnx_file)
    yield told("npz.pth", ["NumPy"], npz)
    yield told("npy.pth", ["NumPy"], lambda p: p.write_bytes((lambda b: (np.save(b, np.ones(3)), b.getvalue())[1])(io.BytesIO())))
    yield told("script.pt", ["TorchScript"], lambda p: script.save(str(p)))
    yield told("script.pth", ["TorchScript"], lambda p: script.save(str(p)))
    yield told("pickle.pth", ["pickle"], lambda p: p.write_bytes(pickle.dumps(arrays)))
    yield told("detectron2.pkl", ["pickle"], lambda p: p.write_bytes(pickle.dumps({"model": arrays, "__author__": "x"}, 2)))
    yield told("lfs.pth", ["git lfs pull"], text(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46830571\n"))
    yield told("page.pth", ["web page"], text(b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"))
    yield told("error.pth", ["JSON"], text(b'{"error": "Repository not found"}'))
    yield told("gzip.pth.gz", ["gunzip"], text(gzip.compress(whole.getvalue())))
    yield told("zip-of-a-checkpoint.zip", ["unpack it"], lambda p: zipfile.ZipFile(p, "w").writestr("resnet.pth", whole.getvalue()))
    yield told("tar-of-a-checkpoint.tar", ["unpack it"], lambda p: tarfile.open(p, "w").addfile(tarfile.TarInfo("resnet.pth")))
    yield told("folder.pth", ["is a folder"], folder)
    yield told("gguf.pth", ["GGUF"], text(b"GGUF\3\0\0\0"))
    yield told("picture.pth", ["picture"], text(b"\x89PNG\r\n\x1a\n"))
    yield told("empty.pth", ["not a whole", "copy it again"], text(b""))
    yield told("cut.pth", ["not a whole", "copy it again"], text(whole.getvalue()[:-100]))
    yield told("notes.txt", ["is no checkpoint"], text(b"train with lr 0.1"))


def check(runner, folder, label, kind, save, expected, options):
    """What is wrong with a file, in words; nothing if it is right."""
    path = folder / label
    save(path)
    if kind == OPENS and path.is_file() and not label.endswith((".safetensors", ".json")) and "tar" not in label:
        torch.load(path, weights_only=False)
    out = folder / "basin-out.safetensors"
    done = subprocess.run([runner, "checkpoint", "convert", path, out, "--force", *options], capture_output=True, text=True)
    message = done.stderr.strip()
    if kind == TOLD:
        lacks = [word for word in expected if word not in message]
        return f"exit code {done.returncode}: {message}" if done.returncode not in (2, 3) or lacks or "\n" in message else None
    if done.returncode != 0:
        return message
    ours = load_file(out)
    if ours.keys() != expected.keys():
        return f"other names: {sorted(ours.keys() ^ expected.keys())[:6]}"
    for name, tensor in expected.items():
        if not torch.equal(ours[name].double(), tensor.detach().to(torch.float32).double()) or ours[name].shape != tensor.shape:
            return f"other values in {name}"
    return None


def main():
    subprocess.run(["cargo", "build", "--release", "--bin", "runner"], cwd=HERE.parent, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    torch.manual_seed(0)
    net = Net()
    makers = [containers, types, layouts, libraries, no_checkpoints]
    opened = was_told = 0
    wrong = []
    for maker in makers:
        for case in maker(net):
            with tempfile.TemporaryDirectory() as folder:
                problem = check(target / "release/runner", Path(folder), *case)
            if problem:
                wrong.append(case[0])
                print(f"{case[0]}: {problem}")
            elif case[1] == OPENS:
                opened += 1
            else:
                was_told += 1
    print(f"{opened + was_told + len(wrong)} files: {opened} open, {was_told} are told, {len(wrong)} are wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
