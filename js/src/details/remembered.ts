/** Choices that hold for the next span and the next notebook: kept in the browser. */
import { useState } from "preact/hooks";

const PREFIX = "nbtrace.";

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
    // Forbidden or full: it holds for this panel.
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
