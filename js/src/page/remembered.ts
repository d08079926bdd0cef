/**
 * Choices of the person that hold after a reload and in the next notebook: kept in the browser.
 *
 * Only how things are shown is kept, never what a trace holds.
 */
import { useState } from "preact/hooks";

const PREFIX = "nbtrace.";
/** No screen is wider: what is larger was not written by a page of nbtrace's. */
const MOST_PIXELS = 20_000;

/** A choice by name; the default where none was made or nothing may be kept. */
export function recall(name: string, otherwise: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Forbidden or full: it holds for this page.
  }
}

/** A choice as a component's state. */
export function useRemembered(
  name: string,
  otherwise: string,
): [value: string, choose: (value: string) => void] {
  const [value, setValue] = useState(() => recall(name, otherwise));
  return [
    value,
    (next) => {
      remember(name, next);
      setValue(next);
    },
  ];
}

/** Pixels by part; a part that nobody has sized has none. */
export type Sizes<Part extends string> = { readonly [key in Part]?: number };

/** Sizes from a kept text, which another version or anybody else may have written. */
export function sizesOf<Part extends string>(kept: string, parts: readonly Part[]): Sizes<Part> {
  const sizes: { [key in Part]?: number } = {};
  let found: unknown;
  try {
    found = JSON.parse(kept);
  } catch {
    return sizes;
  }
  for (const part of parts) {
    const pixels = (found as Record<string, unknown> | null)?.[part];
    if (typeof pixels === "number" && pixels > 0 && pixels <= MOST_PIXELS) {
      sizes[part] = pixels;
    }
  }
  return sizes;
}

/** The sizes that a person gave to the parts of a view. */
export function useSizes<Part extends string>(
  view: string,
  parts: readonly Part[],
): [sizes: Sizes<Part>, resize: (part: Part, pixels: number) => void] {
  const [kept, keep] = useRemembered(`sizes.${view}`, "");
  const sizes = sizesOf(kept, parts);
  return [sizes, (part, pixels) => keep(JSON.stringify({ ...sizes, [part]: Math.round(pixels) }))];
}
