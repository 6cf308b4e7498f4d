/**
 * Everything this client knows of the server, and the one place where events change it.
 *
 * Must not know: the DOM, Svelte, the socket, or anything about sound. Values handed out are never changed
 * afterwards, only replaced; {@link Topics} tells who should look again. Start reading at {@link Store.apply}.
 */
import type {
  Category,
  CategoryId,
  Channel,
  ChannelId,
  Group,
  GroupId,
  Involvement,
  Message,
  MessageId,
  MessageNumber,
  Notification,
  Room,
  ServerEvent,
  Snapshot,
  Status,
  Switches,
  User,
  UserId,
  VoiceLoad,
} from "../protocol";
import type { Timers } from "../timers";
import { inOrder, standing } from "./channels";
import * as histories from "./history";
import { changed, Groups } from "./groups";
import { HearingStore } from "./hearing";
import { emptyHistory, type History, type PendingPost } from "./history";
import { Inbox, type InboxList, type InboxView } from "./inbox";
import { type Presence, Presences } from "./presences";
import { Readings } from "./readings";
import { Rooms } from "./rooms";
import { type Topic, Topics } from "./topics";

/** Messages kept of a channel that nobody looks at; enough to fill any screen at once. */
const KEPT_UNSEEN = 100;
/** Messages at the end of the open channel that are looked at again after a gap: one may have been changed. */
const CHECKED_AGAIN = 40;
/** Somebody who writes repeats it every 2 s and the server forgets after 5; a little later we do too. */
const TYPING_MS = 6_000;

/** Something worth a sound and a pop-up. */
export interface Alert {
  /** A mention that meant this user, or a message in a channel of which they want to hear everything. */
  kind: "mention" | "message";
  message: MessageId;
  channel: ChannelId;
  author: UserId;
  /** How it begins, as it was written. */
  text: string;
}

/** Characters of a message that are in an alert. */
const ALERT_TEXT = 100;

/** Which part of a channel is loaded. */
export type Page = "newest" | "older" | "newer";

export interface ServerFacts {
  name: string;
  version: string;
  /** Receiving audio lines that an offer should have. */
  slots: number;
  /** How much voice it can take on. */
  load: VoiceLoad;
  /** What admins decided about all of it. A new value at every decision, also of one that is not in it. */
  switches: Switches;
}

export class Store {
  readonly topics = new Topics();
  /** How this user wants to be heard and hears others. */
  readonly hearing = new HearingStore();
  private readonly roomStore: Rooms;
  private readonly groupStore = new Groups();

  private facts: ServerFacts = { name: "", version: "", slots: 8, load: "normal", switches: { voice: true, registration: "closed", link_previews: false } };
  private meId: UserId | null = null;
  private isReady = false;
  private userMap: ReadonlyMap<UserId, User> = new Map();
  private readonly presences = new Presences();
  private myStatus: Status = "online";
  private channelList: readonly Channel[] = [];
  private categoryList: readonly Category[] = [];
  /** Of the channels whose members somebody asked for. */
  private readonly memberMap = new Map<ChannelId, ReadonlySet<UserId>>();
  private readonly historyMap = new Map<ChannelId, History>();
  private readonly typingMap = new Map<ChannelId, ReadonlyMap<UserId, number>>();
  private readonly readings = new Readings();
  private readonly inboxList = new Inbox();
  private latestAlert: Alert | null = null;
  /** Where the line "New since" stands, by channel: behind the message of this number. */
  private readonly markMap = new Map<ChannelId, MessageNumber>();
  /** The channel on the screen. */
  private opened: ChannelId | null = null;
  /** The channel whose end is in somebody's sight. */
  private seen: ChannelId | null = null;
  /** What others wrote in the channel on the screen since its end was last in sight. */
  private unseenCount = 0;
  /** Whether somebody reads above the end of the channel on the screen, and must not lose the place. */
  private placeHeld = false;
  private isStopping = false;

