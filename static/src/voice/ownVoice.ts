/**
 * One's own voice: the microphone, and everything that has a say in whether the room hears it.
 *
 * It outlives a stay: who leaves muted comes back muted. Must not know: channels, peers, the server. What it needs
 * of the stay comes in as {@link Stay}. Start reading at {@link OwnVoice.gate}, then `take`.
 */
import type { VoicePreferences } from "../protocol";
import type { Threshold } from "./activity";
import { gate, type Gate, type TransmitMode } from "./gate";
import type { Microphone, NoMicrophone, Opened, Processing } from "./microphone";
import type { Outlet } from "./outlet";
import type { VoicePorts } from "./ports";
import { DEFAULT_TALK_KEY, RELEASE_TAIL_MS, TalkKey } from "./talkKey";

/** What holds before the server has told what the user wants. */
const AT_FIRST: VoicePreferences = {
  transmit: "push_to_talk",
  talk_key: DEFAULT_TALK_KEY,
  release_tail_ms: RELEASE_TAIL_MS,
  threshold_db: null,
  sound: "voice",
  echo_cancellation: true,
  noise_removal: true,
  gain_control: true,
  cues: true,
  attenuation: false,
};

/** The part of a stay in a room that the voice goes out by. */
export interface Stay {
  /** Null before there is one. */
  readonly participant: number | null;
  readonly sender: RTCRtpSender | null;
  readonly outlet: Outlet | null;
}

export class OwnVoice {
  /** What one holds to talk. */
  readonly key: TalkKey;
  private microphone: Microphone | null = null;
  private refusal: NoMicrophone | null = null;
  private isMuted: boolean;
  /** The user has not said yet whether the microphone is closed. */
  private neverMuted: boolean;
  private isDeafened = false;
  /** How one wants to be heard; the server keeps it. */
  private preferences: VoicePreferences = AT_FIRST;

  constructor(
    private readonly ports: VoicePorts,
    private readonly stay: () => Stay | null,
  ) {
    this.key = new TalkKey(ports.timers, () => this.gateMoved());
    this.key.listening = AT_FIRST.transmit === "push_to_talk";
    this.isMuted = ports.remembered.muted ?? mutedAtFirst(AT_FIRST);
    this.neverMuted = ports.remembered.muted === null;
  }

  // ---- reading ----

  get gate(): Gate {
    return gate({
      joined: this.stay()?.participant != null,
      microphone: this.microphone !== null,
      muted: this.isMuted,
      deafened: this.isDeafened,
      mode: this.mode(),
    });
  }
  get muted(): boolean {
    return this.isMuted;
  }
  get deafened(): boolean {
    return this.isDeafened;
  }
  /** Whether there is a microphone to talk with. */
  get present(): boolean {
    return this.microphone !== null;
  }
  /** Why one can only listen; null when there is a microphone or nobody asked for it. */
  get noMicrophone(): NoMicrophone | null {
    return this.microphone ? null : this.refusal;
  }
  get track(): MediaStreamTrack | null {
    return this.microphone?.track ?? null;
  }
  get transmit(): VoicePreferences["transmit"] {
    return this.preferences.transmit;
  }
  /** @see Microphone.level */
  level(): number | null {
    return this.microphone?.level() ?? null;
  }

  // ---- what the user wants ----

  /** How the user wants to be heard from now on. */
  prefer(preferences: VoicePreferences) {
    const before = this.preferences;
    this.preferences = preferences;
    this.key.code = preferences.talk_key;
    this.key.tailMs = preferences.release_tail_ms;
    this.key.listening = preferences.transmit === "push_to_talk";
    if (!this.key.listening) this.key.lost();
    if (this.microphone) this.microphone.threshold = thresholdOf(preferences);
    if (!sameSound(before, preferences)) void this.change();
    if (this.neverMuted) this.isMuted = mutedAtFirst(preferences);
    this.gateMoved();
  }

  mute(muted: boolean) {
    this.isMuted = muted;
    this.neverMuted = false;
    // Who opens the microphone wants to be in the talk again, ears included.
    if (!muted) this.isDeafened = false;
    this.ports.remembered.remember(muted);
    this.gateMoved();
  }

  deafen(deafened: boolean) {
    this.isDeafened = deafened;
    this.gateMoved();
  }

  // ---- the microphone ----

  /** Another microphone of its own, to be tried outside of the talk. Whoever asks closes it. */
  async try(): Promise<Opened> {
    const opened = await this.ask();
    if ("microphone" in opened) opened.microphone.threshold = thresholdOf(this.preferences);
    return opened;
  }

