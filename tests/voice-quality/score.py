"""Scores what was recorded: a file scores.json in each batch.

    score.py SPEECH BATCH...

What was said is compared with what was heard, piece by piece: a jitter buffer stretches and skips, so each piece is
aligned by itself. All recordings of a batch are on the machine's clock, so that the delay from mouth to ear is the time
of a piece at the far page less its time in the microphone's track. Blocks of speech get PESQ (wide band, ITU-T P.862.2)
and STOI; everything is at 16 kHz, which is what these take.
"""

import json
import sys
from pathlib import Path

import numpy as np
from pesq import NoUtterancesError, pesq
from pystoi import stoi
from scipy.io import wavfile
from scipy.signal import fftconvolve, resample_poly

RATE = 16_000
# How alike a piece must be to be found at all, and to say when it was heard.
FOUND, SURE = 0.35, 0.6
# How late a block may be heard.
AHEAD_MS = 2000
# Speech: what is so near to the loudest. Missing: what is so far below what was said.
SPEECH_DB, MISSING_DB = 25, 20
# The start of what somebody says.
START_MS = 500


def ms(time):
    return int(time * RATE / 1000)


class Recording:
    """What was heard in one page, with the machine's time of each sample."""

    def __init__(self, folder, person):
        samples = np.fromfile(folder / f"{person['name']}.s16", np.int16) / 32768
        self.samples = resample_poly(samples, 1, 3)
        self.at = np.array([at / 3 for at, _ in person["marks"]])
        offsets = np.array([offset for _, offset in person["marks"]])
        # The earliest of two seconds: what held up a piece did not hold up all of them.
        self.offsets = np.array([offsets[max(0, k - 5) : k + 6].min() for k in range(len(offsets))])

    def time(self, sample):
        """In milliseconds."""
        return np.interp(sample, self.at, self.offsets) + sample * 1000 / RATE

    def sample(self, time):
        guess = (time - self.offsets[0]) * RATE / 1000
        for _ in range(3):
            guess = (time - np.interp(guess, self.at, self.offsets)) * RATE / 1000
        return int(round(guess))

    def take(self, start, length):
        """So many samples from there on; silence outside."""
        taken = np.zeros(length)
        low, high = max(start, 0), min(start + length, len(self.samples))
        if high > low:
            taken[low - start : high - start] = self.samples[low:high]
        return taken


def find(hay, needle):
    """Where, and how alike it is there."""
    alike = fftconvolve(hay, needle[::-1], "valid")
    power = np.cumsum(np.concatenate([[0], hay**2]))
    energy = (power[len(needle) :] - power[: -len(needle)]).clip(1e-6)
    alike = alike / np.sqrt(energy * (needle**2).sum())
    best = int(alike.argmax())
    return best, float(alike[best])


def occurrences(recording, said, loop):
    """Where this was said, whole, each time round."""
    if len(recording.samples) <= len(said):
        return []
    first, alike = find(recording.samples, said)
    if alike < SURE:
        return []
    found, reach = [], ms(50)
    for turn in range(-3, 4):
        near = first + turn * loop
        if near < 0 or near + len(said) > len(recording.samples):
            continue
        k, alike = find(recording.take(near - reach, len(said) + 2 * reach), said)
        if alike >= SURE:
            found.append(near - reach + k)
    return found


def pieces(recording, expected, said, sentences):
    """Each half second or so of the sentences: from, to, how late, and whether that is sure."""
    back, reach, lags = ms(100), ms(120), []
    for a, z in sentences:
        k, alike = find(recording.take(expected + a - back, z - a + back + ms(AHEAD_MS)), said[a:z])
        if alike > FOUND:
            lags.append(k - back)
    whole, found = int(np.median(lags)) if lags else 0, []
    for a, z in sentences:
        edges, near = np.linspace(a, z, max(1, round((z - a) / ms(500))) + 1).astype(int), whole
        for low, high in zip(edges, edges[1:]):
            k, alike = find(recording.take(expected + low + near - reach, high - low + 2 * reach), said[low:high])
            if alike > SURE:
                near += k - reach
            found.append((low, high, near, alike > SURE))
    return whole, found


def levels(samples):
    frame = ms(20)
    return 10 * np.log10((samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2).mean(1) + 1e-10)


def missing(said, heard):
    """Milliseconds of speech where next to nothing was heard."""
    s, h = levels(said), levels(heard)
    return 20 * int(((s > s.max() - SPEECH_DB) & (h < s - MISSING_DB)).sum())


def score(recording, expected, said, sentences, with_pesq):
    whole, found = pieces(recording, expected, said, sentences)
    heard = recording.take(expected + whole, len(said))
    row = {}
    if with_pesq:
        try:
            row["pesq"] = float(pesq(RATE, said, heard, "wb")) if np.abs(heard).max() > 1e-4 else 1.0
        except (NoUtterancesError, ValueError):
            row["pesq"] = 1.0
    s = np.concatenate([said[a:z] for a, z, _, _ in found])
    h = np.concatenate([recording.take(expected + a + late, z - a) for a, z, late, _ in found])
    row["stoi"] = float(stoi(s, h, RATE)) if np.abs(h).max() > 1e-4 else 0.0
    row["missing"] = missing(s, h)
    row["late"] = [late * 1000 / RATE for _, _, late, sure in found if sure]
    starts = []
    for a, z in sentences:
        # By what follows the start, which may not be there itself.
        after = [late for low, _, late, sure in found if low > a and low < z and sure]
        late = after[0] if after else whole
        starts.append(missing(said[a : a + ms(START_MS)], recording.take(expected + a + late, ms(START_MS))))
    row["starts"] = starts
    return row


