/**
 * One signed-in page: ties the socket, the store and the voice room together and carries out what the user
 * wants.
 *
 * Must not know: the DOM and Svelte. Start reading at the constructor, which is the wiring, then `linkChanged`.
 */
import { type Link, RequestError, Socket, type Wire } from "./socket";
import { type Ask, Channels } from "./channels";
import { Idle } from "./idle";
import type {
  Answer,
  ChannelId,
  Cursor,
  Group,
  GroupId,
  Involvement,
  Message,
  MessageId,
  ServerEvent,
  Status,
  UserId,
} from "./protocol";
import { BEFORE_ALL } from "./store/history";
import type { InboxView } from "./store/inbox";
import { AS_IT_COMES } from "./store/hearing";
import { Store } from "./store/store";
import type { Timers } from "./timers";
import type { Joined, VoicePorts } from "./voice/ports";
import { VoiceRoom } from "./voice/room";

export interface ClientPorts {
  timers: Timers;
  dial(): Wire;
  /** A mark that no other post of this user has. */
  nonce(): string;
  voice: Omit<VoicePorts, "timers" | "signal" | "slots" | "changed" | "measured">;
  /** Asks over HTTP whether this browser is still signed in, when no socket can be opened. */
  stillSignedIn(): Promise<boolean>;
  /** The session is over. */
  signedOut(): void;
}

/** Characters that a message may have; the server counts the same way. */
export const LONGEST_MESSAGE = 4_000;
/** Pages fetched to close a gap before we give up and start from the newest. */
const GAP_PAGES = 4;
/** A post without an answer is sent again with the same nonce, this often. */
const POST_TRIES = 3;
/** Others are told that we write at most this often. */
const TYPING_EVERY_MS = 2_000;
const SWEEP_MS = 1_000;
/** The server is told of what is read in the open channel this often; a thousand may look at the same. */
const MARK_EVERY_MS = 5_000;

/** What came of looking for a message. */
export type Brought = "there" | "absent" | "unreachable";

export class Client {
  readonly store: Store;
  readonly voice: VoiceRoom;
  /** Finding, joining, making and changing channels. */
  readonly channels: Channels;
  /** For pages that are loaded when somebody wants them, and ask what nobody else does. */
  readonly ask: Ask;
  private readonly socket: Socket;
  private currentLink: Link = { state: "off" };
  /** Channels whose posts are being sent; one at a time keeps their order. */
  private readonly posting = new Set<ChannelId>();
  private readonly catching = new Set<ChannelId>();
  private opened: ChannelId | null = null;
  /** Whether the server is being told what was read. */
  private marking = false;
  /** When it was last told of a channel. */
  private readonly markedAt = new Map<ChannelId, number>();
  private typing: { channel: ChannelId; at: number } | null = null;
  /** Counts, so that the answer to an earlier question is not taken for that to a later one. */
  private inboxAsked = 0;
  private readonly idle: Idle;
  /** Whether the server takes this page for idle; null while it is being told. */
  private toldIdle: boolean | null = false;
  private stopSweep: (() => void) | null = null;

  constructor(private readonly ports: ClientPorts) {
    const { timers } = ports;
    this.store = new Store(timers);
    this.idle = new Idle(timers);
    this.socket = new Socket(ports.dial, timers, {
      link: (link) => this.linkChanged(link),
      event: (event) => this.hear(event),
    });
    this.ask = async (request, type) => expect(await this.socket.request(request), type);
    this.channels = new Channels(this.ask, this.store);
    this.voice = new VoiceRoom({
      ...ports.voice,
      timers,
      slots: () => this.store.server.slots,
      changed: () => this.store.topics.touch("voice"),
      measured: () => this.store.topics.touch("line"),
      signal: {
        join: (...args) => this.joinVoice(...args),
        restart: async (offer) => (await this.ask({ type: "restart_voice", offer }, "voice_restarted")).answer,
        set: (muted, deafened) => this.done({ type: "set_voice", muted, deafened }),
        leave: () => this.done({ type: "leave_voice" }),
      },
    });
  }

  start() {
    this.stopSweep = this.ports.timers.every(SWEEP_MS, () => this.sweep());
    this.socket.start();
  }

  /** Ends everything at once, the talk included. */
  stop() {
    this.voice.leave();
    this.stopSweep?.();
    this.socket.stop();
  }

  get link(): Link {
    return this.currentLink;
  }

  /** The network changed or the machine woke up. */
  nudge() {
    this.socket.nudge();
  }

  // ---- what the user wants ----