  constructor(private readonly timers: Pick<Timers, "now">) {
    this.roomStore = new Rooms(timers, this.topics);
  }

  // ---- events ----

  /** What the server says, in the order it says it. */
  apply(event: ServerEvent) {
    switch (event.type) {
      case "ready":
        this.load(event.snapshot);
        break;
      case "message_posted":
        this.messagePosted(event.message);
        break;
      case "typing_changed":
        this.typingChanged(event.channel, event.user, event.active);
        break;
      case "presence_changed":
        this.presences.change(event);
        this.topics.touch("presence");
        break;
      case "user_changed":
        this.userMap = new Map(this.userMap).set(event.user.id, event.user);
        this.topics.touch("users");
        break;
      case "channel_created":
      case "channel_updated":
        this.putChannel(event.channel);
        break;
      case "rooms_changed":
        for (const change of event.rooms) this.roomStore.changed(change);
        break;
      case "speakers_changed":
        this.roomStore.speakersChanged(event);
        break;
      case "slots_changed":
        this.roomStore.slotsChanged(event);
        break;
      case "voice_ended":
        // The room itself is told by `rooms_changed`; one's own voice is the voice room's affair.
        break;
      case "voice_load_changed":
        this.facts = { ...this.facts, load: event.load };
        this.topics.touch("server");
        break;
      case "settings_changed":
        this.facts = { ...this.facts, switches: event.switches };
        this.topics.touch("server");
        break;
      case "server_stopping":
        this.isStopping = true;
        this.topics.touch("link");
        break;
      case "channel_removed":
        this.dropChannel(event.channel);
        break;
      case "membership_changed":
        this.membershipChanged(event.channel, event.user, event.member);
        break;
      case "room_shown":
        this.roomStore.put(event.room, "room");
        break;
      case "category_changed":
        this.putCategories([...this.categoryList.filter((one) => one.id !== event.category.id), event.category]);
        break;
      case "category_removed":
        this.putCategories(this.categoryList.filter((one) => one.id !== event.category));
        break;
      case "message_edited":
        this.changeMessage(event.message.channel, event.message.id, () => event.message);
        break;
      case "message_deleted":
        this.changeMessage(event.channel, event.message, histories.deleted);
        break;
      case "preview_changed":
        this.changeMessage(event.channel, event.message, (held) => histories.previewed(held, event.state, event.preview));
        break;
      case "notified":
        this.notified(event.notification);
        break;
      case "notification_withdrawn":
        this.readings.withdraw(event.message);
        this.inboxList.drop((one) => one.message === event.message);
        this.touchBadges();
        break;
      case "notification_read":
        this.readings.withdraw(event.message);
        this.inboxList.seen((one) => one.message === event.message);
        this.touchBadges();
        break;
      case "inbox_read":
        this.readings.seenUpTo(event.up_to);
        this.inboxList.seen((one) => one.message <= event.up_to);
        this.touchBadges();
        break;
      case "reading_changed":
        this.readings.changed(event.reading, event.up_to);
        if (event.up_to !== null) this.inboxList.seenIn(event.reading.channel, event.up_to);
        this.touchBadges();
        break;
      case "status_changed":
        this.myStatus = event.status;
        this.topics.touch("presence");
        break;
      case "voice_preferences_changed":
        this.hearing.prefer(event.preferences);
        this.topics.touch("hearing");
        break;
      case "volume_changed":
        this.hearing.put(event.volume);
        this.topics.touch("hearing");
        break;
      case "group_changed":
        this.groupStore.put(event.group);
        this.topics.touch("groups");
        break;
      case "group_deleted":
        this.groupStore.remove(event.group);
        this.topics.touch("groups");
        break;
      case "group_member_changed":
        if (this.groupStore.memberChanged(event.group, event.user, event.member, this.meId)) this.topics.touch("groups");
        break;
      default: {
        const unknown: never = event;
        void unknown; // A newer server may know more events; they are not for us.
      }
    }
  }

