// npm oidc-provider, a certified OpenID provider, as the shop's: in memory, any login signs in, any scope is granted
// to whoever consents. PROVIDER holds JSON: port, format (jwt or opaque), resource, audience, scope and the clients.
//
// For the tests alone: GET /-/counts tells how often each grant and endpoint was asked for, POST /-/life?seconds=n
// sets how long access tokens last from now on, and POST /-/lose-refresh has the answer to the next refresh be lost.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const wanted = JSON.parse(process.env.PROVIDER);
const counts = {};
let life = 900;
let losesRefresh = false;

function count(what) {
  counts[what] = (counts[what] ?? 0) + 1;
}

function resourceServer() {
  return {
    scope: wanted.scope,
    audience: wanted.audience,
    accessTokenFormat: wanted.format,
    accessTokenTTL: life,
    jwt: { sign: { alg: 'RS256' } },
  };
}

const provider = new Provider(`http://localhost:${wanted.port}`, {
  clients: wanted.clients,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['of the tests'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} of elsewhere` }) }),
  claims: { openid: ['sub'], profile: ['name'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 600, ClientCredentials: 900, IdToken: 600 },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientAuthMethod !== 'none' },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => false,
      getResourceServerInfo(_, indicator) {
        if (indicator !== wanted.resource) throw new Error(`no such resource: ${indicator}`);
        return resourceServer();
      },
    },
  },
});

provider.use(async (ctx, next) => {
  await next();
  const asked = ctx.oidc?.params?.grant_type ?? ctx.oidc?.route;
  count(ctx.status < 400 ? asked : `${asked} refused`);
  if (losesRefresh && asked === 'refresh_token') {
    losesRefresh = false;
    ctx.respond = false;
    ctx.req.socket.destroy();
  }
});

function control(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/-/life') life = Number(searchParams.get('seconds'));
  if (pathname === '/-/lose-refresh') losesRefresh = true;
  response.setHeader('content-type', 'application/json').end(JSON.stringify(counts));
}

const answer = provider.callback();
const server = createServer((request, response) =>
  request.url.startsWith('/-/') ? control(request, response) : answer(request, response),
);
server.listen(wanted.port, '127.0.0.1', () => console.log(`ready at ${provider.issuer}`));
