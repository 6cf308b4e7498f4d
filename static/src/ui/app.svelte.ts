/**
 * The bridge between the store, which knows nothing of Svelte, and the views, which re-read what was touched.
 */
import { createContext, tick } from "svelte";
import { createSubscriber } from "svelte/reactivity";
import type { Client } from "../client";
import type { Channel, ChannelId, User, UserId } from "../protocol";
import type { Store } from "../store/store";
import type { Topic } from "../store/topics";
import type { Line } from "../voice/line";
import type { Speakers } from "../voice/speakers";
import type { VoiceRoom } from "../voice/room";
import { deletedAccount } from "../words";

/** A dialog over everything. */
export type OpenSheet =
  | { name: "new-channel" }
  | { name: "browse" }
  | { name: "arrange" }
  /** The channel as it was when the sheet was opened; this user need not be in it. */
  | { name: "about" | "members" | "settings"; channel: Channel };

export class App {
  private readonly subscribers = new Map<Topic, () => void>();
  /** The browser wants a press before it plays sound. */
  soundHeld = $state(false);
  /** On wide frames the side column stays open until it is closed; elsewhere it lies over the rest. */
  sideOpen = $state(true);
  sideOver = $state(false);
  private openedSheet = $state.raw<OpenSheet | null>(null);
  /** What had the focus before the first of a row of sheets. */
  private beforeSheet: Element | null = null;

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
    return known ? shownName(known) : "somebody";
  }

  /** The address of somebody's picture. */
  avatar(user: UserId): string | null {
    return this.at("users").users.get(user)?.avatar ?? null;
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

  showPeople() {
    this.sideOpen = true;
    this.sideOver = true;
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

/** The name to show for a user. */
export function shownName(user: User): string {
  if (user.state === "deleted") return deletedAccount;
  return user.display_name ?? user.username;
}
