"""The PyTorch side of run.py and gpu.py: Fixup ResNets (Zhang et al. 2019) and torchvision's, timed forward and for a training step.

Prints one JSON object: images per second and peak memory in MiB.
"""

import argparse
import json
import resource
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

LAYERS = {"fixup_resnet18": [2, 2, 2, 2], "fixup_resnet50": [3, 4, 6, 3]}


def scalar(value=0.0):
    return nn.Parameter(torch.full((1,), value))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.bias1a, self.bias1b, self.bias2a, self.bias2b = (scalar() for _ in range(4))
        self.scale = scalar(1.0)
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        reshapes = stride != 1 or inputs != planes
        self.downsample = nn.Conv2d(inputs, planes, 1, stride, bias=False) if reshapes else None

    def forward(self, x):
        y = F.relu(self.conv1(x + self.bias1a) + self.bias1b)
        y = self.conv2(y + self.bias2a) * self.scale + self.bias2b
        return F.relu(y + (self.downsample(x + self.bias1a) if self.downsample else x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.bias1a, self.bias1b, self.bias2a, self.bias2b, self.bias3a, self.bias3b = (scalar() for _ in range(6))
        self.scale = scalar(1.0)
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        reshapes = stride != 1 or inputs != planes * 4
        self.downsample = nn.Conv2d(inputs, planes * 4, 1, stride, bias=False) if reshapes else None

    def forward(self, x):
        y = F.relu(self.conv1(x + self.bias1a) + self.bias1b)
        y = F.relu(self.conv2(y + self.bias2a) + self.bias2b)
        y = self.conv3(y + self.bias3a) * self.scale + self.bias3b
        return F.relu(y + (self.downsample(x + self.bias1a) if self.downsample else x))


class FixupResNet(nn.Module):
    def __init__(self, arch, classes):
        super().__init__()
        block = Bottleneck if arch == "fixup_resnet50" else Basic
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bias1, self.bias2 = scalar(), scalar()
        inputs, stages = 64, []
        for stage, blocks in enumerate(LAYERS[arch]):
            planes = 64 << stage
            for index in range(blocks):
                stages.append(block(inputs, planes, 2 if stage and not index else 1))
                inputs = planes * block.expansion
        self.blocks = nn.Sequential(*stages)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x) + self.bias1), 3, 2, 1)
        x = self.blocks(x).mean((2, 3))
        return self.fc(x + self.bias2)


def network(arch, classes):
    if arch in LAYERS:
        return FixupResNet(arch, classes)
    if arch.startswith(("vit_", "convnext")):
        import timm
        return timm.create_model(arch, num_classes=classes)
    return torchvision.models.get_model(arch.removeprefix("torchvision/"), weights=None, num_classes=classes)


def rate(step, batch, seconds, wait):
    """Images per second of the fastest of several steps within the given time, after a warm-up. On a GPU, `wait` ends one of ten
    steps, which the host launches ahead."""
    steps = 10 if wait else 1
    for _ in range(2 * steps):
        step()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        if wait:
            wait()
        start = time.perf_counter()
        for _ in range(steps):
            step()
        if wait:
            wait()
        best = min(best, (time.perf_counter() - start) / steps)
    return batch / best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="fixup_resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--layout", choices=["nchw", "channels_last"], default="channels_last")
    parser.add_argument("--what", choices=["forward", "train"], default="train")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.precision != "f32"
    layout = torch.channels_last if args.layout == "channels_last" else torch.contiguous_format
    model = network(args.arch, 10).to(args.device, memory_format=layout).train(args.what == "train")
    images = torch.randn(args.batch, 3, args.size, args.size).to(args.device, memory_format=layout)
    labels = torch.arange(args.batch, device=args.device) % 10
    groups = {name: [p for n, p in model.named_parameters() if name == group(n)] for name in ("bias", "scale", "rest")}
    optimizer = torch.optim.SGD(
        [{"params": groups["bias"], "lr": 1e-4}, {"params": groups["scale"], "lr": 1e-4}, {"params": groups["rest"]}],
        lr=1e-3, momentum=0.9, weight_decay=1e-4,
    )

    run = torch.compile(model) if args.compile else model
    lower = torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.precision == "bf16")

    def forward():
        with torch.no_grad(), lower:
            run(images)

    def train():
        optimizer.zero_grad()
        with lower:
            loss = F.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()

    is_cpu = args.device == "cpu"
    wait = None if is_cpu else torch.cuda.synchronize
    images_per_second = rate(forward if args.what == "forward" else train, args.batch, args.seconds, wait)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if is_cpu else torch.cuda.max_memory_reserved() / 2**20
    print(json.dumps({"images_per_second": round(images_per_second, 2), "peak_mib": round(peak)}))


def group(name):
    return "bias" if "bias" in name else "scale" if "scale" in name else "rest"


if __name__ == "__main__":
    main()
