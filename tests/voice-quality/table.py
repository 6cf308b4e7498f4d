"""Writes the table: table.py DOCUMENT BATCH...

Out of the scores of all batches, between the two marks in the document. A block counts only where the microphone's own
track is sound (PESQ 4.5 or more), a batch only if every recorder kept up and its clean control concealed at most 1 % and
held back no more than 150 ms, where an idle machine needs 30 to 70: else the machine was measured and not the network. The rule looks at controls alone, never at what is compared with them.
"""

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

SOUND_MICROPHONE = 4.5
SOUND_CONTROL = 0.01
SOUND_BUFFER_MS = 150
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

CONDITIONS = [
    ("clean", "no faults"),
    ("loss5", "5 % lost"),
    ("loss10", "10 % lost"),
    ("loss20", "20 % lost"),
    ("loss30", "30 % lost"),
    ("burst10", "10 % lost in bursts of 3"),
    ("jitter50", "50 ± 50 ms, reordered"),
    ("delay200", "200 ms more"),
    ("up10", "10 % lost by the talker"),
    ("turns-clean", "three in turns, one slot"),
    ("turns-loss10", "three in turns, one slot, 10 % lost"),
]
# What we aim at: the most that is concealed, and how far PESQ may fall beneath the clean control.
AIMS = [("loss10", 0.01, 0.4), ("loss20", 0.025, None), ("burst10", 0.03, None)]
EAR_AIM_MS = 90


def main():
    document, *folders = (Path(argument) for argument in sys.argv[1:])
    batches = [(folder.name, json.loads((folder / "scores.json").read_text())) for folder in folders if (folder / "scores.json").exists()]
    kept, dropped = [], []
    for name, scores in batches:
        control = next(row for row in scores["rows"] if row["name"] == "clean")
        sound = control["concealed"] <= SOUND_CONTROL and control["buffer"] <= SOUND_BUFFER_MS and not scores["slow"]
        (kept if sound else dropped).append((name, scores))
    text = "\n".join(report(kept, dropped))
    old = document.read_text()
    assert BEGIN in old and END in old, f"{document} has no place for the table"
    document.write_text(old[: old.index(BEGIN) + len(BEGIN)] + "\n" + text + "\n" + old[old.index(END) :])
    print(text)


def report(kept, dropped):
    if not kept:
        yield f"No batch was sound; {len(dropped)} were recorded."
        return
    rows, blocks = defaultdict(list), defaultdict(list)
    usable = total = 0
    for name, scores in kept:
        clean = {(b["part"], b["at"]): b for b in scores["blocks"] if b["name"] == "clean" and "part" in b}
        for row in scores["rows"]:
            rows[row["name"]].append(row)
        for block in scores["blocks"]:
            if "click" in block:
                blocks[block["name"]].append(block)
                continue
            total += 1
            if block["microphone"] is None or block["microphone"] >= SOUND_MICROPHONE:
                usable += 1
                # In the same session, at the same moment; a talker of another room was heard there by nobody else.
                twin = clean.get((block["part"], block["at"])) or (list(clean.values()) if block["name"].startswith("up") else None)
                blocks[block["name"]].append({**block, "clean": twin})
    loads = [scores["load"] for _, scores in kept]
    busy = [100 * load["busy"] for load in loads]
    spread = [value for load in loads for value in load["load"]]
    commits = ", ".join(sorted({scores["commit"] for _, scores in kept}))
    when = subprocess.run(["date", "-u", "+%Y-%m-%d"], capture_output=True, text=True, check=True).stdout.strip()
    yield f"Measured {when} at {commits}, Chromium {kept[0][1]['browser']}, {loads[0]['machine']}, {loads[0]['words'].split(' cores')[0]} cores,"
    yield f"{min(busy):.0f} to {max(busy):.0f} % busy, load {min(spread):.1f} to {max(spread):.1f}. {len(kept)} batches kept, {len(dropped)} dropped; {usable} of {total} blocks usable."
    yield ""
    yield "| network | RED | batches, blocks | concealed % | PESQ | beneath clean | STOI | lost at starts ms | mouth to ear p50, p95 ms | click ms | buffer ms | kbit/s |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    figures = {}
    for condition, words in CONDITIONS:
        for plain in (False, True):
            name = condition + ("-plain" if plain else "")
            if name in rows:
                figures[name] = line(condition, rows[name], blocks[name])
                yield f"| {words} | {'off' if plain else 'on'} | " + " | ".join(figures[name]["cells"]) + " |"
    yield ""
    for name, most, fall in AIMS:
        if name in figures:
            shown = figures[name]
            yield f"- {dict(CONDITIONS)[name]}: {100 * shown['concealed']:.2f} % concealed, aim {100 * most:g} %: {'held' if shown['concealed'] <= most else 'not held'}."
            if fall is not None and shown["fall"] is not None:
                yield f"  PESQ {shown['fall']:.2f} beneath clean, aim {fall}: {'held' if shown['fall'] <= fall else 'not held'}."
    if "clean" in figures:
        shown = figures["clean"]
        yield f"- From mouth to ear without faults: {shown['ear']:.0f} ms, aim {EAR_AIM_MS} ms: {'held' if shown['ear'] <= EAR_AIM_MS else 'not held'}."
        if "clean-plain" in figures:
            more = shown["kbps"] / figures["clean-plain"]["kbps"]
            yield f"- Without faults RED costs {100 * (more - 1):.0f} % more bytes, aim 0: {'held' if more < 1.05 else 'not held'}."


def line(condition, rows, blocks):
    mean = lambda values: statistics.fmean(values) if values else float("nan")
    scored = [block for block in blocks if "part" in block]
    turns = condition.startswith("turns")
    # Between two people on one line the browser conceals the quiet too, which nobody hears.
    concealed = mean([row["audible" if turns else "concealed"] for row in rows])
    pesq = [block["pesq"] for block in scored if "pesq" in block]
    falls = []
    for block in scored:
        twin = block["clean"]
        if "pesq" in block and twin:
            falls.append((mean([t["pesq"] for t in twin]) if isinstance(twin, list) else twin["pesq"]) - block["pesq"])
    late = sorted(late for block in scored for late in block["late"])
    at = lambda share: late[min(int(share * len(late)), len(late) - 1)] if late else float("nan")
    clicks = sorted(block["click"] for block in blocks if "click" in block)
    starts = [start for block in scored for start in block["starts"]]
    kbps = mean([row["kbps"] for row in rows])
    fall = mean(falls) if falls and condition != "clean" else None
    cells = [
        f"{len(rows)}, {len(scored)}",
        f"{100 * concealed:.2f}",
        f"{mean(pesq):.2f}" if pesq else "",
        "" if fall is None else f"{fall:.2f}",
        f"{mean([block['stoi'] for block in scored]):.3f}",
        f"{mean(starts):.0f}",
        f"{at(0.5):.0f}, {at(0.95):.0f}",
        f"{clicks[len(clicks) // 2]:.0f}" if clicks else "",
        "" if turns else f"{mean([row['buffer'] for row in rows]):.0f}",
        f"{kbps:.0f}",
    ]
    return {"cells": cells, "concealed": concealed, "fall": fall, "ear": at(0.5), "kbps": kbps}


main()
