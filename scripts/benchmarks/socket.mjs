// A WebSocket that costs its reader next to nothing, so that the server is what is measured: frames are counted by
// their headers and not looked into, unless somebody wants their text.

import { randomBytes } from 'node:crypto';
import net from 'node:net';

const TEXT = 1;
const CLOSE = 8;

// What is read is used before the next read, whichever socket's it is.
const shared = Buffer.allocUnsafe(256 * 1024);

export class Socket {
  /** `onText(text)` hears of each text frame while it is set; `onFrame(length, socket)` of each otherwise. */
  onText = null;
  onFrame = null;
  closed = null;
  #rest = null;
  #left = 0;
  #length = 0;
  #opcode = 0;
  #parts = [];
  #handshake;
  #socket;

  static open(port, path) {
    const socket = new Socket();
    return new Promise((resolve, reject) => {
      socket.#handshake = { head: '', resolve: () => resolve(socket), reject };
      socket.#socket = net.connect({
        host: '127.0.0.1',
        port,
        onread: { buffer: shared, callback: (count, buffer) => socket.#read(buffer.subarray(0, count)) },
      });
      const key = randomBytes(16).toString('base64');
      socket.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
      socket.#socket.on('error', (error) => socket.#end(error.code ?? error.message));
      socket.#socket.on('close', () => socket.#end('its connection ended'));
    });
  }

  /** Sends a text frame. The mask of zeros is a legal one. */
  send(text) {
    const payload = Buffer.from(text);
    const isShort = payload.length < 126;
    const header = Buffer.alloc(isShort ? 6 : 8);
    header[0] = 0x80 | TEXT;
    header[1] = 0x80 | (isShort ? payload.length : 126);
    if (!isShort) header.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  close() {
    this.closed ??= 'closed here';
    this.#socket.destroy();
  }

  #end(why) {
    this.closed ??= why;
    this.#handshake?.reject(new Error(`a socket was not opened: ${why}`));
  }

  #read(chunk) {
    if (this.#handshake) return this.#greet(chunk);
    let bytes = chunk;
    if (this.#rest) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = null;
    }
    let at = 0;
    for (;;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        if (this.onText) this.#parts.push(Buffer.from(bytes.subarray(at, at + taken)));
        this.#left -= taken;
        at += taken;
        if (this.#left > 0) return true;
        this.#frame();
      }
      const size = this.#header(bytes, at);
      if (size === 0) {
        if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
        return true;
      }
      at += size;
      if (this.#left === 0) this.#frame();
    }
  }

  /** The size of the header that begins there, 0 when it is not whole. */
  #header(bytes, at) {
    if (bytes.length - at < 2) return 0;
    const short = bytes[at + 1] & 0x7f;
    const size = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - at < size) return 0;
    this.#opcode = bytes[at] & 0x0f;
    this.#length = size === 2 ? short : size === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    this.#left = this.#length;
    return size;
  }

  #frame() {
    if (this.#opcode === CLOSE) this.closed ??= 'closed by the server';
    if (this.#opcode === TEXT && this.onText) this.onText(Buffer.concat(this.#parts).toString());
    else this.onFrame?.(this.#length, this);
    this.#parts = [];
  }

  #greet(chunk) {
    const { head, resolve, reject } = this.#handshake;
    const all = head + chunk.toString('latin1');
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#handshake.head = all;
      return true;
    }
    this.#handshake = null;
    if (!all.startsWith('HTTP/1.1 101')) {
      this.close();
      reject(new Error(`a socket was not opened: ${all.slice(0, 200)}`));
      return true;
    }
    resolve();
    const rest = Buffer.from(all.slice(end + 4), 'latin1');
    return rest.length > 0 ? this.#read(rest) : true;
  }
}
