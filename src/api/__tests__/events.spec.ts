import type { Event } from '@jupyterlab/services';
import { Stream } from '@lumino/signaling';

import {
  IKernelEvent,
  ITaskEvent,
  KERNEL_EVENT_SCHEMA,
  ServerEvents,
  TASK_EVENT_SCHEMA
} from '../events';

describe('ServerEvents', () => {
  let stream: Stream<unknown, Event.Emission>;
  let events: ServerEvents;
  let seen: (ITaskEvent | IKernelEvent)[];

  beforeEach(() => {
    stream = new Stream<unknown, Event.Emission>({});
    events = new ServerEvents({ stream } as unknown as Event.IManager);
    seen = [];
    events.taskChanged.connect((_, event) => {
      seen.push(event);
    });
    events.kernelChanged.connect((_, event) => {
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
    stream.emit({ schema_id: KERNEL_EVENT_SCHEMA, slug: 'r', present: false });
    expect(seen).toEqual([
      { task_id: 'a', seq: 3, state: 'running' },
      { slug: 'r', present: false }
    ]);
  });

  it.each([
    ['of another extension', { schema_id: 'https://example.org/x' }],
    [
      'of a kernel without a name',
      { schema_id: KERNEL_EVENT_SCHEMA, present: true }
    ],
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