  private load(snapshot: Snapshot) {
    this.facts = { name: snapshot.server_name, version: snapshot.version, slots: snapshot.slots, load: snapshot.voice_load, switches: snapshot.switches };
    this.meId = snapshot.me;
    this.isReady = true;
    this.isStopping = false;
    this.userMap = new Map(snapshot.users.map((user) => [user.id, user]));
    this.presences.load(snapshot);
    this.myStatus = snapshot.standing.status;
    this.categoryList = inOrder(snapshot.categories);
    this.channelList = standing(snapshot.channels, this.categoryList);
    this.memberMap.clear();
    this.typingMap.clear();
    this.roomStore.load(snapshot.rooms);
    const open = new Set(snapshot.channels.map((channel) => channel.id));
    for (const [id, history] of [...this.historyMap]) {
      if (!open.has(id)) {
        this.historyMap.delete(id);
        continue;
      }
      // We may have missed some, and what became of those we hold. Of a channel that nobody looks at nothing is kept;
      // of the open one, whoever loads messages sees the gap and asks for what came after, and the last ones again.
      const last = history.messages.at(-1);
      if (id !== this.opened || history.newest !== "loaded" || !last) {
        this.historyMap.set(id, { ...emptyHistory, pending: history.pending });
        continue;
      }
      // Of a short channel all are looked at again, the first one too.
      const first = history.older === "none" ? histories.BEFORE_ALL : (history.messages[0] ?? last).id;
      const checked = history.messages.at(-1 - CHECKED_AGAIN)?.id ?? first;
      // Where the newest are not held, what came after is asked for anyway.
      const gapAfter = history.gapAfter ?? (history.newer === "none" ? checked : null);
      const older = history.older === "loading" ? "more" : history.older;
      const newer = history.newer === "loading" ? "more" : history.newer;
      this.historyMap.set(id, { ...history, gapAfter, older, newer, meanwhile: [] });
    }
    this.hearing.load(snapshot.hearing);
    this.readings.load(snapshot.standing);
    this.groupStore.load(snapshot);
    this.topics.touchAll();
  }

  /** What an event tells may be in the snapshot already. */
  private putChannel(channel: Channel) {
    const others = this.channelList.filter((one) => one.id !== channel.id);
    this.channelList = standing([...others, channel], this.categoryList);
    this.topics.touch("server");
  }

  /** It is gone, or not this user's any more: nothing of it stays here, own posts that wait included. */
  private dropChannel(channel: ChannelId) {
    this.channelList = this.channelList.filter((one) => one.id !== channel);
    this.roomStore.remove(channel);
    this.memberMap.delete(channel);
    this.markMap.delete(channel);
    this.typingMap.delete(channel);
    this.readings.forget(channel);
    this.inboxList.drop((one) => one.channel === channel);
    this.touchBadges();
    if (this.historyMap.delete(channel)) this.topics.touch(`history:${channel}`);
    this.topics.touch(`members:${channel}`);
    this.topics.touch("server");
  }

  private membershipChanged(channel: ChannelId, user: UserId, member: boolean) {
    const now = this.memberMap.get(channel);
    if (!now || now.has(user) === member) return;
    this.memberMap.set(channel, changed(now, user, member));
    this.topics.touch(`members:${channel}`);
  }

  private putCategories(categories: readonly Category[]) {
    this.categoryList = inOrder(categories);
    this.channelList = standing(this.channelList, this.categoryList);
    this.topics.touch("server");
  }

