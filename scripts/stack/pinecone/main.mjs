// The stand-in for Pinecone as a part of the stack, with the index that the Worker uses.

import { join } from 'node:path';
import { startPinecone } from './server.mjs';

const { PINECONE_PORT, PINECONE_API_KEY, PINECONE_INDEX, PINECONE_DIMENSION, CHAIRSIDE_STATE_DIR, EMBEDDINGS_URL, EMBEDDINGS_MODEL } = process.env;
const dimension = Number(PINECONE_DIMENSION);
const pinecone = await startPinecone({
  port: Number(PINECONE_PORT),
  apiKey: PINECONE_API_KEY,
  local: EMBEDDINGS_URL ? { url: EMBEDDINGS_URL, model: EMBEDDINGS_MODEL, dimension } : undefined,
  file: join(CHAIRSIDE_STATE_DIR, 'pinecone.json'),
});
if (!pinecone.indexes.all.has(PINECONE_INDEX)) {
  await pinecone.indexes.create({ name: PINECONE_INDEX, dimension, spec: { serverless: { cloud: 'aws', region: 'us-east-1' } } });
}
console.log(`pinecone: ${pinecone.url}`);

function stop() {
  pinecone.close();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
