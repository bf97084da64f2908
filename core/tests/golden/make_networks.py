"""Writes network_*.json, numbers of timm's and torchvision's networks with drawn weights, and network_parameters.json, digests of
the names and shapes of their parameters.

Weights and inputs are drawn by the rules of model_*.json. Numbers are of double precision; `noise` is how far single precision is
from them, as a share of the tensor's norm. Activations are channels-last, `[batch, positions, channels]`.

Usage: make_networks.py [NAME ...]; without names, all.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision

HERE = Path(__file__).parent
CLASSES = 5
# Batch normalisation over few values amplifies rounding: these get more images and smaller steps.
BATCH_NORM = ("densenet", "resn", "wide_resn")
DENSENETS = ["densenet121", "densenet161", "densenet169", "densenet201"]
SEED = 7
# Name, side of the images, and the modules whose outputs are compared.
VIT = ["patch_embed", "pos_drop", "blocks.0", "blocks.5", "blocks.9", "norm", "fc_norm", "head"]
CONVNEXT = ["stem", "stages.0.blocks.1", "stages.1.downsample", "stages.2.blocks.4", "stages.3.blocks.1", "head.norm", "head.fc"]
DENSENET = ["features.conv0", "features.pool0", "features.denseblock1.denselayer2", "features.denseblock2", "features.transition1",
            "features.denseblock3.denselayer20", "features.norm5", "classifier"]
RESNET = ["conv1", "maxpool", "layer1.0", "layer2.0", "layer3.0", "layer4.0", "fc"]
CASES = {
    "vit_tiny_patch16_224": (48, VIT),
    "vit_small_patch8_224": (24, VIT),
    "deit3_small_patch16_224": (32, VIT),
    "vit_medium_patch16_gap_240": (32, VIT),
    "vit_xsmall_patch16_clip_224": (32, [*VIT, "norm_pre"]),
    "vit_base_patch32_clip_quickgelu_224": (64, [*VIT, "norm_pre"]),
    "vit_small_patch14_dinov2": (42, VIT),
    "vit_small_patch14_reg4_dinov2": (42, VIT),
    "vit_small_patch16_dinov3": (48, VIT[1:]),
    "vit_small_plus_patch16_dinov3_qkvb": (32, VIT[1:]),
    "vit_base_patch16_siglip_224": (32, [*VIT[:-2], "attn_pool", "head"]),
    "vit_base_patch32_siglip_256": (64, [*VIT[:-2], "attn_pool", "head"]),
    "convnext_atto": (64, CONVNEXT),
    "convnext_tiny": (64, CONVNEXT),
    "convnextv2_atto": (64, CONVNEXT),
    "convnextv2_nano": (70, CONVNEXT),
    "densenet121": (64, DENSENET),
    "densenet169": (74, DENSENET),
    "resnet10t": (75, RESNET),
    "resnet14t": (64, RESNET),
    "resnext50_32x4d": (64, RESNET),
}


def names():
    """The members of the families that Basin has."""
    sources = sorted(HERE.glob("../../src/model/*/members.rs"))
    return [name for source in sources for name in re.findall(r'^    \("(\w+)", ', source.read_text(), re.MULTILINE)] + DENSENETS


def create(name, **kwargs):
    if name.startswith("densenet"):
        return getattr(torchvision.models, name)(num_classes=CLASSES, **kwargs)
    return timm.create_model(name, num_classes=CLASSES, **kwargs)


def drawn(shape, name, random):
    u = random.random_sample(int(np.prod(shape))) - 0.5
    if len(shape) == 4:
        u = u * 2 * np.sqrt(3) * 0.5 * np.sqrt(2 / (shape[0] * shape[2] * shape[3]))
    elif len(shape) == 2:
        u = u * 2 / np.sqrt(shape[1])
    elif name.endswith("running_var"):
        u = 1 + u
    elif name.endswith("scale") or name.endswith("weight"):
        u = 1 + 0.2 * u
    else:
        u = 0.2 * u
    return torch.tensor(u.astype(np.float32).reshape(shape))


def fill(model):
    random = np.random.RandomState(SEED)
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = drawn(tuple(tensor.shape), name, random)
        else:
            state[name] = torch.zeros_like(tensor)
    model.load_state_dict(state)


def count(name):
    """Number of images."""
    return 6 if name.startswith(BATCH_NORM) else 2


def slower(name):
    """By how much steps are smaller: deep networks amplify what single precision leaves of a gradient."""
    if "resnext50" in name:
        return 30000
    return 10 if name.startswith(BATCH_NORM) else 1


def inputs(name, side):
    random = np.random.RandomState(SEED + 1000)
    number = count(name)
    images = (random.random_sample(number * 3 * side * side) - 0.5) * 2 * np.sqrt(3)
    targets = [int(random.randint(0, CLASSES)) for _ in range(number)]
    return torch.tensor(images.astype(np.float32).reshape(number, 3, side, side)), torch.tensor(targets)


def short(value):
    return float(f"{value:.8g}")


def summary(right, single, count):
    right, single = right.detach().double().flatten(), single.detach().double().flatten()
    norm = right.norm().item()
    noise = (right - single).norm().item() / norm if norm > 0 else 0.0
    entry = {"l2": short(norm), "first": [short(v) for v in right[:count].tolist()]}
    if noise > 1e-5:
        entry["noise"] = float(f"{noise:.2g}")
    return entry


def noisy(right, single):
    """A loss, and how far single precision is from it, as a share of it."""
    noise = abs(right - single) / right
    return {"l2": short(right)} | ({"noise": float(f"{noise:.2g}")} if noise > 1e-4 else {})


def channels_last(tensor):
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def run(name, side, modules, precision):
    """Everything that is compared, in one precision."""
    size = {} if "dinov3" in name or not name.startswith(("vit", "deit")) else {"img_size": side}
    model = create(name, **size)
    fill(model)
    model = model.to(precision)
    images, targets = inputs(name, side)
    images = images.to(precision)
    result = {}
    found = {}
    hooks = [
        model.get_submodule(module).register_forward_hook(
            lambda _module, _inputs, output, module=module: found.__setitem__(module, channels_last(output).clone()))
        for module in modules
    ]
    model.eval()
    with torch.no_grad():
        result["logits"] = model(images)
    result["activations"] = dict(found)
    for hook in hooks:
        hook.remove()
    start = {key: value.clone() for key, value in model.state_dict().items()}
    for kind in ["SGD", "AdamW"]:
        model.load_state_dict(start)
        model.train()
        rate = (0.002 if kind == "SGD" else 1e-4) / slower(name)
        # Biases and scales have a tenth of the learning rate, as in all of Basin.
        groups = [{"params": [parameter], "lr": rate / 10 if "bias" in key or "scale" in key else rate}
                  for key, parameter in model.named_parameters()]
        if kind == "SGD":
            optimizer = torch.optim.SGD(groups, lr=rate, momentum=0.9, weight_decay=1e-4)
        else:
            optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=0.05, eps=1e-4)
        losses = []
        for step in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), targets)
            loss.backward()
            losses.append(loss.item())
            if step == 0 and kind == "SGD":
                result["gradients"] = {key: value.grad.clone() for key, value in model.named_parameters()}
            optimizer.step()
        result[kind] = {"losses": losses, "lr": rate, "after": {k: v.clone() for k, v in model.state_dict().items()}}
    result["parameters"] = [[key, list(value.shape)] for key, value in start.items()]
    return result


def thinned(entries):
    """At most about 120 of some entries, evenly spread."""
    every = -(-len(entries) // 120)
    return dict(list(entries.items())[::every])


def golden(name, side, modules):
    right, single = (run(name, side, modules, precision) for precision in (torch.float64, torch.float32))
    steps = {}
    for kind in ["SGD", "AdamW"]:
        after = right[kind]["after"]
        steps[kind] = {
            "lr": right[kind]["lr"],
            "losses": [noisy(*losses) for losses in zip(right[kind]["losses"], single[kind]["losses"])],
            "after": {key: summary(value, single[kind]["after"][key], 2)
                      for key, value in thinned(after).items() if value.is_floating_point()},
        }
    images, targets = inputs(name, side)
    return {
        "arch": name, "side": side, "count": count(name), "classes": CLASSES, "seed": SEED, "targets": targets.tolist(),
        "timm": timm.__version__, "torch": torch.__version__.split("+")[0],
        "parameters": right["parameters"],
        "logits": [short(v) for v in right["logits"].flatten().tolist()],
        "activations": {key: summary(value, single["activations"][key], 4) | {"shape": list(value.shape)}
                        for key, value in right["activations"].items()},
        "gradients": {key: summary(value, single["gradients"][key], 2) for key, value in thinned(right["gradients"]).items()},
        "steps": steps,
    }


def digest(name):
    with torch.device("meta"):
        state = create(name).state_dict()
    lines = "".join(f"{key} {list(value.shape)}\n" for key, value in state.items())
    return hashlib.sha256(lines.encode()).hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(2)
    wanted = sys.argv[1:]
    for name, (side, modules) in CASES.items():
        if not wanted or name in wanted:
            text = json.dumps(golden(name, side, modules), separators=(",", ":"))
            (HERE / f"network_{name}.json").write_text(text + "\n")
            print(name, len(text))
    if not wanted:
        digests = {name: digest(name) for name in names()}
        (HERE / "network_parameters.json").write_text(json.dumps(digests, indent=1) + "\n")
