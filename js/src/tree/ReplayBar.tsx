/** The controls of a replay: play, pause, scrub, speed. */
import type { JSX } from "preact";
import { duration } from "../page/format";
import { SPEEDS } from "./replay";
import type { Axis } from "./scale";
import type { Player } from "./useReplay";

const STEPS = 1000;

export function ReplayBar({ player, axis }: { player: Player; axis: Axis }): JSX.Element | null {
  const { replay } = player;
  if (!replay) {
    return null;
  }
  const words = `${duration(Math.min(player.until, axis.to) - axis.from) || "0 s"} of ${duration(axis.to - axis.from)}`;
  const speeds = SPEEDS.includes(replay.speed as (typeof SPEEDS)[number])
    ? SPEEDS
    : [...SPEEDS, replay.speed];
  return (
    <div class="nbt-replay" role="group" aria-label="Replay">
      <button
        type="button"
        class="nbt-button"
        aria-label={replay.playing ? "Pause" : "Play"}
        title={replay.playing ? "Pause (r)" : "Play (r)"}
        onClick={player.press}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path
            class="nbt-filled"
            d={replay.playing ? "M4.5 3v10M11.5 3v10" : "M4 2.5v11l9-5.5z"}
          />
        </svg>
      </button>
      <input
        type="range"
        min={0}
        max={STEPS}
        step={1}
        value={Math.round((replay.at / axis.length) * STEPS)}
        aria-label="Moment of the trace"
        aria-valuetext={words}
        onInput={(event) => player.scrub((Number(event.currentTarget.value) / STEPS) * axis.length)}
      />
      <span class="nbt-figures">{words}</span>
      <select
        aria-label="Speed"
        value={String(replay.speed)}
        onChange={(event) => player.setSpeed(Number(event.currentTarget.value))}
      >
        {speeds.map((speed) => (
          <option key={speed} value={String(speed)}>
            {Number(speed.toPrecision(2))}×
          </option>
        ))}
      </select>
      <button type="button" class="nbt-button" aria-label="End the replay" onClick={player.close}>
        ×
      </button>
    </div>
  );
}