  private messagePosted(message: Message) {
    const { channel } = message;
    this.typingChanged(channel, message.author, false);
    const history = this.historyMap.get(channel);
    if (history) {
      const next = histories.arrive(history, message, this.meId, this.keeps(channel));
      this.putHistory(channel, channel === this.opened ? next : histories.leave(next, KEPT_UNSEEN));
    }
    this.countUnseen(channel, [message]);
    const wasUnread = this.readings.unread.has(channel);
    this.readings.posted(message, this.meId);
    if (channel === this.seen) this.sawEnd(channel);
    else if (message.author !== this.meId && !wasUnread) this.markNew(channel, message.number - 1);
    this.touchBadges();
    const wanted = this.readings.involvement(channel) === "everything" && message.author !== this.meId;
    // Of a message that means this user their notification follows.
    if (wanted && channel !== this.seen && !this.meansMe(message)) {
      this.alertOf("message", { ...message, message: message.id, text: message.body });
    }
  }

  private alertOf(kind: Alert["kind"], { message, channel, author, text }: Omit<Alert, "kind">) {
    if (this.undisturbed) return;
    this.latestAlert = { kind, message, channel, author, text: text.slice(0, ALERT_TEXT) };
    this.topics.touch("alert");
  }

  private changeMessage(channel: ChannelId, id: MessageId, change: (message: Message) => Message) {
    const history = this.historyMap.get(channel);
    const held = history?.messages.find((message) => message.id === id);
    if (history && held) this.putHistory(channel, histories.replace(history, change(held)));
  }

  private notified(notification: Notification) {
    const { channel, message } = notification;
    const known = this.readings.isUnseen(message);
    this.readings.notify(message, channel);
    this.inboxList.arrived(notification);
    if (channel === this.seen) this.sawEnd(channel);
    this.touchBadges();
    if (channel !== this.seen && !known) this.alertOf("mention", { ...notification, text: notification.excerpt });
  }

  private touchBadges() {
    this.topics.touch("unread");
    this.topics.touch("inbox");
  }

  /** The line "New since" stands behind the message of this number, if there is none yet. */
  private markNew(channel: ChannelId, read: MessageNumber) {
    if (this.markMap.has(channel)) return;
    this.markMap.set(channel, read);
    this.topics.touch(`history:${channel}`);
  }

  /** What is at the end of a channel was seen, if it is held; whether that is news. */
  private sawEnd(channel: ChannelId): boolean {
    const history = this.historyMap.get(channel);
    const last = history?.newer === "none" ? history.messages.at(-1) : undefined;
    return last !== undefined && this.readings.saw(last);
  }

  private keeps(channel: ChannelId): "end" | "place" {
    return channel === this.opened && this.placeHeld ? "place" : "end";
  }

  private countUnseen(channel: ChannelId, messages: readonly Message[]) {
    if (channel !== this.opened || channel === this.seen) return;
    const others = messages.filter((message) => message.author !== this.meId).length;
    if (others === 0) return;
    this.unseenCount += others;
    this.topics.touch(`history:${channel}`);
  }

  private typingChanged(channel: ChannelId, user: UserId, active: boolean) {
    const now = this.typingMap.get(channel);
    if (!active && !now?.has(user)) return;
    const next = new Map(now);
    if (active) next.set(user, this.timers.now() + TYPING_MS);
    else next.delete(user);
    this.typingMap.set(channel, next);
    this.topics.touch(`typing:${channel}`);
  }

  private putHistory(channel: ChannelId, history: History) {
    if (this.historyMap.get(channel) === history) return;
    this.historyMap.set(channel, history);
    this.topics.touch(`history:${channel}`);
  }

  // ---- one's own joining of a room ----

  beginJoin(channel: ChannelId) {
    this.roomStore.beginJoin(channel);
  }

  endJoin(answer: Room | null) {
    this.roomStore.endJoin(answer);
  }

  // ---- messages that this client asks for or writes ----

  /** Says that a page is being fetched. */
  loading(channel: ChannelId, page: Page) {
    const history = this.history(channel);
    this.putHistory(channel, { ...history, [page]: "loading" });
  }

