"""Writes augment.json: timm's RandAugment operations on two small images, by Pillow, and how strong they are at each magnitude.

    pip install timm
    python make_augment.py
"""

import json
import random
from pathlib import Path

import numpy as np
from PIL import Image
from timm.data import auto_augment

NAMES = ["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast",
         "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"]  # fmt: skip
INCREASING = {"Posterize", "Solarize", "Color", "Contrast", "Brightness", "Sharpness"}
GEOMETRIC = {"Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"}
VALUES = {
    "Rotate": [27.0, -13.4], "Posterize": [4, 1], "Solarize": [0, 26, 256], "SolarizeAdd": [99],
    "Color": [0.1, 1.81], "Contrast": [0.1, 1.81], "Brightness": [0.1, 1.81], "Sharpness": [0.1, 1.81],
    "ShearX": [0.27, -0.1], "ShearY": [0.27, -0.1], "TranslateXRel": [0.405, -0.2], "TranslateYRel": [0.405, -0.2],
}  # fmt: skip
SIZE = (19, 15)
FILL = (124, 116, 104)

draws = np.random.RandomState(0)
noise = draws.randint(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
dull = np.clip(draws.normal((90, 120, 150), (8, 20, 3), (SIZE[1], SIZE[0], 3)), 0, 255).astype(np.uint8)

cases = []
for number, image in enumerate([noise, dull]):
    for name in NAMES:
        for value in VALUES.get(name, [None]):
            for bicubic in [False, True] if name in GEOMETRIC else [False]:
                resample = Image.BICUBIC if bicubic else Image.BILINEAR
                arguments = [] if value is None else [value]
                changed = auto_augment.NAME_TO_OP[name](
                    Image.fromarray(image), *arguments, fillcolor=FILL, resample=resample
                )
                result = np.asarray(changed).ravel().tolist()
                cases.append({"name": name, "image": number, "value": value, "bicubic": bicubic, "result": result})

random.seed(0)
levels = []
for name in NAMES:
    for increasing in [False, True]:
        function = auto_augment.LEVEL_TO_ARG[name + ("Increasing" if increasing and name in INCREASING else "")]
        if function is None:
            continue
        for magnitude in [0, 3.3, 9, 10]:
            values = sorted({function(magnitude, {})[0] for _ in range(40)})
            levels.append({"name": name, "increasing": increasing, "magnitude": magnitude, "values": values})

out = {
    "size": SIZE,
    "fill": FILL,
    "images": [noise.ravel().tolist(), dull.ravel().tolist()],
    "cases": cases,
    "levels": levels,
}
(Path(__file__).parent / "augment.json").write_text(json.dumps(out) + "\n")
