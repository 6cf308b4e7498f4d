// Microphones for tests as WAV files, which Chromium plays round and round: a sine, noise, speech.
import { writeFileSync } from 'node:fs';

const RATE = 48_000;
// Whole seconds hold whole periods of every whole frequency, so that the end meets the beginning without a click.
const SECONDS = 4;
// Half of full scale: well above every noise gate, and no processing has a reason to touch it.
const AMPLITUDE = 0.5;

/**
 * A tone. Every file is 16 bit, one channel, 48 kHz.
 * @param {string} path
 * @param {number} hertz
 */
export function writeTone(path, hertz) {
  writeWave(path, (i) => AMPLITUDE * Math.sin((2 * Math.PI * hertz * i) / RATE));
}

/**
 * What a fan says: white noise, the same in every run.
 * @param {string} path
 */
export function writeNoise(path) {
  // xorshift, Marsaglia 2003: no two pieces alike, or it would be a hum.
  let state = 2_463_534_242;
  writeWave(path, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return 0.1 * ((state >>> 0) / 2_147_483_648 - 1);
  });
}

/** The loudest resonances of a mouth, in Hz, for some vowels. */
const VOWELS = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [570, 840, 2410],
  [530, 1840, 2480],
];

/**
 * What a mouth says: vowels of a voice whose pitch moves, four a second, with gaps between words.
 * @param {string} path
 */
export function writeSpeech(path) {
  let phase = 0;
  writeWave(path, (i) => {
    const at = i / RATE;
    const pitch = 120 + 25 * Math.sin(2 * Math.PI * 0.75 * at) + 8 * Math.sin(2 * Math.PI * 3 * at);
    phase += pitch / RATE;
    const vowel = VOWELS[Math.floor(at * 4) % VOWELS.length];
    let value = 0;
    for (let harmonic = 1; harmonic * pitch < 4_000; harmonic++) {
      const hertz = harmonic * pitch;
      const strength = vowel.reduce((sum, formant, n) => sum + 1 / (1 + ((hertz - formant) / 90) ** 2) / (n + 1), 0.02);
      value += (strength / Math.sqrt(harmonic)) * Math.sin(2 * Math.PI * harmonic * phase);
    }
    const syllable = Math.sin(Math.PI * ((at * 4) % 1)) ** 0.5;
    const word = at % 1 < 0.75 ? 1 : 0;
    return 0.25 * value * syllable * word;
  });
}

/** @param {(index: number) => number} sampleOf Each sample, from -1 to 1. */
function writeWave(path, sampleOf) {
  const samples = RATE * SECONDS;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16); // bytes of the format that follows
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // channels
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE * 2, 28); // bytes per second
  wav.writeUInt16LE(2, 32); // bytes per frame
  wav.writeUInt16LE(16, 34); // bits per sample
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    const value = Math.min(1, Math.max(-1, sampleOf(i)));
    wav.writeInt16LE(Math.round(value * 32_767), 44 + i * 2);
  }
  writeFileSync(path, wav);
}

/**
 * Inside a page, before its own scripts: the microphone is a sine of this frequency. Must not use anything from
 * outside itself.
 * @param {number} hertz
 */
export function singTone(hertz) {
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext({ sampleRate: 48_000, sinkId: { type: 'none' } });
    const tone = new OscillatorNode(context, { frequency: hertz });
    const microphone = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    tone.connect(new GainNode(context, { gain: 0.5 })).connect(microphone);
    tone.start();
    return microphone.stream;
  };
}
