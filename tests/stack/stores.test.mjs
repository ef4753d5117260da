// Chroma and Pinecone's stand-in, through the product's own code: the same ids in the same order.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from '../../scripts/stack/settings.mjs';

const { CHROMA_URL, PINECONE_CONTROL_URL } = process.env;
const options = { skip: CHROMA_URL && PINECONE_CONTROL_URL ? false : 'the stack runs without models' };

test('both stores find the same ids in the same order', options, () => {
  const args = ['test', '--quiet', '--test', 'rag_stores', '--', '--ignored'];
  const { status, stdout, stderr } = spawnSync('cargo', args, { cwd: root, env: process.env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /1 passed/);
});
