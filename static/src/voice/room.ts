/**
 * One's own stay in a voice room: one state machine around one peer connection.
 *
 * The state says what is true of the sound, never of the socket: losing the socket does not end a talk, and a
 * socket that is open does not make one. Everything of the browser and of the server comes in as
 * {@link VoicePorts}, so that no DOM is needed here. Must not know: who else is in the room, words for people.
 * Start reading at {@link VoiceState}, then {@link VoiceRoom.join}.
 *
 *     idle -> asking_microphone -> joining -> connecting -> connected <-> reconnecting
 *
 * `leave` goes to idle from everywhere; what cannot be mended ends in failed. A path that broke, or a network that is
 * another, is looked for again within the stay (an ICE restart), while the sound goes on wherever it still goes. A stay
 * is begun anew (same room, new peer) from reconnecting: when that does not help, and when the server forgot us, as
 * after its restart.
 */
import type { ChannelId, ErrorCode, VoiceEnd, VoicePreferences } from "../protocol";
import type { Cancel } from "../timers";
import type { Gate } from "./gate";
import { type Line, LineWatch, sampleOf } from "./line";
import type { NoMicrophone, Opened } from "./microphone";
import { Outlet } from "./outlet";
import { OwnVoice } from "./ownVoice";
import { layOut, pathOf, type Peer } from "./peer";
import type { Joined, VoicePorts } from "./ports";
import type { TalkKey } from "./talkKey";

/** Where one's own voice stands. */
export type VoiceState =
  | { name: "idle" }
  | { name: "asking_microphone"; channel: ChannelId }
  | { name: "joining"; channel: ChannelId }
  | { name: "connecting"; channel: ChannelId }
  | { name: "connected"; channel: ChannelId; since: number }
  | { name: "reconnecting"; channel: ChannelId; since: number }
  | { name: "failed"; channel: ChannelId; reason: VoiceFailure };

/** Why a stay could not be had or kept. */
export type VoiceFailure =
  /** No packet finds its way to the server. */
  | "no_way"
  /** The same user talks from another page or device. */
  | "taken_over"
  | "room_full"
  /** The server has too much to do to let anybody else in. */
  | "voice_overloaded"
  | "voice_unavailable"
  /** The channel is not open to this user, or gone. */
  | "not_allowed"
  /** Somebody put this user out; see {@link VoiceRoom.order}. */
  | "put_out"
  /** The server or the browser broke; the code is in the log. */
  | "broken";

/** How long the first packets may take to find a way. */
const CONNECT_MS = 12_000;
/** A living path is checked by the browser every 2.5 s, so this is two checks without an answer. */
const STILL_MS = 5_500;
/** How long a broken path may mend by itself before we begin anew. */
const MEND_MS = 6_000;
/** Waits before each look for another path while it is broken; after the last, the stay is begun anew. */
const RESTART_WAITS_MS = [0, 1_500, 2_500];
/** Of a network that changes again and again, this often at most. */
const RESTART_PAUSE_MS = 2_000;
/** A stay that held this long was a good one: the next loss begins with no wait. */
const GOOD_STAY_MS = 10_000;
/** Waits before each new beginning. The first is none: a restarted server should be talked on at once. */
const REJOIN_WAITS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000];
/** After the last of them the user decides. */
const MAX_REJOINS = REJOIN_WAITS_MS.length;
/** How long after hearing that we left the reason may follow. */
const REASON_MS = 300;
const MEASURE_MS = 1_000;

/** One beginning: from pressing a room, or from having to begin anew, to the end of its peer. */
interface Attempt {
  readonly channel: ChannelId;
  /** The first of a stay, or a new beginning of one that was under way. */
  readonly first: boolean;
  peer: Peer | null;
  sender: RTCRtpSender | null;
  /** Switches the line off while the gate is closed; null before the answer. */
  outlet: Outlet | null;
  participant: number | null;
  /** What was told to the server last. */
  told: { muted: boolean; deafened: boolean } | null;
  /** Ends that overtook the answer with our number in it. */
  endedEarly: Map<number, VoiceEnd>;
  connectedOnce: boolean;
  watch: LineWatch;
  measuredAt: number | null;
  /** Looks for another path since it broke, and when the last one began; null before the first. */
  restarts: number;
  restartedAt: number | null;
  timers: Cancel[];
}

/** Where somebody else sent this user. */
export type Order = Exclude<VoiceEnd, string>;

