/**
 * The bridge between the store, which knows nothing of Svelte, and the views, which re-read what was touched.
 */
import { createContext, tick } from "svelte";
import { createSubscriber } from "svelte/reactivity";
import type { Client } from "../client";
import { Drafts } from "../drafts";
import { recall, remember } from "../memory";
import { calledBy } from "../mentions";
import type { Channel, ChannelId, Mention, Message, MessageId, User, UserId } from "../protocol";
import type { Store } from "../store/store";
import type { Topic } from "../store/topics";
import type { Facts } from "../suggest";
import type { Line } from "../voice/line";
import type { Speakers } from "../voice/speakers";
import type { VoiceRoom } from "../voice/room";
import { badge, deletedAccount, somebody } from "../words";

/** Where drafts are remembered; signing out forgets what begins with "draft.". */
const DRAFTS = "draft.all";

/** A dialog over everything. */
export type OpenSheet =
  | { name: "new-channel" }
  | { name: "browse" }
  | { name: "arrange" }
  | { name: "keys" }
  | { name: "person"; user: UserId }
  /** The channel as it was when the sheet was opened; this user need not be in it. */
  | { name: "about" | "members" | "settings" | "delete-channel"; channel: Channel }
  | { name: "delete-message"; message: Message };

/** Whom a mention calls, as it is shown. */
export interface Called {
  name: string;
  /** What of the written name is no name: a hyphen at the end may be the sentence's. */
  rest: string;
  /** It means oneself by name or as one of all. */
  you: boolean;
  /** Of a group, `#` and six digits. */
  color: string | null;
  /** Who it is, when it is one person. */
  user: UserId | null;
}

/** A message that is being written anew. */
export interface Edit {
  message: MessageId;
  text: string;
}

export class App {
  readonly drafts = new Drafts({ recall: () => recall(DRAFTS), remember: (text) => remember(DRAFTS, text) });
  /** The list of everything one can go to lies over the page. */
  jumping = $state(false);
  private readonly subscribers = new Map<Topic, () => void>();
  private writer: ((text: string) => void) | null = null;
  /** The browser wants a press before it plays sound. */
  soundHeld = $state(false);
  /** What those are told who do not see the page, once. */
  said = $state("");
  /** On wide frames the side column stays open until it is closed; elsewhere it lies over the rest. */
  sideOpen = $state(true);
  sideOver = $state(false);
  /** The inbox is in the place of the people. */
  private inboxShown = $state(false);
  private beforeInbox: Element | null = null;
  /** The message that is being written anew in a channel: it waits there when somebody looks elsewhere. */
  edits = $state<Record<ChannelId, Edit>>({});
  private openedSheet = $state.raw<OpenSheet | null>(null);
  /** What had the focus before the first of a row of sheets. */
  private beforeSheet: Element | null = null;

  /** Users and groups by the name they are called by, whatever its case. */
  private readonly byName = $derived.by(() => {
    const groups = [...this.at("groups").groups.values()].map((group): [string, Mention] => [group.slug, { type: "group", group: group.id }]);
    const users = [...this.at("users").users.values()].map((user): [string, Mention] => [
      user.username.toLowerCase(),
      { type: "user", user: user.id },
    ]);
    return new Map([...groups, ...users]);
  });
  /** Whose a name is, to be called by or to be shown; null when it is more than one's. */
  private readonly owners = $derived.by(() => {
    const owners = new Map<string, UserId | null>();
    for (const user of this.at("users").users.values()) {
      if (user.state === "deleted") continue;
      for (const name of [folded(user.username), folded(shownName(user))]) {
        const owner = owners.get(name);
        owners.set(name, owner === undefined || owner === user.id ? user.id : null);
      }
    }
    return owners;
  });
  private readonly named = (name: string): Mention | null => this.byName.get(name) ?? null;

  constructor(
    readonly client: Client,
    readonly speakers: Speakers,
  ) {
    speakers.onblocked = (held) => {
      this.soundHeld = held;
    };
  }

  /** The store, and a promise to run again when `topic` is touched. */
  at(topic: Topic): Store {
    let subscribe = this.subscribers.get(topic);
    if (!subscribe) {
      subscribe = createSubscriber((update) => this.client.store.listen(topic, update));
      this.subscribers.set(topic, subscribe);
    }
    subscribe();
    return this.client.store;
  }

  /** One's own voice, to be read again at every change. */
  voice(): VoiceRoom {
    this.at("voice");
    return this.client.voice;
  }

  /** The quality of one's own line, as last measured. */
  line(): Line | null {
    this.at("line");
    return this.voice().line;
  }

