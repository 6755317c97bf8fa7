// An issuer that does what a real one never shows. fake.mjs PORT
// A code is base64url of JSON {nonce, claims?, sign?, answer?, userinfo?}: the test says what its token shall be.
import crypto from 'node:crypto';
import http from 'node:http';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const pairs = {
  rsa: ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ec: ['ES256', crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ed: ['EdDSA', crypto.generateKeyPairSync('ed25519')],
};
const [, stranger] = ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })];
const b64 = (value) => Buffer.from(value).toString('base64url');
const jwk = (name) => ({ ...pairs[name][1].publicKey.export({ format: 'jwk' }), kid: name, alg: pairs[name][0], use: 'sig' });

function sign(how, claims) {
  const [alg, pair] = pairs[how] ?? pairs.rsa;
  const head = { alg, typ: 'JWT', kid: how };
  if (how === 'none') Object.assign(head, { alg: 'none' });
  if (how === 'hmac') Object.assign(head, { alg: 'HS256', kid: 'rsa' });
  if (how === 'stranger') Object.assign(head, { kid: 'rsa' });
  const input = `${b64(JSON.stringify(head))}.${b64(JSON.stringify(claims))}`;
  if (how === 'none') return `${input}.`;
  if (how === 'hmac') {
    const key = pair.publicKey.export({ type: 'spki', format: 'pem' });
    return `${input}.${crypto.createHmac('sha256', key).update(input).digest('base64url')}`;
  }
  const key = how === 'stranger' ? stranger.privateKey : pair.privateKey;
  const made = crypto.sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return how === 'tampered' ? `${input.slice(0, -4)}AAAA.${b64(made)}` : `${input}.${b64(made)}`;
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function redeem(response, form) {
  const wish = JSON.parse(Buffer.from(form.get('code'), 'base64url').toString());
  const now = Math.floor(Date.now() / 1000);
  if (wish.answer === 'hang') return undefined;
  if (wish.answer === 'garbage') return send(response, 200, '<html>');
  if (wish.answer === 'huge') return send(response, 200, JSON.stringify({ id_token: 'x'.repeat(400000) }));
  if (wish.answer === 'redirect') return send(response, 302, '', { Location: `${issuer}/elsewhere` });
  if (wish.answer) return send(response, wish.answer.status, wish.answer.body);
  const claims = {
    iss: issuer, aud: 'lp', sub: 'fake 1', iat: now, exp: now + 300, nonce: wish.nonce,
    email: 'fake@example.org', email_verified: true, name: 'Fake Person', ...wish.claims,
  };
  const access = b64(JSON.stringify(wish.userinfo ?? {}));
  return send(response, 200, { access_token: access, token_type: 'Bearer', id_token: sign(wish.sign ?? 'rsa', claims) });
}

http.createServer((request, response) => {
  const url = new URL(request.url, issuer);
  let text = '';
  request.on('data', (part) => { text += part; });
  request.on('end', () => {
    if (url.pathname.endsWith('/.well-known/openid-configuration')) {
      send(response, 200, {
        issuer: url.pathname.startsWith('/other') ? `${issuer}/another` : url.pathname.startsWith('/plain') ? `${issuer}/plain` : issuer,
        authorization_endpoint: `${issuer}/authorize?tenant=1`,
        token_endpoint: url.pathname.startsWith('/plain') ? 'http://id.example.org/token' : `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        userinfo_endpoint: `${issuer}/userinfo`,
        token_endpoint_auth_methods_supported: ['client_secret_post'],
      });
    } else if (url.pathname === '/keys') {
      send(response, 200, { keys: [{ kty: 'RSA', n: '!', e: 'AQAB' }, ...Object.keys(pairs).map(jwk)] });
    } else if (url.pathname === '/token') {
      redeem(response, new URLSearchParams(text));
    } else if (url.pathname === '/userinfo') {
      send(response, 200, JSON.parse(Buffer.from(request.headers.authorization.split(' ')[1], 'base64url').toString()));
    } else {
      send(response, 404, {});
    }
  });
}).listen(port, '127.0.0.1', () => console.log('ready'));