export class VoiceRoom {
  /** What brought one here, or out, other than oneself. */
  order: Order | null = null;
  private current: VoiceState = { name: "idle" };
  private attempt: Attempt | null = null;
  private readonly own: OwnVoice;
  private signalUp = false;
  /** We left while the server could not be told. */
  private leaveOwed = false;
  private rejoins = 0;
  /** Since when one is in the room, over every new beginning; null before the first sound could travel. */
  private since: number | null = null;
  private lastLine: Line | null = null;

  constructor(private readonly ports: VoicePorts) {
    this.own = new OwnVoice(ports, () => this.attempt);
  }

  // ---- reading ----

  get state(): VoiceState {
    return this.current;
  }
  /** The room one is in or on the way to; null when idle or failed. */
  get channel(): ChannelId | null {
    return this.attempt?.channel ?? null;
  }
  /** The number of this stay, once there is one. */
  get participant(): number | null {
    return this.attempt?.participant ?? null;
  }
  get muted(): boolean {
    return this.own.muted;
  }
  get deafened(): boolean {
    return this.own.deafened;
  }
  /** Why one can only listen; null when there is a microphone or nobody asked for it. */
  get noMicrophone(): NoMicrophone | null {
    return this.own.noMicrophone;
  }
  get line(): Line | null {
    return this.lastLine;
  }
  get gate(): Gate {
    return this.own.gate;
  }
  /** What one holds to talk. */
  get key(): TalkKey {
    return this.own.key;
  }
  get transmit(): VoicePreferences["transmit"] {
    return this.own.transmit;
  }
  /** How loud one's own microphone is, in dBFS; null when it is off or cannot be measured. */
  level(): number | null {
    return this.own.level();
  }

  // ---- what the user wants ----

  /** How the user wants to be heard from now on. */
  prefer(preferences: VoicePreferences) {
    this.own.prefer(preferences);
    this.tellVoice();
  }

  /** How loud each receiving line is heard, in per cent; 100 for those not named. */
  setVolumes(percents: readonly number[]) {
    this.ports.loudspeakers.volumes(percents);
  }

  /** @see OwnVoice.try */
  tryMicrophone(): Promise<Opened> {
    return this.own.try();
  }

  /** @see OwnVoice.change */
  changeMicrophone(): Promise<void> {
    return this.own.change();
  }

  /** @see OwnVoice.retry */
  retryMicrophone(): Promise<void> {
    return this.own.retry();
  }

  /** @see OwnVoice.resume */
  resume() {
    this.own.resume();
  }

  /** Goes into a room, leaving any other. */
  join(channel: ChannelId) {
    if (this.attempt?.channel === channel) return;
    this.order = null;
    this.dropAttempt();
    this.rejoins = 0;
    this.since = null;
    this.leaveOwed = false;
    void this.begin(channel, true);
  }

  leave() {
    if (this.current.name === "idle") return;
    this.order = null;
    const wasIn = this.attempt !== null;
    this.dropAttempt();
    this.own.forget();
    this.enter({ name: "idle" });
    if (wasIn) this.tellLeft();
  }

  setMuted(muted: boolean) {
    this.own.mute(muted);
    this.tellVoice();
  }

  setDeafened(deafened: boolean) {
    this.own.deafen(deafened);
    this.tellVoice();
  }

  // ---- what the server says ----

  /** The socket is gone. Media is not: nothing changes but what we can ask. */
  signalLost() {
    this.signalUp = false;
  }

  /** The socket is back and has missed nothing. */
  signalResumed() {
    this.signalUp = true;
    this.settleOwed();
    if (this.current.name !== "reconnecting") return;
    if (!this.attempt?.peer) this.beginAnew(0);
    else void this.restart(this.attempt);
  }

  /** The machine has another network than before, or one again. */
  networkChanged() {
    const attempt = this.attempt;
    if (!attempt) return;
    if (this.current.name === "reconnecting" && !attempt.peer) this.beginAnew(0);
    else if (attempt.connectedOnce) void this.restart(attempt);
  }

