/** Which addresses may be shown: bytes that stand in the trace, of types that cannot run. */

/** Not SVG: it is a document, and nobody puts one in a message. */
const IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=\s]+$/i;
const AUDIO = /^data:audio\/[\w.+-]+;base64,[A-Za-z0-9+/=\s]+$/i;
const LINK = /^(?:https?:\/\/|mailto:)/i;

/** Whether an address is an image that may be shown. */
export function isImage(address: string): boolean {
  return address.startsWith("data:image/") && IMAGE.test(address);
}

/** Whether an address is a sound that may be played. */
export function isAudio(address: string): boolean {
  return address.startsWith("data:audio/") && AUDIO.test(address);
}

/** Characters that browsers leave out of an address, or that make it look like another. */
const UNSEEN = /[\s\p{Cc}\p{Cf}]/u;

/** Whether an address may be opened by a click: the web and mail, nothing that runs. */
export function isLink(address: string): boolean {
  return LINK.test(address) && !UNSEEN.test(address);
}
