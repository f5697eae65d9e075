import { endsTooSoon } from '../sessionEnd';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const ENDS = '2026-03-01T12:10:00Z';

it.each([
  // seconds that it still takes, the end of the session, seconds left
  [601, ENDS, 600],
  [599, ENDS, null],
  [null, ENDS, null], // nobody knows how long it takes
  [601, null, null], // no time limit
  [1, '2026-03-01T11:59:00Z', 0] // it should be over
])('%s s in a session until %s: %s', (eta, ends, left) => {
  expect(endsTooSoon({ eta }, { ends }, NOW)).toBe(left);
});

it('says nothing outside of a job', () => {
  expect(endsTooSoon({ eta: 1e6 }, null, NOW)).toBeNull();
  expect(endsTooSoon({ eta: 1e6 }, undefined, NOW)).toBeNull();
});
