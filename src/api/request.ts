import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ErrorCode, IError } from './types';
import { readError, UnexpectedShapeError } from './validate';

/** The part of the URL after `baseUrl` that is ours. */
export const NAMESPACE = 'container-kernels';

/** How long to wait for an answer, in milliseconds. Every endpoint answers within seconds. */
const TIMEOUT = 60_000;

/** The server part refused, and says why in words for people. */
export class ApiError extends Error implements IError {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly hint: string,
    readonly status: number
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/**
 * There was no answer of the server part: no network, a proxy's error page, or
 * a login page. It says nothing about what was asked for.
 */
export class ConnectionLostError extends Error {
  constructor(
    message: string,
    /** Whether logging in again may help. */
    readonly loginNeeded = false
  ) {
    super(message);
    this.name = 'ConnectionLostError';
  }
}

/** The Jupyter server answers, but it does not know the server part. */
export class EndpointMissingError extends Error {
  constructor(url: string) {
    super(`${url} is unknown to the Jupyter server`);
    this.name = 'EndpointMissingError';
  }
}

/** The request was given up by the one who made it. */
export class AbortedError extends Error {
  constructor() {
    super('aborted');
    this.name = 'AbortedError';
  }
}

/** How to ask. */
export interface IRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** What to send as JSON. Every verb but `GET` sends one. */
  body?: object;
  query?: Record<string, string | number>;
  /** Gives the request up. */
  signal?: AbortSignal;
}

/**
 * Asks the server part. This file is the one place that fetches.
 *
 * @param settings - The connection, as JupyterLab made it.
 * @param path - Below our namespace, each part already encoded.
 * @param request - Verb, body and query.
 *
 * @returns The parsed JSON, not yet checked.
 *
 * @throws {@link ApiError} when the server part says no.
 * @throws {@link ConnectionLostError} when something else answered, or nothing.
 * @throws {@link EndpointMissingError} when the server part is not there.
 * @throws {@link AbortedError} when `signal` fired.
 */
export async function requestJson(
  settings: ServerConnection.ISettings,
  path: string,
  request: IRequest = {}
): Promise<unknown> {
  const { method = 'GET', body, query, signal } = request;
  const url =
    URLExt.join(settings.baseUrl, NAMESPACE, path) +
    (query
      ? `?${new URLSearchParams(
          Object.entries(query).map(([key, value]) => [key, String(value)])
        ).toString()}`
      : '');
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), TIMEOUT);
  const onAbort = () => giveUp.abort();
  signal?.addEventListener('abort', onAbort);
  try {
    if (signal?.aborted) {
      throw new AbortedError();
    }
    const response = await ServerConnection.makeRequest(
      url,
      {
        method,
        signal: giveUp.signal,
        ...(method === 'GET'
          ? {}
          : {
              body: JSON.stringify(body ?? {}),
              headers: { 'Content-Type': 'application/json' }
            })
      },
      settings
    );
    return parse(response, await response.text());
  } catch (error) {
    if (signal?.aborted) {
      throw new AbortedError();
    }
    if (
      error instanceof ApiError ||
      error instanceof ConnectionLostError ||
      error instanceof EndpointMissingError
    ) {
      throw error;
    }
    // A network error, or our own time-out.
    throw new ConnectionLostError(
      error instanceof Error ? error.message : String(error)
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Reads an SVG picture of which the Jupyter server tells where it is.
 *
 * @param settings - The connection, as JupyterLab made it.
 * @param url - Its place on the server's host.
 *
 * @returns The picture itself, as a `data:` URL.
 *
 * @throws `ServerConnection.ResponseError` or `NetworkError`.
 */
export async function readPicture(
  settings: ServerConnection.ISettings,
  url: string
): Promise<string> {
  const response = await ServerConnection.makeRequest(
    new URL(url, settings.baseUrl).href,
    {},
    settings
  );
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return `data:image/svg+xml,${encodeURIComponent(await response.text())}`;
}

/** The JSON of an answer, or the error that it stands for. */
function parse(response: Response, text: string): unknown {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    if (response.status === 404) {
      throw new EndpointMissingError(response.url);
    }
    // A proxy's page, or a login page that a redirect led to.
    throw new ConnectionLostError(
      `${response.status} ${response.statusText}`,
      response.ok || response.status === 401 || response.status === 403
    );
  }
  if (response.ok) {
    return data;
  }
  const error = asError(data);
  if (error) {
    throw new ApiError(error.code, error.message, error.hint, response.status);
  }
  if (response.status === 404) {
    throw new EndpointMissingError(response.url);
  }
  throw new ConnectionLostError(
    `${response.status} ${response.statusText}`,
    response.status === 401 || response.status === 403
  );
}

/** One of our errors, or undefined when something else wrote the body. */
function asError(data: unknown): IError | undefined {
  try {
    return readError(data, 'error');
  } catch (error) {
    if (!(error instanceof UnexpectedShapeError)) {
      throw error;
    }
  }
  // A newer server part may know codes that we do not.
  const { code, message, hint } = (data ?? {}) as Partial<
    Record<keyof IError, unknown>
  >;
  if (typeof code === 'string' && typeof message === 'string') {
    return {
      code: 'internal',
      message,
      hint: typeof hint === 'string' ? hint : ''
    };
  }
  return undefined;
}
