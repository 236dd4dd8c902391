#!/usr/bin/env bash
# Takes everything that a machine with a GPU needs, which may have no JDK, and runs it there in one call.
#
#   benchmarks/gpu.sh pack [FILE]   here: a JDK 25 cut down by jlink, the SDK in TORNADOVM_HOME without what is not needed,
#                                   the jars, the tests and the peers, in one archive (default: target/gpu.tar.xz)
#   benchmarks/gpu.sh run [FOLDER]  there: in the unpacked archive; tests on the device, the benchmark, and, if there is
#                                   a Python with torch, the peer on the same GPU; results go to FOLDER (default: results)
#   benchmarks/gpu.sh try           pack, unpack into a folder of its own, run with small sizes: for PoCL
#
# Before "pack": './mvnw -DskipTests package' with TORNADOVM_HOME set. Environment of "run": QUICK=1 for small sizes,
# PYTHON for another Python, SECONDS_EACH for the time a part may take (default: 140, of at most four), HEAP (default: 4g).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
modules=java.base,java.compiler,java.datatransfer,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.prefs,java.rmi,java.scripting,java.security.jgss,java.sql,java.xml,jdk.incubator.vector,jdk.internal.vm.ci,jdk.management,jdk.net,jdk.unsupported,jdk.unsupported.desktop,jdk.zipfs

