# Makes and enters the environment .venv. Source it:
#   . ./path.sh        what recipes and commands need
#   . ./path.sh dev    also the tools that test and check asr_prune
# It is installed once, and again when pyproject.toml has changed; ./install.sh names the variables
# that choose Python, torch and the folder.
export LC_ALL=C

asr_prune_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)

"$asr_prune_root/install.sh" "${1:-}" || return 1 2>/dev/null || exit 1
# shellcheck disable=SC1091
. "${ASR_PRUNE_VENV:-$asr_prune_root/.venv}/bin/activate"