  /** Hears somebody as loud as this, in per cent, until the server says otherwise. */
  setVolume(user: UserId, percent: number) {
    this.store.apply({ type: "volume_changed", volume: { user, percent } });
    this.applyVolumes();
  }

  /** Shows a channel, or none. */
  open(channel: ChannelId | null) {
    this.opened = channel;
    this.store.open(channel);
    if (channel !== null) this.fetchNewest(channel);
  }

  /** Writes a message: shown at once, sent when it can be. */
  post(channel: ChannelId, body: string) {
    const text = body.trim();
    if (text === "") return;
    this.typing = null;
    // One's own message is at the end, and one wants to see it there.
    this.toNewest(channel);
    this.store.addPending(channel, {
      nonce: this.ports.nonce(),
      body: text,
      writtenAt: this.ports.timers.date(),
      failure: null,
    });
    void this.sendPending(channel);
  }

  sendAgain(channel: ChannelId, nonce: string) {
    this.store.sendingAgain(channel, nonce);
    void this.sendPending(channel);
  }

  discard(channel: ChannelId, nonce: string) {
    this.store.discard(channel, nonce);
  }

  /** Tells the others, sparingly, that this user writes or stopped. */
  setTyping(channel: ChannelId, active: boolean) {
    const now = this.ports.timers.now();
    if (active) {
      const told = this.typing?.channel === channel ? this.typing.at : -Infinity;
      if (now - told < TYPING_EVERY_MS) return;
      this.typing = { channel, at: now };
    } else {
      if (this.typing?.channel !== channel) return;
      this.typing = null;
    }
    this.done({ type: "set_typing", channel, active }).catch(() => {
      // Nobody misses it.
    });
  }

  /** Writes one's own message anew. Fails with a `RequestError`. */
  async editMessage(message: MessageId, body: string): Promise<void> {
    const answer = expect(await this.socket.request({ type: "edit_message", message, body }), "message_edited");
    this.store.edited(answer.message);
  }

  /** Deletes one's own message, or any as an admin. Fails with a `RequestError`. */
  async deleteMessage(message: MessageId): Promise<void> {
    await this.done({ type: "delete_message", message });
  }

  /** Looks into the inbox, at one of its lists; or no more. */
  openInbox(view: InboxView | null) {
    this.store.lookIntoInbox(view);
    if (view !== null) void this.fetchInbox();
  }

  /** Tries again what could not be had. */
  retryInbox() {
    this.store.changeInbox((inbox) => inbox.again());
    void this.fetchInbox();
  }

  loadOlderInbox() {
    const { items, older, view } = this.store.inboxItems;
    const last = items.at(-1);
    if ((older !== "more" && older !== "failed") || !last) return;
    this.store.changeInbox((inbox) => inbox.loadingOlder());
    const same = () => this.store.inboxItems.view === view && this.store.inboxItems.older === "loading";
    this.notifications(last.message, view).then(
      ({ notifications, more }) => {
        if (same()) this.store.changeInbox((inbox) => inbox.olderLoaded(notifications, more));
      },
      () => {
        if (same()) this.store.changeInbox((inbox) => inbox.olderFailed());
      },
    );
  }

  /** One notification was seen. */
  async markNotification(message: MessageId): Promise<void> {
    await this.done({ type: "mark_notification", message });
  }

  /** All notifications up to one were seen. */
  async markInbox(upTo: MessageId): Promise<void> {
    await this.done({ type: "mark_inbox", up_to: upTo });
  }

  async setInvolvement(channel: ChannelId, involvement: Involvement): Promise<void> {
    await this.done({ type: "set_involvement", channel, involvement });
  }

  /** Chooses what to be seen as. Fails with a `RequestError`. */
  async setStatus(status: Status): Promise<void> {
    await this.done({ type: "set_status", status });
  }

  /** Somebody does something at this page. */
  touch() {
    if (this.idle.touch()) void this.tellIdle();
  }

  /** Makes a group, as an admin; it is in the store when this is over. Fails with a `RequestError`. */
  async createGroup(name: string, color: string | null): Promise<Group> {
    return this.groupChanged(await this.socket.request({ type: "create_group", name, color }));
  }

  /** Gives a group another name and colour, as an admin. Fails with a `RequestError`. */
  async updateGroup(group: GroupId, name: string, color: string | null): Promise<Group> {
    return this.groupChanged(await this.socket.request({ type: "update_group", group, name, color }));
  }

  async deleteGroup(group: GroupId): Promise<void> {
    await this.done({ type: "delete_group", group });
  }