  loaded(channel: ChannelId, page: Page, messages: readonly Message[], more: boolean) {
    const history = this.history(channel);
    if (page === "newest") {
      if (this.readings.unread.has(channel)) this.markNew(channel, this.readings.readUpTo(channel));
      const next = histories.insert(history, messages, this.meId);
      this.putHistory(channel, { ...next, newest: "loaded", older: more ? "more" : "none", gapAfter: null });
    } else {
      this.putHistory(channel, histories.extend(history, page, messages, more, this.meId));
    }
    if (channel === this.seen) this.see(channel, true);
  }

  notLoaded(channel: ChannelId, page: Page) {
    const history = this.history(channel);
    this.putHistory(channel, { ...history, meanwhile: [], [page]: page === "newest" ? "failed" : "more" });
  }

  /** A page of what came after the gap; `more` says that the gap goes on. */
  caughtUp(channel: ChannelId, messages: readonly Message[], more: boolean) {
    const before = this.history(channel);
    const known = new Set(before.messages.map((message) => message.id));
    const history = histories.insert(before, messages, this.meId);
    const gapAfter = more ? (messages.at(-1)?.id ?? null) : null;
    this.putHistory(channel, histories.bound({ ...history, gapAfter }, this.keeps(channel), histories.WINDOW));
    this.countUnseen(channel, messages.filter((message) => !known.has(message.id)));
  }

  /** Shows another part of the channel instead of what is held. */
  place(channel: ChannelId, messages: readonly Message[], olderMore: boolean) {
    this.putHistory(channel, histories.placed(this.history(channel), messages, olderMore));
  }

  /** Forgets what is held, own pending posts excepted: there is too much between it and now. */
  forget(channel: ChannelId) {
    this.putHistory(channel, { ...emptyHistory, pending: this.history(channel).pending });
  }

  membersLoaded(channel: ChannelId, members: readonly UserId[]) {
    this.memberMap.set(channel, new Set(members));
    this.topics.touch(`members:${channel}`);
  }

  addPending(channel: ChannelId, post: PendingPost) {
    // Who answers has read what was new.
    this.markMap.delete(channel);
    this.putHistory(channel, histories.addPending(this.history(channel), post));
  }

  confirmed(message: Message) {
    const { channel } = message;
    this.putHistory(channel, histories.arrive(this.history(channel), message, this.meId, this.keeps(channel)));
  }

  failed(channel: ChannelId, nonce: string, why: string) {
    this.putHistory(channel, histories.changePending(this.history(channel), nonce, why));
  }

  sendingAgain(channel: ChannelId, nonce: string) {
    this.putHistory(channel, histories.changePending(this.history(channel), nonce, null));
  }

  discard(channel: ChannelId, nonce: string) {
    this.putHistory(channel, histories.removePending(this.history(channel), nonce));
  }

  /** Which channel is on the screen; what only a reader needs of the one left is dropped. */
  open(channel: ChannelId | null) {
    const left = this.opened;
    if (left === channel) return;
    this.opened = channel;
    this.topics.touch("opened");
    this.unseenCount = 0;
    this.placeHeld = false;
    if (left === null) return;
    this.markMap.delete(left);
    const history = this.historyMap.get(left);
    if (history) this.putHistory(left, histories.leave(history, KEPT_UNSEEN));
  }

  /** Whether somebody reads above the end of the channel on the screen: then the newest fall off, not what is read. */
  holdPlace(channel: ChannelId, held: boolean) {
    if (channel === this.opened) this.placeHeld = held;
  }

  /** Whether the end of a channel is in sight. What arrives there then is not unread. */
  see(channel: ChannelId, seeing: boolean) {
    if (!seeing) {
      if (this.seen === channel) this.seen = null;
      return;
    }
    this.seen = channel;
    if (this.unseenCount > 0) {
      this.unseenCount = 0;
      this.topics.touch(`history:${channel}`);
    }
    if (this.sawEnd(channel)) this.touchBadges();
  }

