/** Playing a finished trace again: a moment that moves. Pure; the clock is the caller's. */

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 50, 100] as const;
/** Nobody watches longer than this: the first speed is chosen by it. */
const WATCHED_NS = 12e9;

export interface Replay {
  /** Where it is, as a place of the axis. */
  at: number;
  playing: boolean;
  speed: number;
}

/** From the start, at a speed at which it is over before it bores. */
export function begin(length: number): Replay {
  const wanted = length / WATCHED_NS;
  const speed = SPEEDS.find((value) => value >= wanted) ?? wanted;
  return { at: 0, playing: true, speed: length > 0 ? speed : 1 };
}

/** Move on by milliseconds of the watcher's time; it stops at the end. */
export function advance(replay: Replay, milliseconds: number, length: number): Replay {
  if (!replay.playing) {
    return replay;
  }
  const at = Math.min(length, replay.at + Math.max(0, milliseconds) * 1e6 * replay.speed);
  return { ...replay, at, playing: at < length };
}

/** Go to a place. */
export function scrub(replay: Replay, at: number, length: number): Replay {
  return { ...replay, at: Math.max(0, Math.min(at, length)) };
}

/** Play or pause; at the end, play from the start. */
export function toggle(replay: Replay, length: number): Replay {
  const at = !replay.playing && replay.at >= length ? 0 : replay.at;
  return { ...replay, at, playing: !replay.playing };
}
