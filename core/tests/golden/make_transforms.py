"""Writes images/ and transforms.safetensors beside this file: what Pillow and torchvision make of a few drawn images.

Run: python make_transforms.py   (torch, torchvision, pillow, opencv-python, numpy, safetensors; nothing is downloaded)

Names are <image>/<what>; file names say width x height.
  decoded                            the JPEG as Pillow decodes it; later arrays of that image start from it
  eval{resize}_{crop}                Resize (shorter side), CenterCrop: uint8 [height, width, 3]
  resized_crop_{t}_{l}_{h}_{w}_to_{s}  crop, black outside of the image, then resize: uint8
  normalized                         the crop eval40_32 as float32 [3, 32, 32]
  block{size}_seed{seed}, pixel_seed{seed}  shuffles of exactly that array
  chexpert_gray                      Pillow's L
  chexpert_affine_{degrees}_{dx}_{dy}_{scale}  of the grey image, nearest neighbour, fill 128
  chexpert_equalized                 of the grey image, OpenCV
  chexpert_input                     OpenCV: equalised, resized to a long side of 48, padded, blurred, scaled
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.numpy import save_file
from torchvision.transforms import functional as F

HERE = Path(__file__).parent
IMAGES = HERE / "images"
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SIDE = 32  # of the normalised array
XRAY_SIDE = 48


def waves(width, height):
    """Smooth colour waves of several lengths, with fine stripes that a resize without antialias would break."""
    y, x = np.mgrid[0:height, 0:width]
    red = 128 + 90 * np.sin(x / 11) + 30 * np.sin(y / 2.3)
    green = 128 + 100 * np.cos((x + 2 * y) / 17)
    blue = np.where((x // 2 + y // 3) % 2 == 0, 40, 210)
    return Image.fromarray(np.clip(np.stack([red, green, blue], -1), 0, 255).astype(np.uint8))


def pieces(width, height):
    """Flat pieces with hard edges on white."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse([width * 0.1, height * 0.2, width * 0.6, height * 0.7], fill=(220, 40, 60), outline=(10, 10, 30))
    draw.polygon([(width * 0.5, height * 0.1), (width * 0.95, height * 0.9), (width * 0.3, height * 0.8)], fill=(30, 90, 200))
    for step in range(0, width, 7):
        draw.line([(step, 0), (width - step, height)], fill=(20, 120, 40))
    return image


def shuffled_blocks(array, block, seed):
    size = array.shape[-1]
    columns = torch.nn.functional.unfold(torch.from_numpy(array)[None], block, stride=block)
    order = torch.from_numpy(np.random.RandomState(seed).permutation((size // block) ** 2))
    return torch.nn.functional.fold(columns[..., order], size, block, stride=block)[0].numpy()


def evaluated(image, resize, crop):
    return np.asarray(F.center_crop(F.resize(image, resize, F.InterpolationMode.BILINEAR), crop))


def xray(equalized):
    height, width = equalized.shape
    ratio = XRAY_SIDE / max(height, width)
    size = (int(round(width * ratio)), int(round(height * ratio)))
    image = cv2.resize(equalized.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    right, below = XRAY_SIDE - size[0], XRAY_SIDE - size[1]
    image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=128)
    return (cv2.GaussianBlur(image, (3, 3), 0) - 128) / 64


def main():
    IMAGES.mkdir(exist_ok=True)
    sources = {
        "waves_90x60.png": waves(90, 60),
        "waves_33x71.png": waves(33, 71),
        "pieces_61x47.png": pieces(61, 47),
        "pieces_gray_40x52.png": pieces(40, 52).convert("L"),
        "pieces_64x48.jpg": pieces(64, 48),
    }
    arrays = {}
    for name, source in sources.items():
        path, stem = IMAGES / name, name.split(".")[0]
        source.save(path, quality=90) if path.suffix == ".jpg" else source.save(path, optimize=True)
        image = Image.open(path).convert("RGB")
        if path.suffix == ".jpg":
            arrays[f"{stem}/decoded"] = np.asarray(image)
        # The last crop is larger than the resized image.
        for resize, crop in [(40, 32), (72, 64), (37, 30), (24, 31)]:
            arrays[f"{stem}/eval{resize}_{crop}"] = evaluated(image, resize, crop)
        for top, left, height, width, size in [(3, 5, 30, 25, 32), (10, 20, 55, 50, 32), (1, 2, 9, 12, 48)]:
            crop = F.resized_crop(image, top, left, height, width, [size, size], F.InterpolationMode.BILINEAR)
            arrays[f"{stem}/resized_crop_{top}_{left}_{height}_{width}_to_{size}"] = np.asarray(crop)
        if name in ("waves_90x60.png", "pieces_gray_40x52.png"):
            gray = image.convert("L")
            equalized = cv2.equalizeHist(np.asarray(gray))
            affine = F.affine(gray, -11.5, [4, -3], 0.97, [0, 0], F.InterpolationMode.NEAREST, fill=128)
            arrays[f"{stem}/chexpert_gray"] = np.asarray(gray)
            arrays[f"{stem}/chexpert_affine_-11.5_4_-3_0.97"] = np.asarray(affine)
            arrays[f"{stem}/chexpert_equalized"] = equalized
            arrays[f"{stem}/chexpert_input"] = xray(equalized)
        if name == "waves_90x60.png":
            tensor = F.normalize(F.to_tensor(Image.fromarray(evaluated(image, 40, SIDE))), MEAN, DEVIATION)
            array = tensor.numpy()
            arrays[f"{stem}/normalized"] = array
            for block, seed in [(16, 1234), (16, 1235), (8, 1235), (4, 1234), (1, 1236)]:
                arrays[f"{stem}/block{block}_seed{seed}"] = shuffled_blocks(array, block, seed)
            order = np.random.RandomState(1234).permutation(array.size)
            arrays[f"{stem}/pixel_seed1234"] = array.reshape(-1)[order].reshape(array.shape)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, HERE / "transforms.safetensors")


if __name__ == "__main__":
    main()
