// A real issuer for oidc.py: oidc-provider with its development pages for login and consent.
// issuer.mjs PORT REDIRECT_URI ACCOUNTS; ACCOUNTS: a JSON file, login name to claims, read again at each login.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, redirectUri, accounts] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'learning platform', // what a careless client does not encode
      client_secret: 'a secret: of the + client',
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: `subject of ${id}`, ...JSON.parse(readFileSync(accounts, 'utf8'))[id] }),
  }),
  cookies: { keys: ['of a test'] },
  pkce: { required: () => true },
  renderError: (ctx, out) => {
    ctx.body = JSON.stringify(out);
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
