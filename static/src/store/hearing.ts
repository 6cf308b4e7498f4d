/**
 * How this user wants to be heard and hears others: what the server keeps for all their devices.
 *
 * Must not know: the microphone, the loudspeakers, the page.
 */
import type { Hearing, UserId, Volume, VoicePreferences } from "../protocol";

/** As it comes, in per cent. */
export const AS_IT_COMES = 100;

export class HearingStore {
  private wanted: VoicePreferences | null = null;
  private volumeMap: ReadonlyMap<UserId, number> = new Map();

  load(hearing: Hearing) {
    this.wanted = hearing.preferences;
    this.volumeMap = new Map(hearing.volumes.map(({ user, percent }) => [user, percent]));
  }

  prefer(preferences: VoicePreferences) {
    this.wanted = preferences;
  }

  put({ user, percent }: Volume) {
    const volumes = new Map(this.volumeMap);
    if (percent === AS_IT_COMES) volumes.delete(user);
    else volumes.set(user, percent);
    this.volumeMap = volumes;
  }

  /** Null until the server has told. */
  get preferences(): VoicePreferences | null {
    return this.wanted;
  }

  /** How loud somebody is heard, in per cent. */
  volume(user: UserId): number {
    return this.volumeMap.get(user) ?? AS_IT_COMES;
  }
}
