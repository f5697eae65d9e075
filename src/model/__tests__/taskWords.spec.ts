import { nullTranslator } from '@jupyterlab/translation';

import type { ITask } from '../../api/types';
import { aTask } from '../../testing/samples';
import {
  cancelOf,
  deedOf,
  failureOf,
  outcomeOf,
  successOf
} from '../taskWords';

const trans = nullTranslator.load('');

/** Each kind of task: running, its cross, how it went well, how it failed. */
const WORDS: [ITask['job'], string, string, string, string, string, string][] =
  [
    [
      'add',
      'Adding X',
      'Cancel adding X',
      'X is ready',
      'Ready',
      'X could not be added',
      'could not be added'
    ],
    [
      'repair',
      'Mending X',
      'Cancel mending X',
      'X is ready',
      'Ready',
      'X could not be mended',
      'could not be mended'
    ],
    [
      'edit',
      'Changing X',
      'Cancel changing X',
      'X was changed',
      'Changed',
      'X could not be changed',
      'could not be changed'
    ],
    [
      'duplicate',
      'Making X',
      'Cancel making X',
      'X is ready',
      'Ready',
      'X could not be made',
      'could not be made'
    ],
    [
      'check',
      'Checking X',
      'Cancel checking X',
      'X works',
      'Works',
      'X did not pass its check',
      'did not pass its check'
    ],
    [
      'share',
      'Sharing X',
      'Cancel sharing X',
      'X is shared',
      'Shared',
      'X could not be shared',
      'could not be shared'
    ]
  ];

describe('a task', () => {
  it.each(WORDS)(
    'of the kind %s says what it does and how it ended',
    (job, deed, cancel, success, good, failure, bad) => {
      const task = aTask({ job, display_name: 'X' });
      expect(deedOf(task, trans)).toBe(deed);
      expect(cancelOf(task, trans)).toBe(cancel);
      expect(successOf(task, trans)).toBe(success);
      expect(failureOf(task, trans)).toBe(failure);
      expect(outcomeOf({ ...task, state: 'done' }, trans)).toBe(good);
      expect(outcomeOf({ ...task, state: 'failed' }, trans)).toBe(bad);
      expect(outcomeOf({ ...task, state: 'cancelled' }, trans)).toBe(
        'Cancelled'
      );
    }
  );
});
