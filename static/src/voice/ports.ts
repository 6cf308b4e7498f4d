/**
 * What one's own stay in a voice room needs from outside: the server, the browser, the clock. Handed to
 * `VoiceRoom` at birth, so that it can be driven by a test. Must not know: how any of it is done.
 */
import type { ChannelId, Relay } from "../protocol";
import type { Timers } from "../timers";
import type { Opened, Processing } from "./microphone";
import type { Peer } from "./peer";
import type { Loudspeakers } from "./speakers";

/** What the server is asked. Refusals are errors with a `code`. */
export interface VoiceSignal {
  join(channel: ChannelId, offer: string, muted: boolean, deafened: boolean): Promise<Joined>;
  /** Offers new ways for the sound of this stay; the server's answer. */
  restart(offer: string): Promise<string>;
  set(muted: boolean, deafened: boolean): Promise<void>;
  leave(): Promise<void>;
}

export interface Joined {
  participant: number;
  answer: string;
  /** Relays, should no direct way lead to the server. */
  relay: Relay | null;
}

export interface VoicePorts {
  timers: Timers;
  signal: VoiceSignal;
  openPeer(): Peer;
  /** What the browser can send and receive, for putting redundancy first. */
  codecs(): RTCRtpCodec[];
  openMicrophone(wanted: Processing): Promise<Opened>;
  loudspeakers: Loudspeakers;
  /** Receiving lines that an offer should have. */
  slots(): number;
  /** Whether the microphone was closed last time; null before the first time. */
  remembered: { muted: boolean | null; remember(muted: boolean): void };
  /** State, gate or microphone changed. */
  changed(): void;
  /** The quality of the line was measured. */
  measured(): void;
}
