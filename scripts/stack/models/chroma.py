"""The Chroma server inside the chromadb package, with the arguments of its own command line."""

import sys

import chromadb_rust_bindings

chromadb_rust_bindings.cli(["chroma", *sys.argv[1:]])
