/**
 * Who is at the door: finds out whether this browser is signed in and opens or closes the client.
 */
import { api } from "../api";
import { type Browser, openClient } from "../browser";
import { forget } from "../memory";
import type { ServerInfo } from "../protocol";
import { address } from "./address.svelte";

export type Phase =
  | { name: "asking" }
  | { name: "unreachable" }
  | { name: "outside"; info: ServerInfo; notice: string | null }
  | { name: "inside"; browser: Browser };

const RETRY_MS = 3_000;

class Session {
  private current = $state.raw<Phase>({ name: "asking" });

  /** The server can send mail. */
  mail = $state(false);

  get phase(): Phase {
    return this.current;
  }

  async start() {
    try {
      const info = await api.server();
      this.mail = info.mail;
      const { page } = address.route;
      if (info.me && page !== "setup" && page !== "reset" && page !== "confirm") this.enter();
      else this.current = { name: "outside", info, notice: null };
    } catch {
      this.current = { name: "unreachable" };
      setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  /** At the door: what is true of the server now. */
  async look() {
    const info = await api.server().catch(() => null);
    if (info === null || this.current.name !== "outside") return;
    this.mail = info.mail;
    this.current = { ...this.current, info };
  }

  /** The cookie is there: go in. */
  enter() {
    if (this.current.name === "inside") return;
    if (address.route.page === "door" || address.route.page === "setup") address.replace({ page: "home" });
    const browser = openClient(() => void this.leave("You are signed out here."));
    this.current = { name: "inside", browser };
  }

  async signOut() {
    // The talk ends before the answer: who signs out wants to be gone.
    if (this.current.name === "inside") this.current.browser.client.voice.leave();
    await api.signOut().catch(() => {});
    forget("draft.");
    await this.leave(null);
  }

  private async leave(notice: string | null) {
    if (this.current.name === "inside") this.current.browser.stop();
    this.current = { name: "asking" };
    address.replace({ page: "door" });
    await this.start();
    // The annotation: TypeScript believes that `start` changed nothing.
    const phase = this.current as Phase;
    if (phase.name === "outside") this.current = { ...phase, notice };
  }
}

export const session = new Session();
