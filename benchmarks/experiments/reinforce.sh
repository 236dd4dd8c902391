#!/bin/sh
# Trains from one trained run by rollouts: objectives and UGR's ablations, with several seeds, best and last checkpoint,
# and compares them. What is finished is not done again: stop it and start it at will.
#
#   benchmarks/experiments/reinforce.sh FOLDER RUN
#
# RUN       a trained run (beamwright run --hold-out 1); it is left as it is
# VARIANTS  default: "grpo rerank ugr ugr-uniform ugr-noweight ugr-noconfidence dpo s-dpo sft"
# SEEDS     default: "1 2 3"
# OPTIONS   for all trainings; default: none
set -eu
if [ $# -lt 2 ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
folder=$1 from=$2
beamwright=$(dirname "$0")/../../bin/beamwright
mkdir -p "$folder"

runs=
for variant in ${VARIANTS:-grpo rerank ugr ugr-uniform ugr-noweight ugr-noconfidence dpo s-dpo sft}; do
    more=
    case $variant in
        ugr-uniform) more="-P reward=uniform" ;;
        ugr-noweight) more="-P alpha-min=1" ;;
        ugr-noconfidence) more="-P lambda-wrong=0" ;;
    esac
    for seed in ${SEEDS:-1 2 3}; do
        run=$folder/$variant-$seed
        runs="$runs $run"
        [ -f "$run/scorecard.json" ] && continue
        # shellcheck disable=SC2086
        "$beamwright" train "$run" --objective "${variant%%-[unc]*}" --from "$from" --seed "$seed" $more \
            ${OPTIONS:-}
        # shellcheck disable=SC2086
        "$beamwright" evaluate "$run" --checkpoint both --k 1,5,10 --beam 20 --confidence --rejection-curve \
            $(case $variant in ugr | ugr-uniform | ugr-noweight) echo --rank hybrid ;; esac)
    done
done
# shellcheck disable=SC2086
"$beamwright" compare $runs --format markdown | tee "$folder/comparison.md"
