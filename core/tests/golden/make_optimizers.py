"""Writes optimizers.json: ten steps of PyTorch's optimizers on given gradients, and penalties with their gradients."""

import json
import numpy as np
import torch

NAMES = {"conv1.weight": 12, "bias1": 1, "layer1.0.scale": 1, "layer4.0.conv1.weight": 8, "fc.bias": 3}
CUSTOM = [["layer4", 0.002], ["conv1", 0.03]]
STEPS, BASE_LR, DECAY = 10, 0.01, 0.05
CASES = [
    ("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"momentum": 0.8, "nesterov": True}), ("SGD", {"dampening": 0.5}),
    ("Adam", {}), ("Adam", {"betas": [0.7, 0.95], "eps": 0.01}), ("AdamW", {}), ("AdamW", {"betas": [0.7, 0.95]}),
]


def lr(name, custom):
    if "bias" in name or "scale" in name:
        return BASE_LR / 10
    return next((rate for part, rate in custom if part in name), BASE_LR)


def values(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]


random = np.random.RandomState(7)
draw = lambda n: torch.tensor(random.standard_normal(n), dtype=torch.float32)
start = {name: draw(n) for name, n in NAMES.items()}
gradients = [{name: draw(n) for name, n in NAMES.items()} for _ in range(STEPS)]

cases = []
for number, (optimizer, kwargs) in enumerate(CASES):
    custom = CUSTOM if number % 2 else []
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
    groups = [{"params": [p], "lr": lr(name, custom)} for name, p in parameters.items()]
    rule = getattr(torch.optim, optimizer)(groups, lr=BASE_LR, weight_decay=DECAY, **kwargs)
    for step in gradients:
        for name, parameter in parameters.items():
            parameter.grad = step[name].clone()
        rule.step()
    after = {name: values(p) for name, p in parameters.items()}
    cases.append({"optimizer": {"name": optimizer, "base_lr": BASE_LR, "weight_decay": DECAY, "custom_lrs": custom,
                                "kwargs": kwargs}, "after": after})

rules = [["l2_to_0", "conv1", 0.3], ["l2_to_w0", "layer|fc", 0.7], ["l2_to_w0", "layer4", 0.25]]
now = {name: torch.nn.Parameter(draw(n)) for name, n in NAMES.items()}
matches = lambda regex, name: any(part in name for part in regex.split("|"))
penalty = sum(coef * ((p - (0 if kind == "l2_to_0" else start[name])) ** 2).sum()
              for kind, regex, coef in rules for name, p in now.items() if matches(regex, name))
penalty.backward()
golden = {
    "torch": torch.__version__.split("+")[0],
    "names": list(NAMES),
    "start": {name: values(v) for name, v in start.items()},
    "gradients": [{name: values(v) for name, v in step.items()} for step in gradients],
    "cases": cases,
    "penalty": {
        "rules": [{"name": kind, "regex": regex, "coef": coef} for kind, regex, coef in rules],
        "parameters": {name: values(p) for name, p in now.items()},
        "value": penalty.item(),
        "gradients": {name: values(torch.zeros_like(p) if p.grad is None else p.grad) for name, p in now.items()},
    },
}
with open("optimizers.json", "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
