/**
 * Holds what the server part sends to `types.ts`, at the border: what lies
 * behind it need not ask again.
 */

export { readError } from './validate/error';
export {
  readInspection,
  readLogin,
  readResolution,
  readTagList
} from './validate/image';
export {
  readKernel,
  readKernelDetails,
  readKernelLog,
  readRemoval
} from './validate/kernel';
export {
  IRows,
  Reader,
  readRows,
  UnexpectedShapeError
} from './validate/readers';
export { readAddRequest } from './validate/requests';
export { readDiagnostics, readInfo } from './validate/server';
export { readSharePlan } from './validate/sharing';
export { readFreed, readRestored, readSpace } from './validate/space';
export { readLogChunk, readTask } from './validate/task';
