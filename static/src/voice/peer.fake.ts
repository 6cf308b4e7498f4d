/** A connection that does what a test says; see `peer`. */
import { settle } from "../timers.fake";

export class FakePeer {
  connectionState = "new";
  iceConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;
  /** What it was told, in order. */
  told: string[] = [];
  configuration: RTCConfiguration = { bundlePolicy: "max-bundle" };
  answer: string | null = null;
  closed = false;
  lines: { kind: unknown; direction: string; codecs: string[] }[] = [];
  sending: (unknown | null)[] = [];
  /** Whether the line to send on is switched on. */
  packetsLeave = true;
  answers = 0;
  restarts = 0;
  still = false;

  addTransceiver(kind: unknown, { direction }: { direction: string }) {
    const line = { kind, direction, codecs: [] as string[] };
    this.lines.push(line);
    return {
      setCodecPreferences: (codecs: { mimeType: string }[]) => {
        line.codecs = codecs.map((codec) => codec.mimeType);
      },
      sender: {
        replaceTrack: async (track: unknown) => void this.sending.push(track),
        getParameters: () => ({ encodings: [{ active: this.packetsLeave }] }),
        setParameters: async ({ encodings }: { encodings: { active: boolean }[] }) => {
          this.packetsLeave = encodings[0]?.active ?? false;
        },
      },
      receiver: { track: { line: this.lines.length - 1 } },
    };
  }
  restartIce() {
    this.restarts += 1;
  }
  async createOffer() {
    return { type: "offer", sdp: this.restarts === 0 ? "offer" : `offer again ${this.restarts}` };
  }
  async setLocalDescription({ sdp }: { sdp: string }) {
    this.told.push(`local ${sdp}`);
  }
  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.told.push(`remote ${sdp}`);
    this.answer = sdp;
  }
  getConfiguration() {
    return this.configuration;
  }
  setConfiguration(configuration: RTCConfiguration) {
    this.told.push("relays");
    this.configuration = configuration;
  }
  async getStats() {
    if (!this.still) this.answers += 1;
    return new Map<string, unknown>([
      ["T", { id: "T", type: "transport", selectedCandidatePairId: "P", bytesReceived: this.answers * 100 }],
      ["P", { id: "P", type: "candidate-pair", responsesReceived: this.answers, currentRoundTripTime: 0.02 }],
    ]);
  }
  close() {
    this.closed = true;
    this.connectionState = "closed";
  }
  async goes(state: string, ice = state) {
    this.connectionState = state;
    this.iceConnectionState = ice;
    this.onconnectionstatechange?.();
    await settle();
  }
}
