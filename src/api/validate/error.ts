import type { ErrorCode, IError } from '../types';
import { oneOf, record, text } from './readers';

const errorCode = oneOf<ErrorCode>(
  'unreadable',
  'not_found',
  'unsupported_media_type',
  'not_allowed',
  'forbidden',
  'invalid_reference',
  'invalid_display_name',
  'invalid_slug',
  'invalid_bind',
  'invalid_environment',
  'invalid_directory',
  'invalid_image_dir',
  'slug_taken',
  'kernel_running',
  'not_ours',
  'runtime_missing',
  'image_not_found',
  'image_unusable',
  'image_not_readable',
  'wrong_architecture',
  'login_needed',
  'rate_limited',
  'registry_unreachable',
  'disk_full',
  'language_missing',
  'install_failed',
  'verify_failed',
  'runtime_failed',
  'timed_out',
  'interrupted',
  'internal'
);

/** Reads the schema `Error`. */
export const readError = record<IError>({
  code: errorCode,
  message: text,
  hint: text
});
