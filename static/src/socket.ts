/**
 * The one WebSocket: keeps it open, matches answers to requests, hands on events in order.
 *
 * Must not know: what a request or an event is about, the DOM, Svelte, or what voice does. Losing the socket
 * is nobody's disaster: whoever asked something is told so, and the link comes back by itself.
 * Start reading at {@link Socket.start}.
 */
import { PROTOCOL, type Answer, type ConnectionId, type ErrorCode, type Refusal, type Request, type ServerEvent } from "./protocol";
import type { Cancel, Timers } from "./timers";

/** Silence after which we ask whether the server is there; the server asks at the same pace. */
const HEARTBEAT_MS = 25_000;
/** How long a request, the heartbeat included, may go without its answer. */
const ANSWER_MS = 10_000;
/** The same when there is a reason to doubt the link: the machine woke up or the network changed. */
const DOUBT_MS = 3_000;
/** How long a new socket may take until the server has said welcome. */
const OPEN_MS = 8_000;
/** The first wait is short, because a restarted server is back within a second. */
const FIRST_WAIT_MS = 250;
/** Gentle growth: an outage of three seconds is noticed as over within one more. */
const WAIT_GROWTH = 1.6;
/** A server that is gone for long is asked every ten seconds. */
const LONGEST_WAIT_MS = 10_000;
/** A link that held this long was a good one: the next loss starts with a short wait again. */
const GOOD_LINK_MS = 2_000;

/** Why the server closed the socket (its private codes; see the server's `protocol` module). */
const CLOSE = {
  signedOut: 4001,
  tooManyErrors: 4002,
  wrongProtocol: 4004,
  replaced: 4009,
} as const;

/** The part of a WebSocket that is used here. */
export interface Wire {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

/** How the link to the server is doing. */
export type Link =
  | { state: "off" }
  | { state: "opening"; attempt: number }
  | { state: "open"; resumed: boolean }
  | { state: "waiting"; attempt: number; everOpened: boolean }
  | { state: "ended"; why: "signed_out" | "wrong_protocol" };

/** What became of a request that got no result. */
export class RequestError extends Error {
  constructor(
    /** The server's code, or: `lost` when the socket went away first, `silent` when no answer came. */
    readonly code: ErrorCode | "lost" | "silent",
    detail: string,
  ) {
    super(detail);
    this.name = "RequestError";
  }
}

export interface SocketEars {
  link(link: Link): void;
  event(event: ServerEvent): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: RequestError): void;
  stop: Cancel;
}

type Frame =
  | { id: number | null; result: Answer }
  | { id: number | null; error: Refusal }
  | ({ seq: number } & ServerEvent);

export class Socket {
  private link: Link = { state: "off" };
  private wire: Wire | null = null;
  private welcomed = false;
  /** Events that overtook the welcome; they are handed on after it. */
  private early: ({ seq: number } & ServerEvent)[] = [];
  private connection: ConnectionId | null = null;
  private seq = 0;
  private nextId = 1;
  private readonly waiting = new Map<number, Waiting>();
  private attempt = 0;
  private openedAt = 0;
  private everOpened = false;
  private stopRetry: Cancel | null = null;
  private stopOpening: Cancel | null = null;
  private stopHeartbeat: Cancel | null = null;

  constructor(
    private readonly dial: () => Wire,
    private readonly timers: Timers,
    private readonly ears: SocketEars,
  ) {}

  start() {
    if (this.link.state === "off") this.connect();
  }

  /** Closes for good; nothing is heard any more. */
  stop() {
    this.drop();
    this.set({ state: "off" });
  }

  get isOpen() {
    return this.link.state === "open";
  }

  /** Asks the server. Fails at once with `lost` while there is no link. */
  request(request: Request): Promise<Answer> {
    if (!this.wire || !this.welcomed) {
      return Promise.reject(new RequestError("lost", "there is no connection to the server"));
    }
    return this.ask(request, ANSWER_MS);
  }

  /** The machine woke up or the network changed: find out now instead of at the next heartbeat. */
  nudge() {
    switch (this.link.state) {
      case "waiting":
        this.attempt = 0;
        this.connect();
        break;
      case "open":
        this.ping(DOUBT_MS);
        break;
      case "off":
      case "opening":
      case "ended":
        break;
    }
  }

  private connect() {
    this.stopRetry?.();
    this.stopRetry = null;
    this.set({ state: "opening", attempt: this.attempt });
    this.welcomed = false;
    this.early = [];
    let wire: Wire;
    try {
      wire = this.dial();
    } catch {
      this.lost();
      return;
    }
    this.wire = wire;
    wire.onopen = () => this.hello();
    wire.onmessage = (event) => this.receive(event.data);
    wire.onclose = (event) => this.closed(event.code);
    this.stopOpening = this.timers.after(OPEN_MS, () => this.lost());
  }

