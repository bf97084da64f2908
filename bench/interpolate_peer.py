"""The PyTorch side of bench/interpolate.py: the reference's method, which blends two state dicts and then evaluates as
training does, so that every point decodes all images again.

Prints one JSON object: accuracy (percent) and loss of each point.
"""

import json
import re
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from peer import LAYERS, network

ARCH, BATCH = "fixup_resnet18", 100


class Images(Dataset):
    def __init__(self, folder, size, pre_crop):
        self.folder = folder
        self.lines = [line.split() for line in (folder / "real_test.txt").read_text().splitlines()]
        self.prepare = transforms.Compose([
            transforms.Resize(pre_crop), transforms.CenterCrop(size), transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        name, label = self.lines[index]
        return self.prepare(Image.open(self.folder / name).convert("RGB")), int(label)


def named_for_peer(state):
    """`layer2.1.conv1.weight` as the peer's network calls it: the blocks are numbered through."""
    def number(match):
        stage, block = int(match[1]), int(match[2])
        return f"blocks.{sum(LAYERS[ARCH][:stage - 1]) + block}."
    return {re.sub(r"^layer(\d)\.(\d+)\.", number, name): values for name, values in state.items()}


def main():
    folder, one, two, points, size, pre_crop, layout = sys.argv[1:]
    layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    images = Images(Path(folder) / "DomainNet", int(size), int(pre_crop))
    one, two = (named_for_peer(load_file(path)) for path in (one, two))
    model = network(ARCH, len(one["fc.bias"])).eval()
    results = []
    for coefficient in torch.linspace(0, 1, int(points), dtype=torch.float64).tolist():
        model.load_state_dict({name: (1 - coefficient) * one[name] + coefficient * two[name] for name in one})
        model.to(memory_format=layout)
        right, loss = 0, 0.0
        with torch.no_grad():
            for batch, labels in DataLoader(images, BATCH, num_workers=2):
                logits = model(batch.to(memory_format=layout))
                right += (logits.argmax(1) == labels).sum().item()
                loss += F.cross_entropy(logits, labels, reduction="sum").item()
        results.append({"accuracy": 100 * right / len(images), "loss": loss / len(images)})
    print(json.dumps({"points": results}))


if __name__ == "__main__":
    main()
