import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

/** Stands between client and server with a certificate of its own, and passes on what both say. */
export async function startBetween({ port, certificate, key }: { port: number; certificate: string; key: string }) {
  const open = new Set<Socket>();
  const track = <S extends Socket>(socket: S): S => {
    open.add(socket);
    socket.on('error', () => undefined);
    return socket;
  };
  const server = createServer((client) => {
    track(client).once('data', (request) => {
      const upstream = track(connect({ host: '127.0.0.1', port }));
      upstream.write(request);
      upstream.once('data', () => {
        const toServer = track(connectTls({ socket: upstream, rejectUnauthorized: false }));
        const toClient = track(new TLSSocket(client, { isServer: true, cert: certificate, key }));
        toClient.pipe(toServer).pipe(toClient);
        client.write('S');
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
