"""Reads a run's event files with the real tensorboard package and compares every scalar with metrics.jsonl.

Run: python bench/event_files.py RUN_FOLDER   (from a venv with tensorboard)
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
events = EventAccumulator(str(run / "train_tensorboard"), size_guidance={"scalars": 0})
events.Reload()
read = {(tag, event.step): event.value for tag in events.Tags()["scalars"] for event in events.Scalars(tag)}
written = {}
for line in (run / "metrics.jsonl").read_text().splitlines():
    record = json.loads(line)
    written |= {(tag, record["epoch"]): value for tag, value in record.items() if tag != "epoch"}
assert read.keys() == written.keys(), read.keys() ^ written.keys()
for place, value in written.items():
    # Event files hold float32.
    assert abs(read[place] - value) <= 1e-6 * abs(value), (place, read[place], value)
print(f"{len(read)} scalars of {len({tag for tag, _ in read})} tags agree")
