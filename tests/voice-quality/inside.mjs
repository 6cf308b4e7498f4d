// What runs inside the pages of a measurement: microphones that speak, and instruments. Each must use nothing from
// outside itself. The page's own code runs unchanged; it only gets another microphone, another port to go to, and a
// browser that does not know RED where a listener is to be without.

/**
 * The microphone is the browser's own; or it plays a file round and round, and where in it, the clock says, so that
 * several take turns. Whoever only listens has none, and costs less.
 */
export function speaks({ own, file, began }) {
  let stream;
  const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (own) {
      stream ??= await native(wanted);
      window.microphone = stream;
      return stream.clone();
    }
    if (!file) throw new DOMException('there is no microphone', 'NotFoundError');
    if (!stream) {
      const context = new AudioContext({ sampleRate: 48_000, sinkId: { type: 'none' } });
      const microphone = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
      const speech = await context.decodeAudioData(await (await fetch(`/measuring/${file}`)).arrayBuffer());
      const source = new AudioBufferSourceNode(context, { buffer: speech, loop: true });
      source.connect(microphone);
      source.start(0, ((Date.now() - began) / 1000) % speech.duration);
      stream = microphone.stream;
      window.microphone = stream;
    }
    // Whoever closes theirs does not close the other.
    return stream.clone();
  };
}

/**
 * @param {object} how
 * @param {[number, number][]} how.ways For each port of the server, where to go instead.
 * @param {boolean} how.plain Without RED.
 */
export function instrument({ ways, plain }) {
  const peers = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...options) {
      super(...options);
      peers.push(this);
    }
    setRemoteDescription({ type, sdp }) {
      const led = ways.reduce((text, [port, front]) => text.replaceAll(` 127.0.0.1 ${port} `, ` 127.0.0.1 ${front} `), sdp);
      return super.setRemoteDescription({ type, sdp: led });
    }
    addTransceiver(...options) {
      const transceiver = super.addTransceiver(...options);
      if (plain) transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities('audio').codecs);
      return transceiver;
    }
  };
  if (plain) {
    const prefer = RTCRtpTransceiver.prototype.setCodecPreferences;
    RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
      const known = codecs.length > 0 ? codecs : RTCRtpReceiver.getCapabilities('audio').codecs;
      return prefer.call(this, known.filter(({ mimeType }) => mimeType.toLowerCase() !== 'audio/red'));
    };
  }

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

  const WANTED = ['inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp'];
  const counts = async () => {
    const alive = peers.filter(({ connectionState }) => connectionState === 'connected');
    const all = await Promise.all(alive.map(async (peer) => [...(await peer.getStats()).values()]));
    return { at: performance.now(), stats: all.flat().filter(({ type }) => WANTED.includes(type)) };
  };

  let recording;
  window.measured = {
    connected: () => peers.filter(({ connectionState }) => connectionState === 'connected').length,
    counts,
    /** Records what is heard here, or what the microphone gives. */
    async begins({ what, recorder }) {
      const context = new AudioContext({ sampleRate: 48_000 });
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], { type: 'text/javascript' })));
      const node = new AudioWorkletNode(context, 'recorder', { numberOfInputs: 1, channelCount: 1, channelCountMode: 'explicit' });
      const heard = [...elements].filter((element) => !element.muted).flatMap((element) => own.get.call(element).getAudioTracks());
      const tracks = what === 'microphone' ? window.microphone.getAudioTracks() : heard;
      for (const track of tracks) context.createMediaStreamSource(new MediaStream([track])).connect(node);
      // Silent; without it nobody would ask the recorder for sound.
      node.connect(context.destination);
      const pieces = [];
      node.port.onmessage = ({ data }) => pieces.push(data);
      recording = { context, node, pieces };
    },
    async ends() {
      const { context, node, pieces } = recording;
      node.disconnect();
      await context.close();
      const sound = new Int16Array(pieces.reduce((sum, { samples }) => sum + samples.length, 0));
      let at = 0;
      const marks = [];
      for (const { samples, offset } of pieces) {
        marks.push([at, offset]);
        for (const sample of samples) sound[at++] = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767)));
      }
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(new Blob([sound]));
      });
      return { marks, sound: url.slice(url.indexOf(',') + 1) };
    },
  };
}

/** The recorder: pieces of a fifth of a second, each with the clock of the machine less its own. */
export const RECORDER = `
registerProcessor('recorder', class extends AudioWorkletProcessor {
  #samples = new Float32Array(9600);
  #used = 0;
  #taken = 0;
  #offset = Infinity;
  process([[sound]]) {
    // The earliest of many is the one that nothing held up. In milliseconds.
    this.#offset = Math.min(this.#offset, Date.now() - this.#taken / 48);
    if (sound) this.#samples.set(sound, this.#used);
    this.#used += 128;
    this.#taken += 128;
    if (this.#used === this.#samples.length) {
      this.port.postMessage({ samples: this.#samples, offset: this.#offset });
      this.#samples = new Float32Array(9600);
      this.#used = 0;
      this.#offset = Infinity;
    }
    return true;
  }
});
`;
