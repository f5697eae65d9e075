import { BroadcastChannel as Channel } from 'node:worker_threads';

import { INews, Neighbours } from '../neighbours';

const settle = () => new Promise(done => setTimeout(done, 50));

describe('pages beside this one', () => {
  const global = globalThis as { BroadcastChannel?: unknown };
  const before = global.BroadcastChannel;
  let open: Neighbours[];

  beforeEach(() => {
    open = [];
    global.BroadcastChannel = Channel;
  });

  afterEach(() => {
    open.forEach(each => each.dispose());
    global.BroadcastChannel = before;
  });

  const page = (baseUrl: string) => {
    const neighbours = new Neighbours(baseUrl);
    open.push(neighbours);
    const heard: INews[] = [];
    neighbours.heard.connect((_, news) => heard.push(news));
    return { neighbours, heard };
  };

  it('hear what one of the same server tells, and it does not hear itself', async () => {
    const [one, two, other] = ['/a/', '/a/', '/b/'].map(page);
    one.neighbours.tell({ slug: 'r', present: false });
    await settle();
    expect(two.heard).toEqual([{ slug: 'r', present: false }]);
    expect(one.heard).toEqual([]);
    expect(other.heard).toEqual([]);
  });

  it('do without where the browser has no such thing', () => {
    global.BroadcastChannel = undefined;
    const { neighbours } = page('/a/');
    expect(() => neighbours.tell({ slug: 'r', present: true })).not.toThrow();
  });
});
