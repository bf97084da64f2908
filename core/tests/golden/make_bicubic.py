"""Writes bicubic.json: what Pillow's bicubic filter makes of an image that a formula draws, as rows of red, green, blue.

Each entry has the sizes before and after, width x height. Needs pillow and numpy; nothing is downloaded.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = [((13, 9), (7, 7)), ((13, 9), (29, 29)), ((40, 30), (8, 8)), ((5, 4), (5, 5)), ((3, 2), (9, 9))]


def drawn(width, height):
    place = np.arange(width * height * 3, dtype=np.int64)
    return Image.fromarray((place * place * 31 % 256).astype(np.uint8).reshape(height, width, 3))


entries = []
for before, after in SIZES:
    scaled = np.asarray(drawn(*before).resize(after, Image.BICUBIC))
    entries.append({"before": before, "after": after, "levels": scaled.flatten().tolist()})
(Path(__file__).parent / "bicubic.json").write_text(json.dumps(entries, separators=(",", ":")) + "\n")
