#!/usr/bin/env bash
# Makes the environment that path.sh enters, or brings it up to date with pyproject.toml.
#   ./install.sh        what recipes and commands need
#   ./install.sh dev    also the tools that test and check asr_prune
# uv installs if it is there, otherwise pip. Variables:
#   PYTHON            the Python to use; by default the newest from 3.11 to 3.14
#   ASR_PRUNE_TORCH   where torch comes from; by default torch 2.11 of the package index (on Linux with CUDA)
#                       cpu      PyTorch's CPU build
#                       cuda     PyTorch's build for the GPU and driver of this machine
#                       system   the torch that PYTHON already has
#                       FOLDER   the wheels in a folder
#   ASR_PRUNE_VENV    folder of the environment; by default .venv
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
venv=${ASR_PRUNE_VENV:-$root/.venv}
stamp=$venv/.installed
extras=demo
if [ "${1:-}" = dev ]; then extras=demo,dev; fi
wanted=$(cksum <"$root/pyproject.toml")

die() { echo "path.sh: $*" >&2; exit 1; }

# Prints the path of Python $1 if it can be used.
usable() {
  "$1" - "$torch" "$uv" 2>/dev/null <<'PYTHON'
import sys
assert (3, 11) <= sys.version_info[:2] <= (3, 14)
if sys.argv[1] == "system":
    from importlib.metadata import version
    assert tuple(map(int, version("torch").split(".")[:2])) >= (2, 11)
if not sys.argv[2]:
    import ensurepip
print(sys.executable)
PYTHON
}

# Prints the path of the Python to use.
choose_python() {
  local python needed="Python 3.11 to 3.14"
  if [ "$torch" = system ]; then needed+=" with torch 2.11 or newer"; fi
  if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" || die "$needed is needed (and its module venv), and PYTHON=$PYTHON is not; set PYTHON to another, or unset it."
    return
  fi
  for python in python3.14 python3.13 python3.12 python3.11 python3 python; do
    if usable "$python"; then return; fi
  done
  if [ "$torch" = system ]; then die "$needed was not found; set PYTHON to the Python that has torch."; fi
  if [ -n "$uv" ]; then echo 3.13; return; fi # uv downloads it
  die "$needed was not found; install it (Debian, Ubuntu: sudo apt install python3 python3-venv;" \
    "Fedora: sudo dnf install python3; macOS: brew install python@3.13), or set PYTHON to it."
}

make_venv() {
  local python
  python=$(choose_python)
  echo "path.sh: making the environment $venv with $python (once, a few minutes)" >&2
  if [ -n "$uv" ]; then
    "$uv" venv --quiet --seed --allow-existing --python "$python" "$venv"
  elif [ "$torch" = system ]; then
    "$python" -m venv --system-site-packages "$venv"
    # of a virtual environment, --system-site-packages shows only the Python below it
    "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
      >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/system.pth"
  else
    "$python" -m venv "$venv"
  fi
  printf '%s\n' none none "$torch" >"$stamp"
}

pip_install() {
  local compile=()
  if [ -n "$uv" ]; then
    # where Python may not keep what it compiles, as in many containers, each start would compile torch again, for 7 s
    if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then compile=(--compile-bytecode); fi
    "$uv" pip install --quiet ${compile[@]+"${compile[@]}"} --python "$venv/bin/python" "$@"
  else
    if [ -z "${PYTHONDONTWRITEBYTECODE:-}" ]; then compile=(--no-compile); fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check ${compile[@]+"${compile[@]}"} "$@"
  fi
}

install_packages() {
  local options=() wheels=(torch)
  if { [ "$torch" = cpu ] || [ "$torch" = cuda ]; } && [ -z "$uv" ]; then # only uv knows where PyTorch's builds are
    pip_install uv || return
    uv=$venv/bin/uv
  fi
  case $torch in
    index) options=('torch==2.11.*') ;; # with which figures were measured
    # torch 2.15 comes with CUDA 13.2, which torchaudio 2.11.0, built for CUDA 13.0, refuses
    cuda) options=('torch<2.15' --torch-backend auto) ;;
    cpu) options=(--torch-backend cpu) ;;
    system)
      "$venv/bin/python" -c 'from importlib.metadata import version; print("torch==" + version("torch"))' \
        >"$venv/torch.txt" || return
      options=(--constraint "$venv/torch.txt")
      ;;
    *)
      if compgen -G "$torch/torchaudio-*.whl" >/dev/null; then wheels+=(torchaudio); fi
      pip_install --no-index --no-deps --find-links "$torch" "${wheels[@]}" || return
      options=(--find-links "$torch")
      ;;
  esac
  pip_install "${options[@]}" -e "$root[$extras]"
}

done_for='' done_extras='' done_torch=''
if [ -f "$stamp" ]; then { read -r done_for && read -r done_extras && read -r done_torch || true; } <"$stamp"; fi
torch=${ASR_PRUNE_TORCH:-${done_torch:-index}}
case $torch in
  index | cpu | cuda | system) ;;
  *)
    [ -d "$torch" ] || die "ASR_PRUNE_TORCH is cpu, cuda, system or a folder of wheels, not '$torch'."
    torch=$(cd "$torch" && pwd)
    ;;
esac
if [ "$torch" != "${done_torch:-$torch}" ]; then
  die "$venv has the torch of ASR_PRUNE_TORCH=$done_torch; remove that folder to install another."
fi
if [ "$done_extras" = demo,dev ]; then extras=$done_extras; fi
if [ "$done_for" = "$wanted" ] && [ "$done_extras" = "$extras" ]; then exit 0; fi

uv=$(command -v uv || true)
if [ "$torch" = system ]; then uv=''; fi # uv does not see the packages of the Python below
if [ ! -f "$stamp" ]; then make_venv; fi
install_packages || die "asr_prune could not be installed; see the message above. Nothing is lost: run the same command again."
# compiled here, or Python 3.12 and newer would warn of its escapes on first use; KALDI_ROOT is any folder, for its silence
KALDI_ROOT=$venv "$venv/bin/python" -W ignore -c 'import kaldi_io' || die "kaldi_io cannot be imported; see the message above, or remove $venv and run the same command again."
printf '%s\n' "$wanted" "$extras" "$torch" >"$stamp"
