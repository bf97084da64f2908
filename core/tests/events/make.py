"""Event files of PyTorch's SummaryWriter beside this script: what a scalar may be, and what TensorBoard shows of it.

Run: python core/tests/events/make.py   (torch, tensorboard)
"""

import json
import shutil
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).parent


def write(name, *sessions):
    """Each session: the step where it begins and purges, if it does, and its steps and values; all in files of one folder."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    for number, (purge, points, style) in enumerate(sessions):
        writer = SummaryWriter(folder / "one", purge_step=purge)
        for step, value in points:
            writer.add_scalar("eval/test_acc", value, step, **style)
        writer.add_text("note", "a tensor that is no number", 1)
        writer.close()
        for path in (folder / "one").iterdir():
            path.rename(folder / f"events.out.tfevents.{number}")
        (folder / "one").rmdir()
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    if "eval/test_acc" in events.Tags()["scalars"]:
        return [[event.step, event.value] for event in events.Scalars("eval/test_acc")]
    return [[event.step, make_ndarray(event.tensor_proto).item()] for event in events.Tensors("eval/test_acc")]


first = [(step, 10 + step / 10) for step in range(6)]
again = [(step, 50 + step / 10) for step in range(3, 5)]
shown = {
    "plain": write("plain", (None, first, {})),
    "tensors": write("tensors", (None, first, {"new_style": True})),
    "doubles": write("doubles", (None, first, {"new_style": True, "double_precision": True})),
    "purged": write("purged", (None, first, {}), (3, again, {})),
    "repeated": write("repeated", (None, first, {}), (None, again, {})),
}
(HERE / "shown.json").write_text(json.dumps(shown) + "\n")
