import type { ServerConnection } from '@jupyterlab/services';

import { IRequest, requestJson } from './request';
import type {
  IAddRequest,
  ICheckRequest,
  IDiagnostics,
  IEditRequest,
  IFreed,
  IInfo,
  IInspection,
  IKernel,
  IKernelDetails,
  IKernelLog,
  ILogChunk,
  ILogin,
  ILoginRequest,
  IRemoval,
  IRemoveRequest,
  IRepairRequest,
  IResolution,
  IResolveRequest,
  IRestored,
  ISharePlan,
  IShareRequest,
  ISpace,
  ITagList,
  ITask,
  IWithdrawRequest
} from './types';
import {
  IRows,
  readDiagnostics,
  Reader,
  readFreed,
  readInfo,
  readInspection,
  readKernel,
  readKernelDetails,
  readKernelLog,
  readLogChunk,
  readLogin,
  readRemoval,
  readResolution,
  readRestored,
  readRows,
  readSharePlan,
  readSpace,
  readTagList,
  readTask
} from './validate';

/**
 * The server part, one method an endpoint of `openapi.yaml`.
 *
 * Every method rejects with `ApiError`, `ConnectionLostError`,
 * `EndpointMissingError` or `UnexpectedShapeError`.
 */
export class ContainerKernelsClient {
  /**
   * @param serverSettings - The connection, as JupyterLab made it.
   */
  constructor(readonly serverSettings: ServerConnection.ISettings) {}

  /** Versions, runtimes, GPU, disk room, limits. */
  getInfo(): Promise<IInfo> {
    return this._ask('info', readInfo);
  }

  /** What of node and session matters to containers. Takes some seconds. */
  getDiagnostics(): Promise<IDiagnostics> {
    return this._ask('diagnostics', readDiagnostics);
  }

  /**
   * What an image reference stands for, without downloading it.
   *
   * @param image - The reference.
   * @param signal - Gives the question up.
   * @param choice - How it is to come.
   */
  resolve(
    image: string,
    signal?: AbortSignal,
    choice: Omit<IResolveRequest, 'image'> = {}
  ): Promise<IResolution> {
    return this._ask('resolve', readResolution, {
      method: 'POST',
      body: { image, ...choice },
      signal
    });
  }

  /**
   * The tags of an image, as far as its registry lists them.
   *
   * @param image - The reference.
   * @param signal - Gives the question up.
   */
  listTags(image: string, signal?: AbortSignal): Promise<ITagList> {
    return this._ask('tags', readTagList, {
      method: 'POST',
      body: { image },
      signal
    });
  }

  /** Keep a password for a registry, once that has taken it. */
  logIn(request: ILoginRequest): Promise<ILogin> {
    return this._ask('login', readLogin, { method: 'POST', body: request });
  }

  /** Remove the password for a registry. */
  logOut(registry: string): Promise<ILogin> {
    return this._ask('login', readLogin, {
      method: 'DELETE',
      body: { registry }
    });
  }

  /**
   * The interpreters in an image that is on the server's machine, best first.
   *
   * @param image - The reference.
   * @param signal - Gives the question up.
   */
  inspect(image: string, signal?: AbortSignal): Promise<IInspection> {
    return this._ask('inspect', readInspection, {
      method: 'POST',
      body: { image },
      signal
    });
  }

  /** All container kernels of this user. */
  listKernels(): Promise<IRows<IKernel>> {
    return this._askRows('kernels', 'kernels', readKernel);
  }

  /** Start adding a kernel; the task tells the rest. */
  addKernel(request: IAddRequest): Promise<ITask> {
    return this._ask('kernels', readTask, { method: 'POST', body: request });
  }

  /**
   * One kernel, and what deleting it would remove and free.
   *
   * @param slug - Its name in Jupyter.
   * @param directory - Its folder, of one that Jupyter may not show.
   */
  getKernel(slug: string, directory?: string): Promise<IKernelDetails> {
    return this._ask(`kernels/${encodeURIComponent(slug)}`, readKernelDetails, {
      query: directory === undefined ? undefined : { directory }
    });
  }

  /** Delete a kernel with what was made for it. */
  removeKernel(slug: string, request: IRemoveRequest): Promise<IRemoval> {
    return this._ask(`kernels/${encodeURIComponent(slug)}`, readRemoval, {
      method: 'DELETE',
      body: request
    });
  }

