import { example, readContract } from '../../testing/contract';
import { FakeServer } from '../../testing/server';
import { ContainerKernelsClient } from '../client';
import {
  AbortedError,
  ApiError,
  ConnectionLostError,
  EndpointMissingError
} from '../request';
import { UnexpectedShapeError } from '../validate';

const contract = readContract();

/** A value of a schema of the contract. */
function sample(name: string): Record<string, unknown> {
  return example(contract, contract.components.schemas[name]) as Record<
    string,
    unknown
  >;
}

const ID = '0123456789abcdef0123456789abcdef';

describe('ContainerKernelsClient', () => {
  let server: FakeServer;
  let client: ContainerKernelsClient;

  beforeEach(() => {
    server = new FakeServer();
    client = new ContainerKernelsClient(server.settings);
  });

  const cases: [
    string,
    (c: ContainerKernelsClient) => Promise<unknown>,
    string,
    string,
    unknown,
    string
  ][] = [
    ['getInfo', c => c.getInfo(), 'GET', 'info', undefined, 'Info'],
    [
      'getDiagnostics',
      c => c.getDiagnostics(),
      'GET',
      'diagnostics',
      undefined,
      'Diagnostics'
    ],
    [
      'resolve',
      c => c.resolve('docker://a/b:1'),
      'POST',
      'resolve',
      { image: 'docker://a/b:1' },
      'Resolution'
    ],
    [
      'listTags',
      c => c.listTags('a/b'),
      'POST',
      'tags',
      { image: 'a/b' },
      'TagList'
    ],
    [
      'logIn',
      c => c.logIn({ registry: 'ghcr.io', user: 'me', password: 'x' }),
      'POST',
      'login',
      { registry: 'ghcr.io', user: 'me', password: 'x' },
      'Login'
    ],
    [
      'logOut',
      c => c.logOut('ghcr.io'),
      'DELETE',
      'login',
      { registry: 'ghcr.io' },
      'Login'
    ],
    [
      'addKernel',
      c => c.addKernel({ image: 'debian', gpu: 'off' }),
      'POST',
      'kernels',
      { image: 'debian', gpu: 'off' },
      'Task'
    ],
    [
      'getKernel',
      c => c.getKernel('a.b-1'),
      'GET',
      'kernels/a.b-1',
      undefined,
      'KernelDetails'
    ],
    [
      'getKernel with a name that no kernel can have',
      c => c.getKernel('a/../b?c#d'),
      'GET',
      'kernels/a%2F..%2Fb%3Fc%23d',
      undefined,
      'KernelDetails'
    ],
    [
      'getKernel in a folder',
      c => c.getKernel('x', '/a b/x'),
      'GET',
      'kernels/x?directory=%2Fa+b%2Fx',
      undefined,
      'KernelDetails'
    ],
    [
      'removeKernel',
      c => c.removeKernel('x', { delete_image: false, shut_down: true }),
      'DELETE',
      'kernels/x',
      { delete_image: false, shut_down: true },
      'Removal'
    ],
    [
      'getKernelLog',
      c => c.getKernelLog('x'),
      'GET',
      'kernels/x/log',
      undefined,
      'KernelLog'
    ],
    [
      'inspect',
      c => c.inspect('/x.sif'),
      'POST',
      'inspect',
      { image: '/x.sif' },
      'Inspection'
    ],
    [
      'repairKernel',
      c => c.repairKernel('x', { action: 'pull' }),
      'POST',
      'kernels/x/repair',
      { action: 'pull' },
      'Task'
    ],
    ['getTask', c => c.getTask(ID), 'GET', `tasks/${ID}`, undefined, 'Task'],
    ['endTask', c => c.endTask(ID), 'DELETE', `tasks/${ID}`, {}, 'Task'],
    [
      'getTaskLog',
      c => c.getTaskLog(ID, 4096),
      'GET',
      `tasks/${ID}/log?offset=4096`,
      undefined,
      'LogChunk'
    ]
  ];

  it.each(cases)(
    '%s asks below the base URL with the verb and body of the contract',
    async (_, call, method, path, body, schema) => {
      server.on(method, `container-kernels/${path}`, { body: sample(schema) });
      await expect(call(client)).resolves.toEqual(sample(schema));
      expect(server.asked).toHaveLength(1);
      expect(server.asked[0].body).toEqual(body);
      expect(server.asked[0].headers.authorization).toBe('token secret');
      if (method !== 'GET') {
        expect(server.asked[0].headers['content-type']).toBe(
          'application/json'
        );
      }
    }
  );

  it.each([
    ['kernels', 'Kernel', (c: ContainerKernelsClient) => c.listKernels()],
    ['tasks', 'Task', (c: ContainerKernelsClient) => c.listTasks()]
  ] as const)(
    'a bad row among the %s hides only itself',
    async (path, schema, call) => {
      const complain = jest.spyOn(console, 'error').mockImplementation();
      server.on('GET', `container-kernels/${path}`, {
        body: { [path]: [{ bad: true }, sample(schema)] }
      });
      const { rows, problems } = await call(client);
      expect(rows).toEqual([sample(schema)]);
      expect(problems).toHaveLength(1);
      expect(complain).toHaveBeenCalledTimes(1);
      complain.mockRestore();
    }
  );

  const refusal = { code: 'slug_taken', message: 'Taken.', hint: 'Another.' };

  it.each([403, 404, 409, 415, 422, 500, 501, 504, 507])(
    'a %d with our body is the answer of the server part',
    async status => {
      server.on('GET', /info/, { status, body: refusal });
      const error = await client.getInfo().catch(e => e);
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ ...refusal, status });
    }
  );

  it('a code of a newer server part keeps its words', async () => {
    server.on('GET', /info/, {
      status: 422,
      body: { code: 'moon_full', message: 'The moon is full.' }
    });
    await expect(client.getInfo()).rejects.toMatchObject({
      code: 'internal',
      message: 'The moon is full.',
      hint: ''
    });
  });

  it.each([
    ['a proxy that has no server behind it', 502, '<html>Bad Gateway</html>'],
    ['a proxy that is told to wait', 503, 'Service Unavailable'],
    ['a proxy that gave up', 504, '<html>Gateway Timeout</html>'],
    ['a proxy that answers JSON of its own', 502, '{"message": "no"}'],
    ['a login page behind a redirect', 200, '<!DOCTYPE html><title>Log in'],
    ['a server that has forgotten who we are', 403, '{"message":"Forbidden"}'],
    ['an empty answer', 200, '']
  ])('%s means that the connection is lost', async (_, status, text) => {
    server.on('GET', /tasks/, { status, text });
    await expect(client.listTasks()).rejects.toBeInstanceOf(
      ConnectionLostError
    );
  });

  it('no network means that the connection is lost', async () => {
    server.on('GET', /tasks/, () => new Error('Failed to fetch'));
    await expect(client.listTasks()).rejects.toBeInstanceOf(
      ConnectionLostError
    );
  });

  it('a login page says that logging in may help', async () => {
    server.on('GET', /tasks/, { text: '<html>' });
    await expect(client.listTasks()).rejects.toMatchObject({
      loginNeeded: true
    });
  });

  it.each(['<html>404', '{"message": "Not Found", "reason": null}'])(
    'a 404 that is not ours (%s) means that the server part is missing',
    async text => {
      server.on('GET', /info/, { status: 404, text });
      await expect(client.getInfo()).rejects.toBeInstanceOf(
        EndpointMissingError
      );
    }
  );

  it('a question that is given up rejects as such', async () => {
    server.on('POST', /resolve/, () => new Promise(() => undefined));
    const giveUp = new AbortController();
    const answer = client.resolve('debian', giveUp.signal);
    giveUp.abort();
    await expect(answer).rejects.toBeInstanceOf(AbortedError);
  });

  it('an answer of another shape is an error, not a value', async () => {
    server.on('GET', /info/, { body: { ...sample('Info'), disks: 3 } });
    await expect(client.getInfo()).rejects.toBeInstanceOf(UnexpectedShapeError);
  });

  it('an answer that never comes is a lost connection', async () => {
    jest.useFakeTimers();
    server.on('GET', /info/, () => new Promise(() => undefined));
    const answer = expect(client.getInfo()).rejects.toBeInstanceOf(
      ConnectionLostError
    );
    await jest.advanceTimersByTimeAsync(60_000);
    await answer;
    jest.useRealTimers();
  });
});
