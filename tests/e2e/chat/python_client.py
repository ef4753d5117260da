"""OpenAI's client for Python, unchanged: URL TOKEN, the question in QUESTION; prints what it saw as JSON."""

import json
import os
import sys

from openai import OpenAI, UnprocessableEntityError

client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0)


def ask(question, **more):
    messages = [{"role": "user", "content": question}]
    return {"model": "chairside", "messages": messages, "max_tokens": 80, **more}


question = os.environ["QUESTION"]
raw = client.chat.completions.with_raw_response.create(**ask(question))
whole = raw.parse().choices[0].message.content
streamed = ""
for chunk in client.chat.completions.create(**ask(question, stream=True)):
    if chunk.choices:
        streamed += chunk.choices[0].delta.content or ""
try:
    client.chat.completions.create(**ask(question, tools=[{"type": "function", "function": {"name": "x"}}]))
    refused = None
except UnprocessableEntityError as error:
    refused = [type(error).__name__, error.param]
triage = client.chat.completions.with_raw_response.create(**ask("I can't breathe")).headers["x-chairside-outcome"]
print(json.dumps({
    "whole": whole, "streamed": streamed, "outcome": raw.headers["x-chairside-outcome"], "refused": refused, "triage": triage,
}))
