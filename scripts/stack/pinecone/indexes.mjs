// The control plane: indexes, each with a port of its own as it has a host of its own.

import { badRequest, NamedError } from './errors.mjs';
import { MODELS } from './inference.mjs';
import { Vectors } from './vectors.mjs';

const METRICS = ['cosine', 'dotproduct', 'euclidean'];
const CLOUDS = ['aws', 'gcp', 'azure'];

export class Indexes {
  /** `listen(index)` gives an index a host; `settings` says how consistent it is. */
  constructor(settings, listen) {
    Object.assign(this, { settings, listen, all: new Map() });
  }

  find(name) {
    const index = this.all.get(name);
    if (!index) throw new NamedError(404, 'NOT_FOUND', `Resource ${name} not found`);
    return index;
  }

  async create(asked) {
    const { name, dimension, metric = 'cosine', spec, vector_type = 'dense', deletion_protection = 'disabled', tags, embed } = asked;
    if (!/^[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?$/.test(name ?? '')) {
      throw badRequest('Index name must contain only lowercase alphanumeric characters or hyphens, and must not begin or end with a hyphen.');
    }
    if (this.all.has(name)) throw new NamedError(409, 'ALREADY_EXISTS', `Resource ${name} already exists`);
    if (vector_type !== 'dense') throw badRequest('Only dense indexes are known here');
    if (!Number.isInteger(dimension) || dimension < 1 || dimension > 20_000) throw badRequest('Dimension must be a whole number from 1 to 20000');
    if (!METRICS.includes(metric)) throw badRequest(`Metric must be one of ${METRICS.join(', ')}`);
    if (!CLOUDS.includes(spec?.serverless?.cloud) || typeof spec.serverless.region !== 'string') throw badRequest('A serverless spec has a cloud (aws, gcp or azure) and a region');
    if (!['enabled', 'disabled'].includes(deletion_protection)) throw badRequest('deletion_protection is enabled or disabled');
    const index = { asked: { name, dimension, metric, spec, vector_type, deletion_protection, tags, embed }, vectors: new Vectors(dimension, metric, this.settings) };
    this.all.set(name, index);
    index.host = await this.listen(index);
    return { status: 201, body: shown(index) };
  }

  /** An index that embeds by itself. */
  createForModel({ name, cloud, region, embed, deletion_protection, tags }) {
    const model = MODELS[embed?.model];
    if (model?.type !== 'embed') throw badRequest(`Model ${embed?.model} is not an embedding model`);
    if (typeof embed.field_map?.text !== 'string') throw badRequest('field_map says which field holds the text');
    const dimension = embed.dimension ?? model.default_dimension;
    const { model: called, field_map, metric = 'cosine' } = embed;
    return this.create({ name, dimension, metric, spec: { serverless: { cloud, region } }, deletion_protection, tags, embed: { model: called, field_map, dimension, metric, vector_type: 'dense' } });
  }

  list() {
    return { body: { indexes: [...this.all.values()].map(shown) } };
  }

  describe(name) {
    return { body: shown(this.find(name)) };
  }

  configure(name, { deletion_protection, tags }) {
    const index = this.find(name);
    if (deletion_protection !== undefined) index.asked.deletion_protection = deletion_protection;
    if (tags !== undefined) index.asked.tags = { ...index.asked.tags, ...tags };
    return { status: 202, body: shown(index) };
  }

  delete(name) {
    const index = this.find(name);
    if (index.asked.deletion_protection === 'enabled') throw new NamedError(403, 'FORBIDDEN', `Deletion protection is enabled for this index. Disable deletion protection before retrying.`);
    this.all.delete(name);
    index.server?.close();
    index.server?.closeAllConnections();
    return { status: 202, body: '' };
  }
}

const shown = ({ asked, host }) => ({ ...asked, host, status: { ready: host !== undefined, state: host ? 'Ready' : 'Initializing' } });