  /** Somebody looks into the inbox, or does not any more. */
  lookIntoInbox(view: InboxView | null) {
    if (view === null) this.inboxList.close();
    else this.inboxList.open(view);
    this.topics.touch("inbox");
  }

  /** What becomes of the inbox that somebody looks into. */
  changeInbox(change: (inbox: Inbox) => void) {
    change(this.inboxList);
    this.topics.touch("inbox");
  }

  /** A message above the end was in sight, and with it all that came before. */
  seeUpTo(channel: ChannelId, id: MessageId) {
    const message = this.history(channel).messages.find((one) => one.id === id);
    if (message && this.readings.saw(message)) this.touchBadges();
  }

  /** What was seen here and the server is to be told of; urgent when a mention was among it. */
  untoldMarks(): { channel: ChannelId; message: MessageId; urgent: boolean }[] {
    return this.readings.untold();
  }

  /** The server was told. */
  toldMark(channel: ChannelId, message: MessageId) {
    this.readings.confirm(channel, message);
  }

  /** A message of one's own that was edited: the answer may be here before the event. */
  edited(message: Message) {
    this.changeMessage(message.channel, message.id, () => message);
  }

  /** The link is gone, or is back with all that was missed. While it is gone nobody is known to talk. */
  cutOff(off: boolean) {
    this.roomStore.cutOff(off);
  }

  /** Ends what has no event of its own: somebody's writing. */
  sweep() {
    const now = this.timers.now();
    for (const [channel, writers] of this.typingMap) {
      for (const [user, until] of writers) if (until <= now) this.typingChanged(channel, user, false);
    }
  }

  // ---- reading ----

  get server(): ServerFacts {
    return this.facts;
  }
  get me(): UserId | null {
    return this.meId;
  }
  /** Whether the first snapshot has come. */
  get ready(): boolean {
    return this.isReady;
  }
  /** Whether the server said that it is about to stop. */
  get stopping(): boolean {
    return this.isStopping;
  }
  get users(): ReadonlyMap<UserId, User> {
    return this.userMap;
  }
  /** Whoever is seen, in whatever way. */
  get online(): ReadonlySet<UserId> {
    return this.presences.seen;
  }
  /** How somebody is seen; oneself also when nobody else sees one. */
  presence(user: UserId): Presence | "invisible" {
    return user === this.meId && this.myStatus === "invisible" ? "invisible" : this.presences.of(user);
  }
  /** What oneself chose to be seen as. */
  get status(): Status {
    return this.myStatus;
  }
  get channels(): readonly Channel[] {
    return this.channelList;
  }
  get categories(): readonly Category[] {
    return this.categoryList;
  }
  category(id: CategoryId): Category | null {
    return this.categoryList.find((one) => one.id === id) ?? null;
  }
  /** Who is in a channel; null before anybody asked. */
  members(channel: ChannelId): ReadonlySet<UserId> | null {
    return this.memberMap.get(channel) ?? null;
  }
  /** How many messages are new, by channel; a channel without any is not in it. */
  get unread(): ReadonlyMap<ChannelId, number> {
    return this.readings.unread;
  }
  /** Mentions of oneself in a channel that were not seen. */
  mentions(channel: ChannelId): number {
    return this.readings.mentions(channel);
  }
  /** Mentions not seen, everywhere; `more`: at least so many. */
  get inbox(): { count: number; more: boolean } {
    return this.readings.inbox;
  }
  isUnseen(message: MessageId): boolean {
    return this.readings.isUnseen(message);
  }
  involvement(channel: ChannelId): Involvement {
    return this.readings.involvement(channel);
  }
  /** Whether what an alert is about was seen meanwhile, on whatever device. */
  isSettled({ kind, message, channel }: Alert): boolean {
    return kind === "mention" ? !this.readings.isUnseen(message) : !this.readings.unread.has(channel);
  }
  /** The inbox, while somebody looks into it. */
  get inboxItems(): InboxList {
    return this.inboxList.list;
  }
  /** The latest thing worth a sound and a pop-up. */
  get alert(): Alert | null {
    return this.latestAlert;
  }
  /** Whether oneself wants neither sound nor pop-up. */
  get undisturbed(): boolean {
    return this.myStatus === "do_not_disturb";
  }
  beginGroupMembers(group: GroupId) {
    this.groupStore.beginMembers(group);
  }