  name(user: UserId): string {
    const known = this.at("users").users.get(user);
    return known ? shownName(known) : somebody;
  }

  /** The user name of somebody whose name to show is another's too, whatever its case: it stands beside it. */
  handle(id: UserId): string | null {
    const user = this.at("users").users.get(id);
    return user?.state !== "deleted" && user?.display_name && this.owners.get(folded(user.display_name)) === null ? `@${user.username}` : null;
  }

  /** The facts by which it is known whom one may call in a channel. */
  calling(channel: Channel): Facts {
    return {
      me: this.at("server").me,
      users: [...this.at("users").users.values()],
      online: this.at("presence").online,
      groups: [...this.at("groups").groups.values()],
      admission: channel.admission,
      members: this.at(`members:${channel.id}`).members(channel.id),
      admin: this.admin(),
    };
  }

  /** The address of somebody's picture. */
  avatar(user: UserId): string | null {
    return this.at("users").users.get(user)?.avatar ?? null;
  }

  /**
   * Whom a name after an @ calls, as the server understood it; null when nobody. Of a text that the server has not
   * read yet, whoever has the name.
   */
  called(written: string, meant: readonly Mention[] | null, author: UserId): Called | null {
    const { me, groups } = this.at("groups");
    const call = calledBy(written, this.named, meant);
    if (!call) return null;
    const { who, rest } = call;
    switch (who.type) {
      case "user":
        return { name: this.name(who.user), rest, you: who.user === me, color: null, user: who.user };
      case "group": {
        const group = groups.get(who.group);
        return group ? { name: group.name, rest, you: false, color: group.color, user: null } : null;
      }
      case "here":
      case "everyone":
        return { name: call.name, rest, you: author !== me, color: null, user: null };
    }
  }

  /** How much is in the inbox, as a badge says it; nothing when nothing is. */
  waiting(): string {
    const { count, more } = this.at("inbox").inbox;
    return count === 0 ? "" : badge(count, more);
  }

  /** Whether this user may change the house. */
  admin(): boolean {
    const { me } = this.at("server");
    return me !== null && this.at("users").users.get(me)?.role === "admin";
  }

  channel(id: ChannelId): Channel | null {
    return this.at("server").channels.find((channel) => channel.id === id) ?? null;
  }

  /** Goes into a room; in the room one is in, shows its people. */
  pressRoom(channel: ChannelId) {
    const { voice } = this.client;
    if (voice.channel === channel) this.showPeople();
    else voice.join(channel);
  }

  /** The field in which one writes says how text is put into it, until the returned function is called. */
  onwrite(writer: (text: string) => void): () => void {
    this.writer = writer;
    return () => {
      if (this.writer === writer) this.writer = null;
    };
  }

  /** Puts text into the field in which one writes, if there is one. */
  write(text: string) {
    this.writer?.(text);
  }

  say(text: string) {
    this.said = text;
  }

  showPeople() {
    this.closeInbox();
    this.sideOpen = true;
    this.sideOver = true;
  }

  get inboxOpen(): boolean {
    return this.inboxShown;
  }

  toggleInbox() {
    if (this.inboxShown) {
      this.closeInbox();
      return;
    }
    this.beforeInbox = document.activeElement;
    this.client.openInbox("unread");
    this.inboxShown = true;
    this.sideOver = true;
  }

  closeInbox() {
    if (!this.inboxShown) return;
    this.client.openInbox(null);
    this.inboxShown = false;
    this.sideOver = false;
    const before = this.beforeInbox;
    // What it lay over must be in sight before it can have the focus.
    void tick().then(() => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    });
  }

  /** Another page was opened: what lies over it goes, and what stands beside it stays. */
  leaveSide(beside: boolean) {
    if (!beside) this.closeInbox();
    this.sideOver = false;
  }

  get sheet(): OpenSheet | null {
    return this.openedSheet;
  }

  /** Opens a dialog, in place of another one if need be. */
  openSheet(sheet: OpenSheet) {
    if (this.openedSheet === null) this.beforeSheet = document.activeElement;
    this.openedSheet = sheet;
  }

  closeSheet() {
    if (this.openedSheet === null) return;
    this.openedSheet = null;
    const before = this.beforeSheet;
    void tick().then(() => {
      // What opened it may have gone with what was done in it.
      const target = before instanceof HTMLElement && before.isConnected ? before : document.querySelector<HTMLElement>(".app button");
      target?.focus();
    });
  }
}

export const [getApp, setApp] = createContext<App>();

/** As names are compared: what looks the same is the same. */
function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** The name to show for a user. */
export function shownName(user: User): string {
  if (user.state === "deleted") return deletedAccount;
  return user.display_name ?? user.username;
}
