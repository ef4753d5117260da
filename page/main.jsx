// The page begins: finds the clinic, then shows it.

import { render } from 'preact';
import { App } from './app.jsx';
import { connect } from './lib/client.js';
import { Gate } from './ui/gate.jsx';

const root = document.getElementById('app');

async function begin() {
  render(<Gate busy>Opening the clinic…</Gate>, root);
  try {
    const clinic = await connect();
    render(<App clinic={clinic} />, root);
  } catch {
    render(<Gate retry={begin}>The clinic cannot be reached. Check your connection.</Gate>, root);
  }
}

begin();
