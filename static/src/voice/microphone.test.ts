import { describe, expect, it } from "vitest";
import { type AudioDevices, openMicrophone } from "./microphone";

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
    audioContext: () => null,
    raw: () => false,
    ...more,
  };
}

describe("asking for the microphone", () => {
  it("asks for sound without echo and noise, evenly loud", async () => {
    const all = devices();
    expect(await openMicrophone(all)).toHaveProperty("microphone");
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  });

  it("takes the sound as it is when told so", async () => {
    const all = devices({ raw: () => true });
    await openMicrophone(all);
    expect(all.asked[0]?.audio).toMatchObject({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
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
    expect(await openMicrophone(devices({ fails }))).toEqual({ refused });
  });

  it("knows pages on which browsers offer none, and streams without sound", async () => {
    expect(await openMicrophone(devices({ media: undefined }))).toEqual({ refused: "insecure" });
    expect(await openMicrophone(devices({ tracks: [] }))).toEqual({ refused: "missing" });
  });
});

describe("the microphone", () => {
  it("opens and closes its track, tells when it goes away, and stops", async () => {
    const one = track();
    const opened = await openMicrophone(devices({ tracks: [one] }));
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