  /**
   * The socket is back with a whole new picture.
   * @param listed whether a stay with this number is still in the room
   * @param elsewhere whether another stay of the same user is anywhere
   */
  signalReady(listed: (participant: number) => boolean, elsewhere: (participant: number | null) => boolean) {
    this.signalUp = true;
    this.settleOwed();
    const attempt = this.attempt;
    if (!attempt) return;
    if (attempt.participant === null) {
      if (this.current.name === "reconnecting" && !attempt.peer) this.beginAnew(0);
      return;
    }
    if (listed(attempt.participant)) return;
    if (elsewhere(attempt.participant)) this.fail("taken_over");
    else this.beginAnew(0);
  }

  /** The server ended a stay. */
  ended(participant: number, reason: VoiceEnd) {
    const attempt = this.attempt;
    if (!attempt) return;
    if (attempt.participant === null) {
      attempt.endedEarly.set(participant, reason);
      return;
    }
    if (attempt.participant !== participant) return;
    if (typeof reason === "object") this.obey(reason);
    else if (reason === "taken_over") this.fail("taken_over");
    else if (reason === "removed") this.fail("not_allowed");
    else if (reason === "switched_off") this.fail("voice_unavailable");
    else this.rejoin();
  }

  /** The user has read it. */
  forgetOrder() {
    this.order = null;
    this.ports.changed();
  }

  private obey(order: Order) {
    if ("moved" in order) this.join(order.moved.to);
    else this.fail("put_out");
    this.order = order;
    this.ports.changed();
  }

  /** Somebody left the room; when it is oneself, the reason follows or there is none. */
  left(participant: number) {
    const attempt = this.attempt;
    if (!attempt || attempt.participant !== participant) return;
    attempt.timers.push(
      this.ports.timers.after(REASON_MS, () => {
        if (attempt === this.attempt) this.rejoin();
      }),
    );
  }

  // ---- one beginning ----

  private async begin(channel: ChannelId, first: boolean) {
    const attempt: Attempt = {
      channel,
      first,
      peer: null,
      sender: null,
      outlet: null,
      participant: null,
      told: null,
      endedEarly: new Map(),
      connectedOnce: false,
      watch: new LineWatch(),
      measuredAt: null,
      restarts: 0,
      restartedAt: null,
      timers: [],
    };
    this.attempt = attempt;
    if (!this.own.present && first) {
      this.enter({ name: "asking_microphone", channel });
      await this.own.open(() => attempt === this.attempt);
      if (attempt !== this.attempt) return;
    }
    if (first) this.enter({ name: "joining", channel });

    let joined: Joined;
    try {
      const offer = await this.offer(attempt);
      if (attempt !== this.attempt) return;
      attempt.told = this.voiceNow();
      joined = await this.ports.signal.join(channel, offer.sdp ?? "", this.muted, this.deafened);
      if (attempt !== this.attempt) return;
      // Which relays there are is known only now, and must be before the browser looks for ways.
      if (joined.relay) attempt.peer?.setConfiguration({ ...attempt.peer.getConfiguration(), iceServers: [joined.relay] });
      await attempt.peer?.setLocalDescription(offer);
      if (attempt !== this.attempt) return;
      await attempt.peer?.setRemoteDescription({ type: "answer", sdp: joined.answer });
    } catch (error) {
      if (attempt === this.attempt) this.refused(error);
      return;
    }
    if (attempt !== this.attempt) return;
    this.joined(attempt, joined.participant);
  }

  /** The only peer of this attempt and its only offer: one line to send, the others to hear. */
  private async offer(attempt: Attempt): Promise<RTCSessionDescriptionInit> {
    const peer = this.ports.openPeer();
    attempt.peer = peer;
    const { sender, tracks } = layOut(peer, this.own.track, this.ports.slots(), this.ports.codecs());
    attempt.sender = sender;
    const look = () => this.peerChanged(attempt);
    peer.onconnectionstatechange = look;
    peer.oniceconnectionstatechange = look;
    // The server has all the candidates and the browser reaches out to them: ours need not be gathered first.
    const offer = await peer.createOffer();
    this.ports.loudspeakers.silence(this.deafened);
    this.ports.loudspeakers.play(tracks);
    return offer;
  }

  private joined(attempt: Attempt, participant: number) {
    attempt.participant = participant;
    if (attempt.sender) attempt.outlet = new Outlet(attempt.sender, this.ports.timers);
    const ended = attempt.endedEarly.get(participant);
    if (ended) {
      this.ended(participant, ended);
      return;
    }
    if (attempt.first) this.enter({ name: "connecting", channel: attempt.channel });
    attempt.timers.push(
      this.ports.timers.after(CONNECT_MS, () => {
        if (!attempt.connectedOnce) this.pathFailed(attempt);
      }),
      this.ports.timers.every(MEASURE_MS, () => void this.measure(attempt)),
    );
    this.own.apply();
    // A press while the join was under way.
    this.tellVoice();
    this.peerChanged(attempt);
  }

