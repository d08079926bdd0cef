/** Which lines of a comparison are shown: pure functions over the list. */
import type { DiffLine } from "./types";

export function differs(line: DiffLine): boolean {
  return line.mark !== "same" || line.speed !== "" || line.moved;
}

/** Places of the lines that differ and of those above them, or of all, without what is folded. */
export function shownLines(
  lines: readonly DiffLine[],
  onlyDifferences: boolean,
  folded: ReadonlySet<number>,
): number[] {
  const kept = onlyDifferences ? withAncestors(lines) : null;
  const shown: number[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const [place, line] of lines.entries()) {
    if (line.depth > hiddenBelow) {
      continue;
    }
    hiddenBelow = folded.has(place) ? line.depth : Number.POSITIVE_INFINITY;
    if (kept === null || kept.has(place)) {
      shown.push(place);
    }
  }
  return shown;
}

function withAncestors(lines: readonly DiffLine[]): Set<number> {
  const kept = new Set<number>();
  let wanted = 0;
  for (let place = lines.length - 1; place >= 0; place--) {
    const line = lines[place];
    if (line && (differs(line) || line.depth < wanted)) {
      kept.add(place);
      wanted = line.depth;
    }
  }
  return kept;
}

/** Whether lines stand below a line. */
export function hasChildren(lines: readonly DiffLine[], place: number): boolean {
  return (lines[place + 1]?.depth ?? -1) > (lines[place]?.depth ?? 0);
}

/** The next line that differs after a place, from the start again at the end; -1 without any. */
export function nextDifference(lines: readonly DiffLine[], after: number): number {
  for (let step = 1; step <= lines.length; step++) {
    const place = (after + step) % lines.length;
    const line = lines[place];
    if (line && differs(line)) {
      return place;
    }
  }
  return -1;
}

/** The line above a line in the tree, -1 for roots. */
export function parentOf(lines: readonly DiffLine[], place: number): number {
  const depth = lines[place]?.depth ?? 0;
  let at = place - 1;
  while (at >= 0 && (lines[at]?.depth ?? 0) >= depth) {
    at -= 1;
  }
  return at;
}