find_jdk() {
    for home in "${JAVA_HOME:-}" "${JAVA25_HOME:-}" /usr/lib/jvm/*25* "$HOME"/.sdkman/candidates/java/25*; do
        if [[ -n $home && -x $home/bin/jlink ]] && grep -q '^JAVA_VERSION="25' "$home/release"; then
            echo "$home"
            return
        fi
    done
    echo "gpu: no JDK 25 with jlink found; set JAVA_HOME" >&2
    return 1
}

pack() {
    local root=$here/.. file=${1:-$here/../target/gpu.tar.xz} jdk sdk work
    sdk=${TORNADOVM_HOME:?gpu: set TORNADOVM_HOME to the SDK to be packed}
    jdk=$(find_jdk)
    for needed in recsys/target/beamwright.jar tornado-kernels/target/tornado-kernels.jar \
            tornado-kernels/target/test-classes tensor/target/test-classes; do
        [[ -e $root/$needed ]] || { echo "gpu: no $needed; run './mvnw -DskipTests package' first" >&2; return 1; }
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN
    mkdir -p "$work/gpu/lib" "$work/gpu/sdk/share/java" "$work/gpu/peers"
    "$jdk/bin/jlink" --module-path "$jdk/jmods" --add-modules "$modules" --strip-debug --no-header-files \
        --no-man-pages --output "$work/gpu/jdk"
    cp -rL "$sdk/lib" "$work/gpu/sdk/lib"
    cp -rL "$sdk/share/java/graalJars" "$work/gpu/sdk/share/java/graalJars"
    mkdir "$work/gpu/sdk/share/java/tornado"
    for jar in "$sdk"/share/java/tornado/*.jar; do
        case ${jar##*/} in
            *benchmarks* | *examples* | *unittests* | *fuzz* | *-libs.jar | lucene* | ejml* | jmh* | junit* | hamcrest*) ;;
            *) cp -L "$jar" "$work/gpu/sdk/share/java/tornado/" ;;
        esac
    done
    # The SDK's folder stands in the argfile; here it becomes the archive's.
    sed "s|$sdk|@GPU@/sdk|g" "$sdk/tornado-argfile" >"$work/gpu/argfile.template"
    cp "$root/recsys/target/beamwright.jar" "$root/tornado-kernels/target/tornado-kernels.jar" "$work/gpu/lib/"
    mkdir "$work/gpu/lib/tests"
    cp -r "$root/tensor/target/test-classes/." "$root/tornado-kernels/target/test-classes/." "$work/gpu/lib/tests/"
    for jar in org.junit.platform:junit-platform-console-standalone:1.14.4 org.assertj:assertj-core:3.27.7 \
            net.bytebuddy:byte-buddy:1.18.3; do
        "$root/mvnw" -q -N -f "$root/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy \
            -Dartifact="$jar" -DoutputDirectory="$work/gpu/lib" -Dmdep.useBaseVersion=true
    done
    cp "$here"/peers/*.py "$work/gpu/peers/"
    cp "${BASH_SOURCE[0]}" "$work/gpu/gpu.sh"
    mkdir -p "$(dirname "$file")"
    tar -C "$work" -cf - gpu | xz -9e -T0 >"$file"
    echo "gpu: $file, $(du -m "$file" | cut -f1) MiB, $(du -sm "$work/gpu" | cut -f1) MiB unpacked"
}

run() {
    local results=${1:-$here/results} each=${SECONDS_EACH:-140} python=${PYTHON:-python3}
    mkdir -p "$results"
    sed "s|@GPU@|$here|g" "$here/argfile.template" >"$here/argfile"
    # The compiler at run time and cuBLAS may come with Python's packages.
    for folder in $("$python" -c 'import site,glob; print(*[f for p in site.getsitepackages() for f in glob.glob(p + "/nvidia/*/lib")])' 2>/dev/null || true); do
        LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
        [[ -d ${folder%/lib}/include && -e ${folder%/lib}/include/cuda_fp16.h ]] && export CUDA_PATH=${folder%/lib}
    done
    export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
    java=("$here/jdk/bin/java" "@$here/argfile" --add-modules=jdk.incubator.vector "-Xmx${HEAP:-4g}"
        -Dtornado.recover.bailout=False -Dtornado.tvm.maxbytecodesize=1048576 -Dtornado.max.events=1
        -Dtornado.opencl.compiler.flags=-w -Dtornado.enable.fastMathOptimizations=False
        "-Dtornado.device.memory=${DEVICE_MEMORY:-16GB}" -Dbeamwright.launched=true)
    jars=$here/lib/beamwright.jar:$here/lib/tornado-kernels.jar
    tests=$here/lib/tests:$jars:$(echo "$here"/lib/*.jar | tr ' ' ':')
    quick=()
    [[ -n ${QUICK:-} ]] && quick=(--quick)
    part devices "${java[@]}" -cp "$jars" dev.beamwright.recsys.cli.Main devices
    bench=(-cp "$jars" dev.beamwright.recsys.cli.Main bench device "${quick[@]}")
    part benchmark "${java[@]}" "${bench[@]}" --out "$results"
    # On CUDA also without its graphs: to compare, or in place of what failed.
    if grep -q 'by CUDA' "$results/devices.txt"; then
        part benchmark-without-graphs "${java[@]}" -Dbeamwright.tornado.graphs=false "${bench[@]}" --no-cpu \
            --out "$results/without-graphs"
    fi
    if "$python" -c 'import torch' 2>/dev/null; then
        part peer "$python" "$here/peers/torch_gpu.py"
    else
        echo "gpu: no torch for $python: PyTorch was not measured" | tee "$results/peer.txt"
    fi
    part tests "${java[@]}" -Dtornado.device.memory=512MB -cp "$tests" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
        --details=tree --select-package=dev.beamwright.tornado --exclude-classname='.*TensorCoresTest'
    echo "gpu: results in $results; failed: ${failed:-nothing}"
    [[ -z ${failed:-} ]]
}

# Runs a part with a limit of time; what it prints goes to a file, too.
part() {
    local name=$1 code=0
    shift
    echo "gpu: $name"
    timeout "$each" "$@" 2>&1 | tee "$results/$name.txt" || code=${PIPESTATUS[0]}
    [[ $code == 0 ]] || failed="${failed:-} $name($code)"
}

case ${1:-} in
    pack) pack "${2:-}" ;;
    run) run "${2:-}" ;;
    try)
        folder=$(mktemp -d)
        trap 'rm -rf "$folder"' EXIT
        pack "$folder/gpu.tar.xz"
        tar -C "$folder" -xJf "$folder/gpu.tar.xz"
        QUICK=1 SECONDS_EACH=${SECONDS_EACH:-900} "$folder/gpu/gpu.sh" run "$folder/results"
        ;;
    *)
        sed -n '2,12p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
        exit 2
        ;;
esac