  /** Asks for the microphone at the beginning of a stay; `still` says whether that stay is wanted yet. */
  async open(still: () => boolean) {
    const opened = await this.ask();
    // The user went on while the browser asked. Another stay may need it; a leave does not.
    if (this.microphone || (!still() && !this.stay())) closeIn(opened);
    else if (still() || "microphone" in opened) this.take(opened);
  }

  /** The chosen device or what is done to the sound is another: the talk goes on with it. */
  async change() {
    const before = this.microphone;
    if (!before) return;
    const opened = await this.ask();
    if (before !== this.microphone || !("microphone" in opened)) {
      closeIn(opened);
      return;
    }
    this.take(opened);
    before.close();
    await this.send();
  }

  /** Asks again, within the stay. */
  async retry() {
    const stay = this.stay();
    if (!stay || this.microphone) return;
    const opened = await this.ask();
    if (stay !== this.stay() || this.microphone) {
      closeIn(opened);
      return;
    }
    this.take(opened);
    await this.send();
  }

  /** Silent until the gate is looked at again: the stay has lost what the voice went out by. */
  hold() {
    if (this.microphone) this.microphone.open = false;
  }

  close() {
    this.microphone?.close();
    this.microphone = null;
  }

  /** Nobody asks for a microphone any more: there is no reason why there is none. */
  forget() {
    this.close();
    this.refusal = null;
  }

  /** The page is looked at again: whatever the browser held back of the microphone goes on. */
  resume() {
    this.microphone?.resume();
  }

  /** Brings the gate to everything it moves. */
  apply() {
    const { open } = this.gate;
    if (this.microphone) this.microphone.open = open;
    this.stay()?.outlet?.set(open);
    const speaking = open && (this.preferences.transmit === "push_to_talk" || (this.microphone?.speaking ?? false));
    this.ports.loudspeakers.soften(speaking && this.preferences.attenuation);
    this.ports.loudspeakers.silence(this.isDeafened);
  }

  // ---- small things ----

  private ask(): Promise<Opened> {
    return this.ports.openMicrophone(processingOf(this.preferences));
  }

  private async send() {
    await this.stay()?.sender?.replaceTrack(this.track).catch(() => {});
    this.ports.changed();
  }

  private take(opened: Opened) {
    if ("refused" in opened) {
      this.refusal = opened.refused;
      return;
    }
    this.refusal = null;
    this.microphone = opened.microphone;
    opened.microphone.threshold = thresholdOf(this.preferences);
    opened.microphone.onspeech = () => {
      if (this.preferences.transmit === "voice_activity") this.gateMoved();
      else this.apply();
    };
    opened.microphone.onsilenced = () => void this.change();
    opened.microphone.onended = () => {
      this.close();
      this.refusal = "unplugged";
      void this.send();
      // The browser may have another one by now.
      void this.retry();
    };
    this.apply();
  }

  private mode(): TransmitMode {
    switch (this.preferences.transmit) {
      case "push_to_talk":
        return { kind: "push_to_talk", held: this.key.held };
      case "voice_activity":
        return { kind: "voice_activity", speaking: this.microphone?.speaking ?? false };
      case "continuous":
        return { kind: "continuous" };
    }
  }

  /** Something that has a say in the gate moved. */
  private gateMoved() {
    this.apply();
    this.ports.changed();
  }
}

function closeIn(opened: Opened) {
  if ("microphone" in opened) opened.microphone.close();
}

/** The first time in a new house one listens first; where nothing is heard before a key is held, that is enough. */
function mutedAtFirst({ transmit }: VoicePreferences): boolean {
  return transmit !== "push_to_talk";
}

function thresholdOf({ threshold_db: db }: VoicePreferences): Threshold {
  return db === null ? { kind: "automatic" } : { kind: "fixed", db };
}

function processingOf(preferences: VoicePreferences): Processing {
  return {
    sound: preferences.sound,
    echoCancellation: preferences.echo_cancellation,
    noiseRemoval: preferences.noise_removal,
    gainControl: preferences.gain_control,
  };
}

/** Whether the same microphone does for both. */
function sameSound(one: VoicePreferences, other: VoicePreferences): boolean {
  const [a, b] = [processingOf(one), processingOf(other)];
  return (Object.keys(a) as (keyof Processing)[]).every((key) => a[key] === b[key]);
}
