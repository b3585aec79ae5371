#!/usr/bin/env bash
# From audio to a table of word error rate against nodes, stage by stage. With no arguments: the embedded demo.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'HELP'
Usage: ./run.sh [--recipe DIR] [--stage N] [--stop-stage M] [--nj N] [--executor WHERE] [--set KEY=VALUE]...
                [--accept-code]

  --recipe DIR      folder with a recipe.yaml (default: recipes/demo)
  --stage N         first stage, a number or a name (default: 0)
  --stop-stage M    last stage, a number or a name (default: 9)
  --nj N            processes for the stages that can share work (default: 2)
  --executor WHERE  where that work is done: local, tcp://host:8786 of a Dask scheduler, or a file
  --set KEY=VALUE   change one key of the recipe, dotted; repeatable
  --accept-code     keep results whose code alone has changed, and record that in the results
  --help            this text

Stages: 0 corpus  1 lang  2 features  3 align  4 graph  5 train  6 shrink  7 decode  8 score  9 report

A stage whose inputs have not changed says "up to date". For example:
  ./run.sh --recipe recipes/an4 --set corpus.root=/corpora/an4
  ./run.sh --set prune.method=l2 --set prune.keep=0.5
HELP
}

die() { echo "run.sh: $*; see ./run.sh --help." >&2; exit 1; }

names=(corpus lang features align graph train shrink decode score report)
number_of() {
  local i
  for i in "${!names[@]}"; do
    if [ "$1" = "$i" ] || [ "$1" = "${names[$i]}" ]; then echo "$i"; return; fi
  done
  die "there is no stage '$1'; stages are 0 to 9 or ${names[*]}"
}

recipe=recipes/demo stage=0 stop_stage=9 nj=2 sets=() accept=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help|-h) usage; exit 0 ;;
    --accept-code) accept=(--accept-code); shift ;;
    --recipe|--stage|--stop-stage|--nj|--executor|--set)
      [ $# -ge 2 ] || die "$1 needs a value"
      case "$1" in
        --recipe) recipe=$2 ;;
        --stage) stage=$(number_of "$2") ;;
        --stop-stage) stop_stage=$(number_of "$2") ;;
        --nj) [[ $2 =~ ^[1-9][0-9]*$ ]] || die "--nj must be a whole number of 1 or more, not '$2'"; nj=$2 ;;
        --executor|--set) sets+=("$1" "$2") ;;
      esac
      shift 2 ;;
    *) die "unknown option '$1'" ;;
  esac
done

[ "$stage" -le "$stop_stage" ] || die "--stage $stage comes after --stop-stage $stop_stage, so nothing would be done"
[ -f "$recipe/recipe.yaml" ] || die "there is no $recipe/recipe.yaml; --recipe takes a folder, for instance recipes/demo"

. ./path.sh
export ASR_PRUNE_RUN=$$  # this run holds the experiment, between two stages too

with=(--recipe "$recipe" --nj "$nj" ${sets[@]+"${sets[@]}"} ${accept[@]+"${accept[@]}"})
# the stages that have something to do, a line each; the others are up to date and not started
due=$(asr-prune due "${with[@]}" --stage "$stage" --stop-stage "$stop_stage")
grep ': up to date$' <<<"$due" || true
is_due() { grep -qx "$1" <<<"$due"; }
took=''  # seconds of the stages
child='' stop='' again=''
# a signal for this script alone must not leave its stage running; in the background a stage ignores INT, so gets TERM
trap 'stop=143; pass_on' TERM
trap 'stop=130; pass_on' INT
pass_on() { again=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true; }
run_stage() {
  local begin=$SECONDS status=0
  [ -z "$stop" ] || exit "$stop"
  asr-prune "$1" "${with[@]}" <&0 &
  child=$!
  [ -z "$stop" ] || pass_on
  again=1
  while [ -n "$again" ]; do  # a signal ends wait before the stage has ended
    again='' status=0
    wait "$child" || status=$?
  done
  child=''
  [ "$status" -eq 0 ] || exit "$status"
  [ -z "$stop" ] || exit "$stop"
  took+="${took:+, }$1 $((SECONDS - begin)) s"
}

if is_due corpus;   then run_stage corpus;   fi  # audio and text -> data/<recipe>/{train,dev,test}
if is_due lang;     then run_stage lang;     fi  # lexicon, LM -> data/<recipe>/lang
if is_due features; then run_stage features; fi  # audio -> feats.scp, cmvn.scp
if is_due align;    then run_stage align;    fi  # GMM-HMM -> a label for every frame, exp/<recipe>/align
if is_due graph;    then run_stage graph;    fi  # HCLG -> exp/<recipe>/graph
if is_due train;    then run_stage train;    fi  # networks, pruned while they train -> runs/*/model
if is_due shrink;   then run_stage shrink;   fi  # removed nodes deleted, verified -> runs/*/shrunk
if is_due decode;   then run_stage decode;   fi  # words -> runs/*/decode_{dev,test}
if is_due score;    then run_stage score;    fi  # word errors -> runs/*/score_{dev,test}.json
if is_due report;   then run_stage report;   fi  # table and plots -> exp/<recipe>/report
[ -z "$took" ] || echo "time: $took"
