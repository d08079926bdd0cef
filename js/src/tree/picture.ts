/** Saves the timeline as a picture that the kernel draws. */
import { download, fileName, pngOf } from "../page/download";
import type { TreeSession } from "./session";

export type PictureFormat = "svg" | "png";

export async function savePicture(session: TreeSession, format: PictureFormat): Promise<void> {
  const svg = await session.requests.ask("svg", {});
  const blob = format === "svg" ? new Blob([svg], { type: "image/svg+xml" }) : await pngOf(svg);
  download(blob, fileName(session.summary?.name ?? "", format));
}