  groupMembersLoaded(group: GroupId, members: readonly UserId[] | null) {
    this.groupStore.membersLoaded(group, members);
    if (members !== null) this.topics.touch("groups");
  }

  /** Who is in a group; null until somebody asked. */
  groupMembers(group: GroupId): ReadonlySet<UserId> | null {
    return this.groupStore.members(group);
  }

  get groups(): ReadonlyMap<GroupId, Group> {
    return this.groupStore.all;
  }
  /** Whether oneself is in a group. */
  isMine(group: GroupId): boolean {
    return this.groupStore.isMine(group);
  }
  /** Whether a message means oneself. */
  meansMe(message: Message): boolean {
    if (message.author === this.meId) return false;
    return message.mentions.some((mention) => {
      switch (mention.type) {
        case "user":
          return mention.user === this.meId;
        case "group":
          return this.groupStore.isMine(mention.group);
        case "here":
        case "everyone":
          return true;
      }
    });
  }
  /** The channel on the screen. */
  get openChannel(): ChannelId | null {
    return this.opened;
  }
  /** The first message that was new when the reader came, for the line above it; null while that one is not held. */
  newSince(channel: ChannelId): MessageId | null {
    const read = this.markMap.get(channel);
    if (read === undefined) return null;
    const { messages, older } = this.history(channel);
    // Before the first one held there may be others that are new.
    const whole = older === "none" || (messages[0]?.number ?? Infinity) <= read + 1;
    return (whole && messages.find((message) => message.number > read && message.author !== this.meId)?.id) || null;
  }
  /** The number of the last message that was not new when the reader came; null when nothing was new. */
  newAfter(channel: ChannelId): MessageNumber | null {
    return this.markMap.get(channel) ?? null;
  }
  /** What others wrote in the channel on the screen since its end was last in sight. */
  unseen(channel: ChannelId): number {
    return channel === this.opened ? this.unseenCount : 0;
  }
  get rooms(): ReadonlyMap<ChannelId, Room> {
    return this.roomStore.all;
  }
  get sound(): boolean {
    return this.roomStore.sound;
  }
  room(channel: ChannelId): Room | null {
    return this.roomStore.all.get(channel) ?? null;
  }
  talkersIn(channel: ChannelId): ReadonlySet<UserId> {
    return this.roomStore.talkersIn(channel);
  }
  isTalking(user: UserId): boolean {
    return this.roomStore.isTalking(user);
  }
  spokeAt(user: UserId): number | null {
    return this.roomStore.spokeAt(user);
  }
  quietSince(channel: ChannelId): number | null {
    return this.roomStore.quietSince(channel);
  }
  pulse(channel: ChannelId): readonly number[] {
    return this.roomStore.pulse(channel);
  }
  history(channel: ChannelId): History {
    return this.historyMap.get(channel) ?? emptyHistory;
  }
  /** Channels of which messages are held. */
  held(): readonly ChannelId[] {
    return [...this.historyMap.keys()];
  }
  typing(channel: ChannelId): readonly UserId[] {
    return [...(this.typingMap.get(channel)?.keys() ?? [])].filter((user) => user !== this.meId);
  }
  /** Every channel with posts on their way. */
  pendingPosts(): readonly { channel: ChannelId; post: PendingPost }[] {
    return [...this.historyMap].flatMap(([channel, history]) => history.pending.map((post) => ({ channel, post })));
  }

  listen(topic: Topic, ear: () => void): () => void {
    return this.topics.listen(topic, ear);
  }
}
