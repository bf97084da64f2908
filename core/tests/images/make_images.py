"""Writes the image files beside this one, and decoded.safetensors: what Pillow's `convert("RGB")` makes of each.

Run: python make_images.py   (pillow, numpy, safetensors; nothing is downloaded)
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

HERE = Path(__file__).parent
WIDTH, HEIGHT = 21, 13


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png16(array, color_type):
    """A PNG of 16 bits and several channels, which Pillow reads but does not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, color_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rgb = Image.fromarray(np.stack([x * 12, y * 19, (x * y) % 256], -1).astype(np.uint8))
    smooth = Image.fromarray(np.stack([x * 12, y * 19, 255 - x * 6 - y * 9], -1).clip(0, 255).astype(np.uint8))
    alpha = Image.fromarray((x * 12).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    palette = rgb.quantize(16)
    save = lambda image, name, **options: image.save(HERE / name, **options)
    save(rgb.convert("L"), "grey.png")
    save(Image.merge("LA", [rgb.convert("L"), alpha]), "grey_alpha.png")
    save(rgb.convert("1"), "one_bit.png")
    save(palette, "palette.png")
    save(palette, "palette_transparent.png", transparency=3)
    save(rgba, "alpha.png")
    save(Image.fromarray((x * 20 + y * 3).astype(np.uint16)), "grey_16.png")
    wide = (np.stack([x * 3001, y * 5003, x * y * 251, x * 3000], -1) % 65536).astype(np.uint16)
    (HERE / "rgb_16.png").write_bytes(png16(wide[..., :3], 2))
    (HERE / "alpha_16.png").write_bytes(png16(wide, 6))
    (HERE / "grey_alpha_16.png").write_bytes(png16(wide[..., 2:], 4))
    save(smooth, "rgb.jpg", quality=90, subsampling="4:4:4")
    save(smooth, "sampled.jpg", quality=90, subsampling="4:2:0")
    save(smooth, "progressive.jpg", quality=90, progressive=True)
    save(smooth.convert("L"), "grey.jpg", quality=90)
    inks = [*smooth.convert("CMYK").split()[:3], Image.fromarray((x * 9).astype(np.uint8))]
    save(Image.merge("CMYK", inks), "cmyk.jpg", quality=90)
    exif = Image.Exif()
    exif[274] = 6  # rotated by 90 degrees, which convert() does not undo
    save(smooth, "rotated.jpg", quality=90, exif=exif)
    ycck()
    save(rgb, "png_named.JPEG", format="PNG")
    save(palette, "palette.gif")
    save(palette, "palette_transparent.gif", transparency=3)
    partial_gifs()
    whole = (HERE / "alpha.png").read_bytes()
    (HERE / "without_end.png").write_bytes(whole[:-12])
    (HERE / "cut_end.png").write_bytes(whole[:-4])
    save(rgb, "rgb.bmp")
    save(rgba, "alpha.webp", lossless=True, exact=True)
    save(smooth, "lossy.webp", quality=90)
    decoded = {path.name: np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB")))
               for path in sorted(HERE.iterdir()) if path.suffix not in {".py", ".safetensors"}}
    save_file(decoded, HERE / "decoded.safetensors")


def partial_gifs():
    """A frame inside a larger canvas, without and with a transparent colour, and one that is larger than its canvas."""
    for source, name, canvas, place in [
        ("palette.gif", "partial.gif", (WIDTH + 9, HEIGHT + 6), (5, 2)),
        ("palette_transparent.gif", "partial_transparent.gif", (WIDTH + 9, HEIGHT + 6), (5, 2)),
        ("palette.gif", "outgrown.gif", (WIDTH - 4, HEIGHT), (2, 1)),
    ]:
        content = bytearray((HERE / source).read_bytes())
        frame = content.index(b"\x2c\0\0\0\0" + struct.pack("<HH", WIDTH, HEIGHT))
        content[6:10] = struct.pack("<HH", *canvas)
        content[frame + 1 : frame + 5] = struct.pack("<HH", *place)
        (HERE / name).write_bytes(content)


def ycck():
    """The CMYK file whose Adobe marker says that its first three channels are YCbCr."""
    bytes = (HERE / "cmyk.jpg").read_bytes()
    at = bytes.index(b"Adobe") + 11
    (HERE / "ycck.jpg").write_bytes(bytes[:at] + b"\2" + bytes[at + 1:])


if __name__ == "__main__":
    main()
