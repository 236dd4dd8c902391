package dev.beamwright.benchmarks;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.autograd.check.OpCase;
import dev.beamwright.autograd.check.OpCases;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Every differentiable operation, forward, and forward and backward:
 *
 * <pre>
 * java -jar benchmarks/target/benchmarks.jar -p op=rmsNorm,attentionBias -p backend=vector -p threads=1,2
 * </pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class KernelBenchmark {
    /** The operation, by its name in {@link OpCases}. */
    @Param({
        "linear", "addBias", "add", "multiply", "scale", "reshape", "relu", "gelu", "swiGlu", "dropout", "addDropout",
        "reluDropout", "sharedResults", "rmsNorm", "layerNorm", "gather", "gatherSum",
        "gatherLists", "causalFilter", "childLogits", "childLogitsOfRoot", "rotary", "attentionCausal",
        "attentionBias", "attentionCross", "attentionCrossBias",
        "attentionDropout", "joinedAttention", "crossEntropy", "logProbability", "logProbabilityMasked", "squaredError",
        "topMargin", "topMarginMasked", "computed", "weightedSum"
    })
    public String op;

    /** What computes it. */
    @Param({"vector", "scalar"})
    public String backend;

    /** How many columns its operands have, or the columns of a head. */
    @Param("64")
    public int size;

    /** Its operands have eleven times as many rows. */
    @Param("64")
    public int times;

    /** How many threads it may use. */
    @Param("1")
    public int threads;

    private final Arena memory = Arena.ofShared();
    private final Workspace workspace = new Workspace();
    private Backend kernels;
    private OpCase.Instance instance;
    private Tensor weights;

    /** Makes the operands. */
    @Setup
    public void prepare() {
        kernels = Backends.named(backend);
        if (threads > Parallel.threads()) {
            throw new IllegalArgumentException("threads=" + threads + ", but there are " + Parallel.threads()
                    + " processors; -jvmArgsAppend -Dbeamwright.threads=" + threads + " takes more");
        }
        OpCase chosen = OpCases.all().stream().filter(c -> c.name().equals(op)).findFirst().orElseThrow();
        instance = chosen.make(memory, size, times);
        try (Tape tape = Tape.inference(kernels, workspace)) {
            weights = Tensor.zeros(memory, instance.output().apply(tape).shape());
            kernels.fill(weights, 0.5f);
        }
    }

    /** Gives the memory back. */
    @TearDown
    public void release() {
        workspace.close();
        memory.close();
    }

    /** The operation alone, nothing kept for the way back but what its kernel always keeps. */
    @Benchmark
    public void forward() {
        run(() -> {
            try (Tape tape = Tape.inference(kernels, workspace)) {
                instance.output().apply(tape);
            }
        });
    }

    /** The operation and its gradients; a result of more than one element is weighted and added up in between. */
    @Benchmark
    public void forwardAndBackward() {
        run(() -> {
            try (Tape tape = Tape.training(kernels, workspace)) {
                Variable y = instance.output().apply(tape);
                tape.backward(y.size() == 1 ? y : Ops.weightedSum(tape, y, weights));
            }
        });
    }

    /** On a device as one captured program, replayed after the first time. */
    private void run(Runnable body) {
        Parallel.limited(threads, kernels.capture(body)::run);
    }
}
