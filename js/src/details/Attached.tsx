/** Content that stands beside the span: a picture, a sound, anything else to save. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { download } from "../page/download";
import { size } from "../page/format";
import { mediaKind, type Reference } from "./media";
import { usePanel } from "./panel";

/** Media up to this size is loaded without being asked for. */
const LOADED_BYTES = 8_000_000;

export function Attached({ to, alt }: { to: Reference; alt?: string }): JSX.Element {
  const { requests } = usePanel();
  const [blob, setBlob] = useState<Blob | null>(null);
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  const kind = mediaKind(to.type);
  const load = async (): Promise<Blob> => {
    if (blob) {
      return blob;
    }
    const params = { trace_id: to.trace, attachment_id: to.id };
    const content = await requests.ask("attachment", params, () => setProblem("kernel busy"));
    // Of a type that cannot run, whatever it is said to be.
    const found = new Blob([content], { type: kind ? to.type : "application/octet-stream" });
    setBlob(found);
    setProblem("");
    return found;
  };
  const failed = (error: Error): void => setProblem(error.message);
  const wanted = kind !== null && to.size <= LOADED_BYTES;
  useEffect(() => {
    if (wanted) {
      load().catch(failed);
    }
  }, []);
  useEffect(() => {
    if (blob) {
      const made = URL.createObjectURL(blob);
      setUrl(made);
      return () => URL.revokeObjectURL(made);
    }
  }, [blob]);
  const label = `${to.type}${to.size && `, ${size(to.size)}`}`;
  return (
    <span class="nbt-media">
      {url && kind === "image" && <img class="nbt-image" src={url} alt={alt ?? label} />}
      {url && kind === "audio" && (
        // biome-ignore lint/a11y/useMediaCaption: nobody recorded captions
        <audio controls src={url} aria-label={alt ?? label} />
      )}
      <span class="nbt-quiet">
        {label}
        {problem && `: ${problem}`}
      </span>
      {kind && !wanted && !url && (
        <button type="button" class="nbt-button" onClick={() => load().catch(failed)}>
          Show
        </button>
      )}
      <button
        type="button"
        class="nbt-button"
        aria-label={`Save ${label}`}
        onClick={() =>
          load().then((found) => {
            const ending = to.type.replace(/^.*\/|\W.*$/g, "");
            download(found, `${to.id.slice(0, 12)}.${ending}`);
          }, failed)
        }
      >
        Save
      </button>
    </span>
  );
}
