"""Renders the photographs of this folder, and photos.json: what Pillow's `convert("RGB")` makes of each.

Run: python make_photos.py   (pillow 13, numpy 2; nothing is downloaded)

Scenes are rendered by ray casting over land of fractal noise, with haze, a lens's vignette and a sensor's noise, so that they
have the colours and the spectra of photographs: coasts, hills, and snow in the evening, laid out as <split>/<class>/<image>.

photos.json holds of each file its size, the mean of each channel in each of 6 x 4 cells (row by row), and for files that are
compressed without loss the SHA-256 of all pixels.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
COLUMNS, ROWS = 6, 4  # cells of a picture
LAND = 256  # points on a side of a landscape

# Each class: colours of the sky above and at the horizon, of low and of high land, and how much of the land is water.
CLASSES = {
    "coast": ((70, 120, 200), (205, 220, 235), (205, 185, 140), (70, 110, 55), 0.55),
    "hills": ((95, 140, 205), (225, 225, 215), (95, 130, 50), (135, 110, 75), 0.0),
    "snow": ((35, 40, 95), (240, 165, 110), (110, 115, 135), (240, 240, 250), 0.15),
}
# Each picture: name, width and height, and how it is written.
PICTURES = {
    "train": [
        ("sampled.jpg", 160, 120, dict(quality=82)),
        ("progressive.jpg", 150, 113, dict(quality=80, progressive=True)),
        ("whole.JPEG", 97, 131, dict(quality=85, subsampling="4:4:4")),
        ("inks.jpg", 120, 90, dict(quality=80)),  # CMYK
        ("grey.jpg", 133, 100, dict(quality=85)),
        ("lossless.png", 72, 54, {}),
        ("lossy.webp", 160, 107, dict(quality=80)),
        ("colours.gif", 90, 68, {}),
    ],
    "val": [
        ("sampled.jpg", 141, 94, dict(quality=75)),
        ("lossless.webp", 64, 80, dict(lossless=True)),
    ],
}


def noise(random, side, roughness):
    """Fractal noise that tiles: [side, side], mean 0, deviation 1, spectrum falling as frequency ** -roughness."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = np.inf
    field = np.fft.ifft2(np.fft.fft2(random.standard_normal((side, side))) * frequency**-roughness).real
    return field / field.std()


def land(random, water):
    """Height and colour variation of a landscape; water lies flat at 0."""
    height = noise(random, LAND, 1.9)
    height -= np.quantile(height, water) if water else height.min()
    return np.maximum(height, 0.0), noise(random, LAND, 1.1)


def between(field, y, x):
    """Values of a field that tiles, between its points."""
    (top, left), (down, right) = (np.floor(at).astype(int) for at in (y, x)), (y % 1, x % 1)
    corner = lambda row, column: field[(top + row) % LAND, (left + column) % LAND]
    upper, lower = (corner(row, 0) * (1 - right) + corner(row, 1) * right for row in (0, 1))
    return upper * (1 - down) + lower * down


def render(random, name, width, height):
    """A picture [height, width, 3] of a landscape of a class, seen from above its middle."""
    above, horizon, low, high, water = (np.array(value, float) for value in CLASSES[name])
    ground, stain = land(random, float(water))
    azimuth, sun = random.uniform(0, 2 * np.pi), random.uniform(0.3, 0.9)
    slope = np.roll(ground, 1, 0) - np.roll(ground, -1, 0) + np.roll(ground, 1, 1) - np.roll(ground, -1, 1)
    light = np.clip(0.75 + 2.5 * slope, 0.25, 1.3)
    eye, middle = ground[128, 128] + 0.9, 0.42 * height
    rise = np.clip(np.arange(height) / middle, 0, 1)[:, None, None]
    picture = np.repeat(above + (horizon - above) * rise**1.5, width, 1)
    clouds = noise(random, LAND, 1.6)[:height, :width, None]
    picture += 35 * np.clip(clouds - 0.4, 0, 1.5) * (1 - 0.5 * rise)
    shore = np.full(width, height)  # rows below are drawn already
    across = azimuth + np.arctan((np.arange(width) / width - 0.5) / 0.9)
    for distance in np.geomspace(0.5, 110, 330):
        y, x = (128 + distance * wave(across) for wave in (np.sin, np.cos))
        here, shade, patch = (between(field, y, x) for field in (ground, light, stain))
        grain = between(stain, 23 * y, 23 * x)
        top = np.ceil(middle - (here - eye) / distance * 0.9 * width).astype(int).clip(0, height)
        share = np.clip(here / 2.2 + 0.12 * patch, 0, 1)[:, None]
        colour = (low + (high - low) * share) * (shade * (1 + 0.06 * patch + 0.1 * grain))[:, None]
        is_water = (here < 0.02) & (float(water) > 0)
        ripples = 1 + 0.1 * np.sin(9 * y + 3 * patch)[:, None]
        colour = np.where(is_water[:, None], 0.55 * (above + horizon) / 1.6 * ripples, colour)
        haze = 1 - np.exp(-distance / 90)
        colour = colour + (horizon - colour) * haze
        for column in np.flatnonzero(top < shore):
            picture[top[column]:shore[column], column] = colour[column]
        shore = np.minimum(shore, top)
    y, x = np.mgrid[0:height, 0:width]
    off = np.hypot((x / width - 0.5), (y / height - 0.5))
    picture *= (1.06 - 0.35 * off**2)[..., None] * (0.9 + 0.2 * sun)
    picture += random.standard_normal(picture.shape) * 2.5
    return Image.fromarray(np.clip(picture, 0, 255).round().astype(np.uint8))


def write(picture, path, options):
    """Writes a picture as its name says."""
    if path.stem == "inks":
        cyan, magenta, yellow = (255 - np.asarray(picture, int)[..., channel] for channel in range(3))
        black = np.minimum(np.minimum(cyan, magenta), yellow) // 2
        picture = Image.fromarray(np.stack([cyan - black, magenta - black, yellow - black, black], -1).astype(np.uint8), "CMYK")
    elif path.stem == "grey":
        picture = picture.convert("L")
    elif path.suffix == ".gif":
        picture = picture.quantize(64)
    picture.save(path, **options)


def numbers(path):
    """What Pillow makes of a file."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height, width = pixels.shape[:2]
    cells = [
        pixels[row * height // ROWS:(row + 1) * height // ROWS, column * width // COLUMNS:(column + 1) * width // COLUMNS]
        for row in range(ROWS) for column in range(COLUMNS)
    ]
    found = {"size": [width, height], "cells": [[round(float(mean), 3) for mean in cell.mean((0, 1))] for cell in cells]}
    if path.suffix in {".png", ".gif"} or path.name == "lossless.webp":
        found["sha256"] = hashlib.sha256(pixels.tobytes()).hexdigest()
    return found


def main():
    found = {}
    for split, pictures in PICTURES.items():
        for seed, name in enumerate(CLASSES):
            folder = HERE / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for number, (file, width, height, options) in enumerate(pictures):
                random = np.random.default_rng([seed, number, len(split)])
                write(render(random, name, width, height), folder / file, options)
                found[f"{split}/{name}/{file}"] = numbers(folder / file)
    lines = [f'"{name}": {json.dumps(numbers)}' for name, numbers in sorted(found.items())]
    (HERE / "photos.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
