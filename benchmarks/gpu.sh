#!/usr/bin/env bash
# Takes everything that a machine with a GPU needs, which may have a driver and nothing else, and runs it there in one call.
#
#   benchmarks/gpu.sh pack [FILE]   here: a JDK 25 cut down by jlink, the SDK in TORNADOVM_HOME without what is not needed,
#                                   NVRTC for an SDK for CUDA, the jars, the tests and the peers, in one archive of at most
#                                   64 MiB (default: target/gpu.tar.xz)
#   benchmarks/gpu.sh check         there: in the unpacked archive; says in a line each what is there and what is missing
#   benchmarks/gpu.sh run [FOLDER]  there: checks, then correctness, kernels, steps and searches, and PyTorch if there is one;
#                                   results go to FOLDER (default: results), a verdict to verdict.txt
#   benchmarks/gpu.sh try           pack, unpack into a folder of its own, run with small sizes: for PoCL
#
# Before "pack": './mvnw -DskipTests package' with TORNADOVM_HOME set. NVRTC is the folder with libnvrtc.so.12, which comes
# with CUDA 12 and with Python's nvidia-cuda-nvrtc-cu12. Environment of "run": BUDGET, seconds for all of it (default: 570),
# of which each part has a share; QUICK=1 for small sizes, PYTHON for another Python, HEAP (default: 4g), DEVICE_MEMORY
# (default: 16GB).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
modules=java.base,java.compiler,java.datatransfer,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.prefs,java.rmi,java.scripting,java.security.jgss,java.sql,java.xml,jdk.incubator.vector,jdk.internal.vm.ci,jdk.management,jdk.net,jdk.unsupported,jdk.unsupported.desktop,jdk.zipfs
most_mib=64

say() { echo "gpu: $*"; }
stop() {
    say "$@" >&2
    exit 2
}

find_jdk() {
    for home in "${JAVA_HOME:-}" "${JAVA25_HOME:-}" /usr/lib/jvm/*25* "$HOME"/.sdkman/candidates/java/25*; do
        if [[ -n $home && -x $home/bin/jlink ]] && grep -q '^JAVA_VERSION="25' "$home/release"; then
            echo "$home"
            return
        fi
    done
    stop "no JDK 25 with jlink found; set JAVA_HOME"
}

# The folder with a library, from those of the environment, of CUDA, of Python's packages and of the linker.
folder_of() {
    local library=$1 folder python=${PYTHON:-python3}
    while IFS= read -r folder; do
        if [[ -n $folder && -e $folder/$library ]]; then
            echo "$folder"
            return
        fi
    done < <(
        echo "${NVRTC:-}"
        echo "$here/lib/nvrtc"
        tr ':' '\n' <<<"${LD_LIBRARY_PATH:-}"
        "$python" -c 'import glob, site, sys
for p in dict.fromkeys(sys.path + site.getsitepackages() + [site.getusersitepackages()]):
    print(*glob.glob(p + "/nvidia/*/lib"), sep="\n")' 2>/dev/null
        printf '%s\n' /usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib
        ldconfig -p 2>/dev/null | sed -n "s|.*${library//./\\.} .*=> \(.*\)/[^/]*$|\1|p"
    )
    return 1
}

# ---- here

# A jar without compression, which xz then does better.
store() {
    local jar=$1 to=$2 unpacked
    unpacked=$(mktemp -d -p "$work")
    (cd "$unpacked" && "$jdk/bin/jar" --extract --file "$jar")
    "$jdk/bin/jar" --create --no-compress --no-manifest --file "$to/${jar##*/}" -C "$unpacked" .
    rm -rf "$unpacked"
}