  /** What the last start of a kernel said, and what became of it. */
  getKernelLog(slug: string): Promise<IKernelLog> {
    return this._ask(`kernels/${encodeURIComponent(slug)}/log`, readKernelLog);
  }

  /** Start mending a kernel; the task tells the rest. */
  repairKernel(slug: string, request: IRepairRequest): Promise<ITask> {
    return this._ask(`kernels/${encodeURIComponent(slug)}/repair`, readTask, {
      method: 'POST',
      body: request
    });
  }

  /** Start changing a kernel; the task tells the rest. */
  editKernel(slug: string, request: IEditRequest): Promise<ITask> {
    return this._ask(`kernels/${encodeURIComponent(slug)}`, readTask, {
      method: 'PATCH',
      body: request
    });
  }

  /** Start making another kernel of the same image. */
  duplicateKernel(slug: string, request: IEditRequest): Promise<ITask> {
    return this._ask(
      `kernels/${encodeURIComponent(slug)}/duplicate`,
      readTask,
      { method: 'POST', body: request }
    );
  }

  /** Start a deep check of a kernel. */
  checkKernel(slug: string, request: ICheckRequest = {}): Promise<ITask> {
    return this._ask(`kernels/${encodeURIComponent(slug)}/check`, readTask, {
      method: 'POST',
      body: request
    });
  }

  /** What sharing a kernel would copy, and for whom. Nothing is changed. */
  planShare(slug: string, request: IShareRequest): Promise<ISharePlan> {
    return this._ask(
      `kernels/${encodeURIComponent(slug)}/share/plan`,
      readSharePlan,
      { method: 'POST', body: request }
    );
  }

  /** Start sharing a kernel. */
  shareKernel(slug: string, request: IShareRequest): Promise<ITask> {
    return this._ask(`kernels/${encodeURIComponent(slug)}/share`, readTask, {
      method: 'POST',
      body: request
    });
  }

  /** Remove a kernel that this user shares. */
  withdrawKernel(slug: string, request: IWithdrawRequest): Promise<IFreed> {
    return this._ask(
      `kernels/${encodeURIComponent(slug)}/withdraw`,
      readFreed,
      { method: 'POST', body: request }
    );
  }

  /** What takes room, and the room left. */
  getSpace(): Promise<ISpace> {
    return this._ask('space', readSpace);
  }

  /** Remove something that nobody uses, at once. */
  freeSpace(id: string): Promise<IFreed> {
    return this._ask(`space/${encodeURIComponent(id)}`, readFreed, {
      method: 'DELETE'
    });
  }

  /** Put a deleted kernel back. */
  restoreKernel(id: string): Promise<IRestored> {
    return this._ask(`trash/${encodeURIComponent(id)}/restore`, readRestored, {
      method: 'POST'
    });
  }

  /** Tasks that run, and ended ones that nobody dismissed. */
  listTasks(): Promise<IRows<ITask>> {
    return this._askRows('tasks', 'tasks', readTask);
  }

  /** One task. */
  getTask(id: string): Promise<ITask> {
    return this._ask(`tasks/${encodeURIComponent(id)}`, readTask);
  }

  /** Cancel a task that runs, dismiss one that has ended. */
  endTask(id: string): Promise<ITask> {
    return this._ask(`tasks/${encodeURIComponent(id)}`, readTask, {
      method: 'DELETE'
    });
  }

  /**
   * A piece of a task's log.
   *
   * @param id - The task.
   * @param offset - Where to begin, in bytes.
   */
  getTaskLog(id: string, offset: number): Promise<ILogChunk> {
    return this._ask(`tasks/${encodeURIComponent(id)}/log`, readLogChunk, {
      query: { offset }
    });
  }

  private async _ask<T>(
    path: string,
    read: Reader<T>,
    request?: IRequest
  ): Promise<T> {
    return read(await requestJson(this.serverSettings, path, request), path);
  }

  private async _askRows<T>(
    path: string,
    key: string,
    read: Reader<T>
  ): Promise<IRows<T>> {
    const rows = readRows(
      await requestJson(this.serverSettings, path),
      key,
      read
    );
    for (const problem of rows.problems) {
      console.error(`Container Kernels: ${problem}`);
    }
    return rows;
  }
}
