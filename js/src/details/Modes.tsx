/** The switch between the ways to read a text, which is remembered for each kind of text. */
import type { JSX } from "preact";
import { useRemembered } from "../page/remembered";

export type Mode = "markdown" | "text" | "json";

const NAMES: Record<Mode, string> = { markdown: "Markdown", text: "Text", json: "JSON" };

/** The way that was last chosen for a kind of text, if it is one that can be chosen here. */
export function useMode(
  kind: string,
  modes: readonly Mode[],
): [mode: Mode, choose: (mode: Mode) => void] {
  const first = modes[0] ?? "text";
  const [chosen, choose] = useRemembered(`mode.${kind}`, first);
  return [modes.find((mode) => mode === chosen) ?? first, choose];
}

export interface ModesProps {
  modes: readonly Mode[];
  mode: Mode;
  onChoose: (mode: Mode) => void;
  /** What is switched, for people. */
  label: string;
}

export function Modes({ modes, mode, onChoose, label }: ModesProps): JSX.Element | null {
  return modes.length < 2 ? null : (
    <span class="nbt-modes" role="group" aria-label={`Show ${label} as`}>
      {modes.map((one) => (
        <button key={one} type="button" aria-pressed={one === mode} onClick={() => onChoose(one)}>
          {NAMES[one]}
        </button>
      ))}
    </span>
  );
}
