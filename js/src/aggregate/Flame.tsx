/** The flame graph: boxes of one path of names, as wide as the time in them. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, duration } from "../page/format";
import { kindColour } from "../page/kinds";
import type { AggregateProps } from "./ByName";
import { flameOf, visibleBoxes } from "./boxes";

const BOX_HEIGHT = 20;
/** Narrower boxes cannot be hit. */
const NARROWEST_PIXELS = 3;
const WORDS_PIXELS = 34;

export function Flame({ rows, analysis, onPick }: AggregateProps): JSX.Element {
  const flame = useMemo(() => flameOf(rows, analysis), [rows, analysis]);
  const [focus, setFocus] = useState(0);
  const [active, setActive] = useState(1);
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(node.clientWidth || 600));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  // Rows came: boxes have other numbers.
  useEffect(() => setFocus(0), [flame]);
  const boxes = useMemo(
    () => visibleBoxes(flame, focus, NARROWEST_PIXELS / width),
    [flame, focus, width],
  );
  const levels = boxes.reduce((most, { depth }) => Math.max(most, depth), 0) + 1;
  const whole = flame.value[0] || 1;
  const words = (box: number): string =>
    [
      flame.name[box],
      duration(flame.value[box] ?? Number.NaN),
      `${Math.round((100 * (flame.value[box] ?? 0)) / whole)} %`,
      flame.count[box] === 1 ? "" : `${count(flame.count[box])} spans`,
      flame.errors[box] ? `${count(flame.errors[box])} with errors` : "",
    ]
      .filter(Boolean)
      .join(", ");
  const move = (event: KeyboardEvent): void => {
    const at = boxes.findIndex(({ box }) => box === active);
    const current = boxes[at];
    const same = boxes
      .filter(({ depth }) => depth === current?.depth)
      .sort((a, b) => a.left - b.left);
    const place = same.findIndex(({ box }) => box === active);
    const below = boxes
      .filter(({ box }) => flame.parent[box] === active)
      .sort((a, b) => a.left - b.left)[0];
    const target: Record<string, number | undefined> = {
      ArrowRight: same[place + 1]?.box,
      ArrowLeft: same[place - 1]?.box,
      ArrowDown: below?.box,
      ArrowUp: flame.parent[active],
      Home: boxes[0]?.box,
    };
    if (event.key in target) {
      event.preventDefault();
      const next = target[event.key];
      if (next) {
        setActive(next);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      setFocus(focus === active ? 0 : active);
    } else if (event.key === "o") {
      event.preventDefault();
      onPick(flame.row[active] ?? 0);
    } else if (event.key === "Escape" && focus !== 0) {
      event.preventDefault();
      setFocus(0);
    }
  };
  return (
    <div class="nbt-flame">
      <p class="nbt-note" aria-live="polite">
        {words(active) || "No spans"}
        {flame.row[active] !== undefined && flame.row[active] >= 0 && (
          <button type="button" class="nbt-button" onClick={() => onPick(flame.row[active] ?? 0)}>
            Show in the tree
          </button>
        )}
        {focus !== 0 && (
          <button type="button" class="nbt-button" onClick={() => setFocus(0)}>
            Whole trace
          </button>
        )}
      </p>
      <div
        class="nbt-scroll"
        ref={element}
        role="tree"
        aria-label="Flame graph: arrows move, Enter zooms, o opens in the tree"
        aria-activedescendant={`nbt-box-${active}`}
        tabIndex={0}
        onKeyDown={move}
      >
        <div class="nbt-list" role="presentation" style={{ height: `${levels * BOX_HEIGHT}px` }}>
          {boxes.map(({ box, left, width: share, depth }) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the graph
            <div
              key={box}
              id={`nbt-box-${box}`}
              class={box === active ? "nbt-box nbt-active" : "nbt-box"}
              role="treeitem"
              aria-level={depth + 1}
              aria-selected={box === active}
              aria-label={words(box)}
              title={words(box)}
              style={{
                left: `${left * 100}%`,
                width: `${share * 100}%`,
                top: `${depth * BOX_HEIGHT}px`,
                "--nbt-kind": kindColour(flame.kind[box] ?? ""),
              }}
              onClick={() => {
                setActive(box);
                setFocus(focus === box ? 0 : box);
              }}
            >
              {share * width >= WORDS_PIXELS ? flame.name[box] : ""}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
