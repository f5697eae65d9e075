import type { Event } from '@jupyterlab/services';
import { Stream } from '@lumino/signaling';

import { ITaskEvent, TASK_EVENT_SCHEMA, TaskEvents } from '../events';

describe('TaskEvents', () => {
  let stream: Stream<unknown, Event.Emission>;
  let events: TaskEvents;
  let seen: ITaskEvent[];

  beforeEach(() => {
    stream = new Stream<unknown, Event.Emission>({});
    events = new TaskEvents({ stream } as unknown as Event.IManager);
    seen = [];
    events.changed.connect((_, event) => {
      seen.push(event);
    });
  });

  it('hands on our events', () => {
    stream.emit({
      schema_id: TASK_EVENT_SCHEMA,
      task_id: 'a',
      seq: 3,
      state: 'running'
    });
    expect(seen).toEqual([{ task_id: 'a', seq: 3, state: 'running' }]);
  });

  it.each([
    ['of another extension', { schema_id: 'https://example.org/x' }],
    ['without a task', { schema_id: TASK_EVENT_SCHEMA, seq: 1, state: 'x' }],
    [
      'with a seq that is no number',
      { schema_id: TASK_EVENT_SCHEMA, task_id: 'a', seq: '1', state: 'x' }
    ]
  ])('ignores an event %s', (_, event) => {
    stream.emit(event);
    expect(seen).toEqual([]);
  });

  it('hears nothing once disposed', () => {
    events.dispose();
    stream.emit({
      schema_id: TASK_EVENT_SCHEMA,
      task_id: 'a',
      seq: 3,
      state: 'running'
    });
    expect(events.isDisposed).toBe(true);
    expect(seen).toEqual([]);
  });
});
