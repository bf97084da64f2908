"""The Python side of bench/images.py: RandomResizedCrop(224), flip, normalise, batches of 64, in several ways.

Prints one JSON object: images per second, processor time an image and peak memory of all processes.
"""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import io, transforms
from torchvision.transforms import v2

SIZE, BATCH = 224, 64
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# OpenCV takes four channels' numbers: level * SCALE - OFFSET is the normalised value.
SCALE = tuple(1 / (255 * deviation) for deviation in DEVIATION) + (0,)
OFFSET = tuple(mean / deviation for mean, deviation in zip(MEAN, DEVIATION)) + (0,)


def pillow():
    chain = transforms.Compose([
        transforms.RandomResizedCrop(SIZE), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
        transforms.Normalize(MEAN, DEVIATION),
    ])
    return lambda path: chain(Image.open(path).convert("RGB"))


def tensors():
    """torchvision's own decoder and its transforms of tensors."""
    chain = v2.Compose([
        v2.RandomResizedCrop(SIZE, antialias=True), v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION),
    ])
    return lambda path: chain(io.decode_jpeg(io.read_file(path), mode=io.ImageReadMode.RGB))


def opencv():
    """OpenCV's decoder and its bilinear resize, which reads four pixels for each and aliases: less work than ours."""
    def prepare(path):
        image = cv2.imread(path, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        top, left, height, width = transforms.RandomResizedCrop.get_params(
            torch.empty(3, *image.shape[:2]), (0.08, 1), (3 / 4, 4 / 3))
        image = cv2.resize(image[top:top + height, left:left + width], (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        if np.random.rand() < 0.5:
            image = cv2.flip(image, 1)
        image = cv2.subtract(cv2.multiply(image, SCALE, dtype=cv2.CV_32F), OFFSET)
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    return prepare


class Images(Dataset):
    def __init__(self, paths, prepare):
        self.paths, self.prepare = paths, prepare

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.prepare(self.paths[index]), 0


def single_threaded(_=None):
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def threads_epoch(paths, prepare, pool):
    """Threads of one process, which need not copy from process to process; decoders release Python's lock."""
    order = torch.randperm(len(paths)).tolist()
    for first in range(0, len(order), BATCH):
        torch.stack(list(pool.map(lambda index: prepare(paths[index]), order[first:first + BATCH])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("chain", choices=["pillow", "tensors", "opencv"])
    parser.add_argument("how", choices=["workers", "threads", "alone"])
    parser.add_argument("epochs", type=int)
    args = parser.parse_args()
    single_threaded()
    lines = (args.folder / "DomainNet/real_train.txt").read_text().splitlines()
    paths = [str(args.folder / "DomainNet" / line.split()[0]) for line in lines]
    prepare = globals()[args.chain]()
    if args.how == "threads":
        pool = ThreadPoolExecutor(2)
        epoch = lambda: threads_epoch(paths, prepare, pool)
    else:
        workers = 2 if args.how == "workers" else 0
        loader = DataLoader(Images(paths, prepare), BATCH, shuffle=True, num_workers=workers,
                            persistent_workers=workers > 0, worker_init_fn=single_threaded)
        epoch = lambda: sum(1 for _ in loader)
    epoch()
    start, ticks = time.perf_counter(), cpu_seconds()
    for _ in range(args.epochs):
        epoch()
    seconds, used = time.perf_counter() - start, cpu_seconds() - ticks
    images = args.epochs * len(paths)
    peaks = [peak_kib(process) for process in processes()]
    print(json.dumps({"images_per_second": round(images / seconds, 1), "cpu_ms": round(1000 * used / images, 3),
                      "peak_mib": sum(peaks) // 1024}))


def processes():
    return [os.getpid(), *(child.pid for child in multiprocessing.active_children())]


def cpu_seconds():
    """Processor time of this process and its workers so far, as Linux tells it."""
    fields = [Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split() for process in processes()]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def peak_kib(process):
    """The largest memory that a process held, KiB; pages that workers share with their parent count each time."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
