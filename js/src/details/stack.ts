/** Frames in runs: the user's own, and those of libraries, which are folded. */
import type { FrameDetails } from "./types";

export interface FrameGroup {
  own: boolean;
  /** Whose frames they are: `openai`, `Python`, or several. */
  where: string;
  frames: FrameDetails[];
}

/** The package of a library's file, `Python` for the standard library. */
export function packageOf(file: string): string {
  const inside = /[/\\](?:site-packages|dist-packages|node_modules)[/\\]([^/\\]+)/.exec(file);
  if (inside?.[1]) {
    return inside[1].replace(/\.py$/, "");
  }
  return /[/\\]nbtrace[/\\]/.test(file) ? "nbtrace" : "Python";
}

/**
 * Runs of frames, innermost first: that is where it happened. Where no frame at all is the user's
 * (`anyOwn`), every one is as good as one.
 */
export function groupFrames(frames: readonly FrameDetails[], anyOwn: boolean): FrameGroup[] {
  const groups: FrameGroup[] = [];
  for (const frame of [...frames].reverse()) {
    const own = frame.own || !anyOwn;
    const last = groups.at(-1);
    if (last && last.own === own) {
      last.frames.push(frame);
    } else {
      groups.push({ own, where: "", frames: [frame] });
    }
  }
  for (const group of groups) {
    group.where = [...new Set(group.frames.map((frame) => packageOf(frame.file)))]
      .slice(0, 3)
      .join(", ");
  }
  return groups;
}
