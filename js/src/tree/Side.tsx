/** The panel of the selected span, beside the tree or below it, and the bar that sizes it. */
import type { JSX } from "preact";
import { Details, type DetailsProps } from "../details/Details";
import type { Sizes } from "../page/remembered";
import { Splitter } from "./Splitter";

/** From here on the panel stands beside the tree; kept in step with tree.css. */
const BESIDE_FROM_PIXELS = 760;
const WIDTH_SHARE = 0.44;
const HEIGHT_PIXELS = 420;
const LEAST = { width: 220, height: 120 };
/** What the tree keeps of the width. */
const TREE_PIXELS = 260;
const MOST_HEIGHT_PIXELS = 2_000;

export interface SideProps extends DetailsProps {
  /** Pixels of tree and panel together; 0 before they have been laid out. */
  box: number;
  sizes: Sizes<"sideWidth" | "sideHeight">;
  onSize: (part: "sideWidth" | "sideHeight", pixels: number) => void;
}

export function Side({ box, sizes, onSize, ...details }: SideProps): JSX.Element {
  const beside = box >= BESIDE_FROM_PIXELS;
  // A width from a wider window must leave the tree its place.
  const most = box === 0 ? Number.POSITIVE_INFINITY : Math.max(LEAST.width, box - TREE_PIXELS);
  const width = Math.min(sizes.sideWidth ?? box * WIDTH_SHARE, most);
  const height = sizes.sideHeight ?? HEIGHT_PIXELS;
  return (
    <>
      <Splitter
        label={beside ? "Width of the details" : "Height of the details"}
        direction={beside ? "x" : "y"}
        size={beside ? width : height}
        least={beside ? LEAST.width : LEAST.height}
        most={beside ? most : MOST_HEIGHT_PIXELS}
        reversed={beside}
        onSize={(pixels) => onSize(beside ? "sideWidth" : "sideHeight", pixels)}
      />
      <div
        class="nbt-side"
        style={{
          ...(sizes.sideWidth === undefined ? {} : { "--nbt-side-width": `${width}px` }),
          "--nbt-side-height": `${height}px`,
        }}
      >
        <Details key={details.row} {...details} />
      </div>
    </>
  );
}
