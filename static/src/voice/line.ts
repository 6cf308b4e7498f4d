/**
 * How good the line is, from the figures that the browser keeps.
 *
 * Pure arithmetic over getStats. Must not know: where the figures come from or what is done about them.
 */

/** What one look at getStats says. */
export interface LineSample {
  /** Milliseconds on a steady clock. */
  at: number;
  /**
   * Bytes that arrived, and answers to the checks that keep the path open. Whatever grows proves life.
   * Null in a browser that does not count those answers: there an empty room is silent on the wire too.
   */
  arrived: number | null;
  /** Round trip in milliseconds. */
  roundTrip: number | null;
  /** Audio packets that arrived and that were lost, since the peer exists. */
  received: number;
  lost: number;
  /** "udp" or "tcp", and the server's port. */
  way: string | null;
}

export interface Line {
  roundTrip: number | null;
  /** Share lost in the last minute, from 0 to 1; null before there was anything to lose. */
  loss: number | null;
  way: string | null;
  /** 4 very good, 3 good, 2 fair, 1 poor. */
  bars: 1 | 2 | 3 | 4;
}

const MINUTE_MS = 60_000;

type Stat = Record<string, unknown> & { type: string; id: string };

export function sampleOf(report: Iterable<[string, unknown]>, at: number): LineSample {
  const stats = new Map<string, Stat>();
  for (const [id, stat] of report) stats.set(id, stat as Stat);

  const all = [...stats.values()];
  const transport = all.find((stat) => stat.type === "transport");
  const chosen =
    stats.get(text(transport?.["selectedCandidatePairId"]) ?? "") ??
    // Firefox keeps no transport and marks the pair itself.
    all.find((stat) => stat.type === "candidate-pair" && (stat["selected"] === true || stat["nominated"] === true));
  const remote = stats.get(text(chosen?.["remoteCandidateId"]) ?? "");
  const local = stats.get(text(chosen?.["localCandidateId"]) ?? "");
  const inbound = all.filter((stat) => stat.type === "inbound-rtp");

  const seconds = chosen?.["currentRoundTripTime"];
  const protocol = text(remote?.["protocol"]) ?? text(local?.["protocol"]);
  const checks = chosen?.["responsesReceived"];
  const port = remote?.["port"];
  return {
    at,
    arrived:
      typeof checks === "number"
        ? checks + number(transport?.["bytesReceived"]) + number(chosen?.["bytesReceived"])
        : null,
    roundTrip: typeof seconds === "number" ? seconds * 1000 : null,
    received: sum(inbound, "packetsReceived"),
    lost: sum(inbound, "packetsLost"),
    way: protocol && typeof port === "number" ? `${protocol.toUpperCase()} ${port}` : null,
  };
}

/** The last minute of samples. */
export class LineWatch {
  private samples: LineSample[] = [];
  private movedAt: number | null = null;

  add(sample: LineSample) {
    const last = this.samples.at(-1);
    if (this.movedAt === null || (last && sample.arrived !== last.arrived)) this.movedAt = sample.at;
    this.samples.push(sample);
    while (this.samples.length > 2 && sample.at - (this.samples[0]?.at ?? 0) > MINUTE_MS) this.samples.shift();
  }

  /** For how long nothing at all has arrived. */
  stillFor(now: number): number {
    return this.movedAt === null ? 0 : now - this.movedAt;
  }

  /** Nothing is held against the line for the time before `now`: the watch itself stood still. */
  excuse(now: number) {
    if (this.movedAt !== null) this.movedAt = now;
  }

  read(): Line | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last) return null;
    const lost = Math.max(0, last.lost - first.lost);
    const expected = lost + Math.max(0, last.received - first.received);
    const loss = expected === 0 ? null : lost / expected;
    return { roundTrip: last.roundTrip, loss, way: last.way, bars: bars(last.roundTrip ?? 0, loss ?? 0) };
  }
}

function bars(roundTrip: number, loss: number): Line["bars"] {
  if (roundTrip < 80 && loss < 0.01) return 4;
  if (roundTrip < 150 && loss < 0.02) return 3;
  if (roundTrip < 250 && loss < 0.05) return 2;
  return 1;
}

function sum(stats: readonly Stat[], key: string): number {
  return stats.reduce((total, stat) => total + number(stat[key]), 0);
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
