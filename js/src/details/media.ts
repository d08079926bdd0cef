/** Which addresses may be shown: bytes that stand in the trace, of types that cannot run. */

/** Not SVG: it is a document, and nobody puts one in a message. */
const IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=\s]+$/i;
const AUDIO = /^data:audio\/[\w.+-]+;base64,[A-Za-z0-9+/=\s]+$/i;
const REFERENCE = /^mlflow-attachment:\/\/([\w-]+)\?([\w.~%+=&-]+)$/;
const LINK = /^(?:https?:\/\/|mailto:)/i;

/** Whether an address is an image that may be shown. */
export function isImage(address: string): boolean {
  return address.startsWith("data:image/") && IMAGE.test(address);
}

/** Whether an address is a sound that may be played. */
export function isAudio(address: string): boolean {
  return address.startsWith("data:audio/") && AUDIO.test(address);
}

/** Content that stands beside the span: the mirror of `Reference` in Python. */
export interface Reference {
  id: string;
  trace: string;
  type: string;
  /** Bytes, 0 where it is not known. */
  size: number;
}

/** What a text refers to, null where it is no reference. */
export function referenceOf(text: string): Reference | null {
  const match = REFERENCE.exec(text);
  const said = new URLSearchParams(match?.[2]);
  const type = said.get("content_type");
  const trace = said.get("trace_id");
  return match && type && trace
    ? { id: match[1] ?? "", trace, type, size: Number(said.get("size")) || 0 }
    : null;
}

/** How content of a type is shown; what is neither is for saving. */
export function mediaKind(type: string): "image" | "audio" | null {
  const start = `data:${type.split(";")[0]};base64,AAAA`;
  return isImage(start) ? "image" : isAudio(start) ? "audio" : null;
}

/** Characters that browsers leave out of an address, or that make it look like another. */
const UNSEEN = /[\s\p{Cc}\p{Cf}]/u;

/** Whether an address may be opened by a click: the web and mail, nothing that runs. */
export function isLink(address: string): boolean {
  return LINK.test(address) && !UNSEEN.test(address);
}
