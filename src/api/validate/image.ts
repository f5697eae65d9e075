import type {
  IElsewhere,
  IFoundInterpreter,
  IInspection,
  ILogin,
  IPlace,
  IResolution,
  ITagList,
  PlaceSetting,
  Verdict
} from '../types';
import { flag, integer, list, oneOf, orNull, record, text } from './readers';

const placeFields = {
  path: text,
  needed_bytes: integer,
  free_bytes: orNull(integer)
};

/** Reads the schema `Resolution`. */
export const readResolution = record<IResolution>({
  reference: text,
  digest: orNull(text),
  architecture: orNull(text),
  title: orNull(text),
  description: orNull(text),
  layers: orNull(integer),
  download_bytes: orNull(integer),
  stored: flag,
  unpacked: flag,
  verdict: oneOf<Verdict>('fits', 'fits_elsewhere', 'too_large', 'unknown'),
  place: orNull(record<IPlace>(placeFields)),
  elsewhere: orNull(
    record<IElsewhere>({
      ...placeFields,
      setting: oneOf<PlaceSetting>('images_dir', 'temporary_dir')
    })
  ),
  user: orNull(text),
  caution: orNull(text)
});

/** Reads the schema `TagList`. */
export const readTagList = record<ITagList>({
  tags: list(text),
  complete: flag
});

/** Reads the schema `Login`. */
export const readLogin = record<ILogin>({
  registry: text,
  user: orNull(text),
  path: text
});

/** Reads the schema `Inspection`. */
export const readInspection = record<IInspection>({
  interpreters: list(
    record<IFoundInterpreter>({
      language: text,
      title: text,
      path: text,
      version: text,
      kernel_version: orNull(text),
      notes: list(text)
    })
  )
});
