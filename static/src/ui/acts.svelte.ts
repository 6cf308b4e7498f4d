/**
 * What one does with the messages of a channel, and with which: the one under the pointer, the one with the focus, the
 * one whose menu is open. One of these for each list of messages.
 *
 * Must not know: where on the screen a message stands.
 */
import type { Channel, Message, MessageId } from "../protocol";
import { pathOf } from "../route";
import * as words from "../words";
import type { App } from "./app.svelte";
import { copyText } from "./clipboard";

/** How long it is said that something was done. */
const SAID_MS = 4_000;

export type Act = "edit" | "copy-text" | "copy-link" | "delete";

export class Acts {
  /** Under the pointer. */
  pointed = $state<MessageId | null>(null);
  /** Has the focus, or something in it. */
  focused = $state<MessageId | null>(null);
  /** Whose menu is open, and what it hangs on; by touch it hangs on nothing. */
  menu = $state.raw<{ message: Message; at: DOMRect | null } | null>(null);
  /** What was just done, for those who cannot see it otherwise. */
  said = $state("");
  private stopSaying: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly app: App,
    private readonly channel: () => Channel,
  ) {}

  /** What this user may do with a message, the most likely first. */
  of(message: Message): Act[] {
    if (message.state.type === "deleted") return [];
    const mine = message.author === this.app.at("server").me;
    const acts: (Act | false)[] = [
      mine && this.writable && "edit",
      "copy-text",
      "copy-link",
      (mine || this.app.admin()) && "delete",
    ];
    return acts.filter((act) => act !== false);
  }

  may(message: Message, act: Act): boolean {
    return this.of(message).includes(act);
  }

  run(act: Act, message: Message) {
    switch (act) {
      case "edit":
        this.edit(message);
        break;
      case "copy-text":
        void this.copy(message.body, words.message.textCopied);
        break;
      case "copy-link":
        void this.copy(location.origin + pathOf({ page: "channel", slug: this.channel().slug, message: message.id }), words.message.linkCopied);
        break;
      case "delete":
        this.app.openSheet({ name: "delete-message", message });
        break;
    }
  }

  /** Whether this user may write in the channel at all. */
  get writable(): boolean {
    const channel = this.channel();
    return !channel.archived && (channel.writers === "everybody" || this.app.admin());
  }

  /** Begins to write a message anew; one that was changed and not saved yet comes first. */
  private edit(message: Message) {
    const { id } = this.channel();
    const open = this.app.edits[id];
    const held = this.app.client.store.history(id).messages.find((one) => one.id === open?.message);
    if (open && held && held.id !== message.id && open.text.trim() !== held.body) {
      this.say(words.message.editFirst);
      this.app.edits = { ...this.app.edits, [id]: { ...open } };
      return;
    }
    if (open?.message === message.id) return;
    this.app.edits = { ...this.app.edits, [id]: { message: message.id, text: message.body } };
  }

  private async copy(text: string, said: string) {
    this.say((await copyText(text)) ? said : words.message.notCopied);
  }

  say(text: string) {
    clearTimeout(this.stopSaying);
    this.said = text;
    this.stopSaying = setTimeout(() => (this.said = ""), SAID_MS);
  }
}
