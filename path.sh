# Makes and enters the environment: .venv, installed once, and again when pyproject.toml has changed.
# Source it: . ./path.sh
export LC_ALL=C

asr_prune_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)

asr_prune_install() {
  local venv="$asr_prune_root/.venv" stamp wanted python=${PYTHON:-}
  stamp="$venv/.installed"
  wanted=$(cksum <"$asr_prune_root/pyproject.toml")
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return 0
  fi
  if [ -z "$python" ]; then
    for python in python3.11 python3; do
      command -v "$python" >/dev/null && break
    done
  fi
  if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    echo "path.sh: Python 3.11 is needed and $python is not it; install it, or set PYTHON to it." >&2
    return 1
  fi
  echo "path.sh: making the environment in .venv (about 5 GB, once; some minutes)" >&2
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || return 1
  if ! (cd "$asr_prune_root" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[demo,dev]'); then
    echo "path.sh: pip could not install asr_prune; see its message above. Nothing is lost: source path.sh again." >&2
    return 1
  fi
  echo "$wanted" >"$stamp"
}

asr_prune_install || return 1 2>/dev/null || exit 1
# shellcheck disable=SC1091
. "$asr_prune_root/.venv/bin/activate"
