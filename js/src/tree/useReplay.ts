/** Playing a finished trace again in one view. */
import { useEffect, useState } from "preact/hooks";
import { advance, begin, type Replay, scrub, toggle } from "./replay";
import { type Axis, toTime } from "./scale";

export interface Player {
  replay: Replay | null;
  /** The moment that is shown; infinite when nothing is replayed. */
  until: number;
  /** Start, pause, go on. */
  press: () => void;
  scrub: (at: number) => void;
  setSpeed: (speed: number) => void;
  close: () => void;
}

export function useReplay(axis: Axis): Player {
  const [replay, setReplay] = useState<Replay | null>(null);
  const playing = replay?.playing === true;
  useEffect(() => {
    if (!playing) {
      return;
    }
    let before = performance.now();
    let frame = requestAnimationFrame(function step(now) {
      const passed = now - before;
      before = now;
      setReplay((old) => old && advance(old, passed, axis.length));
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, axis.length]);
  return {
    replay,
    until: replay ? toTime(axis, replay.at) : Number.POSITIVE_INFINITY,
    press: () => setReplay((old) => (old ? toggle(old, axis.length) : begin(axis.length))),
    scrub: (at) => setReplay((old) => old && scrub({ ...old, playing: false }, at, axis.length)),
    setSpeed: (speed) => setReplay((old) => old && { ...old, speed }),
    close: () => setReplay(null),
  };
}
