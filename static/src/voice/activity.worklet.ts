/**
 * Listens to the microphone in the audio thread, where a page in the background is not held back.
 *
 * Says when somebody begins and stops speaking, and how loud it is, twenty times a second. All judgement is
 * {@link Activity}'s. Takes a {@link Threshold} as message.
 */
import { Activity, type Threshold } from "./activity";
import type { Heard } from "./ear";

/** What TypeScript's library does not know of this place. */
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

/** One judgement for so much sound. */
const PIECE_MS = 10;
/** How often the level is told. */
const TELL_MS = 50;

class ActivityProcessor extends AudioWorkletProcessor {
  private readonly activity = new Activity({ kind: "automatic" });
  private readonly pieceLength = Math.round((sampleRate * PIECE_MS) / 1_000);
  private sum = 0;
  private count = 0;
  private loudest = -120;
  private untoldMs = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Threshold>) => {
      this.activity.threshold = data;
    };
  }

  process([input]: Float32Array[][]): boolean {
    const samples = input?.[0];
    // Nothing connected, or a track that was stopped: silence is nothing to judge.
    if (!samples) return true;
    for (const sample of samples) {
      this.sum += sample * sample;
      this.count += 1;
      if (this.count === this.pieceLength) this.judge();
    }
    return true;
  }

  private judge() {
    const level = 10 * Math.log10(this.sum / this.count + 1e-12);
    this.sum = 0;
    this.count = 0;
    this.loudest = Math.max(this.loudest, level);
    this.untoldMs += PIECE_MS;
    const before = this.activity.speaking;
    const speaking = this.activity.hear(level, PIECE_MS);
    if (speaking === before && this.untoldMs < TELL_MS) return;
    const heard: Heard = { speaking, level: this.loudest, opensAt: this.activity.opensAt };
    this.port.postMessage(heard);
    this.loudest = -120;
    this.untoldMs = 0;
  }
}

registerProcessor("activity", ActivityProcessor);
