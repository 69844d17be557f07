// Usage: node check_sarif.mjs TESTS_PROGRAM | DIR
// Has Microsoft's multitool validate every .sarif of DIR, or those that the program writes when AIRTIGHT_SAMPLES is set.
// Its rules for GitHub's code scanning are on; errors and warnings count, advice does not.
// The package goes into AIRTIGHT_NODE_CACHE (default: the user's cache directory), never into the source tree.
// Exit: 0 all valid, 1 something is not, 2 bad usage, 77 SKIPPED because npm or the tool does not run here.
import {spawnSync} from 'node:child_process';
import {chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const kHere = dirname(fileURLToPath(import.meta.url));
const kSkipped = 77;
// Advice that does not fit: the tool has no home page yet (SARIF2005).
const kAccepted = new Set(['SARIF2005']);

function skip(why) {
  console.log(`SKIPPED: ${why}`);
  process.exit(kSkipped);
}

function installed() {
  const base = process.env.AIRTIGHT_NODE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'airtight');
  const cache = join(base, 'sarif_multitool');
  const program = join(cache, 'node_modules', '@microsoft', `sarif-multitool-${process.platform}`, 'Sarif.Multitool');
  const listed = join(cache, 'package.json');
  const current = () => existsSync(program) && existsSync(listed) &&
      readFileSync(listed, 'utf8') === readFileSync(join(kHere, 'package.json'), 'utf8');
  if (!current()) {
    try {
      mkdirSync(cache, {recursive: true});
      copyFileSync(join(kHere, 'package.json'), listed);
    } catch (error) {
      skip(`cannot write ${cache}: ${error.message}`);
    }
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'],
                          {cwd: cache, encoding: 'utf8', timeout: 120000});
    if (npm.error) skip(`npm does not run: ${npm.error.message}`);
    if (npm.status !== 0 || !current()) {
      rmSync(listed, {force: true});
      skip(`npm cannot install: ${npm.stderr.trim().split('\n')[0] || `exit ${npm.status}`}`);
    }
  }
  chmodSync(program, 0o755);
  const version = spawnSync(program, ['--version'], {encoding: 'utf8', timeout: 60000});
  if (version.error || version.status !== 0) skip('the multitool does not run on this machine');
  return program;
}

function samplesOf(argument) {
  if (statSync(argument).isDirectory()) return argument;
  const directory = mkdtempSync(join(tmpdir(), 'airtight-sarif-'));
  process.on('exit', () => rmSync(directory, {recursive: true}));
  const run = spawnSync(argument, [], {env: {...process.env, AIRTIGHT_SAMPLES: directory}, timeout: 300000});
  if (run.status !== 0) {
    console.log(`FAIL ${argument} exit ${run.status}`);
    process.exit(1);
  }
  return directory;
}

if (process.argv.length !== 3) {
  console.error('usage: node check_sarif.mjs TESTS_PROGRAM | DIR');
  process.exit(2);
}
const program = installed();
const directory = samplesOf(process.argv[2]);
let failures = 0;
const files = readdirSync(directory).filter(name => name.endsWith('.sarif')).sort();
for (const name of files) {
  const run = spawnSync(program, ['validate', join(directory, name), '--rule-kind', 'Sarif;Gh', '--level', 'Error;Warning'],
                        {encoding: 'utf8', timeout: 120000, maxBuffer: 64 << 20});
  const lines = `${run.stdout}${run.stderr}`.split('\n').filter(line => {
    const found = /: (error|warning) (\w+):/.exec(line);
    return found && !kAccepted.has(found[2]);
  });
  if (run.status !== 0 && lines.length === 0) lines.push(`exit ${run.status}`);
  console.log(lines.length ? `FAIL ${name} ${lines.join('\n     ')}` : `ok ${name}`);
  failures += lines.length ? 1 : 0;
}
if (files.length === 0) console.log('FAIL no .sarif to validate');
process.exit(failures || files.length === 0 ? 1 : 0);
