"""Writes timm.json: how timm trains. `layers` counts the layers of layer-wise learning-rate decay, from the images up, for each trained
parameter in the order of the state dict; `warm_up` has the learning rates of its schedules with a warm-up.

Usage: make_timm.py
"""

import json
import math
from pathlib import Path

import timm
import torch
from timm.optim import param_groups_layer_decay
from timm.scheduler import CosineLRScheduler, MultiStepLRScheduler

NETWORKS = [
    "vit_tiny_patch16_224", "vit_medium_patch16_gap_240", "vit_xsmall_patch16_clip_224", "vit_small_patch14_reg4_dinov2",
    "vit_small_patch16_dinov3", "vit_base_patch16_siglip_224", "convnext_atto", "convnextv2_nano", "densenet121", "resnet18", "resnet50d", "resnext50_32x4d",
]
DECAY = 0.5
EPOCHS = 12


def layers(name):
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=5)
    groups = param_groups_layer_decay(model, layer_decay=DECAY)
    scales = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    lowest = min(scales.values())
    return [round(math.log(lowest / scales[id(parameter)], DECAY)) for parameter in model.parameters()]


def rates(schedule, base, **kwargs):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=base)
    scheduler = schedule(optimizer, **kwargs)
    found = []
    for epoch in range(EPOCHS):
        scheduler.step(epoch)
        found.append(optimizer.param_groups[0]["lr"])
    return found


if __name__ == "__main__":
    cases = []
    for epochs, start in [(3, 0.0), (5, 1e-3), (0, 0.0)]:
        warm_up = {"warmup_t": epochs, "warmup_lr_init": start}
        cosine = rates(CosineLRScheduler, 0.1, t_initial=EPOCHS, lr_min=1e-5, **warm_up)
        cases.append({"epochs": epochs, "lr": start, "base": 0.1, "rates": cosine,
                      "scheduler": {"name": "CosineAnnealingLR", "kwargs": {"T_max": EPOCHS, "eta_min": 1e-5}}})
        # timm's own default takes the warm-up off the epochs here, and counts from 1.
        steps = rates(MultiStepLRScheduler, 0.02, decay_t=[5, 9], decay_rate=0.1, warmup_prefix=False, **warm_up)
        cases.append({"epochs": epochs, "lr": start, "base": 0.02, "rates": steps,
                      "scheduler": {"name": "MultiStepLR", "kwargs": {"milestones": [4, 8]}}})
    result = {"timm": timm.__version__, "layers": {name: layers(name) for name in NETWORKS}, "warm_up": cases}
    (Path(__file__).parent / "timm.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
