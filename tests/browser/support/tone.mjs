// A microphone for a test: a sine as a WAV file, which Chromium plays round and round.
import { writeFileSync } from 'node:fs';

const RATE = 48_000;
// Whole seconds hold whole periods of every whole frequency, so that the end meets the beginning without a click.
const SECONDS = 4;
// Half of full scale: well above every noise gate, and no processing has a reason to touch it.
const AMPLITUDE = 0.5;

/**
 * Writes the tone to a file: 16 bit, one channel, 48 kHz.
 * @param {string} path
 * @param {number} hertz
 */
export function writeTone(path, hertz) {
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
    const value = AMPLITUDE * Math.sin((2 * Math.PI * hertz * i) / RATE);
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