  /** Takes somebody into a group or out of it, as an admin. Fails with a `RequestError`. */
  async setGroupMember(group: GroupId, user: UserId, member: boolean): Promise<void> {
    await this.done({ type: "set_group_member", group, user, member });
  }

  /** A page of a group's members, after the last of the page before. Fails with a `RequestError`. */
  async loadGroupMembers(group: GroupId, after: UserId | null): Promise<{ members: UserId[]; more: boolean }> {
    return expect(await this.socket.request({ type: "load_group_members", group, after }), "group_members");
  }

  loadOlder(channel: ChannelId) {
    const { older, messages } = this.store.history(channel);
    const first = messages[0];
    if (older === "more" && first) this.loadPage(channel, "older", { before: first.id });
  }

  /** Loads what comes after the last message held, when that is not the newest. */
  loadNewer(channel: ChannelId) {
    const { newer, messages } = this.store.history(channel);
    const last = messages.at(-1);
    if (newer === "more" && last) this.loadPage(channel, "newer", { after: last.id });
  }

  /** Goes to the end of a channel, when it is not held. */
  toNewest(channel: ChannelId) {
    if (this.store.history(channel).newer === "none") return;
    this.store.forget(channel);
    this.fetchNewest(channel);
  }

  /** Makes sure that a message is held, with what is around it. */
  async bringInto(channel: ChannelId, id: MessageId): Promise<Brought> {
    const holds = () => this.store.history(channel).messages.some((message) => message.id === id);
    if (holds()) return "there";
    try {
      const before = await this.messages(channel, { before: id });
      const after = await this.messages(channel, { after: before.messages.at(-1)?.id ?? BEFORE_ALL });
      if (!after.messages.some((message) => message.id === id)) return "absent";
      this.store.place(channel, [...before.messages, ...after.messages], before.more);
      return "there";
    } catch (error) {
      return fault(error) === "invalid" || fault(error) === "malformed" ? "absent" : "unreachable";
    }
  }

  /** Makes sure that the first message that was new when the reader came is held, with what is around it. */
  async bringNew(channel: ChannelId): Promise<{ brought: Brought; message: MessageId | null }> {
    const read = this.store.newAfter(channel);
    const held = this.store.newSince(channel);
    if (read === null || held !== null) return { brought: held === null ? "absent" : "there", message: held };
    try {
      const after = await this.messages(channel, { from: read + 1 });
      const first = after.messages[0];
      if (!first) return { brought: "absent", message: null };
      const before = await this.messages(channel, { before: first.id });
      this.store.place(channel, [...before.messages, ...after.messages], before.more);
      const message = this.store.newSince(channel) ?? first.id;
      return { brought: "there", message };
    } catch {
      return { brought: "unreachable", message: null };
    }
  }

  /** Tries the newest page again after it could not be had. */
  retryNewest(channel: ChannelId) {
    this.fetchNewest(channel);
  }

  // ---- the link ----

  private linkChanged(link: Link) {
    const before = this.currentLink;
    this.currentLink = link;
    this.store.topics.touch("link");
    switch (link.state) {
      case "open":
        if (link.resumed) {
          this.store.cutOff(false);
          this.voice.signalResumed();
          this.afterReturn();
        }
        // Otherwise `ready` follows, and with it everything else.
        break;
      case "waiting":
        this.store.cutOff(true);
        if (before.state === "open") this.voice.signalLost();
        // A socket that is refused tells nothing; a session that ended would be refused for ever.
        if (before.state === "opening") void this.checkSession();
        break;
      case "ended":
        this.voice.signalLost();
        if (link.why === "signed_out") this.ports.signedOut();
        break;
      case "off":
      case "opening":
        break;
    }
  }

  private async checkSession() {
    const still = await this.ports.stillSignedIn().catch(() => true);
    if (!still && this.currentLink.state !== "open" && this.currentLink.state !== "off") {
      this.socket.stop();
      this.ports.signedOut();
    }
  }

