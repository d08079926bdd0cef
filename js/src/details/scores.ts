/** Scores as bars and places before and after a reranker. */
import type { DocumentDetails } from "./types";

/** Four figures tell scores apart. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export interface Range {
  low: number;
  high: number;
}

/** The scale of the scores: from zero where none is below, so that bars compare. */
export function scoreRange(documents: readonly DocumentDetails[]): Range | null {
  const scores = documents.flatMap((one) => (one.score === null ? [] : [one.score]));
  if (scores.length === 0) {
    return null;
  }
  const high = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const low = scores.reduce((least, score) => Math.min(least, score), 0);
  // A score below one is mostly a share of one.
  return { low, high: high > 0 && high <= 1 && low === 0 ? 1 : high };
}

/** How much of its bar a score fills, from 0 to 1; null where there is no scale. */
export function share(score: number | null, range: Range | null): number | null {
  const length = range === null ? 0 : range.high - range.low;
  if (score === null || range === null || !(length > 0 && Number.isFinite(length))) {
    return null;
  }
  return Math.min(1, Math.max(0, (score - range.low) / length));
}

/** What tells a document from the others: its id, else its text. */
export function documentKey(document: DocumentDetails): string {
  return document.id === null ? `text:${document.content?.text ?? ""}` : `id:${document.id}`;
}

/** The rank before, from 1, of each document; empty where nothing is known of before. */
export function moves(
  before: readonly DocumentDetails[],
  after: readonly DocumentDetails[],
): Map<string, number> {
  const ranks = new Map<string, number>();
  before.forEach((document, place) => {
    const key = documentKey(document);
    if (!ranks.has(key)) {
      ranks.set(key, place + 1);
    }
  });
  const known = new Set(after.map(documentKey));
  return new Map([...ranks].filter(([key]) => known.has(key)));
}
