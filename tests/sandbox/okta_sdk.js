// A session of Okta's own SDK for Node.js: create, list and delete. Prints what it saw, as JSON.
const okta = require('@okta/okta-sdk-nodejs');

const client = new okta.Client({ orgUrl: process.env.ORG_URL, token: process.env.ORG_TOKEN, requestTimeout: 10000 });

async function collected(collection) {
  const found = [];
  await collection.each((item) => { found.push(item); });
  return found;
}

async function main() {
  const made = await client.applicationApi.createApplication({
    application: {
      name: 'oidc_client',
      label: 'From Node',
      signOnMode: 'OPENID_CONNECT',
      credentials: { oauthClient: { token_endpoint_auth_method: 'none', pkce_required: true } },
      settings: {
        oauthClient: {
          application_type: 'native',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: ['kiro://kiro.oauth/callback'],
        },
      },
    },
  });
  const apps = await collected(await client.applicationApi.listApplications({ q: 'From Node' }));
  const groups = await collected(await client.groupApi.listGroups({ q: 'Kiro-Users' }));
  await client.applicationApi.assignGroupToApplication({
    appId: made.id, groupId: groups[0].id, applicationGroupAssignment: {},
  });
  const users = await collected(await client.applicationApi.listApplicationUsers({ appId: made.id, limit: 2 }));
  const server = await client.authorizationServerApi.createAuthorizationServer({
    authorizationServer: { name: 'Node', description: 'Node', audiences: ['node'] },
  });
  const scopes = await collected(
    await client.authorizationServerApi.listOAuth2Scopes({ authServerId: server.id }));
  await client.authorizationServerApi.deleteAuthorizationServer({ authServerId: server.id });
  await client.applicationApi.deactivateApplication({ appId: made.id });
  await client.applicationApi.deleteApplication({ appId: made.id });
  const left = await collected(await client.applicationApi.listApplications({ q: 'From Node' }));
  console.log(JSON.stringify({
    label: made.label,
    listed: apps.map((app) => app.label),
    users: users.length,
    scopes: scopes.map((scope) => scope.name),
    left: left.length,
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
