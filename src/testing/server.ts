import { ServerConnection } from '@jupyterlab/services';

/** A request that was made. */
export interface IAsked {
  method: string;
  /** Path and query after `baseUrl`, without the time that defeats caches. */
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

/** What to answer: a status and a body, JSON unless it is text. */
export interface IAnswer {
  status?: number;
  body?: unknown;
  text?: string;
}

type Answerer = (asked: IAsked) => IAnswer | Error | Promise<IAnswer | Error>;

/**
 * A server on the other side of `fetch`. It stands where the network is: all
 * code of ours runs as it is.
 */
export class FakeServer {
  /** All requests so far. */
  readonly asked: IAsked[] = [];

  /** Settings that lead here. */
  readonly settings: ServerConnection.ISettings;

  constructor(baseUrl = 'http://localhost:8888/user/a%40b/') {
    const Request = class {
      readonly headers: Headers;
      constructor(
        readonly url: string,
        readonly init: RequestInit
      ) {
        this.headers = new Headers(init.headers);
      }
    };
    this.settings = ServerConnection.makeSettings({
      baseUrl,
      appUrl: '/lab',
      wsUrl: 'ws://localhost:8888/user/a%40b/',
      token: 'secret',
      init: { cache: 'no-store', credentials: 'same-origin' },
      Request: Request as unknown as typeof globalThis.Request,
      Headers,
      fetch: (async (request: InstanceType<typeof Request>) =>
        this._fetch(request.url, request.init, request.headers)) as never
    });
  }

  /** Answers requests whose verb and path match, the newest rule first. */
  on(method: string, path: string | RegExp, answer: Answerer | IAnswer): this {
    this._rules.unshift({
      matches: asked =>
        asked.method === method &&
        (typeof path === 'string'
          ? asked.path === path
          : path.test(asked.path)),
      answer: typeof answer === 'function' ? answer : () => answer
    });
    return this;
  }

  /** How many requests were made with this verb and path. */
  count(method: string, path: string | RegExp): number {
    return this.asked.filter(
      asked =>
        asked.method === method &&
        (typeof path === 'string' ? asked.path === path : path.test(asked.path))
    ).length;
  }

  private async _fetch(
    url: string,
    init: RequestInit,
    headers: Headers
  ): Promise<unknown> {
    const asked: IAsked = {
      method: init.method ?? 'GET',
      path: url.slice(this.settings.baseUrl.length).replace(/([?&])\d+$/, ''),
      headers: Object.fromEntries(headers.entries()),
      body: init.body === undefined ? undefined : JSON.parse(String(init.body))
    };
    this.asked.push(asked);
    const rule = this._rules.find(each => each.matches(asked));
    const answering = (async () =>
      rule ? await rule.answer(asked) : { status: 404, text: '<html>404' })();
    const answer = await Promise.race([
      answering,
      new Promise<Error>(resolve =>
        init.signal?.addEventListener('abort', () =>
          resolve(new Error('aborted'))
        )
      )
    ]);
    if (answer instanceof Error) {
      throw new TypeError(answer.message);
    }
    const status = answer.status ?? 200;
    const text = answer.text ?? JSON.stringify(answer.body ?? {});
    return {
      url,
      status,
      statusText: String(status),
      ok: status >= 200 && status < 300,
      text: async () => text
    };
  }

  private _rules: {
    matches: (asked: IAsked) => boolean;
    answer: Answerer;
  }[] = [];
}
