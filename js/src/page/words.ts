/**
 * What differs between two texts, word by word: Myers' greedy algorithm over words, spaces and
 * punctuation, once the common start and end are set aside.
 */

export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Its table grows with the square of this; texts that differ more are compared as two wholes. */
const MOST_DIFFERENCES = 1_000;
const WORD = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;

function words(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** For each step from the start the furthest place in `a` by diagonal; null when it takes too long. */
function furthest(a: string[], b: string[]): Int32Array[] | null {
  const most = Math.min(MOST_DIFFERENCES, a.length + b.length);
  const reach = new Int32Array(2 * most + 2);
  const steps: Int32Array[] = [];
  for (let step = 0; step <= most; step++) {
    steps.push(reach.slice());
    for (let diagonal = -step; diagonal <= step; diagonal += 2) {
      const below = reach[most + diagonal + 1] ?? 0;
      const right = reach[most + diagonal - 1] ?? 0;
      const down = diagonal === -step || (diagonal !== step && right < below);
      let x = down ? below : right + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) {
        x += 1;
      }
      reach[most + diagonal] = x;
      if (x >= a.length && x - diagonal >= b.length) {
        return steps;
      }
    }
  }
  return null;
}

/** The pieces between the common start and end. */
function middle(a: string[], b: string[]): Piece[] {
  const steps = a.length === 0 || b.length === 0 ? null : furthest(a, b);
  if (steps === null) {
    return [
      { kind: "removed", text: a.join("") },
      { kind: "added", text: b.join("") },
    ];
  }
  const most = Math.min(MOST_DIFFERENCES, a.length + b.length);
  const pieces: Piece[] = [];
  let x = a.length;
  let y = b.length;
  for (let step = steps.length - 1; step >= 0; step--) {
    const reach = steps[step] ?? new Int32Array();
    const diagonal = x - y;
    const below = reach[most + diagonal + 1] ?? 0;
    const right = reach[most + diagonal - 1] ?? 0;
    const down = diagonal === -step || (diagonal !== step && right < below);
    const fromX = down ? below : right;
    const fromY = fromX - (down ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      x -= 1;
      y -= 1;
      pieces.push({ kind: "same", text: a[x] ?? "" });
    }
    if (step > 0) {
      if (down) {
        y -= 1;
        pieces.push({ kind: "added", text: b[y] ?? "" });
      } else {
        x -= 1;
        pieces.push({ kind: "removed", text: a[x] ?? "" });
      }
    }
  }
  return pieces.reverse();
}

/** Neighbours of one kind as one piece; of a change what was removed comes first. */
function joined(pieces: Piece[]): Piece[] {
  const out: Piece[] = [];
  let removed = "";
  let added = "";
  const flush = (): void => {
    if (removed !== "") {
      out.push({ kind: "removed", text: removed });
    }
    if (added !== "") {
      out.push({ kind: "added", text: added });
    }
    removed = "";
    added = "";
  };
  for (const piece of pieces) {
    if (piece.text === "") {
      continue;
    }
    const last = out[out.length - 1];
    if (piece.kind === "removed") {
      removed += piece.text;
    } else if (piece.kind === "added") {
      added += piece.text;
    } else if (last?.kind === "same" && removed === "" && added === "") {
      last.text += piece.text;
    } else {
      flush();
      out.push({ ...piece });
    }
  }
  flush();
  return out;
}

/** What became of a text, in order. */
export function compareWords(before: string, after: string): Piece[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    start += 1;
  }
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) {
    end += 1;
  }
  return joined([
    { kind: "same", text: a.slice(0, start).join("") },
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    { kind: "same", text: a.slice(a.length - end).join("") },
  ]);
}