  private hello() {
    const wire = this.wire;
    const resume = this.connection === null ? null : { connection: this.connection, seq: this.seq };
    this.ask({ type: "hello", protocol: PROTOCOL, resume }, OPEN_MS).then(
      (answer) => {
        if (this.wire !== wire) return;
        if (answer.type === "welcome") this.welcome(answer.connection, answer.resumed);
        else this.lost();
      },
      (error: RequestError) => {
        if (this.wire !== wire) return;
        if (error.code === "signed_out") this.end("signed_out");
        else this.lost();
      },
    );
  }

  private welcome(connection: ConnectionId, resumed: boolean) {
    this.stopOpening?.();
    this.stopOpening = null;
    this.connection = connection;
    if (!resumed) this.seq = 0;
    this.welcomed = true;
    this.everOpened = true;
    this.openedAt = this.timers.now();
    this.beat();
    this.set({ state: "open", resumed });
    const early = this.early;
    this.early = [];
    for (const event of early) this.hear(event);
  }

  private receive(data: unknown) {
    const frame = typeof data === "string" ? parse(data) : null;
    if (!frame) return;
    if (this.welcomed) this.beat();
    if ("seq" in frame) {
      if (this.welcomed) this.hear(frame);
      else this.early.push(frame);
      return;
    }
    if (frame.id === null) return;
    const waiting = this.waiting.get(frame.id);
    if (!waiting) return;
    this.waiting.delete(frame.id);
    waiting.stop();
    if ("result" in frame) waiting.resolve(frame.result);
    else waiting.reject(new RequestError(frame.error.code, frame.error.message));
  }

  private hear(event: { seq: number } & ServerEvent) {
    // Already seen before the socket was lost.
    if (event.seq <= this.seq) return;
    if (event.seq !== this.seq + 1) {
      // The server promises that this cannot happen. If it does, what we know is not to be trusted.
      this.connection = null;
      this.lost();
      return;
    }
    this.seq = event.seq;
    this.ears.event(event);
  }

  private closed(code: number) {
    switch (code) {
      case CLOSE.signedOut:
        this.end("signed_out");
        return;
      case CLOSE.wrongProtocol:
        this.end("wrong_protocol");
        return;
      case CLOSE.tooManyErrors:
      case CLOSE.replaced:
        // The connection we had is not ours to go on with.
        this.connection = null;
        break;
      default:
        // 1001 going away, 1006 broken, 4008 too slow, …: come back and go on.
        break;
    }
    this.lost();
  }

  private lost() {
    const held = this.welcomed && this.timers.now() - this.openedAt >= GOOD_LINK_MS;
    this.drop();
    if (held) this.attempt = 0;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * WAIT_GROWTH ** this.attempt);
    // Half fixed, half chance: a thousand clients must not come back in the same moment.
    const wait = longest * (0.5 + this.timers.random() / 2);
    this.attempt += 1;
    this.stopRetry = this.timers.after(wait, () => this.connect());
    this.set({ state: "waiting", attempt: this.attempt, everOpened: this.everOpened });
  }

  private end(why: "signed_out" | "wrong_protocol") {
    this.drop();
    this.set({ state: "ended", why });
  }

  /** Forgets the wire without waiting for its closing handshake, which a dead network never answers. */
  private drop() {
    this.stopRetry?.();
    this.stopOpening?.();
    this.stopHeartbeat?.();
    this.stopRetry = this.stopOpening = this.stopHeartbeat = null;
    const wire = this.wire;
    this.wire = null;
    this.welcomed = false;
    this.early = [];
    if (wire) {
      wire.onopen = wire.onmessage = wire.onclose = null;
      wire.close();
    }
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of waiting) {
      one.stop();
      one.reject(new RequestError("lost", "the connection was lost before the answer"));
    }
  }

  private ask(request: Request, patience: number): Promise<Answer> {
    const wire = this.wire;
    if (!wire) return Promise.reject(new RequestError("lost", "there is no connection to the server"));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const stop = this.timers.after(patience, () => {
        this.waiting.delete(id);
        reject(new RequestError("silent", `no answer to ${request.type} within ${patience} ms`));
      });
      this.waiting.set(id, { resolve, reject, stop });
      wire.send(JSON.stringify({ id, ...request }));
    });
  }

  /** Whatever arrives proves that the server is there; the next proof is due one heartbeat later. */
  private beat() {
    this.stopHeartbeat?.();
    this.stopHeartbeat = this.timers.after(HEARTBEAT_MS, () => this.ping(ANSWER_MS));
  }

  private ping(patience: number) {
    const wire = this.wire;
    this.ask({ type: "ping" }, patience).catch((error: RequestError) => {
      if (error.code === "silent" && this.wire === wire) this.lost();
    });
  }

  private set(link: Link) {
    this.link = link;
    this.ears.link(link);
  }
}

function parse(text: string): Frame | null {
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame !== "object" || frame === null) return null;
    return "seq" in frame || "result" in frame || "error" in frame ? (frame as Frame) : null;
  } catch {
    return null;
  }
}
