"""Writes xray.json: a small X-ray, and what OpenCV and NumPy make of it under other settings than those of the reference's keys.

Run: python make_xray.py   (opencv-python, numpy)
"""

import json
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
SIDE = 20
CASES = [
    {"gaussian_blur": 5, "border_pad": "zero"},
    {"gaussian_blur": 7, "border_pad": "edge", "pixel_mean": 100.0, "pixel_std": 50.0},
    {"gaussian_blur": 9, "border_pad": "reflect"},
    {"gaussian_blur": 0, "border_pad": "symmetric", "use_pixel_std": False},
    {"gaussian_blur": 1, "border_pad": "wrap", "use_equalizeHist": False},
    {"fix_ratio": False, "gaussian_blur": 11},
    {"use_transforms_type": "Common", "pixel_mean": 0.0},
]
DEFAULTS = {"gaussian_blur": 3, "border_pad": "pixel_mean", "pixel_mean": 128.0, "pixel_std": 64.0, "use_pixel_std": True,
            "use_equalizeHist": True, "fix_ratio": True, "use_transforms_type": "None"}


def prepared(grey, settings):
    """`[SIDE, SIDE]`, as training sees it without a random turn."""
    s = DEFAULTS | settings
    if s["use_transforms_type"] == "Common":
        grey = cv2.GaussianBlur(cv2.equalizeHist(grey), (3, 3), 0)
    if s["use_equalizeHist"]:
        grey = cv2.equalizeHist(grey)
    image = grey.astype(np.float32)
    height, width = image.shape
    if s["fix_ratio"]:
        long = max(height, width)
        size = (round(width * SIDE / long), round(height * SIDE / long))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        room = ((0, SIDE - size[1]), (0, SIDE - size[0]))
        constant = {"zero": 0.0, "pixel_mean": s["pixel_mean"]}.get(s["border_pad"])
        image = np.pad(image, room, s["border_pad"]) if constant is None else np.pad(image, room, constant_values=constant)
    else:
        image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    if s["gaussian_blur"] > 0:
        image = cv2.GaussianBlur(image, (s["gaussian_blur"],) * 2, 0)
    image = image - s["pixel_mean"]
    return image / s["pixel_std"] if s["use_pixel_std"] else image


def main():
    random = np.random.RandomState(0)
    images = [cv2.GaussianBlur(random.randint(0, 256, shape).astype(np.uint8), (5, 5), 0) for shape in [(23, 34), (31, 12)]]
    cases = [{"image": at, "settings": settings, "input": np.round(prepared(image, settings).astype(float), 5).ravel().tolist()}
             for at, image in enumerate(images) for settings in CASES]
    shapes = [{"height": image.shape[0], "width": image.shape[1], "levels": image.ravel().tolist()} for image in images]
    (HERE / "xray.json").write_text(json.dumps({"side": SIDE, "images": shapes, "cases": cases}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