  private refused(error: unknown) {
    const code = (error as { code?: ErrorCode | "lost" | "silent" }).code;
    switch (code) {
      case "lost":
        // Wait for the socket; then the same again.
        this.dropPeer();
        this.reconnecting();
        break;
      case "silent":
      case "busy":
        this.rejoin();
        break;
      case "room_full":
      case "voice_overloaded":
      case "voice_unavailable":
        this.fail(code);
        break;
      case "not_found":
      case "not_allowed":
      case "not_a_member":
      case "archived":
        this.fail("not_allowed");
        break;
      default:
        console.error("voice could not be joined", error);
        this.fail("broken");
    }
  }

  // ---- the path of the sound ----

  private peerChanged(attempt: Attempt) {
    if (attempt !== this.attempt || !attempt.peer || attempt.participant === null) return;
    switch (pathOf(attempt.peer)) {
      case "connected":
        this.pathWorks(attempt);
        break;
      case "disconnected":
        if (this.current.name === "connected") this.pathBroke(attempt);
        break;
      case "failed":
        this.pathFailed(attempt);
        break;
      case "waiting":
        break;
    }
  }

  private pathWorks(attempt: Attempt) {
    if (this.current.name === "connected") return;
    attempt.watch.excuse(this.ports.timers.now());
    this.since ??= this.ports.timers.now();
    if (!attempt.connectedOnce) {
      attempt.connectedOnce = true;
      attempt.timers.push(
        this.ports.timers.after(GOOD_STAY_MS, () => {
          this.rejoins = 0;
        }),
      );
    }
    this.enter({ name: "connected", channel: attempt.channel, since: this.since });
  }

  /** Looks for a path anew within the stay: new ICE credentials on both sides, the same keys and lines. */
  private async restart(attempt: Attempt) {
    const { peer } = attempt;
    const now = this.ports.timers.now();
    const tooSoon = attempt.restartedAt !== null && now - attempt.restartedAt < RESTART_PAUSE_MS;
    if (!peer || attempt.participant === null || !this.signalUp || (tooSoon && this.current.name === "connected")) return;
    attempt.restartedAt = now;
    try {
      peer.restartIce();
      const offer = await peer.createOffer();
      const answer = await this.ports.signal.restart(offer.sdp ?? "");
      // Only now, since an offer that is refused would have to be taken back.
      if (attempt !== this.attempt) return;
      await peer.setLocalDescription(offer);
      if (attempt !== this.attempt) return;
      await peer.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      if (attempt !== this.attempt) return;
      const { code } = error as { code?: ErrorCode | "lost" | "silent" };
      // Whatever else was wrong: the next look comes by itself while the path is broken.
      if (code === "not_in_voice" && this.current.name === "reconnecting") this.rejoin();
    }
  }

  private lookAgain(attempt: Attempt) {
    const wait = RESTART_WAITS_MS[attempt.restarts];
    if (wait === undefined) return;
    attempt.restarts += 1;
    const look = () => {
      if (attempt !== this.attempt || this.current.name !== "reconnecting") return;
      void this.restart(attempt);
      this.lookAgain(attempt);
    };
    if (wait === 0) look();
    else attempt.timers.push(this.ports.timers.after(wait, look));
  }

  private pathBroke(attempt: Attempt) {
    this.reconnecting();
    attempt.restarts = 0;
    this.lookAgain(attempt);
    attempt.timers.push(
      this.ports.timers.after(MEND_MS, () => {
        if (attempt === this.attempt && this.current.name === "reconnecting") this.rejoin();
      }),
    );
  }

  private pathFailed(attempt: Attempt) {
    if (attempt !== this.attempt) return;
    // A way that was never found will not be found by trying again at once; one that was there may.
    if (attempt.first && !attempt.connectedOnce) this.fail("no_way");
    else this.rejoin();
  }

