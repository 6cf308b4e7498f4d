import { describe, expect, it } from "vitest";
import { type AudioDevices, type Microphone, openMicrophone, type Processing } from "./microphone";

const speech: Processing = { sound: "voice", echoCancellation: true, noiseRemoval: true, gainControl: true };

const track = () => ({ enabled: true, onended: null, stopped: false, stop() { this.stopped = true; } });

function devices(more: Partial<AudioDevices> & { fails?: string; tracks?: unknown[] } = {}): AudioDevices & { asked: MediaStreamConstraints[] } {
  const asked: MediaStreamConstraints[] = [];
  return {
    asked,
    media: {
      getUserMedia: async (constraints) => {
        asked.push(constraints ?? {});
        if (more.fails) throw Object.assign(new Error("no"), { name: more.fails });
        return { getAudioTracks: () => more.tracks ?? [track()] } as unknown as MediaStream;
      },
    },
    listen: async () => null,
    clean: null,
    device: null,
    ...more,
  };
}

describe("asking for the microphone", () => {
  it("asks for sound without echo and noise, evenly loud", async () => {
    const all = devices();
    expect(await openMicrophone(all, speech)).toHaveProperty("microphone");
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  });

  it("takes the noise out itself where it can, and then the browser does not", async () => {
    const raw = track();
    const clean = track();
    let closed = false;
    const all = devices({
      tracks: [raw],
      clean: async () => ({ track: clean as unknown as MediaStreamTrack, ondead: () => {}, resume: () => {}, close: () => void (closed = true) }),
    });
    const { microphone } = (await openMicrophone(all, speech)) as { microphone: Microphone };
    expect(all.asked).toHaveLength(1);
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: true, noiseSuppression: false, autoGainControl: true });
    expect(microphone.track).toBe(clean);
    microphone.open = false;
    expect([raw.enabled, clean.enabled]).toEqual([true, false]);
    microphone.close();
    expect([raw.stopped, closed]).toEqual([true, true]);
  });

  it("asks the browser to take the noise out where that could not start", async () => {
    const first = track();
    const all = devices({ tracks: [first], clean: async () => null });
    expect(await openMicrophone(all, speech)).toHaveProperty("microphone");
    expect(all.asked.map(({ audio }) => (audio as MediaTrackConstraints).noiseSuppression)).toEqual([false, true]);
    expect(first.stopped).toBe(true);
  });

  it("lets its noise removal alone with what is not to be worked on", async () => {
    const all = devices({ clean: () => Promise.reject(new Error("nobody asked for it")) });
    for (const wanted of [{ ...speech, sound: "music" }, { ...speech, sound: "raw" }, { ...speech, noiseRemoval: false }] as Processing[]) {
      expect(await openMicrophone(all, wanted)).toHaveProperty("microphone");
    }
    expect(all.asked).toHaveLength(3);
  });

  it.each(["raw", "music"] as const)("takes %s sound as it is, whatever else is wanted", async (sound) => {
    const all = devices();
    await openMicrophone(all, { ...speech, sound });
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
  });

  it("leaves out what is not wanted, and takes two channels for music only", async () => {
    const all = devices();
    await openMicrophone(all, { ...speech, gainControl: false });
    await openMicrophone(all, { ...speech, sound: "music" });
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: true, autoGainControl: false, channelCount: 1 });
    expect(all.asked[1]?.audio).toMatchObject({ channelCount: { ideal: 2 } });
  });

  it("wishes for the chosen device, and takes another when it is gone", async () => {
    const all = devices({ device: "desk" });
    await openMicrophone(all, speech);
    expect(all.asked[0]?.audio).toMatchObject({ deviceId: { ideal: "desk" } });
  });

  it.each([
    ["NotAllowedError", "blocked"],
    ["SecurityError", "blocked"],
    ["NotFoundError", "missing"],
    ["OverconstrainedError", "missing"],
    ["NotReadableError", "busy"],
    ["AbortError", "busy"],
    ["TypeError", "blocked"],
  ])("calls %s %s", async (fails, refused) => {
    expect(await openMicrophone(devices({ fails }), speech)).toEqual({ refused });
  });

  it("knows pages on which browsers offer none, and streams without sound", async () => {
    expect(await openMicrophone(devices({ media: undefined }), speech)).toEqual({ refused: "insecure" });
    expect(await openMicrophone(devices({ tracks: [] }), speech)).toEqual({ refused: "missing" });
  });
});

describe("the microphone", () => {
  it("opens and closes its track, tells when it goes away, and stops", async () => {
    const one = track();
    const opened = await openMicrophone(devices({ tracks: [one] }), speech);
    if (!("microphone" in opened)) throw new Error("there is one");
    const { microphone } = opened;
    microphone.open = false;
    expect(one.enabled).toBe(false);
    expect(microphone.level()).toBeNull();
    let gone = 0;
    microphone.onended = () => (gone += 1);
    (one.onended as unknown as () => void)();
    expect(gone).toBe(1);
    microphone.close();
    expect(one.stopped).toBe(true);
  });
});
