/** A server that answers when a test says so; see `ports`. */
import { settle } from "../timers.fake";
import type { Joined } from "./ports";

/** A join that waits for its answer. */
export interface Ask {
  channel: string;
  offer: string;
  muted: boolean;
  deafened: boolean;
  answer(participant: number): Promise<void>;
  refuse(code: string): Promise<void>;
}

export class FakeSignal {
  relay: Joined["relay"] = null;
  joins: Ask[] = [];
  /** What else it was told, in order. */
  told: string[] = [];
  /** Whether the socket is lost when it is told something. */
  fails = false;

  join(channel: string, offer: string, muted: boolean, deafened: boolean) {
    return new Promise<Joined>((resolve, reject) => {
      this.joins.push({
        channel,
        offer,
        muted,
        deafened,
        answer: async (participant) => {
          resolve({ participant, answer: `answer ${participant}`, relay: this.relay });
          await settle();
        },
        refuse: async (code) => {
          reject(Object.assign(new Error(code), { code }));
          await settle();
        },
      });
    });
  }
  /** What its offers to restart are answered with: an SDP, or the code of a refusal. */
  restarting: { answer: string } | { code: string } = { answer: "another way" };
  restarts: string[] = [];
  async restart(offer: string) {
    this.restarts.push(offer);
    if ("code" in this.restarting) throw Object.assign(new Error("refused"), this.restarting);
    return this.restarting.answer;
  }
  async set(muted: boolean, deafened: boolean) {
    if (this.fails) throw Object.assign(new Error("lost"), { code: "lost" });
    this.told.push(`set ${muted} ${deafened}`);
  }
  async leave() {
    this.told.push("leave");
  }
}
