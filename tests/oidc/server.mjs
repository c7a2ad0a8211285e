// A certified OAuth server (npm `oidc-provider`) on loopback, dressed as one tenant's sign-in service. Not a fake: codes, proofs, tokens and
// refusals are its own. Its addresses are laid where Entra has them, and the id token says `oid` and `tid`, which our client asks of any tenant.
//
// node server.mjs INSTALLED GRAPH: takes the library from the directory INSTALLED, gives access tokens for the address GRAPH, prints one line
// `{"authority": …}` when ready, and ends with its standard input.
//
// Two things are not the library's own, because it has none: the page where the person accepts or denies (a library leaves it to its
// user), and `slow_down` (RFC 8628 3.5): oidc-provider 9 defines that error and never sends it, so the client `hasty` gets it at its
// first question.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// Standard output is for the one line; its reader goes away after it.
console.info = console.error;

const [installed, graphAddress] = process.argv.slice(2);
const library = createRequire(resolve(installed, 'package.json')).resolve('oidc-provider');
const { default: Provider, interactionPolicy } = await import(pathToFileURL(library));

const TENANT = 'contoso.example';
const graph = new URL(graphAddress).origin;
const SCOPES = ['User.Read.All', 'Organization.Read.All'].map((name) => `${graph}/${name}`);
const person = {
  accountId: 'admin',
  claims: () => ({ sub: 'admin', oid: '11111111-2222-3333-4444-555555555555', tid: TENANT, preferred_username: 'admin@contoso.example' }),
};

const client = (client_id) => ({
  client_id,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://localhost'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
});

const prompts = interactionPolicy.base();
prompts.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const authority = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(authority, {
  clients: ['reader', 'brief', 'hasty'].map(client),
  cookies: { keys: ['only for tests on loopback'] },
  findAccount: () => person,
  claims: { openid: ['sub', 'oid', 'tid'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  // Entra gives a refresh token whatever `prompt` says; the library would want `prompt=consent`.
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  rotateRefreshToken: true,
  interactions: { policy: prompts, url: (ctx, { uid }) => `/interaction/${uid}` },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    // One resource, so that access tokens are for Graph.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => graph,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: SCOPES.join(' ') }),
    },
  },
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    DeviceCode: (ctx, code, { clientId }) => (clientId === 'brief' ? 1 : 600),
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
  routes: {
    authorization: `/${TENANT}/oauth2/v2.0/authorize`,
    token: `/${TENANT}/oauth2/v2.0/token`,
    device_authorization: `/${TENANT}/oauth2/v2.0/devicecode`,
    code_verification: '/device',
  },
});

async function form(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

async function grant({ grantId, session, params, prompt: { details } }) {
  const given = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) given.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) given.addOIDCClaims(details.missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) given.addResourceScope(resource, scopes.join(' '));
  return given.save();
}

// The person's page: one question a time, `accept` or `deny`.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const asked = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = `<form method="post">${asked.prompt.name} <button name="answer" value="accept">accept</button> <button name="answer" value="deny">deny</button></form>`;
    return undefined;
  }
  let result = { error: 'access_denied', error_description: 'the person said no' };
  if ((await form(ctx.req)).get('answer') === 'accept') {
    result = asked.prompt.name === 'consent' ? { consent: { grantId: await grant(asked) } } : { select_account: {}, login: { accountId: person.accountId } };
  }
  ctx.respond = false;
  return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
});

// RFC 8628 3.5 for the client `hasty`, once a device code.
const slowed = new Set();
provider.use(async (ctx, next) => {
  if (!ctx.path.endsWith('/token')) return next();
  const fields = await form(ctx.req);
  ctx.req.body = fields.toString();
  const code = fields.get('device_code');
  if (fields.get('client_id') !== 'hasty' || !code || slowed.has(code)) return next();
  slowed.add(code);
  ctx.status = 400;
  ctx.body = { error: 'slow_down', error_description: 'you are polling too quickly' };
  return undefined;
});

server.on('request', provider.callback());
process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ authority, tenant: TENANT }));