def counted(person):
    """What the browser counted while it was recorded."""
    before, after = person["counts"]
    then = {stat["id"]: stat for stat in before["stats"]}
    seconds = (after["at"] - before["at"]) / 1000
    lines = [stat for stat in after["stats"] if stat["type"] == "inbound-rtp"]

    def more(line, key):
        return line.get(key, 0) - then.get(line["id"], {}).get(key, 0)

    lines = [line for line in lines if more(line, "packetsReceived") > 0]
    if not lines:
        return {"seconds": seconds}
    main = max(lines, key=lambda line: more(line, "packetsReceived"))
    received = sum(more(line, "packetsReceived") for line in lines)
    lost = sum(more(line, "packetsLost") for line in lines)
    # On a line that changes hands the browser conceals the quiet between two as well: that part is silent.
    audible = sum(more(line, "concealedSamples") - more(line, "silentConcealedSamples") for line in lines)
    return {
        "seconds": seconds,
        "concealed": more(main, "concealedSamples") / max(1, more(main, "totalSamplesReceived")),
        "audible": audible / (48_000 * seconds),
        "lost": lost / max(1, received + lost),
        "buffer": 1000 * more(main, "jitterBufferDelay") / max(1, more(main, "jitterBufferEmittedCount")),
        "kbps": sum(more(line, "bytesReceived") for line in lines) * 8 / 1000 / seconds,
        "discarded": sum(more(line, "packetsDiscarded") for line in lines),
        "fec": sum(more(line, "fecPacketsReceived") for line in lines),
    }


def batch(speech, folder):
    map_of = json.loads((speech / "speech.json").read_text())
    third = lambda value: [third(v) for v in value] if isinstance(value, list) else value // 3

    def wav(name):
        return resample_poly(wavfile.read(speech / name)[1] / 32768, 1, 3)

    info = json.loads((folder / "batch.json").read_text())
    people = {person["name"]: person for person in info["people"]}
    heard = {name: Recording(folder, person) for name, person in people.items()}
    rows = [{"name": p["name"], "plain": p.get("plain", False), **counted(p)} for p in info["people"] if not p["talks"]]
    blocks = []
    for talker in (person for person in info["people"] if person["talks"]):
        mic, said = heard[talker["name"]], wav(talker["file"])
        turn = talker["file"] != "speech.wav"
        if turn:
            a, z = third(map_of["turns"][int(talker["file"][4])])
            parts = [{"from": a - ms(100), "to": z + ms(100), "sentences": [[a, z]]}]
            loop = third(map_of["turns_loop"])
        else:
            parts = [{key: third(value) for key, value in block.items()} for block in map_of["blocks"]]
            loop = third(map_of["loop"])
            click = said[slice(*third(map_of["click"]))]
            for at in occurrences(mic, click, loop):
                for p in info["people"]:
                    if p["room"] == talker["room"] and not p["talks"]:
                        far = heard[p["name"]]
                        expected = far.sample(mic.time(at))
                        k, alike = find(far.take(expected - ms(100), len(click) + ms(100) + ms(AHEAD_MS)), click)
                        if alike > FOUND:
                            blocks.append({"name": p["name"], "click": (k - ms(100)) * 1000 / RATE})
        for number, part in enumerate(parts):
            words = said[part["from"] : part["to"]]
            sentences = [[a - part["from"], z - part["from"]] for a, z in part["sentences"]]
            for at in occurrences(mic, words, loop):
                control = score(mic, at, words, sentences, not turn)
                key = {"part": f"{talker['file']} {number}", "at": at, "microphone": control.get("pesq")}
                for p in info["people"]:
                    if p["room"] != talker["room"] or p["talks"]:
                        continue
                    far = heard[p["name"]]
                    expected = far.sample(mic.time(at))
                    if expected < 0 or expected + len(words) + ms(AHEAD_MS) > len(far.samples):
                        continue
                    blocks.append({"name": p["name"], **key, **score(far, expected, words, sentences, not turn)})
    recorded = {name: len(far.samples) / RATE for name, far in heard.items()}
    slow = [name for name, p in people.items() if recorded[name] < 0.985 * counted(p)["seconds"]]
    return {key: info[key] for key in ("seed", "commit", "browser", "load")} | {"rows": rows, "blocks": blocks, "slow": slow}


def main():
    speech, *folders = (Path(argument) for argument in sys.argv[1:])
    for folder in folders:
        if (folder / "batch.json").exists() and not (folder / "scores.json").exists():
            scores = batch(speech, folder)
            (folder / "scores.json").write_text(json.dumps(scores))
            print(folder.name, len(scores["blocks"]), "pieces scored", flush=True)


main()
