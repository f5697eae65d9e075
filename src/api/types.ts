/**
 * What travels between the browser and the server part. It mirrors
 * `jupyterlab_container_kernels/openapi.yaml`; a test holds it to that.
 *
 * Times are ISO 8601 in UTC, sizes are bytes. What is not known is `null`.
 */

export type * from './types/error';
export type * from './types/image';
export type * from './types/kernel';
export type * from './types/requests';
export type * from './types/server';
export type * from './types/sharing';
export type * from './types/space';
export type * from './types/task';