  private hear(event: ServerEvent) {
    this.store.apply(event);
    switch (event.type) {
      case "slots_changed":
      case "volume_changed":
        this.applyVolumes();
        break;
      case "ready":
        // A new connection is taken for one that is in use.
        this.toldIdle = false;
        this.voice.prefer(event.snapshot.hearing.preferences);
        this.voiceReady();
        this.afterReturn();
        break;
      case "voice_preferences_changed":
        this.voice.prefer(event.preferences);
        break;
      case "voice_ended":
        this.voice.ended(event.participant, event.reason);
        break;
      case "rooms_changed":
        this.applyVolumes();
        for (const { left } of event.rooms) for (const participant of left) this.voice.left(participant);
        break;
      case "message_posted":
      case "typing_changed":
      case "presence_changed":
      case "user_changed":
      case "channel_created":
      case "channel_updated":
      case "speakers_changed":
      case "voice_load_changed":
      case "settings_changed":
      case "server_stopping":
      case "channel_removed":
      case "membership_changed":
      case "room_shown":
      case "category_changed":
      case "category_removed":
      case "message_edited":
      case "message_deleted":
      case "preview_changed":
      case "notified":
      case "notification_withdrawn":
      case "notification_read":
      case "inbox_read":
      case "reading_changed":
      case "status_changed":
      case "group_changed":
      case "group_deleted":
      case "group_member_changed":
        break;
      default: {
        const unknown: never = event;
        void unknown;
      }
    }
  }

  /** Each receiving line as loud as whoever is on it is wanted. */
  private applyVolumes() {
    const room = this.voice.channel === null ? null : this.store.room(this.voice.channel);
    if (!room) return;
    const users = new Map(room.participants.map((one) => [one.participant, one.user]));
    this.voice.setVolumes(
      room.slots.map((participant) => {
        const user = participant === null ? undefined : users.get(participant);
        return user === undefined ? AS_IT_COMES : this.store.hearing.volume(user);
      }),
    );
  }

  private voiceReady() {
    const { me, rooms } = this.store;
    const channel = this.voice.channel;
    // Numbers begin again when the server does, so a number alone may be somebody else's.
    const mine = [...rooms.values()].flatMap((room) =>
      room.participants
        .filter((one) => one.user === me)
        .map((one) => ({ channel: room.channel, participant: one.participant })),
    );
    this.voice.signalReady(
      (participant) => mine.some((stay) => stay.channel === channel && stay.participant === participant),
      () => mine.length > 0,
    );
  }

  /** The link is back: fetch what is missing and send what waits. */
  private afterReturn() {
    if (this.opened !== null) this.fetchNewest(this.opened);
    if (this.store.inboxItems.state !== "closed") this.retryInbox();
    void this.tellMark();
    for (const channel of this.store.held()) {
      void this.closeGap(channel);
      void this.sendPending(channel);
    }
  }

  private sweep() {
    this.store.sweep();
    void this.tellMark();
    const { me } = this.store;
    // Whoever talks is there, without touching anything.
    if (me !== null && this.store.isTalking(me)) this.touch();
    void this.tellIdle();
  }

  /** Tells the server whether anybody does anything here, when it believes otherwise. What fails is tried at the next beat. */
  private async tellIdle() {
    const idle = this.idle.now;
    const before = this.toldIdle;
    if (before === null || before === idle || !this.socket.isOpen) return;
    this.toldIdle = null;
    try {
      await this.done({ type: "set_idle", idle });
      this.toldIdle ??= idle;
    } catch {
      this.toldIdle ??= before;
    }
  }

  /**
   * Tells the server what was read here, a channel at a time and never more than once a beat: at once where a mention
   * was among it or nobody looks any more, else sparingly.
   */
  private async tellMark() {
    const now = this.ports.timers.now();
    const mark = this.store.untoldMarks().find(({ channel, urgent }) => {
      const since = now - (this.markedAt.get(channel) ?? -Infinity);
      return urgent || channel !== this.opened || since >= MARK_EVERY_MS;
    });
    if (!mark || this.marking || !this.socket.isOpen) return;
    this.marking = true;
    const { channel, message } = mark;
    try {
      await this.done({ type: "mark_read", channel, message });
      this.markedAt.set(channel, now);
      this.store.toldMark(mark.channel, mark.message);
    } catch (error) {
      const code = fault(error);
      // A channel that was closed meanwhile; all else is tried again at a later beat.
      if (code === "not_found") this.store.toldMark(mark.channel, mark.message);
    } finally {
      this.marking = false;
    }
  }

  private groupChanged(answer: Answer): Group {
    const { group } = expect(answer, "group_changed");
    this.store.apply({ type: "group_changed", group });
    return group;
  }

  // ---- messages ----

  /** Takes away what is shown of the hyperlink of a message, for everybody. */
  dismissPreview(message: MessageId): Promise<void> {
    return this.done({ type: "dismiss_preview", message });
  }

  private loadPage(channel: ChannelId, page: "older" | "newer", cursor: { before: MessageId } | { after: MessageId }) {
    this.store.loading(channel, page);
    const edge = () => this.store.history(channel).messages.at(page === "older" ? 0 : -1)?.id;
    const from = edge();
    // What is held may be another part of the channel by then, and this page would leave a hole.
    const stillHere = () => edge() === from && this.store.history(channel)[page] === "loading";
    this.messages(channel, cursor).then(
      ({ messages, more }) => {
        if (stillHere()) this.store.loaded(channel, page, messages, more);
      },
      () => {
        if (stillHere()) this.store.notLoaded(channel, page);
      },
    );
  }

