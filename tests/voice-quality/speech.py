"""Makes what is said: a loop of speech for a microphone, and a map of it.

    speech.py FOLDER        needs espeak-ng and sox; writes speech.wav, speech.json, and turn0.wav to turn2.wav

The loop has a click (a chirp, so that it is found under noise), and three blocks of two sentences, by voices of a man, a
woman and a man, each at the same active level. The turns are one sentence each in a loop of their own, one after the
other: three people who never talk at the same time.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile

RATE = 48_000
# Shorter than a voice may pause and still be one: after 400 ms the server takes it for silent, and sends none of that.
PAUSE = np.zeros(int(0.3 * RATE))
TURNS_LOOP_S = 12.0
# Active level as in ITU-T P.56, about: what telephony tests use.
LEVEL_DB = -26

BLOCKS = [
    ("en-us+m3", ["The old ferry crossed the bay just before the storm came in.", "Four of us waited on the pier with wet shoes."]),
    ("en-gb+f3", ["Could you tell the baker that we need nine loaves for Sunday.", "Her brother keeps bees on the roof of a cinema."]),
    ("en-us+m7", ["A yellow bus stopped where the road bends towards the quarry.", "They sold their piano and bought a boat instead."]),
]
TURNS = [
    ("en-us+m3", "Please put the tall ladder back behind the shed."),
    ("en-gb+f3", "Twelve pigeons sat on the wire above the garden."),
    ("en-us+m7", "Bring a coat because the evening will be cold."),
]


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    click = chirp()
    parts, blocks, at = [click, PAUSE], [], len(click) + len(PAUSE)
    for voice, lines in BLOCKS:
        sentences = []
        for line in lines:
            said = levelled(say(voice, line))
            parts += [said, PAUSE]
            sentences.append([at, at + len(said)])
            at += len(said) + len(PAUSE)
        blocks.append({"from": sentences[0][0] - len(PAUSE) // 2, "to": sentences[-1][1] + len(PAUSE) // 2, "sentences": sentences})
    loop = np.concatenate(parts)
    write(folder / "speech.wav", loop)

    turns = []
    for number, (voice, line) in enumerate(TURNS):
        turn = np.zeros(int(TURNS_LOOP_S * RATE))
        said = levelled(say(voice, line))
        at = int(number * TURNS_LOOP_S / len(TURNS) * RATE) + int(0.2 * RATE)
        assert len(said) < (TURNS_LOOP_S / len(TURNS) - 0.3) * RATE, "a turn runs into the next"
        turn[at : at + len(said)] = said
        write(folder / f"turn{number}.wav", turn)
        turns.append([at, at + len(said)])
    map_of = {"rate": RATE, "loop": len(loop), "click": [0, len(click)], "blocks": blocks, "turns_loop": int(TURNS_LOOP_S * RATE), "turns": turns}
    (folder / "speech.json").write_text(json.dumps(map_of))


def chirp():
    seconds = 0.25
    t = np.arange(int(seconds * RATE)) / RATE
    low, high = 300, 6000
    return 0.25 * np.sin(2 * np.pi * (low * t + (high - low) / (2 * seconds) * t**2)) * np.hanning(len(t))


def say(voice, text):
    with tempfile.TemporaryDirectory() as folder:
        spoken, wide = Path(folder, "spoken.wav"), Path(folder, "wide.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", "185", "-w", spoken, text], check=True)
        subprocess.run(["sox", spoken, "-r", str(RATE), "-c", "1", "-b", "16", wide, "gain", "-n", "-6"], check=True)
        _, samples = wavfile.read(wide)
    samples = samples / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def levelled(samples):
    frame = RATE // 50
    power = (samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2).mean(1)
    active = power[power > power.max() * 10**-3.5]
    return samples * 10 ** (LEVEL_DB / 20) / np.sqrt(active.mean())


def write(path, samples):
    assert np.abs(samples).max() < 0.99, f"{path} is clipped"
    wavfile.write(path, RATE, np.round(samples * 32767).astype(np.int16))


main(Path(sys.argv[1]))