pack() {
    local root=$here/.. file=${1:-$here/../target/gpu.tar.xz} sdk nvrtc mib
    [[ -n ${TORNADOVM_HOME:-} ]] || stop "set TORNADOVM_HOME to the SDK to be packed"
    sdk=$(cd "$TORNADOVM_HOME" && pwd)
    jdk=$(find_jdk)
    for needed in recsys/target/beamwright.jar tornado-kernels/target/tornado-kernels.jar \
            tornado-kernels/target/test-classes tensor/target/test-classes; do
        [[ -e $root/$needed ]] || stop "no $needed; run './mvnw -DskipTests package' first"
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    mkdir -p "$work/gpu/lib/tests" "$work/gpu/sdk/share/java/tornado" "$work/gpu/sdk/share/java/graalJars" "$work/gpu/peers"
    cp -rL "$sdk/lib" "$work/gpu/sdk/lib"
    if ls "$sdk"/lib/*cuda* >/dev/null 2>&1; then
        nvrtc=$(folder_of libnvrtc.so.12) || stop "no libnvrtc.so.12, by which the CUDA backend compiles and which a driver" \
            "does not bring; get it from CUDA 12 or Python's nvidia-cuda-nvrtc-cu12 and set NVRTC to its folder"
        mkdir "$work/gpu/lib/nvrtc"
        cp -L "$nvrtc"/libnvrtc.so.12 "$nvrtc"/libnvrtc-builtins.so.12* "$work/gpu/lib/nvrtc/"
        say "NVRTC from $nvrtc"
    fi
    "$jdk/bin/jlink" --module-path "$jdk/jmods" --add-modules "$modules" --strip-debug --no-header-files \
        --no-man-pages --output "$work/gpu/jdk"
    for jar in "$sdk"/share/java/graalJars/*.jar; do store "$jar" "$work/gpu/sdk/share/java/graalJars"; done
    for jar in "$sdk"/share/java/tornado/*.jar; do
        case ${jar##*/} in
            *benchmarks* | *examples* | *unittests* | *fuzz* | *-libs.jar | lucene* | ejml* | jmh* | junit* | hamcrest*) ;;
            *) store "$jar" "$work/gpu/sdk/share/java/tornado" ;;
        esac
    done
    # The SDK's folder stands in the argfile; here it becomes the archive's, in quotes, since its path may have blanks.
    sed -E "s|$TORNADOVM_HOME|@GPU@/sdk|g; s|$sdk|@GPU@/sdk|g; s|$(readlink -f "$sdk")|@GPU@/sdk|g
        /@GPU@/{s|^(--[a-z-]+) +(.*)$|\1 \"\2\"|; s|^(-D.*)$|\"\1\"|}" "$sdk/tornado-argfile" >"$work/gpu/argfile.template"
    for jar in recsys/target/beamwright.jar tornado-kernels/target/tornado-kernels.jar; do
        store "$(cd "$root" && pwd)/$jar" "$work/gpu/lib"
    done
    cp -r "$root/tensor/target/test-classes/." "$root/tornado-kernels/target/test-classes/." "$work/gpu/lib/tests/"
    for jar in org.junit.platform:junit-platform-console-standalone:1.14.4 org.assertj:assertj-core:3.27.7 \
            net.bytebuddy:byte-buddy:1.18.3; do
        "$root/mvnw" -q -N -f "$root/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy \
            -Dartifact="$jar" -DoutputDirectory="$work/jars" -Dmdep.useBaseVersion=true
    done
    for jar in "$work"/jars/*.jar; do store "$jar" "$work/gpu/lib"; done
    cp "$here"/peers/*.py "$work/gpu/peers/"
    cp "${BASH_SOURCE[0]}" "$work/gpu/gpu.sh"
    mkdir -p "$(dirname "$file")"
    tar -C "$work" -cf - gpu | xz -9e -T0 >"$file"
    mib=$(du -m "$file" | cut -f1)
    say "$file, $mib MiB, $(du -sm "$work/gpu" | cut -f1) MiB unpacked"
    ((mib <= most_mib)) || stop "$file is larger than $most_mib MiB"
}

# ---- there

missing=
there() { say "there: $*"; }
lacking() {
    say "missing: $*"
    missing=1
}

# What must be there before Java is started, a line each.
check() {
    local folder version
    if version=$("$here/jdk/bin/java" -version 2>&1 | head -n 1) && [[ $version == *'"25'* ]]; then
        there "Java, $version"
    else
        lacking "Java: $here/jdk/bin/java does not start (${version:0:200}); it needs glibc 2.34 on x86-64"
    fi
    if ls "$here"/sdk/lib/*cuda* >/dev/null 2>&1; then
        if version=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null); then
            there "GPU, ${version//$'\n'/; }"
        else
            lacking "a GPU by nvidia-smi"
        fi
        if folder=$(folder_of libcuda.so.1); then there "driver, $folder/libcuda.so.1"; else lacking "libcuda.so.1: install NVIDIA's driver"; fi
        if folder=$(folder_of libnvrtc.so.12) && ls "$folder"/libnvrtc-builtins.so.12* >/dev/null 2>&1; then
            there "NVRTC, $folder"
            LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
        else
            lacking "libnvrtc.so.12 and its builtins: set NVRTC to their folder (from CUDA 12 or nvidia-cuda-nvrtc-cu12)"
        fi
        # Only for half precision and for comparison.
        if folder=$(folder_of libcublas.so.12); then
            there "cuBLAS, $folder"
            LD_LIBRARY_PATH+=:$folder
        else
            say "not there: cuBLAS (its column stays empty)"
        fi
        folder=$(folder_of ../include/cuda_fp16.h) && export CUDA_PATH=${folder%/lib*}
    else
        if folder=$(folder_of libOpenCL.so.1); then there "OpenCL, $folder/libOpenCL.so.1"; else lacking "libOpenCL.so.1: install an OpenCL driver"; fi
        if version=$(ls /etc/OpenCL/vendors/*.icd 2>/dev/null); then
            there "OpenCL devices by ${version//$'\n'/ }"
        else
            lacking "an OpenCL driver in /etc/OpenCL/vendors"
        fi
    fi
    export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
    [[ -z $missing ]]
}

# Runs a part with a limit of time; what it prints goes to a file, too. A part that is ended keeps what it wrote.
part() {
    local name=$1 limit=$2 code=0 left=$((${BUDGET:-570} - SECONDS))
    shift 2
    ((left < limit)) && limit=$left
    if ((limit < 5)); then
        say "$name: no time left" | tee "$results/$name.txt"
        late+=" $name"
        return
    fi
    say "$name (at most $limit s)"
    timeout "$limit" "$@" 2>&1 | tee "$results/$name.txt" || code=${PIPESTATUS[0]}
    case $code in
        0) ;;
        124) late+=" $name" ;;
        *) failed+=" $name" ;;
    esac
}

run() {
    local template python=${PYTHON:-python3} jar tests quick=() wrong late='' failed='' scale=${SCALE:-1}
    results=${1:-$here/results}
    mkdir -p "$results"
    check > >(tee "$results/check.txt") || stop "nothing was started"
    template=$(<"$here/argfile.template")
    printf '%s\n' "${template//@GPU@/"$here"}" >"$here/argfile"
    java=("$here/jdk/bin/java" "@$here/argfile" --add-modules=jdk.incubator.vector "-Xmx${HEAP:-4g}"
        -Dtornado.recover.bailout=False -Dtornado.tvm.maxbytecodesize=1048576 -Dtornado.max.events=1
        -Dtornado.opencl.compiler.flags=-w -Dtornado.enable.fastMathOptimizations=False
        "-Dtornado.device.memory=${DEVICE_MEMORY:-16GB}" -Dbeamwright.launched=true)
    tests=$here/lib/tests
    for jar in "$here"/lib/*.jar; do tests+=:$jar; done
    [[ -n ${QUICK:-} ]] && quick=(--quick)
    main=("${java[@]}" -cp "$here/lib/beamwright.jar:$here/lib/tornado-kernels.jar")
    bench=(dev.beamwright.recsys.cli.Main bench device "${quick[@]}")
    junit=("${java[@]}" -Dtornado.device.memory=512MB -cp "$tests" org.junit.platform.console.ConsoleLauncher execute
        --disable-banner --details=flat --exclude-tag=oclgrind --exclude-tag=plain-java)

    part devices $((30 * scale)) "${main[@]}" dev.beamwright.recsys.cli.Main devices
    # A line for each test as it ends ("flat"), so that a part that is ended by time has something to show.
    # Right numbers first: every kernel against plain loops, then 50 steps of training and the ten best.
    part kernels-are-right $((120 * scale)) "${junit[@]}" --select-class=dev.beamwright.tornado.KernelsTest
    part training-is-right $((120 * scale)) "${junit[@]}" --select-class=dev.beamwright.tornado.TrainingTest
    wrong=$failed
    part benchmark $((150 * scale)) "${main[@]}" "${bench[@]}" --no-cpu --out "$results"
    if "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        part peer $((90 * scale)) "$python" "$here/peers/torch_gpu.py"
    else
        say "no torch with CUDA for $python: PyTorch was not measured" | tee "$results/peer.txt"
    fi
    # On CUDA also without its graphs: to compare, or in place of what failed.
    if grep -q 'by CUDA' "$results/devices.txt"; then
        part benchmark-without-graphs $((60 * scale)) "${main[@]}" -Dbeamwright.tornado.graphs=false "${bench[@]}" \
            --no-cpu --out "$results/without-graphs"
    fi
    part benchmark-with-cpu $((200 * scale)) "${main[@]}" "${bench[@]}" --out "$results/with-cpu"
    {
        if [[ -n $wrong ]]; then
            echo "verdict: WRONG:$wrong failed; no number below counts"
        elif [[ $late == *-right* ]]; then
            echo "verdict: UNKNOWN:$late did not end in their time"
        else
            echo "verdict: RIGHT: all kernels agree with plain loops, training follows the CPU"
        fi
        grep -h 'tests successful\|tests failed' "$results"/*-right.txt || true
        grep -h ': loss \|top 10 share' "$results/training-is-right.txt" || true
        echo "failed:${failed:- nothing}; ended by time:${late:- nothing}; $SECONDS s"
    } | tee "$results/verdict.txt"
    say "results in $results"
    [[ -z $failed ]]
}

case ${1:-} in
    pack) pack "${2:-}" ;;
    check) check ;;
    run) run "${2:-}" ;;
    try)
        folder=$(mktemp -d)
        trap 'rm -rf "$folder"' EXIT
        there="$folder/a folder with blanks"
        mkdir "$there"
        pack "$folder/gpu.tar.xz"
        tar -C "$there" -xJf "$folder/gpu.tar.xz"
        QUICK=1 BUDGET=${BUDGET:-3600} SCALE=8 HOME="$there" "$there/gpu/gpu.sh" run "${2:-$there/results}"
        ;;
    *)
        sed -n '2,18p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
        exit 2
        ;;
esac