  private fetchNewest(channel: ChannelId) {
    const { newest } = this.store.history(channel);
    if (newest === "loaded" || newest === "loading") return;
    this.store.loading(channel, "newest");
    // Meanwhile another part of the channel may be shown, and this page would leave a hole behind it.
    const stillWanted = () => this.store.history(channel).newest === "loading";
    this.messages(channel, "latest").then(
      ({ messages, more }) => {
        if (stillWanted()) this.store.loaded(channel, "newest", messages, more);
      },
      () => {
        if (stillWanted()) this.store.notLoaded(channel, "newest");
      },
    );
  }

  private async fetchInbox() {
    const { view } = this.store.inboxItems;
    const asked = ++this.inboxAsked;
    const still = () => asked === this.inboxAsked && this.store.inboxItems.state === "loading";
    try {
      const { notifications, more } = await this.notifications(null, view);
      if (still()) this.store.changeInbox((inbox) => inbox.loaded(notifications, more));
    } catch {
      if (still()) this.store.changeInbox((inbox) => inbox.failed());
    }
  }

  private async notifications(before: MessageId | null, view: InboxView) {
    const answer = await this.socket.request({ type: "load_notifications", before, unread: view === "unread" });
    return expect(answer, "notifications");
  }

  private async closeGap(channel: ChannelId) {
    if (this.catching.has(channel)) return;
    this.catching.add(channel);
    try {
      for (let page = 0; page < GAP_PAGES; page += 1) {
        const after = this.store.history(channel).gapAfter;
        if (after === null) return;
        const { messages, more } = await this.messages(channel, { after });
        this.store.caughtUp(channel, messages, more);
      }
      if (this.store.history(channel).gapAfter === null) return;
      this.store.forget(channel);
      if (channel === this.opened) this.fetchNewest(channel);
    } catch {
      // The gap is remembered; the next return of the link comes here again.
    } finally {
      this.catching.delete(channel);
    }
  }

  private async messages(channel: ChannelId, page: Cursor) {
    const answer = await this.socket.request({ type: "load_messages", channel, page });
    return expect(answer, "messages");
  }

  /** Sends what waits in a channel, one after the other so that the order holds. */
  private async sendPending(channel: ChannelId) {
    if (this.posting.has(channel)) return;
    this.posting.add(channel);
    try {
      for (let tries = 0; this.socket.isOpen; ) {
        const post = this.store.history(channel).pending.find((one) => one.failure === null);
        if (!post) return;
        try {
          const { message } = await this.send(channel, post.body, post.nonce);
          this.store.confirmed(message);
          tries = 0;
        } catch (error) {
          const code = fault(error);
          // It stays on its way: sent again when the link is back. The nonce keeps it from being there twice.
          if (code === "lost") return;
          tries += 1;
          if (code === "silent" && tries < POST_TRIES) continue;
          tries = 0;
          this.store.failed(channel, post.nonce, code);
        }
      }
    } finally {
      this.posting.delete(channel);
    }
  }

  private async send(channel: ChannelId, body: string, nonce: string): Promise<{ message: Message }> {
    return expect(await this.socket.request({ type: "post_message", channel, body, nonce }), "message_posted");
  }

  // ---- voice ----

  private async joinVoice(channel: ChannelId, offer: string, muted: boolean, deafened: boolean): Promise<Joined> {
    this.store.beginJoin(channel);
    try {
      const answer = expect(
        await this.socket.request({ type: "join_voice", channel, offer, muted, deafened }),
        "voice_joined",
      );
      this.store.endJoin(answer.room);
      this.applyVolumes();
      return { participant: answer.participant, answer: answer.answer, relay: answer.relay };
    } catch (error) {
      this.store.endJoin(null);
      throw error;
    }
  }

  private async done(request: Parameters<Socket["request"]>[0]): Promise<void> {
    await this.socket.request(request);
  }
}

function fault(error: unknown): RequestError["code"] {
  return error instanceof RequestError ? error.code : "internal";
}

function expect<T extends Answer["type"]>(answer: Answer, type: T): Extract<Answer, { type: T }> {
  if (answer.type !== type) throw new RequestError("internal", `the server answered ${answer.type} instead of ${type}`);
  return answer as Extract<Answer, { type: T }>;
}
