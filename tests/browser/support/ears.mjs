// Ears inside the page: what its user would hear, as frequencies and loudness.
//
// Put into the page before its own scripts. They listen to every element that plays a stream aloud, so a page
// that receives a voice and forgets to play it, or plays it muted, is as silent here as it is to a person.
// Many times a second a sample is kept with the page's own clock: how long something took is then measured in
// the page, and a slow test runner does not lengthen it.

/** Two pages and time to spare. */
export const SHARP_EARS = {
  everyMs: 50,
  kept: 1200, // one minute
  fft: 8192, // bins of 5.9 Hz at 48 kHz
  context: {},
};

/** For many pages on one small machine: coarser and seldom, but they remember a whole story. */
export const CHEAP_EARS = {
  everyMs: 100,
  kept: 9000, // 15 minutes
  fft: 4096, // bins of 11.7 Hz, and back to 85 ms ago
  // Nobody listens to the ears themselves: no loudspeaker, and long blocks.
  context: { sinkId: { type: 'none' }, latencyHint: 'playback' },
};

/** Runs inside the page; must not use anything from outside itself. */
export function growEars({ everyMs, kept, fft, context: how }) {
  const RECENT = 2048; // 43 ms: what is loud now, where the FFT looks back 170 ms

  const connections = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...options) {
      super(...options);
      connections.push(this);
    }
  };

  const elements = new Set();
  const own = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'srcObject');
  Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', {
    ...own,
    set(stream) {
      if (stream) elements.add(this);
      else elements.delete(this);
      own.set.call(this, stream);
    },
  });

  let context;
  const taps = new Map();
  const spectrum = new Float32Array(fft / 2);
  const wave = new Float32Array(fft);

  function tap(track) {
    if (!taps.has(track)) {
      context ??= new AudioContext({ sampleRate: 48_000, ...how });
      const analyser = context.createAnalyser();
      analyser.fftSize = fft;
      analyser.smoothingTimeConstant = 0;
      const source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
      taps.set(track, { source, analyser });
    }
    return taps.get(track).analyser;
  }

  function audibleTracks() {
    const playing = [...elements].filter((element) => !element.paused && !element.muted && element.volume > 0);
    const tracks = playing.flatMap((element) => own.get.call(element).getAudioTracks());
    return tracks.filter((track) => track.enabled && track.readyState === 'live');
  }

  /** The loudness of one track, and its three strongest tones. */
  function listenTo(track) {
    const analyser = tap(track);
    analyser.getFloatTimeDomainData(wave);
    const recent = wave.subarray(fft - RECENT);
    const rms = Math.sqrt(recent.reduce((sum, value) => sum + value * value, 0) / RECENT);
    const tones = [];
    // The transform is the dear part; most lines are silent most of the time.
    if (wave.some((value) => Math.abs(value) > 1e-4)) {
      analyser.getFloatFrequencyData(spectrum);
      for (let bin = 2; bin < spectrum.length - 1; bin++) {
        if (spectrum[bin] > -90 && spectrum[bin] >= spectrum[bin - 1] && spectrum[bin] > spectrum[bin + 1]) {
          tones.push({ hertz: Math.round((bin * context.sampleRate) / fft), decibels: Math.round(spectrum[bin]) });
        }
      }
      tones.sort((a, b) => b.decibels - a.decibels);
      tones.length = Math.min(tones.length, 12);
    }
    return { rms: Number(rms.toFixed(5)), tones };
  }

  const samples = [];
  setInterval(() => {
    for (const [track, { source }] of taps) {
      if (track.readyState === 'live') continue;
      source.disconnect();
      taps.delete(track);
    }
    samples.push({ at: Date.now(), voices: audibleTracks().map(listenTo).filter((voice) => voice.rms > 0) });
    if (samples.length > kept) samples.shift();
  }, everyMs);

  window.ears = {
    /** The samples since then. */
    since: (time) => samples.filter((sample) => sample.at >= time),
    /** The samples since then, each with no more than the strongest tone of every voice of this loudness. */
    heard: ({ since, loud }) =>
      samples
        .filter((sample) => sample.at >= since)
        .map(({ at, voices }) => ({
          at,
          tones: voices.filter((voice) => voice.rms > loud).map((voice) => voice.tones[0]?.hertz ?? 0),
        })),
    /** The state of the audio graph; `suspended` would explain deafness. */
    state: () => context?.state ?? 'idle',
    /** Whether sound of this page's own microphone goes out. */
    talks: () => connections.some((one) => one.connectionState === 'connected' && one.getSenders().some(({ track }) => track?.enabled)),
    /** How the sound of every living peer connection travels. */
    async ways() {
      const alive = connections.filter((connection) => connection.connectionState === 'connected');
      return Promise.all(
        alive.map(async (connection) => {
          const stats = [...(await connection.getStats()).values()];
          const find = (id) => stats.find((stat) => stat.id === id);
          const transport = stats.find((stat) => stat.type === 'transport');
          const pair =
            find(transport?.selectedCandidatePairId) ??
            stats.find((stat) => stat.type === 'candidate-pair' && (stat.selected || stat.nominated));
          return {
            protocol: find(pair?.localCandidateId)?.protocol,
            server: `${find(pair?.remoteCandidateId)?.address}:${find(pair?.remoteCandidateId)?.port}`,
            cipher: transport?.srtpCipher,
          };
        }),
      );
    },
  };
}

/** How far a heard tone may be from the played one: three bins of the sharp ears, one of the cheap ones. */
const TOLERANCE_HERTZ = 15;
/** A voice this loud is heard; the test tones arrive ten times as loud. */
export const LOUD = 0.01;
/** Under this (-60 dBFS) a room is silent. */
const SILENT = 0.001;
/** What is this far under the strongest tone is a trace of the codec and not a voice. */
const TRACE_DECIBELS = 30;

/** Whether one of the voices of a sample is this tone. */
export function isHeard(sample, hertz) {
  return sample.voices.some((voice) => voice.rms > LOUD && isNear(voice.tones[0], hertz));
}

/** Whether the tone is in a sample at all, alone or under another. */
export function isInThere(sample, hertz) {
  return sample.voices.some((voice) =>
    voice.tones.some((tone) => isNear(tone, hertz) && tone.decibels > voice.tones[0].decibels - TRACE_DECIBELS),
  );
}

export function isSilent(sample) {
  return sample.voices.every((voice) => voice.rms < SILENT);
}

function isNear(tone, hertz) {
  return tone !== undefined && isSame(tone.hertz, hertz);
}

/** Whether a tone that was heard is the one that was played. */
export function isSame(heard, played) {
  return Math.abs(heard - played) <= TOLERANCE_HERTZ;
}
