// What is measured: rooms in which one person (or three, in turns) talks and others listen, each behind a network of
// their own. What is compared lies in one batch, at the same time on the same machine, beside a clean control.

/** What may be wrong with a way, by name; `down` is from the server to a listener, `up` from a talker to the server. */
const FAULTS = {
  clean: {},
  loss5: { down: { loss: 0.05 } },
  loss10: { down: { loss: 0.1 } },
  loss20: { down: { loss: 0.2 } },
  loss30: { down: { loss: 0.3 } },
  burst10: { down: { loss: 0.1, burst: 3 } },
  jitter50: { down: { delay: 50, jitter: 50 } },
  delay200: { down: { delay: 200 } },
  up10: { up: { loss: 0.1 } },
};

/** A listener of this name: of `loss10-plain`, that is one with 10 % loss whose browser does not know RED. */
function listener(name) {
  const plain = name.endsWith('-plain');
  const faults = FAULTS[plain ? name.slice(0, -'-plain'.length) : name];
  if (!faults) throw new Error(`no such condition: ${name}`);
  return { name, plain, down: faults.down ?? {} };
}

/** Lines of each page: two cores carry six pages with two, and not with eight. One voice never needs the second. */
const SLOTS = 2;

/** One who talks all the time, on a clean way, and these listeners. */
function monologue(...names) {
  return { talkers: [{ file: 'speech.wav', up: {}, plain: false }], listeners: names.map(listener), slots: SLOTS };
}

/** One whose own way is bad, and a listener on a clean one. */
function badTalker(name) {
  const { plain } = listener(name);
  const { up } = FAULTS[plain ? name.slice(0, -'-plain'.length) : name];
  return { talkers: [{ file: 'speech.wav', up, plain }], listeners: [{ name, plain: false, down: {} }], slots: SLOTS };
}

/** Three who talk one after the other, and one slot: nobody has a line of their own. Those who talk cost most. */
function turns(...conditions) {
  const talkers = Array.from({ length: 3 }, (_, number) => ({ file: `turn${number}.wav`, up: {}, plain: false }));
  const listeners = conditions.map((name) => ({ ...listener(name), name: `turns-${name}` }));
  return { talkers, listeners, slots: 1 };
}

/** The full set. Each has `clean` as its control. */
export const BATCHES = {
  ten: [monologue('clean', 'clean-plain', 'loss10', 'loss10-plain')],
  twenty: [monologue('clean', 'loss20', 'loss20-plain', 'loss30', 'loss30-plain')],
  bursts: [monologue('clean', 'burst10', 'burst10-plain', 'loss5', 'loss5-plain')],
  delays: [monologue('clean', 'jitter50', 'jitter50-plain', 'delay200', 'delay200-plain')],
  talkers: [monologue('clean'), badTalker('up10'), badTalker('up10-plain')],
  turns: [monologue('clean'), turns('clean', 'loss10')],
};

/** The quick set: what the gate is about, from the browsers' own counts alone. */
export const QUICK = { quick: [monologue('clean', 'loss10', 'loss20', 'burst10')] };
