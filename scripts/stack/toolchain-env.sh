# Sourced by the scripts that build: where the tools are, and which Rust builds the Wasm.
# Sets and exports variables only; scripts/toolchain is what installs.
# Needs `root` (the checkout) to be set by the caller.

cache="${XDG_CACHE_HOME:-$HOME/.cache}/chairside"
wasm_target=wasm32-unknown-unknown
worker_build_version=0.8.7

# wasm-bindgen's CLI must be of the very version the crate is linked with.
wasm_bindgen_version=
if [ -f "$root/Cargo.lock" ]; then
  wasm_bindgen_version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3; exit }' "$root/Cargo.lock")
fi
wasm_bindgen_version=${wasm_bindgen_version:-0.2.130}

worker_build_root="$cache/worker-build-$worker_build_version"
wasm_bindgen_root="$cache/wasm-bindgen-cli-$wasm_bindgen_version"

# True when this rustc finds a standard library for Wasm.
has_wasm_std() {
  local libdir
  libdir=$("$1" --print target-libdir --target "$wasm_target" 2>/dev/null) || return 1
  compgen -G "$libdir/libstd-*.rlib" >/dev/null
}

# The folder of Debian's Rust with a Wasm library of our own making beside it; see
# scripts/toolchain. Named by compiler version: an upgrade makes a new one.
debian_rust() {
  [ -x /usr/bin/rustc ] || return 1
  echo "$cache/rust-debian-$(/usr/bin/rustc --version | awk '{ print $2 }')"
}

# Prints which Rust can build for Wasm now: `own` (the one on PATH), `debian`, or nothing.
# CHAIRSIDE_WASM_RUST=own|debian decides it by hand.
wasm_rust() {
  local debian
  if [ "${CHAIRSIDE_WASM_RUST:-own}" = own ] && has_wasm_std rustc; then
    echo own
  elif [ "${CHAIRSIDE_WASM_RUST:-debian}" = debian ] && debian=$(debian_rust) && [ -f "$debian/complete" ]; then
    echo debian
  fi
}

# Sets the environment in which worker-build finds everything and downloads nothing.
use_wasm_tools() {
  local debian
  if [ "$(wasm_rust)" = debian ]; then
    debian=$(debian_rust)
    export PATH="$debian/bin:$PATH"
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$debian/bin/wasm-ld"
    # Two compilers in one target folder would rebuild each other's work.
    export CARGO_TARGET_DIR="$root/target/wasm-build-debian"
  else
    export CARGO_TARGET_DIR="$root/target/wasm-build"
  fi
  export WASM_BINDGEN_BIN="$wasm_bindgen_root/bin/wasm-bindgen"
  export WASM_OPT_BIN="$root/node_modules/.bin/wasm-opt"
  export ESBUILD_BIN="$root/scripts/stack/esbuild"
  # worker-build sets this for its own cargo call; the same here keeps both calls alike.
  export WASM_BINDGEN_USE_JS_SYS=1
}
