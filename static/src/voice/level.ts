/**
 * How loud a microphone is, as it is shown. Must not know: where the figure comes from.
 */

/** Below this there is only hiss; meters start here. In dBFS. */
export const QUIETEST_DB = -70;
