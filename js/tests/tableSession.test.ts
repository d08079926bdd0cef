import { afterEach, expect, test, vi } from "vitest";
import type { TableRow } from "../src/table/messages";
import { TableSession } from "../src/table/session";
import type { KernelMessage, Model } from "../src/types";

function row(id: string, tags: Record<string, string> = {}): TableRow {
  return {
    id,
    time: 0,
    duration: 1,
    state: "OK",
    name: id,
    spans: 1,
    errors: 0,
    tokens: null,
    input_tokens: null,
    output_tokens: null,
    cost: null,
    session: null,
    user: null,
    request: "",
    response: "",
    tags,
    cell: "",
    cell_id: "",
    source: "",
  };
}

interface Request {
  id: string;
  method: string;
  params: Record<string, unknown>;
}

/** A session and the kernel's end of it. */
function opened() {
  const requests: Request[] = [];
  const model: Model = {
    get: () => null,
    set: () => {},
    save_changes: () => {},
    send: (content) => content.kind === "request" && requests.push(content as unknown as Request),
    on: () => {},
    off: () => {},
  };
  const session = new TableSession(model);
  const bytes = (value: unknown): DataView[] => [
    new DataView(new TextEncoder().encode(JSON.stringify(value)).buffer),
  ];
  const send = (content: object, value: unknown = null): void =>
    session.receive(content as KernelMessage, bytes(value));
  const list = (version: number, rows: TableRow[]): void =>
    send(
      {
        kind: "listing",
        version,
        filter: "",
        order_by: [],
        more: false,
        selection: { all: false, ids: [] },
      },
      rows,
    );
  /** Answer the latest request of a method, once it was made. */
  const answer = async (method: string, result: unknown): Promise<Request> => {
    const request = await vi.waitUntil(() =>
      requests.filter((one) => one.method === method).at(-1),
    );
    send({ kind: "response", id: request.id, error: null }, result);
    await Promise.resolve();
    return request;
  };
  list(0, [row("a"), row("b")]);
  return { session, requests, send, list, answer };
}

afterEach(() => vi.useRealTimers());

test("an opened trace says whether another search has it", async () => {
  const { session, list, answer } = opened();
  session.openTrace({ id: "b", place: 1, row: row("b") });
  list(1, [row("a")]);
  expect(session.opened?.place).toBeUndefined();
  const { params } = await answer("place", null);
  expect(params).toEqual({ version: 1, trace_id: "b" });
  await vi.waitFor(() => expect(session.opened?.place).toBeNull());
  // The same search again, for a page that came late, changes nothing.
  list(1, [row("a")]);
  expect(session.opened?.place).toBeNull();
  session.close();
});

test("what is undone shows in the rows and in the opened trace", async () => {
  const { session, answer } = opened();
  session.openTrace({ id: "b", place: 1, row: row("b", { seen: "yes" }) });
  const undone = session.undo();
  await answer("undo", [row("b", { seen: "before" })]);
  await undone;
  expect(session.pages.at(1)?.tags).toEqual({ seen: "before" });
  expect(session.opened?.row?.tags).toEqual({ seen: "before" });
  session.close();
});

test("groups are those that are wanted now, and are asked for again with each search", () => {
  const { session, requests, send, list } = opened();
  const wanted = { by: "name", order_by: "count", descending: true, limit: 50 } as const;
  const figure = (field: string, version = 0) =>
    send({ kind: "figure", version, figure: "groups", field }, { groups: [], total: 7 });
  figure("name");
  expect(session.groups).toBeNull();
  session.wantGroups(wanted);
  figure("user");
  expect(session.groups).toBeNull();
  figure("name");
  expect(session.groups?.total).toBe(7);
  const asked = () => requests.filter(({ method }) => method === "figures").length;
  expect(asked()).toBe(1);
  list(1, []);
  expect(requests.at(-1)?.params).toMatchObject({ version: 1, groups: wanted });
  session.wantGroups(null);
  expect(session.groups).toBeNull();
  list(2, []);
  expect(asked()).toBe(2);
  session.close();
});
