#!/bin/sh
# Trains every objective on every backbone with several seeds, under one protocol, and compares them.
# What is finished is not done again: stop it and start it at will.
#
#   benchmarks/experiments/objectives.sh FOLDER DATA ITEMS [SIDS]
#
# DATA, ITEMS, SIDS   interactions, items, and published semantic IDs (without them: our own)
# SID_OPTIONS         such as "--sid-key-offset 1"
# BACKBONES           presets of train; default: "tiger llama"
# OBJECTIVES          default: "ce msl apao-pointwise apao-pairwise bear"
# SEEDS               default: "1 2 3"
# VALUES              whose values msl and APAO take, such as office or beauty (see --objective-preset); default: office
# OPTIONS             for all trainings; OPTIONS_llama, OPTIONS_apao_pairwise: for those of a backbone or an objective, such
#                     as OPTIONS_llama="--epochs 5 --batch-size 16" OPTIONS_bear="-P width=20"
# The beam is 20 wide in the end, as in the paper. The presets train for up to 200 epochs: on one thread and Office an epoch
# of tiger takes 6 minutes, one of llama 2; with the pairwise form and its 100 negatives 90 and more.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
folder=$1 data=$2 items=$3 sids=${4:-}
beamwright=$(dirname "$0")/../../bin/beamwright
mkdir -p "$folder"

base=$folder/base
if [ ! -f "$base/tokens/semantic-ids.json" ]; then
    "$beamwright" prepare --data "$data" --items "$items" --out "$base"
    # shellcheck disable=SC2086 # several options in one variable
    "$beamwright" tokenize "$base" ${sids:+--sids "$sids"} ${SID_OPTIONS:-}
fi

runs=
for backbone in ${BACKBONES:-tiger llama}; do
    eval "own=\${OPTIONS_$backbone:-}"
    for objective in ${OBJECTIVES:-ce msl apao-pointwise apao-pairwise bear}; do
        eval "special=\${OPTIONS_$(echo "$objective" | tr - _):-}"
        values=
        case $objective-$backbone in
            msl-tiger | msl-llama | apao-*-tiger | apao-*-llama) values="--objective-preset ${VALUES:-office}-$backbone" ;;
        esac
        for seed in ${SEEDS:-1 2 3}; do
            run=$folder/$backbone-$objective-$seed
            runs="$runs $run"
            if [ ! -d "$run" ]; then
                rm -rf "$run.part"
                cp -r "$base" "$run.part"
                mv "$run.part" "$run"
            fi
            # shellcheck disable=SC2086 # several options in one variable
            [ -f "$run/scorecard.json" ] || {
                "$beamwright" train "$run" --preset "$backbone" --objective "$objective" $values \
                    ${OPTIONS:-} $own $special --seed "$seed"
                "$beamwright" evaluate "$run" --beam 20 --k 1,5,10,20
            }
            [ -f "$run/diagnostics.json" ] || "$beamwright" diagnose "$run" --beam 20
        done
    done
done
# shellcheck disable=SC2086 # several runs in one variable
"$beamwright" compare $runs --metric recall@10 --format markdown | tee "$folder/compare.md"
