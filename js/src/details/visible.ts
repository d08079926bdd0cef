/**
 * Characters that are not seen made visible: a control character could hide part of a text, and one
 * that turns the direction of reading could make a text look like another.
 */

// Tabs, new lines and returns are layout; joiners and marks of direction belong to scripts.
const UNSEEN = /(?![\t\n\r])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
const FIRST_PICTURE = 0x2400;

function picture(character: string): string {
  const code = character.charCodeAt(0);
  // Unicode has pictures of the oldest control characters: ␛ for escape.
  return code < 32
    ? String.fromCharCode(FIRST_PICTURE + code)
    : `⟨${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** The text as it is shown; what is copied is the text itself. */
export function visible(text: string): string {
  return text.replace(UNSEEN, picture);
}