  private async measure(attempt: Attempt) {
    if (!attempt.peer) return;
    let report: RTCStatsReport;
    try {
      report = await attempt.peer.getStats();
    } catch {
      return;
    }
    if (attempt !== this.attempt || !attempt.peer) return;
    const now = this.ports.timers.now();
    const sleptFor = attempt.measuredAt === null ? 0 : now - attempt.measuredAt;
    attempt.measuredAt = now;
    const sample = sampleOf(report as unknown as Iterable<[string, unknown]>, now);
    attempt.watch.add(sample);
    // The machine slept or the page was held back: that says nothing about the line.
    if (sleptFor > 3 * MEASURE_MS) attempt.watch.excuse(now);
    this.lastLine = attempt.watch.read();
    this.ports.measured();
    if (sample.arrived === null) return;
    const still = attempt.watch.stillFor(now) >= STILL_MS;
    if (this.current.name === "connected" && still) this.pathBroke(attempt);
    else if (this.current.name === "reconnecting" && !still && pathOf(attempt.peer) === "connected") {
      this.pathWorks(attempt);
    }
  }

  // ---- beginning anew ----

  /** The same room with a new peer, after a wait that grows; too often in a row and the user decides. */
  private rejoin() {
    if (this.rejoins >= MAX_REJOINS) {
      this.fail("no_way");
      return;
    }
    const wait = REJOIN_WAITS_MS[this.rejoins] ?? 0;
    this.rejoins += 1;
    this.beginAnew(wait);
  }

  private beginAnew(wait: number) {
    const channel = this.attempt?.channel;
    if (channel === undefined) return;
    this.dropPeer();
    this.reconnecting();
    const waiting = this.attempt;
    // Without the socket nothing can be asked; its return comes here again.
    if (!this.signalUp) return;
    if (wait === 0) {
      void this.begin(channel, false);
      return;
    }
    waiting?.timers.push(
      this.ports.timers.after(wait, () => {
        if (waiting === this.attempt && this.signalUp) void this.begin(channel, false);
      }),
    );
  }

  private reconnecting() {
    const channel = this.attempt?.channel;
    if (channel === undefined) return;
    if (this.current.name === "reconnecting" && this.current.channel === channel) return;
    this.enter({ name: "reconnecting", channel, since: this.ports.timers.now() });
  }

  private fail(reason: VoiceFailure) {
    const attempt = this.attempt;
    if (!attempt) return;
    this.dropAttempt();
    this.own.close();
    this.enter({ name: "failed", channel: attempt.channel, reason });
    // Taken over: the place is another page's now, and not ours to give up.
    if (attempt.participant !== null && reason !== "taken_over") this.tellLeft();
  }

  // ---- small things ----

  private voiceNow() {
    return { muted: this.muted, deafened: this.deafened };
  }

  private tellVoice() {
    const attempt = this.attempt;
    if (!attempt || attempt.participant === null || !attempt.told || !this.signalUp) return;
    const told = this.voiceNow();
    if (attempt.told.muted === told.muted && attempt.told.deafened === told.deafened) return;
    const before = attempt.told;
    attempt.told = told;
    this.ports.signal.set(told.muted, told.deafened).catch(() => {
      // The microphone is closed here in any case; the server is told again when the socket is back.
      if (attempt.told === told) attempt.told = before;
    });
  }

  private tellLeft() {
    if (!this.signalUp) {
      this.leaveOwed = true;
      return;
    }
    this.ports.signal.leave().catch(() => {
      this.leaveOwed = this.attempt === null;
    });
  }

  private settleOwed() {
    if (this.leaveOwed && this.attempt === null) {
      this.leaveOwed = false;
      this.tellLeft();
    }
    this.tellVoice();
  }

  private dropAttempt() {
    this.dropPeer();
    this.attempt = null;
  }

  /** Ends the peer but keeps the room: the attempt that is left only waits. */
  private dropPeer() {
    const attempt = this.attempt;
    if (!attempt) return;
    for (const cancel of attempt.timers) cancel();
    if (attempt.peer) {
      attempt.peer.onconnectionstatechange = null;
      attempt.peer.oniceconnectionstatechange = null;
      attempt.peer.close();
      this.ports.loudspeakers.stop();
    }
    this.lastLine = null;
    attempt.outlet?.close();
    this.attempt = { ...attempt, first: false, peer: null, sender: null, outlet: null, participant: null, told: null, timers: [] };
    this.own.hold();
  }

  private enter(state: VoiceState) {
    this.current = state;
    this.own.apply();
    this.ports.changed();
  }
}
