/** Whether an error is ours, and what it is about. */
export type ErrorCode =
  | 'unreadable'
  | 'not_found'
  | 'unsupported_media_type'
  | 'not_allowed'
  | 'forbidden'
  | 'invalid_reference'
  | 'invalid_display_name'
  | 'invalid_slug'
  | 'invalid_bind'
  | 'invalid_environment'
  | 'invalid_directory'
  | 'invalid_image_dir'
  | 'slug_taken'
  | 'kernel_running'
  | 'not_ours'
  | 'runtime_missing'
  | 'image_not_found'
  | 'image_unusable'
  | 'image_not_readable'
  | 'wrong_architecture'
  | 'login_needed'
  | 'rate_limited'
  | 'registry_unreachable'
  | 'disk_full'
  | 'language_missing'
  | 'install_failed'
  | 'verify_failed'
  | 'runtime_failed'
  | 'timed_out'
  | 'interrupted'
  | 'internal';

/** What happened to what, and what to click or type next. */
export interface IError {
  code: ErrorCode;
  message: string;
  /** May be empty. */
  hint: string;
}
