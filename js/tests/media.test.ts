import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isImage, mediaKind, referenceOf } from "../src/details/media";

const ID = "0a".repeat(32);
const TRACE = `tr-${"0b".repeat(16)}`;

describe("references to attachments", () => {
  test("say type, size and where the content is", () => {
    const text = `mlflow-attachment://${ID}?content_type=image%2Fpng&trace_id=${TRACE}&size=3&encoding=data`;
    expect(referenceOf(text)).toEqual({ id: ID, trace: TRACE, type: "image/png", size: 3 });
  });

  test("of MLflow's own need no size", () => {
    expect(referenceOf(`mlflow-attachment://0b-1?content_type=a&trace_id=tr-1`)?.size).toBe(0);
  });

  test.each([
    "",
    "mlflow-attachment://",
    "mlflow-attachment://a?content_type=a",
    "see mlflow-attachment://a?content_type=a&trace_id=b",
    "mlflow-attachment://a/../b?content_type=a&trace_id=b",
    "https://example.org/?content_type=a&trace_id=b",
  ])("are not %s", (text) => {
    expect(referenceOf(text)).toBeNull();
  });

  test("never throw, whatever a text is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const found = referenceOf(`mlflow-attachment://a?${text}`);
        return found === null || (found.id === "a" && found.size >= 0);
      }),
    );
  });
});

describe("what is shown", () => {
  test.each([
    ["image/png", "image"],
    ["image/jpeg", "image"],
    ["audio/L16;rate=24000", "audio"],
    ["image/svg+xml", null],
    ["text/html", null],
    ["application/pdf", null],
    ["image/png,<b>", null],
    ["", null],
  ])("%s", (type, kind) => {
    expect(mediaKind(type)).toBe(kind);
  });

  test("a type is shown as an image only where an address of it would be", () => {
    fc.assert(
      fc.property(fc.string(), (type) => {
        return mediaKind(type) !== "image" || isImage(`data:${type.split(";")[0]};base64,AAAA`);
      }),
    );
  });
});
