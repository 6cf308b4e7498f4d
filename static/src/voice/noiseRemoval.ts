/**
 * Takes noise out of a microphone, on this machine: RNNoise in the audio thread.
 *
 * What does it is 160 kB and fetched when somebody goes into a room and wants it. It fails silently, so what comes out
 * is listened to ({@link SoundCheck}) until there is any. Must not know: what is taken instead.
 */
import { loadRnnoise, RnnoiseWorkletNode } from "@sapphi-red/web-noise-suppressor";
import plain from "@sapphi-red/web-noise-suppressor/rnnoise.wasm?url";
import simd from "@sapphi-red/web-noise-suppressor/rnnoise_simd.wasm?url";
import worklet from "@sapphi-red/web-noise-suppressor/rnnoiseWorklet.js?url";
import { SoundCheck } from "./soundCheck";

/** The only rate that RNNoise was taught. */
const HERTZ = 48_000;
const LOOK_MS = 100;

/** A microphone without noise. */
export class Cleaned {
  /** Called once when nothing comes out; then it is of no use. */
  ondead: (() => void) | null = null;
  readonly track: MediaStreamTrack;
  private watch: ReturnType<typeof setInterval> | undefined;

  private constructor(
    source: MediaStreamTrack,
    private readonly context: AudioContext,
    private readonly node: RnnoiseWorkletNode,
  ) {
    const input = context.createMediaStreamSource(new MediaStream([source]));
    const output = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    input.connect(node).connect(output);
    this.track = output.stream.getAudioTracks()[0] as MediaStreamTrack; // it always has exactly one
    const before = new Peak(context, input);
    const after = new Peak(context, node);
    const check = new SoundCheck();
    this.watch = setInterval(() => {
      const look = { running: context.state === "running", input: before.read(), output: after.read() };
      const verdict = check.look(look, LOOK_MS);
      if (verdict === "unknown") return;
      clearInterval(this.watch);
      before.close();
      after.close();
      if (verdict === "dead") this.ondead?.();
    }, LOOK_MS);
  }

  /** Fails where it cannot be fetched or this browser cannot do it. */
  static async of(source: MediaStreamTrack): Promise<Cleaned> {
    const context = new AudioContext({ sampleRate: HERTZ, latencyHint: "interactive" });
    try {
      const [wasmBinary] = await Promise.all([loadRnnoise({ url: plain, simdUrl: simd }), context.audioWorklet.addModule(worklet)]);
      // Here it says what is wrong with it; in the audio thread it would only be silent.
      await WebAssembly.compile(wasmBinary);
      return new Cleaned(source, context, new RnnoiseWorkletNode(context, { wasmBinary, maxChannels: 1 }));
    } catch (error) {
      void context.close();
      throw error;
    }
  }

  /** Goes on after the browser held the sound back, as on a machine that slept. */
  resume() {
    void this.context.resume().catch(() => {});
  }

  close() {
    this.ondead = null;
    clearInterval(this.watch);
    this.track.stop();
    this.node.destroy();
    void this.context.close();
  }
}

/** The loudest of the last samples that passed here. */
class Peak {
  private readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;

  constructor(
    context: AudioContext,
    private readonly at: AudioNode,
  ) {
    this.analyser = new AnalyserNode(context, { fftSize: 4_096 });
    this.samples = new Float32Array(this.analyser.fftSize);
    at.connect(this.analyser);
  }

  read(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    return this.samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  }

  close() {
    this.at.disconnect(this.analyser);
  }
}
