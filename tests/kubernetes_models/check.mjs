// Usage: node check.mjs DIR
// Reads every .yaml below DIR and judges each NetworkPolicy in it with the models of the npm package kubernetes-models, that is, with a
// reader of the Kubernetes schema that is not ours. The package lets unknown keys pass, so a closed table here looks at spelling; and
// each file must mean the same to YAML 1.1, which many readers of Kubernetes objects speak, and to YAML 1.2.
// The packages go into AIRTIGHT_NODE_CACHE (default: the user's cache directory), never into the source tree.
// Exit: 0 all valid, 1 something is not, 2 bad usage, 77 SKIPPED because npm could not install.
import {spawnSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {homedir} from 'node:os';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {isDeepStrictEqual} from 'node:util';

const kHere = dirname(fileURLToPath(import.meta.url));
const kSkipped = 77;

function skip(why) {
  console.log(`SKIPPED: ${why}`);
  process.exit(kSkipped);
}

// Exact versions, as package.json has them.
function isInstalled(cache) {
  const wanted = JSON.parse(readFileSync(join(kHere, 'package.json'), 'utf8')).dependencies;
  return Object.entries(wanted).every(([name, version]) => {
    const file = join(cache, 'node_modules', name, 'package.json');
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === version;
  });
}

function install() {
  const cache = process.env.AIRTIGHT_NODE_CACHE ||
      join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'airtight', 'kubernetes_models');
  if (!isInstalled(cache)) {
    try {
      mkdirSync(cache, {recursive: true});
      copyFileSync(join(kHere, 'package.json'), join(cache, 'package.json'));
    } catch (error) {
      skip(`cannot write ${cache}: ${error.message}`);
    }
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'],
                          {cwd: cache, encoding: 'utf8', timeout: 120000});
    if (npm.error) skip(`npm does not run: ${npm.error.message}`);
    if (npm.status !== 0 || !isInstalled(cache)) {
      skip(`npm cannot install: ${npm.stderr.trim().split('\n')[0] || `exit ${npm.status}`}`);
    }
  }
  return createRequire(join(cache, 'package.json'));
}

// Every key that networking.k8s.io/v1 knows at each place; null: any value, checked by the models.
const kSelector = {matchLabels: null, matchExpressions: [{key: null, operator: null, values: null}]};
const kPeer = {namespaceSelector: kSelector, podSelector: kSelector, ipBlock: {cidr: null, except: null}};
const kPort = {protocol: null, port: null, endPort: null};
const kKeys = {
  apiVersion: null,
  kind: null,
  metadata: {name: null, namespace: null, labels: null, annotations: null},
  spec: {
    podSelector: kSelector,
    policyTypes: null,
    ingress: [{from: [kPeer], ports: [kPort]}],
    egress: [{to: [kPeer], ports: [kPort]}],
  },
};

function unknownKeys(value, known, path) {
  if (known === null || value === null || typeof value !== 'object') return [];
  if (Array.isArray(known)) {
    return Array.isArray(value) ? value.flatMap((item, i) => unknownKeys(item, known[0], `${path}/${i}`)) : [];
  }
  return Object.entries(value).flatMap(
      ([key, item]) => key in known ? unknownKeys(item, known[key], `${path}/${key}`) : [`${path}/${key} is not known`]);
}

function faults(object, NetworkPolicy) {
  const found = unknownKeys(object, kKeys, '');
  try {
    new NetworkPolicy(object).validate();
  } catch (error) {
    found.push(error.message);
  }
  return found;
}

// A judge that accepts everything would make every file valid: each of these must be refused first.
function testJudge(NetworkPolicy) {
  const good = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {name: 'a', namespace: 'b'},
    spec: {podSelector: {}, policyTypes: ['Ingress'], egress: [{to: [{ipBlock: {cidr: '10.0.0.0/8'}}]}]},
  };
  const spoil = [
    (o) => { delete o.spec.podSelector; },
    (o) => { o.spec.policyTypes = 'Ingress'; },
    (o) => { o.spec.egres = o.spec.egress; },
    (o) => { o.spec.egress[0].to[0].ipBlock = {}; },
    (o) => { o.spec.egress[0].ports = [{port: 1, endPort: 'last'}]; },
    (o) => { o.spec.podSelector = {matchLabels: {version: 1.29}}; },
    (o) => { o.apiVersion = 'networking.k8s.io/v2'; },
  ];
  if (faults(good, NetworkPolicy).length !== 0) throw new Error(`refuses a good object: ${faults(good, NetworkPolicy)}`);
  for (const change of spoil) {
    const bad = structuredClone(good);
    change(bad);
    if (faults(bad, NetworkPolicy).length === 0) throw new Error(`accepts a bad object: ${JSON.stringify(bad)}`);
  }
}

function filesBelow(directory) {
  return readdirSync(directory, {withFileTypes: true})
      .sort((a, b) => a.name < b.name ? -1 : 1)
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) return filesBelow(path);
        return /[.]ya?ml$/.test(entry.name) ? [path] : [];
      });
}

function main() {
  const directory = process.argv[2];
  if (process.argv.length !== 3 || !existsSync(directory)) {
    console.error('usage: node check.mjs DIR');
    process.exit(2);
  }
  const require = install();
  const {NetworkPolicy} = require('kubernetes-models/networking.k8s.io/v1');
  const {parseAllDocuments} = require('yaml');
  testJudge(NetworkPolicy);

  let valid = 0;
  let others = 0;
  const bad = [];
  const seen = new Set();
  for (const path of filesBelow(directory)) {
    const name = relative(directory, path);
    const text = readFileSync(path, 'utf8');
    const [documents, old] = ['1.2', '1.1'].map((version) => parseAllDocuments(text, {version, strict: true, uniqueKeys: true}));
    documents.forEach((document, i) => {
      const problems = [...document.errors, ...document.warnings].map((error) => error.message);
      const object = problems.length === 0 ? document.toJS() : null;
      if (object !== null && !isDeepStrictEqual(object, old[i]?.toJS())) problems.push('YAML 1.1 and 1.2 read it differently');
      if (object !== null && object.kind !== 'NetworkPolicy') {
        others += 1;
        return;
      }
      if (object !== null) {
        problems.push(...faults(object, NetworkPolicy));
        const id = `${object.metadata?.namespace}/${object.metadata?.name}`;
        if (seen.has(id)) problems.push(`${id} is there twice`);
        seen.add(id);
      }
      if (problems.length === 0) valid += 1;
      bad.push(...problems.map((problem) => `${name}: document ${i + 1}: ${problem}`));
    });
  }
  for (const line of bad) console.log(line);
  console.log(`${valid} NetworkPolicies valid, ${bad.length} faults, ${others} objects of other kinds not judged`);
  process.exit(bad.length === 0 && valid > 0 ? 0 : 1);
}

main();
