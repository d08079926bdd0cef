/** Histograms over the rows; a range that is brushed becomes a condition of the filter. */
import type { JSX, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { count, dateTime, dollars, duration } from "../page/format";
import { barAt, barPath, brushed, MEASURES, type Measure, rangePill } from "./histogram";
import type { HistogramFigure } from "./messages";
import type { Pill } from "./pills";
import type { TableSession } from "./session";

const WORDS: Record<string, (value: number) => string> = {
  request_time: dateTime,
  duration: (value) => duration(value * 1e6) || "0",
  tokens: count,
  cost: (value) => dollars(value) || "$0",
};

export interface ChartsProps {
  session: TableSession;
  pills: readonly Pill[];
  onRange: (pill: Pill) => void;
  onClear: (field: string) => void;
}

export function Charts(props: ChartsProps): JSX.Element {
  return (
    <div class="nbt-charts">
      {MEASURES.map((measure) => (
        <Chart
          key={measure.figure}
          measure={measure}
          figure={props.session.histograms.get(measure.figure)}
          narrowed={props.pills.some(
            (pill) => pill.parts?.field === measure.field && pill.parts.operator === "BETWEEN",
          )}
          onRange={props.onRange}
          onClear={props.onClear}
        />
      ))}
    </div>
  );
}

interface ChartProps {
  measure: Measure;
  figure: HistogramFigure | undefined;
  narrowed: boolean;
  onRange: (pill: Pill) => void;
  onClear: (field: string) => void;
}

/** The bars from one to another, and whether a pointer is drawing that range. */
interface Brush {
  from: number;
  to: number;
  drawing: boolean;
}

function Chart({ measure, figure, narrowed, onRange, onClear }: ChartProps): JSX.Element {
  const [brush, setBrush] = useState<Brush | null>(null);
  const start = useRef(0);
  const bars = figure?.counts.length ?? 0;
  const words = WORDS[measure.figure] ?? String;
  const empty = figure?.counts.every((value) => value === 0) === true;
  const range = (one: number, other: number): [number, number] | null =>
    figure ? brushed(figure, one, other, measure.whole) : null;
  const apply = (one: number, other: number): void => {
    const values = range(one, other);
    setBrush(null);
    if (values) {
      onRange(rangePill(measure, values));
    }
  };
  const bar = (event: TargetedPointerEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return barAt((event.clientX - box.left) / box.width, bars);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (bars === 0 || (step === 0 && !["Enter", "Escape", "Backspace"].includes(event.key))) {
      return;
    }
    event.preventDefault();
    if (step !== 0) {
      const to = Math.max(0, Math.min(bars - 1, (brush?.to ?? (step > 0 ? -1 : bars)) + step));
      setBrush({ from: event.shiftKey && brush ? brush.from : to, to, drawing: false });
    } else if (event.key === "Enter" && brush) {
      apply(brush.from, brush.to);
    } else {
      setBrush(null);
      onClear(measure.field);
    }
  };
  const shown = brush && range(brush.from, brush.to);
  const within =
    brush &&
    figure?.counts
      .slice(Math.min(brush.from, brush.to), Math.max(brush.from, brush.to) + 1)
      .reduce((sum, value) => sum + value, 0);
  const edges = figure?.edges ?? [];
  const low = edges[0];
  const high = edges[edges.length - 1];
  const said = shown
    ? `${words(shown[0])} – ${words(shown[1])} · ${count(within)}`
    : figure && low !== undefined && high !== undefined && !empty
      ? `${words(low)} – ${words(high)}`
      : figure
        ? "no values"
        : "";
  return (
    <div class="nbt-chart">
      <div class="nbt-chart-title">
        <b>{measure.title}</b>
        <span title={said}>{said}</span>
        {narrowed && (
          <button
            type="button"
            class="nbt-button"
            aria-label={`Show all of ${measure.title}`}
            title="Show all"
            onClick={() => onClear(measure.field)}
          >
            ×
          </button>
        )}
      </div>
      <div
        class="nbt-bars"
        role="slider"
        tabIndex={bars > 0 && !empty ? 0 : -1}
        aria-label={`${measure.title}: choose a range with the arrow keys, Shift and Enter`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, bars - 1)}
        aria-valuenow={brush?.to ?? 0}
        aria-valuetext={said}
        onKeyDown={onKeyDown}
        onBlur={() => setBrush(null)}
        onDblClick={() => onClear(measure.field)}
        onPointerDown={(event) => {
          if (bars > 0 && event.button === 0) {
            event.currentTarget.setPointerCapture(event.pointerId);
            start.current = bar(event);
            setBrush({ from: start.current, to: start.current, drawing: true });
          }
        }}
        onPointerMove={(event) => {
          if (bars > 0) {
            const at = bar(event);
            setBrush(
              brush?.drawing
                ? { from: start.current, to: at, drawing: true }
                : { from: at, to: at, drawing: false },
            );
          }
        }}
        onPointerLeave={() => brush?.drawing || setBrush(null)}
        onPointerUp={(event) => {
          if (brush?.drawing) {
            const at = bar(event);
            // A click alone is a look at one bar; only a drag narrows.
            if (at === start.current) {
              setBrush({ from: at, to: at, drawing: false });
            } else {
              apply(start.current, at);
            }
          }
        }}
      >
        {figure && !empty && (
          <svg viewBox={`0 0 ${bars} 100`} preserveAspectRatio="none" aria-hidden="true">
            <path d={barPath(figure.counts)} />
          </svg>
        )}
        {brush && bars > 0 && (
          <div
            class="nbt-brush"
            style={{
              left: `${(Math.min(brush.from, brush.to) / bars) * 100}%`,
              width: `${((Math.abs(brush.to - brush.from) + 1) / bars) * 100}%`,
            }}
          />
        )}
      </div>
    </div>
  );
}
